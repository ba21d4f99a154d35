"""GetGroup: what a group is doing, on a real Kafka, and what the embedded one says."""

from __future__ import annotations

import unittest
from collections.abc import Callable

import grpc
from google.protobuf.duration_pb2 import Duration

from tests.support import groups
from tests.support.errors import reason
from tests.support.groups import (PARTITIONS, TOPIC, Legacy, Stream, acknowledge, wait_for_all,
                                  wait_until_shared)
from tests.support.patience import SECONDS, wait_until
from tests.support.server import ADMIN_SERVICE, SERVING, Server, embedded, on_broker, serving
from tests.support.stubs import admin, v1

PARTITION = 1


def get_group(server: Server, group: str) -> admin.GetGroupResponse:
    return server.admin.GetGroup(admin.GetGroupRequest(group=group), timeout=SECONDS)


def partitions(answer: admin.GetGroupResponse) -> dict[int, admin.GroupPartition]:
    return {each.partition: each for each in answer.partitions if each.topic == TOPIC}


class GetGroupTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())
        cls.other = cls.enterClassContext(serving())

    def setUp(self) -> None:
        self.group = groups.new_group()

    def join(self, client_id: str = "", **group: object) -> Stream:
        of = groups.request(self.group, v1.ACK_MODE_EXPLICIT, event_types=[f"{self.group}.*"],
                            client_id=client_id)
        of.group.MergeFrom(v1.Group(**group))
        stream = self.enterContext(Stream(self.server.stub, of))
        stream.started()
        return stream

    def write(self, count: int) -> list[str]:
        return groups.write(count, event_type=f"{self.group}.written", partition=PARTITION)

    def wait_for_held(self, holds: Callable[[admin.HeldPartition], bool],
                      what: str) -> admin.HeldPartition:
        def found() -> admin.HeldPartition | None:
            held = partitions(get_group(self.server, self.group))[PARTITION].held
            return held if holds(held) else None

        return wait_until(found, what)

    def failed(self, server: Server, group: str) -> grpc.RpcError:
        with self.assertRaises(grpc.RpcError) as raised:
            get_group(server, group)
        return raised.exception

    # Members.

    def test_members_of_both_kinds_with_what_they_have(self) -> None:
        stream = self.join("worker-7")
        legacy = self.enterContext(Legacy(self.group, client_id="legacy-worker"))
        wait_until_shared(stream, legacy)
        answer = wait_until(
            lambda: (found := get_group(self.server, self.group)).state == "Stable" and found,
            "the group is stable")
        self.assertEqual(answer.group, self.group)
        self.assertEqual(answer.assignor, "range")
        ours, theirs = answer.members
        self.assertRegex(ours.client_id, r"^eventbus/[^/]+/worker-7$")
        self.assertEqual(theirs.client_id, "legacy-worker")
        for member, has in ((ours, stream), (theirs, legacy)):
            self.assertEqual({place.partition for place in member.assigned}, has.assigned())
            self.assertEqual({place.topic for place in member.assigned}, {TOPIC})
            self.assertTrue(member.member_id and member.host, member)

    def test_how_far_it_is_and_how_far_behind(self) -> None:
        stream = self.join()
        ids = self.write(3)
        wait_for_all(ids, stream)
        acknowledge(self.server.stub, stream.tokens(ids[:1]))
        second = stream.events()[1].offset

        def reached() -> admin.GroupPartition | None:
            place = partitions(get_group(self.server, self.group))[PARTITION]
            return place if place.committed_offset == second else None

        place = wait_until(reached, "the first is committed")
        # Others may write to the topic meanwhile.
        self.assertGreaterEqual(place.end_offset, stream.events()[2].offset + 1)
        self.assertEqual(place.lag, place.end_offset - place.committed_offset)
        self.assertEqual(set(partitions(get_group(self.server, self.group))), PARTITIONS)

    def test_a_group_without_members_is_empty_and_keeps_its_offsets(self) -> None:
        stream = self.join()
        ids = self.write(1)
        wait_for_all(ids, stream)
        acknowledge(self.server.stub, stream.tokens(ids))
        end = stream.events()[0].offset + 1
        stream.leave()
        answer = wait_until(
            lambda: (found := get_group(self.server, self.group)).state == "Empty" and found,
            "the group is empty")
        self.assertEqual(len(answer.members), 0)
        self.assertGreaterEqual(partitions(answer)[PARTITION].committed_offset, end)
        self.assertFalse(partitions(answer)[PARTITION].HasField("held"))

    # What this server knows of its streams.

    def test_the_event_that_holds_a_partition_back(self) -> None:
        stream = self.join("worker-7")
        ids = self.write(3)
        wait_for_all(ids, stream)
        held = self.wait_for_held(lambda held: held.outstanding == 3, "three are outstanding")
        self.assertEqual(held.stream_id, stream.started().stream_id)
        self.assertEqual(held.client_id, "worker-7")
        self.assertEqual(held.blocked, v1.BLOCKED_REASON_UNSETTLED)
        event = held.blocking_event
        self.assertEqual((event.event_id, event.offset, event.ordering_key, event.delivery_attempt),
                         (ids[0], stream.events()[0].offset, ids[0], 1))
        acknowledge(self.server.stub, stream.tokens(ids))
        held = self.wait_for_held(lambda held: held.outstanding == 0, "nothing is outstanding")
        self.assertEqual(held.blocked, v1.BLOCKED_REASON_UNSPECIFIED)
        self.assertFalse(held.HasField("blocking_event"))

    def test_a_retry_that_waits_says_so(self) -> None:
        stream = self.join()
        ids = self.write(1)
        wait_for_all(ids, stream)
        token, = stream.tokens(ids)
        answer = self.server.stub.Acknowledge(v1.AcknowledgeRequest(
            retries=[v1.Retry(ack_token=token, delay=Duration(seconds=600))]), timeout=SECONDS)
        self.assertEqual(len(answer.errors), 0)
        held = self.wait_for_held(lambda held: held.blocked == v1.BLOCKED_REASON_RETRY_BACKOFF,
                                  "the retry waits")
        self.assertEqual((held.blocking_event.event_id, held.blocking_event.delivery_attempt),
                         (ids[0], 2))

    def test_another_server_knows_what_kafka_knows(self) -> None:
        stream = self.join()
        wait_for_all(self.write(1), stream)
        here, there = get_group(self.server, self.group), get_group(self.other, self.group)
        self.assertEqual(list(here.members), list(there.members))
        self.assertTrue(partitions(here)[PARTITION].HasField("held"))
        self.assertFalse(partitions(there)[PARTITION].HasField("held"))

    # Errors.

    def test_a_group_that_there_is_not(self) -> None:
        error = self.failed(self.server, self.group)
        self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
        self.assertEqual(reason(error), "GROUP_NOT_FOUND")

    def test_an_empty_group_is_the_servers_own(self) -> None:
        error = self.failed(self.server, "")
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("KAFKA_GROUP_ID", error.details())
        self.join()
        with on_broker("--kafka_group_id", self.group) as server:
            server.wait_for_health(SERVING)
            self.assertEqual(get_group(server, "").group, self.group)

    def test_the_embedded_kafka_cannot(self) -> None:
        with embedded() as server:
            self.assertEqual(server.health(ADMIN_SERVICE), SERVING)
            error = self.failed(server, self.group)
            self.assertEqual(error.code(), grpc.StatusCode.UNIMPLEMENTED)
            self.assertEqual(reason(error), "UNSUPPORTED")


if __name__ == "__main__":
    unittest.main()
