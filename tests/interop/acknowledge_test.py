"""ACK_MODE_EXPLICIT: what is acknowledged does not come again, what is not does, on any server.

Each test has a group and event types of its own, which the group filters by: others have written
to the topic.
"""

from __future__ import annotations

import unittest

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from tests.support import groups, legacy
from tests.support.groups import (PARTITIONS, TOPIC, Stream, acknowledge, wait_for_all,
                                  wait_until_shared)
from tests.support.patience import wait_until
from tests.support.server import serving
from tests.support.stubs import EventBusServiceStub, v1

PARTITION = 1
NOT_OWNED = "ACK_TOKEN_NOT_OWNED"
# As the server of it makes them, but of no stream that there is.
FORGED = "AAAAAAAAAAAAAAAAAAA"


def write(group: str, count: int, partition: int = PARTITION) -> list[str]:
    return groups.write(count, event_type=f"{group}.written", partition=partition)


def commit_as_kafka_python(group: str, offset: int) -> None:
    """By a member of the group that has all partitions, and then leaves."""
    consumer = legacy.member(group, [TOPIC], enable_auto_commit=False)
    try:
        def has_all() -> bool:
            consumer.poll(timeout_ms=100)
            return {place.partition for place in consumer.assignment()} == PARTITIONS

        wait_until(has_all, "kafka-python has all partitions")
        consumer.commit({TopicPartition(TOPIC, PARTITION): OffsetAndMetadata(offset, "", -1)})
    finally:
        consumer.close()


class AcknowledgeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.stub = cls.enterClassContext(serving()).stub
        cls.other = cls.enterClassContext(serving()).stub

    def setUp(self) -> None:
        self.group = groups.new_group()

    def join(self, stub: EventBusServiceStub | None = None, **fields) -> Stream:
        """A member, which has started."""
        of = groups.request(self.group, v1.ACK_MODE_EXPLICIT, event_types=[f"{self.group}.*"],
                            **fields)
        stream = self.enterContext(Stream(stub or self.stub, of))
        stream.started()
        return stream

    def receive(self, count: int) -> tuple[Stream, list[str]]:
        """A member that has had so many events, of one partition; it, and their ids."""
        stream = self.join()
        ids = write(self.group, count)
        wait_for_all(ids, stream)
        self.assertEqual(stream.ids(), ids)
        return stream, ids

    def acknowledge(self, stream: Stream, *ids: str) -> None:
        self.assertEqual(acknowledge(self.stub, stream.tokens(ids)), {})

    def check_next(self, expected: list[str], stub: EventBusServiceStub | None = None) -> None:
        """A next reader gets these and nothing else: within a partition all come in order."""
        stream = self.join(stub)
        last = write(self.group, 1)
        for event_id in expected + last:
            wait_for_all([event_id], stream)
            # After a client that went they come one by one.
            self.assertEqual(acknowledge(stub or self.stub, stream.tokens([event_id])), {})
        self.assertEqual(stream.ids(), expected + last)

    # Again, or not.

    def test_explicit_is_the_default(self) -> None:
        of = groups.request(self.group, v1.ACK_MODE_UNSPECIFIED, event_types=[f"{self.group}.*"])
        with Stream(self.stub, of) as stream:
            stream.started()
            ids = write(self.group, 2)
            wait_for_all(ids, stream)
            self.acknowledge(stream, ids[0])
        self.check_next(ids[1:])

    def test_nothing_acknowledged_all_comes_again(self) -> None:
        stream, ids = self.receive(3)
        stream.leave()
        self.check_next(ids)

    def test_in_any_order_what_is_not_acknowledged_comes_again(self) -> None:
        stream, ids = self.receive(5)
        self.acknowledge(stream, ids[3], ids[1])
        stream.leave()
        self.check_next([ids[0], ids[2], ids[4]])

    def test_another_server_knows_what_was_acknowledged(self) -> None:
        stream, ids = self.receive(5)
        self.acknowledge(stream, ids[3], ids[1])
        stream.leave()
        self.check_next([ids[0], ids[2], ids[4]], self.other)

    # Too much behind one event.

    def test_a_partition_at_its_span_waits_and_the_others_go_on(self) -> None:
        stub = self.enterContext(serving("--max_delivered_span=1000")).stub
        of = groups.request(self.group, v1.ACK_MODE_EXPLICIT, event_types=[f"{self.group}.*"])
        of.group.max_outstanding_events = 10_000
        with Stream(stub, of) as stream:
            stream.started()
            ids = write(self.group, 1500)
            wait_for_all(ids[:1], stream)
            others = write(self.group, 3, partition=PARTITION + 1)
            wait_for_all(others, stream)
            self.assertNotIn(ids[-1], stream.ids())
            self.assertEqual(acknowledge(stub, stream.tokens([ids[0]])), {})
            self.acknowledge_all(stub, stream, ids)
        self.assertEqual([each for each in stream.ids() if each not in others], ids)

    def acknowledge_all(self, stub: EventBusServiceStub, stream: Stream, ids: list[str]) -> None:
        """As they come."""
        def done() -> bool:
            came = stream.ids()
            self.assertEqual(acknowledge(stub, stream.tokens(came)), {})
            return set(ids) <= set(came)

        wait_until(done, f"all {len(ids)} have come")

    # Beside kafka-python.

    def test_kafka_python_sees_the_prefix_and_the_metadata(self) -> None:
        stream, ids = self.receive(5)
        self.acknowledge(stream, ids[0], ids[3])
        second = stream.events()[1].offset
        commit = self.wait_for_commit(second)
        self.assertEqual(groups.committed(self.group)[PARTITION], second)
        self.assertTrue(commit.metadata.startswith("eb1;"), commit)
        self.assertTrue(commit.metadata.isascii() and commit.metadata.isprintable(), commit)

    def test_a_commit_of_kafka_python_leaves_the_prefix_alone(self) -> None:
        stream, ids = self.receive(5)
        self.acknowledge(stream, ids[0], ids[3])
        second = stream.events()[1].offset
        self.wait_for_commit(second)
        stream.leave()
        commit_as_kafka_python(self.group, second)
        self.check_next(ids[1:])

    def wait_for_commit(self, offset: int) -> OffsetAndMetadata:
        """Of this offset, with what is acknowledged past it."""
        def found() -> OffsetAndMetadata | None:
            commit = groups.commits(self.group).get(PARTITION)
            return commit if commit and commit.offset == offset and commit.metadata else None

        return wait_until(found, f"{self.group} has committed {offset} and metadata")

    # Tokens.

    def test_a_batchs_token_settles_it(self) -> None:
        stream, _ = self.receive(20)
        batches = stream.all("batch")
        tokens = [batch.ack_token for batch in batches]
        self.assertEqual(acknowledge(self.stub, tokens), {})
        stream.leave()
        self.check_next([])

    def test_a_batchs_token_settles_no_other_batch(self) -> None:
        stream = self.join(max_batch_events=2)
        ids = write(self.group, 6)
        wait_for_all(ids, stream)
        batches = stream.all("batch")
        self.assertEqual(acknowledge(self.stub, [batches[1].ack_token]), {})
        stream.leave()
        done = {event.event_id for event in batches[1].events}
        self.check_next([event_id for event_id in ids if event_id not in done])

    def test_twice_is_a_success(self) -> None:
        stream, ids = self.receive(3)
        for _ in range(2):
            self.acknowledge(stream, ids[1])
            self.acknowledge(stream, ids[0], ids[0])
        batches = [batch.ack_token for batch in stream.all("batch")]
        for _ in range(2):
            self.assertEqual(acknowledge(self.stub, batches), {})

    def test_a_bad_token_fails_alone(self) -> None:
        stream, ids = self.receive(2)
        good, = stream.tokens(ids[:1])
        foreign, = stream.tokens(ids[1:])
        self.assertEqual(acknowledge(self.stub, ["nonsense", good, "x" * 100, FORGED]),
                         {"nonsense": "ACK_TOKEN_INVALID", "x" * 64: "ACK_TOKEN_INVALID",
                          FORGED: NOT_OWNED})
        self.assertEqual(acknowledge(self.other, [foreign]), {foreign: NOT_OWNED})
        stream.leave()
        wait_until(lambda: acknowledge(self.stub, [foreign]) == {foreign: NOT_OWNED},
                   "the stream's tokens are gone with it")

    # Bounded reads.

    def test_after_the_end_of_a_bounded_read_its_tokens_are_good(self) -> None:
        stream = self.join(max_events=3)
        ids = write(self.group, 5)
        self.assertIsNone(stream.wait_for_end())
        self.assertEqual(stream.ids(), ids[:3])
        self.acknowledge(stream, *ids[:3])
        # Others' records past it may be settled, too, but not its next event.
        end = stream.events()[-1].offset + 1
        wait_until(lambda: (groups.committed(self.group)[PARTITION] or 0) >= end,
                   "kafka-python sees that it is settled")
        self.check_next(ids[3:], self.other)

    # Rebalances.

    def test_a_join_redelivers_what_moves_and_nothing_else(self) -> None:
        first = self.join()
        ids = {number: write(self.group, 3, number) for number in sorted(PARTITIONS)}
        wait_for_all([event_id for part in ids.values() for event_id in part], first)
        for part in ids.values():
            self.acknowledge(first, part[1])
        second = self.join(self.other)
        wait_until_shared(first, second)
        for number in PARTITIONS:
            self.check_moved(ids[number], first, second, moved=number in second.assigned())
        # Nothing of what it keeps comes again: a partition's events come in order.
        kept = min(first.assigned())
        last = write(self.group, 1, kept)
        wait_for_all(last, first)
        self.assertEqual([event.event_id for event in first.events() if event.partition == kept],
                         ids[kept] + last)

    def check_moved(self, ids: list[str], first: Stream, second: Stream, moved: bool) -> None:
        """Of one partition, whose middle event was acknowledged before the second joined."""
        again = [ids[0], ids[2]]
        tokens = first.tokens(again)
        self.assertEqual(acknowledge(self.stub, tokens),
                         dict.fromkeys(tokens, NOT_OWNED) if moved else {})
        if moved:
            wait_for_all(again, second)
            self.assertNotIn(ids[1], second.ids())
            self.assertEqual(acknowledge(self.other, second.tokens(again)), {})
        else:
            self.assertEqual(set(ids) & set(second.ids()), set())


if __name__ == "__main__":
    unittest.main()
