"""A group's streams when their server ends, well or badly, when they idle for long, and when a
client does not read: on a real broker of their own, as they fill it."""

from __future__ import annotations

import signal
import time
import unittest
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration

from tests.support import groups, legacy
from tests.support.broker import create_topics
from tests.support.groups import PARTITIONS, TOPIC, Stream, counts, wait_for_all, wait_until_shared
from tests.support.patience import PROGRAM_SECONDS, SECONDS, wait_until
from tests.support.server import SERVING, Server, on_broker
from tests.support.stubs import v1

# Kafka gives the partitions of a member that has gone without a word to others only after this.
LONG_SESSION = ("--kafka_property", "session.timeout.ms=45000")
# A killed member is missed soon.
SHORT_SESSION = ("--kafka_property", "session.timeout.ms=6000")
# How long a drain waits for what is with a client, of a --drain_timeout of 25 s.
DRAIN_SETTLING_SECONDS = 20
# What gRPC and the kernel take of a stream that its client does not read, and so may be committed:
# 4 MB as the API says, and a batch or two on their way.
BUFFERED_BYTES = 10 << 20


def publish(count: int, partition: int | None = None, text: str = "") -> list[str]:
    """By kafka-python, which needs no server of ours; the ids."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with legacy.producer(max_request_size=2 << 20) as producer:
        sent = [producer.send(TOPIC, key=event_id.encode(), partition=partition,
                              value=f'{{"event_id":"{event_id}","text":"{text}"}}'.encode())
                for event_id in ids]
        for future in sent:
            future.get(timeout=SECONDS)
    return ids


class ServerGroupTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        create_topics()

    def serve(self, *flags: str) -> Server:
        server = self.enterContext(on_broker(*flags))
        server.wait_for_health(SERVING)
        return server

    def join(self, server: Server, group: str, **fields) -> Stream:
        return self.enterContext(Stream(server.stub, groups.request(group, **fields)))

    def test_sigterm_commits_and_leaves_at_once(self) -> None:
        group = groups.new_group()
        ending, staying = self.serve(*LONG_SESSION), self.serve(*LONG_SESSION)
        first, second = self.join(ending, group), self.join(staying, group)
        wait_until_shared(first, second)
        ids = publish(60)
        wait_for_all(ids, first, second)
        ending.send(signal.SIGTERM)
        # Sooner than Kafka would have missed the first.
        wait_until(lambda: second.assigned() == PARTITIONS, "the second has it all", SECONDS)
        self.assertEqual(ending.wait(), 0)
        self.assertIsNotNone(first.wait_for_end())
        more = publish(60)
        wait_for_all(more, second)
        self.assertEqual(counts(ids + more, first, second), dict.fromkeys(ids + more, 1))

    def test_sigterm_amid_a_burst_loses_nothing(self) -> None:
        group = groups.new_group()
        ending, staying = self.serve(*LONG_SESSION), self.serve(*LONG_SESSION)
        first, second = self.join(ending, group), self.join(staying, group)
        wait_until_shared(first, second)
        ids = publish(500)
        ending.send(signal.SIGTERM)
        ids += publish(500)
        wait_for_all(ids, first, second)
        self.assertEqual(ending.wait(), 0)

    def test_sigkill_skips_nothing(self) -> None:
        group = groups.new_group()
        killed = self.serve()
        first = self.join(killed, group)
        first.started()
        ids = publish(300)
        wait_for_all(ids, first)
        killed.send(signal.SIGKILL)
        self.assertIsNotNone(first.wait_for_end())
        ids += publish(300)
        second = self.join(self.serve(), group)
        wait_for_all(ids, first, second)
        # What was delivered but not yet committed has come twice, and nothing more often.
        self.assertLessEqual(max(counts(ids, first, second).values()), 2)

    def test_sigkill_skips_nothing_that_was_not_written_to_the_stream(self) -> None:
        """A client that does not read: what its server has read, but not handed on, comes again."""
        group = groups.new_group()
        killed = self.serve()
        call = killed.stub.Subscribe(groups.request(group))
        self.addCleanup(call.cancel)
        next(message for message in call if message.WhichOneof("message") == "started")
        before = groups.committed(group)
        ids = publish(24, partition=0, text="x" * 800_000)
        # It has written what it could, and said so; the rest waits with it.
        wait_until(lambda: groups.committed(group) != before, "some of it is committed")
        killed.send(signal.SIGKILL)
        killed.wait()
        second = self.join(self.serve(), group)
        wait_for_all(ids[-1:], second)
        came = [event_id for event_id in second.ids() if event_id in set(ids)]
        self.assertEqual(came, ids[len(ids) - len(came):])  # From some place on, all of them.
        self.assertLessEqual((len(ids) - len(came)) * 800_000, BUFFERED_BYTES)

    def test_a_slow_member_slows_no_other(self) -> None:
        """Kafka deals by the members' names, which begin with their client_ids."""
        server, group = self.serve(), groups.new_group()
        slow = server.stub.Subscribe(groups.request(group, client_id="a-slow"))
        self.addCleanup(slow.cancel)
        started = next(message.started for message in slow
                       if message.WhichOneof("message") == "started")
        self.assertEqual({position.partition for position in started.assigned}, PARTITIONS)
        quick = self.join(server, group, client_id="b-quick")
        wait_until(quick.assigned, "the second has a partition")
        publish(24, partition=min(PARTITIONS - quick.assigned()), text="x" * 800_000)
        wait_for_all(publish(20, partition=min(quick.assigned())), quick)
        # Nor does it keep a third from joining, which takes a rebalance.
        third = self.join(server, group, client_id="c-third")
        wait_until(third.assigned, "the third has a partition", PROGRAM_SECONDS)
        wait_for_all(publish(20, partition=min(third.assigned())), third)

    def test_an_idle_latest_group_stays_and_misses_nothing_over_a_restart(self) -> None:
        """Idle for longer than Kafka lets a member that does not poll."""
        quick = ("--kafka_property", "max.poll.interval.ms=6000",
                 "--kafka_property", "session.timeout.ms=6000")
        group = groups.new_group()
        server = self.serve(*quick)
        stream = self.join(server, group, heartbeat_interval=Duration(seconds=1))
        stream.started()
        wait_until(lambda: len(stream.all("heartbeat")) >= 9, "nine idle seconds")
        self.assertEqual(stream.all("assignment"), [])
        ids = publish(30)
        wait_for_all(ids, stream)
        idle = groups.new_group()
        other = self.join(server, idle)
        other.started()
        server.stop()
        more = publish(30)
        again = self.serve(*quick)
        second, third = self.join(again, group), self.join(again, idle)
        wait_for_all(more, second)
        wait_for_all(more, third)
        self.assertEqual(counts(ids + more, stream, second), dict.fromkeys(ids + more, 1))
        self.assertEqual(counts(ids + more, other, third),
                         {**dict.fromkeys(ids, 0), **dict.fromkeys(more, 1)})

    # Under ACK_MODE_EXPLICIT.

    def receive(self, server: Server, group: str, count: int) -> tuple[Stream, list[str]]:
        """A member that has had so many new events, of one partition; it, and their ids."""
        stream = self.join(server, group, ack_mode=v1.ACK_MODE_EXPLICIT)
        stream.started()
        ids = publish(count, partition=0)
        wait_for_all(ids, stream)
        return stream, ids

    def check_next(self, server: Server, group: str, expected: list[str]) -> None:
        """A next reader gets these and nothing else; within a partition all come in order."""
        stream = self.join(server, group, ack_mode=v1.ACK_MODE_EXPLICIT)
        stream.started()
        wait_for_all(expected, stream)
        # After an end that was not clean, others come only when these are settled.
        if expected:
            self.assertEqual(groups.acknowledge(server.stub, stream.tokens(expected)), {})
        last = publish(1, partition=0)
        wait_for_all(last, stream)
        self.assertEqual(stream.ids(), expected + last)

    def test_sigterm_waits_for_acknowledgements_and_no_longer(self) -> None:
        group = groups.new_group()
        ending = self.serve(*LONG_SESSION)
        stream, ids = self.receive(ending, group, 5)
        ending.send(signal.SIGTERM)
        begun = time.monotonic()
        wait_until(lambda: stream.all("draining"), "Draining has come")
        for event_id in ids:
            # It goes on, and acknowledgements are taken, to the last one.
            self.assertIsNone(stream.error)
            self.assertIsNone(ending.exit_code())
            self.assertEqual(groups.acknowledge(ending.stub, stream.tokens([event_id])), {})
        error = stream.wait_for_end()
        self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(ending.wait(), 0)
        self.assertLess(time.monotonic() - begun, DRAIN_SETTLING_SECONDS)
        self.check_next(self.serve(), group, [])

    def test_sigterm_keeps_what_was_acknowledged_before_its_time_was_over(self) -> None:
        group = groups.new_group()
        ending = self.serve(*LONG_SESSION, "--drain_timeout=8s")
        stream, ids = self.receive(ending, group, 5)
        ending.send(signal.SIGTERM)
        wait_until(lambda: stream.all("draining"), "Draining has come")
        self.assertEqual(groups.acknowledge(ending.stub, stream.tokens([ids[0], ids[3]])), {})
        self.assertEqual(stream.wait_for_end().code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(ending.wait(), 0)
        self.check_next(self.serve(), group, [ids[1], ids[2], ids[4]])

    def test_sigkill_keeps_what_was_acknowledged_and_committed(self) -> None:
        group = groups.new_group()
        killed = self.serve(*SHORT_SESSION)
        stream, ids = self.receive(killed, group, 5)
        second = stream.events()[1].offset
        self.assertEqual(groups.acknowledge(killed.stub, stream.tokens([ids[0], ids[3]])), {})
        wait_until(lambda: groups.committed(group)[0] == second, "the prefix is committed")
        wait_until(lambda: groups.commits(group)[0].metadata, "and what is past it")
        killed.send(signal.SIGKILL)
        self.assertIsNotNone(stream.wait_for_end())
        self.check_next(self.serve(), group, [ids[1], ids[2], ids[4]])


if __name__ == "__main__":
    unittest.main()
