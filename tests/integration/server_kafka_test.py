"""The server as a process on a real Kafka that others use too: drain under load, slow readers."""

from __future__ import annotations

import signal
import threading
import unittest
import uuid
from collections import Counter

import grpc

from tests.support import legacy, requests
from tests.support.errors import reason
from tests.support.patience import SECONDS
from tests.support.requests import LATEST, resume
from tests.support.samples import document_sample
from tests.support.server import SERVING, Server, on_broker

TOPIC = "document-events"
OUTSTANDING = 256


def server() -> Server:
    return on_broker("--provision_topics")


class Publishers:
    """Keeps `OUTSTANDING` publishes under way, until each of them has had its first failure."""

    def __init__(self, running: Server) -> None:
        self.published: list[str] = []
        self.failed: dict[str, grpc.RpcError] = {}
        self._stub = running.stub
        self._changed = threading.Condition()
        self._going = OUTSTANDING
        for _ in range(OUTSTANDING):
            self._publish()

    def wait_for_published(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.published) >= count, SECONDS)

    def wait_for_end(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._going == 0, 2 * SECONDS)

    def _publish(self) -> None:
        event_id = str(uuid.uuid4())
        call = self._stub.Publish.future(requests.uploaded(event_id), timeout=2 * SECONDS)
        call.add_done_callback(lambda done: self._ended(event_id, done))

    def _ended(self, event_id: str, call: grpc.Future) -> None:
        error = call.exception()
        with self._changed:
            if error is None:
                self.published.append(event_id)
            else:
                self.failed[event_id] = error
                self._going -= 1
            self._changed.notify_all()
        if error is None:
            self._publish()


class Reader:
    """Reads a stream in a thread of its own, to its end."""

    def __init__(self, call: grpc.Call) -> None:
        self.event_ids: list[str] = []
        self.kinds: list[str] = []
        self.resume_token = ""
        self.error: grpc.RpcError | None = None
        self._call = call
        started = next(call)
        assert started.HasField("started"), started
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        self._thread.join(4 * SECONDS)
        assert not self._thread.is_alive()

    def _read(self) -> None:
        try:
            for message in self._call:
                self.kinds.append(message.WhichOneof("message"))
                self.event_ids += [event.event_id for event in message.batch.events]
                self.resume_token = message.heartbeat.resume_token or self.resume_token
        except grpc.RpcError as error:
            self.error = error


class DrainTest(unittest.TestCase):
    def test_sigterm_under_256_outstanding_publishes(self) -> None:
        with server() as running:
            running.wait_for_health(SERVING)
            since = legacy.end_offsets(TOPIC)
            reader = Reader(running.stub.Subscribe(requests.documents(LATEST)))
            publishers = Publishers(running)
            publishers.wait_for_published(1000)
            running.send(signal.SIGTERM)
            publishers.wait_for_end()
            reader.wait()
            self.assertEqual(running.wait(), 0, running.log.text())
            self.assertTrue(running.log.lines_with("all_delivered=true all_ended=true"))

        ours = set(publishers.published) | set(publishers.failed)
        found = Counter(event.get("event_id") for event in legacy.read_events(TOPIC, since))
        found = Counter({event_id: n for event_id, n in found.items() if event_id in ours})
        with self.subTest("every OK is in Kafka exactly once, and nothing that was refused"):
            self.assertEqual(found, Counter(publishers.published))
        with self.subTest("every other call got a status"):
            codes = Counter((e.code(), reason(e)) for e in publishers.failed.values())
            # A call that comes when the drain is over is gRPC's to answer: CANCELLED, unwritten.
            self.assertLessEqual({code for code, _ in codes},
                                 {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}, codes)
            self.assertGreater(codes[grpc.StatusCode.UNAVAILABLE, "SERVER_DRAINING"], 0, codes)
        with self.subTest("a stream's last words"):
            self.assertEqual(reader.kinds[-2:], ["draining", "heartbeat"])
            self.assertEqual(reader.error.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(reason(reader.error), "SERVER_DRAINING")
        with self.subTest("the token goes on where the stream ended"), server() as another:
            another.wait_for_health(SERVING)
            rest = Reader(another.stub.Subscribe(
                requests.documents(resume(reader.resume_token), stop_at_end=True),
                timeout=SECONDS))
            rest.wait()
            self.assertIsNone(rest.error)
            delivered = Counter(e for e in reader.event_ids + rest.event_ids if e in ours)
            self.assertEqual(delivered, Counter(publishers.published))


class SlowReaderTest(unittest.TestCase):
    EVENTS = 500
    FILENAME = "x" * 100_000

    def test_it_costs_no_memory_and_delays_nobody(self) -> None:
        with server() as running:
            running.wait_for_health(SERVING)
            slow = running.stub.Subscribe(requests.documents(LATEST), timeout=4 * SECONDS)
            self.assertTrue(next(slow).HasField("started"))
            fast = Reader(running.stub.Subscribe(requests.documents(LATEST), timeout=4 * SECONDS))
            before = running.resident_bytes()
            written = self.write_50_megabytes()
            ours = set()
            while ours != written:
                self.assertIsNone(fast.error)
                self.assertTrue(fast._thread.is_alive())
                ours = written.intersection(list(fast.event_ids))
                fast._thread.join(0.05)
            self.assertLess(running.resident_bytes() - before, 40_000_000)
            with self.subTest("the slow one gets all of it once it reads"):
                left = Counter(written)
                while left:
                    for event in next(slow).batch.events:
                        if event.event_id in written:
                            left.subtract([event.event_id])
                            self.assertGreaterEqual(left[event.event_id], 0)
                    left = +left
            slow.cancel()
            fast._call.cancel()

    def write_50_megabytes(self) -> set[str]:
        """As a legacy producer does."""
        made = [document_sample() for _ in range(self.EVENTS)]
        with legacy.json_producer(acks="all", max_request_size=1_000_000) as producer:
            for sample in made:
                producer.send(TOPIC, key=sample.key.encode(), value={
                    **sample.documented, "payload": {"filename": self.FILENAME}})
            producer.flush()
        return {sample.event_id for sample in made}


if __name__ == "__main__":
    unittest.main()
