"""Consumer groups that gRPC streams and kafka-python members share."""

from __future__ import annotations

import unittest
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from tests.support import groups, legacy, requests
from tests.support.broker import bootstrap
from tests.support.errors import reason
from tests.support.groups import (PARTITIONS, TOPIC, Legacy, Stream, counts, wait_for_all,
                                  wait_until_shared, write)
from tests.support.patience import SECONDS, wait_until
from tests.support.requests import EARLIEST
from tests.support.server import SERVING, Server, serving
from tests.support.stubs import EventBusServiceStub, v1


def publish(stub: EventBusServiceStub, count: int) -> list[str]:
    """Events of documents of their own; their ids."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    answer = stub.PublishBatch(v1.PublishBatchRequest(
        requests=[requests.uploaded(event_id) for event_id in ids]), timeout=SECONDS)
    assert all(result.HasField("published") for result in answer.results), answer
    return ids


class GroupTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())
        cls.stub = cls.server.stub

    def join(self, group: str, **fields) -> Stream:
        return self.enterContext(Stream(self.stub, groups.request(group, **fields)))

    def join_legacy(self, group: str, **settings) -> Legacy:
        return self.enterContext(Legacy(group, **settings))

    def check_once(self, ids: list[str], *members: groups.Member) -> None:
        self.assertEqual(counts(ids, *members), dict.fromkeys(ids, 1))

    # Shared with kafka-python.

    def test_each_event_comes_to_one_member_of_either_kind(self) -> None:
        group = groups.new_group()
        stream = self.join(group)
        stream.started()
        other = self.join_legacy(group)
        wait_until_shared(stream, other)
        ids = publish(self.stub, 60)
        wait_for_all(ids, stream, other)
        self.check_once(ids, stream, other)
        for member in (stream, other):
            self.assertNotEqual(set(ids) & set(member.ids()), set())

    def test_who_offers_one_of_our_assignors_alone_is_a_member_too(self) -> None:
        group = groups.new_group()
        stream = self.join(group)
        stream.started()
        other = self.join_legacy(group,
                                 partition_assignment_strategy=[RoundRobinPartitionAssignor])
        wait_until_shared(stream, other)
        ids = publish(self.stub, 30)
        wait_for_all(ids, stream, other)
        self.check_once(ids, stream, other)

    def test_a_stream_takes_over_from_a_kafka_python_member_that_leaves(self) -> None:
        group = groups.new_group()
        stream = self.join(group)
        stream.started()
        other = self.join_legacy(group)
        wait_until_shared(stream, other)
        ids = publish(self.stub, 60)  # Under way while it leaves.
        other.leave()
        wait_until_shared(stream)
        ids += publish(self.stub, 30)
        wait_for_all(ids, stream, other)
        self.check_once(ids, stream, other)
        self.assertEqual({position.partition for position
                          in stream.all("assignment")[-1].assigned}, PARTITIONS)

    def test_a_kafka_python_member_takes_over_from_a_stream_that_ends(self) -> None:
        """Of a type of its own: what other tests write meanwhile does not count for its end."""
        group = groups.new_group()
        stream = self.join(group, max_events=20, event_types=[f"{group}.*"])
        stream.started()
        other = self.join_legacy(group)
        wait_until_shared(stream, other)
        ids = write(120, event_type=f"{group}.written")
        self.assertIsNone(stream.wait_for_end())  # In the midst of them.
        self.assertEqual(len(stream.events()), 20)
        wait_for_all(ids, stream, other)
        self.check_once(ids, stream, other)
        wait_until_shared(other)

    def test_a_stream_whose_client_goes_away_leaves_at_once(self) -> None:
        group = groups.new_group()
        stream = self.join(group)
        stream.started()
        other = self.join_legacy(group)
        wait_until_shared(stream, other)
        ids = publish(self.stub, 30)
        wait_for_all(ids, stream, other)
        # What it has, but is not yet committed, would come again: so is it said.
        groups.wait_until_committed(group, stream)
        stream.leave()
        wait_until_shared(other)
        more = publish(self.stub, 30)
        wait_for_all(more, other)
        self.check_once(ids + more, stream, other)

    def test_kafka_python_sees_what_the_group_has_committed(self) -> None:
        group = groups.new_group()
        stream = self.join(group)
        stream.started()
        # As soon as it reads, there are offsets for every partition.
        first = groups.committed(group)
        self.assertNotIn(None, first.values())
        wait_for_all(publish(self.stub, 30), stream)
        groups.wait_until_committed(group, stream)
        stream.leave()
        # None is past what was written to the stream, whoever else wrote meanwhile.
        for number, offset in groups.committed(group).items():
            self.assertLessEqual(offset, legacy.end_offsets(TOPIC)[number])

    def test_a_group_begins_at_earliest_and_goes_on_where_it_was(self) -> None:
        group = groups.new_group()
        ids = publish(self.stub, 10)
        of = groups.request(group, stop_at_end=True)
        of.group.initial_position.CopyFrom(EARLIEST)
        with Stream(self.stub, of) as first:
            self.assertIsNone(first.wait_for_end())
        more = publish(self.stub, 10)
        with Stream(self.stub, of) as second:
            self.assertIsNone(second.wait_for_end())
        self.check_once(ids, first)
        self.check_once(more, second)
        self.check_once(ids + more, first, second)

    # Streams among themselves.

    def test_more_streams_than_partitions_stand_by_and_take_over(self) -> None:
        """Kafka deals by the members' names, which begin with their client_ids."""
        group = groups.new_group()
        active = [self.join(group, client_id=name) for name in "abc"]
        wait_until_shared(*active)
        standby = [self.join(group, client_id=name) for name in "xy"]
        for stream in standby:
            self.assertEqual(list(stream.started().assigned), [])
        wait_until_shared(*active)
        ids = publish(self.stub, 30)
        wait_for_all(ids, *active)
        for stream in active[:2]:
            stream.leave()
        wait_until_shared(active[2], *standby)
        for stream in standby:
            self.assertEqual(len(stream.all("assignment")[-1].assigned), 1)
        more = publish(self.stub, 30)
        wait_for_all(more, active[2], *standby)
        self.check_once(ids + more, *active, *standby)

    # The server's own group.

    def test_an_empty_id_is_the_servers_kafka_group_id(self) -> None:
        group = groups.new_group()
        with Server("--kafka_bootstrap_servers", bootstrap(), KAFKA_GROUP_ID=group) as server:
            server.wait_for_health(SERVING)
            with Stream(server.stub, groups.request("")) as stream:
                stream.started()
                self.assertNotIn(None, groups.committed(group).values())
                wait_for_all(publish(self.stub, 5), stream)

    def test_an_empty_id_is_refused_where_the_server_has_none(self) -> None:
        error = self.refused(groups.request(""))
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(reason(error), "REQUEST_INVALID")

    # What does not fit together.

    def refused(self, of: v1.SubscribeRequest) -> grpc.RpcError:
        stream = self.enterContext(Stream(self.stub, of))
        error = stream.wait_for_end()
        self.assertIsNotNone(error)
        return error

    def test_what_bounds_the_unsettled_does_not_go_with_auto(self) -> None:
        of = groups.request(groups.new_group())
        of.group.max_outstanding_events = 10
        error = self.refused(of)
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(reason(error), "REQUEST_INVALID")
        self.assertIn("ACK_MODE_EXPLICIT", error.details())

    def test_another_assignor_is_a_protocol_mismatch(self) -> None:
        group = groups.new_group()
        other = self.join_legacy(group, partition_assignment_strategy=[StickyPartitionAssignor])
        wait_until_shared(other)
        error = self.refused(groups.request(group))
        self.assertEqual(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(reason(error), "GROUP_PROTOCOL_MISMATCH")
        self.assertEqual(other.assigned(), PARTITIONS)  # It has noticed nothing.

    def test_another_filter_is_a_mismatch_while_the_first_is_there(self) -> None:
        group = groups.new_group()
        stream = self.join(group, event_types=["document.*"])
        stream.started()
        error = self.refused(groups.request(group, event_types=["document.uploaded"]))
        self.assertEqual(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(reason(error), "GROUP_FILTER_MISMATCH")
        self.join(group, event_types=["document.*"]).started()

    def test_what_the_filter_holds_back_is_committed(self) -> None:
        group = groups.new_group()
        stream = self.join(group, event_types=["document.indexed"],
                           heartbeat_interval=Duration(seconds=1))
        stream.started()
        ids = publish(self.stub, 30)
        ends = legacy.end_offsets(TOPIC)
        wait_until(lambda: all(groups.committed(group)[number] >= ends[number]
                               for number in PARTITIONS), "all is committed")
        self.assertEqual(counts(ids, stream), dict.fromkeys(ids, 0))


if __name__ == "__main__":
    unittest.main()
