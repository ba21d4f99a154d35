"""A reader that does not read, beside some that do: its memory is bounded, they do not notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import grpc

from tests.fault import ids, usage
from tests.fault.usage import MIB
from tests.support.requests import LATEST
from tests.support.server import Server, connect
from tests.support.stubs import Event, EventBusServiceStub, document, v1

FAST = 3
_BATCH = 200
# So that what a reader has in its sockets is little beside what it has to read.
_TEXT_BYTES = 2000


@dataclass(frozen=True)
class Phase:
    """`seconds`: from the first event's sending until the fast readers had all; `lag_ms` the median
    time of a batch from its sending to the last of them; `memory` the server's peak."""

    seconds: float
    lag_ms: float
    memory: int

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.lag_ms:.0f} ms, {self.memory / MIB:.1f} MiB"


class _Fast(threading.Thread):
    """Reads all, and remembers when each batch was complete."""

    def __init__(self, server: Server, tail: bool, group: str) -> None:
        super().__init__(daemon=True)
        self._channel = connect(server.address)
        self._stub = EventBusServiceStub(self._channel)
        self._call = self._stub.Subscribe(_request(tail, group))
        while not next(self._call).HasField("started"):
            pass
        self.count = 0
        self.at: dict[int, float] = {}
        self.start()

    def run(self) -> None:
        try:
            for message in self._call:
                self.count += len(message.batch.events)
                for event in message.batch.events:
                    self.at[ids.number(event.event_id) // _BATCH] = time.monotonic()
                if message.batch.ack_token:
                    self._stub.Acknowledge(v1.AcknowledgeRequest(
                        ack_tokens=[message.batch.ack_token]), timeout=30)
        except grpc.RpcError:
            pass  # We cancel it.

    def leave(self) -> None:
        self._call.cancel()
        self.join()
        self._channel.close()


def measure(server: Server, batches: int, slow: int, first: int) -> Phase:
    """Publishes `batches` from number `first` on; `slow` readers do not read meanwhile."""
    readers = [_Fast(server, index < FAST - 1, f"fast-{first}") for index in range(FAST)]
    peak = [usage.of(server.pid).memory]
    try:
        with _slow_readers(server, slow):
            sent = _publish(server, batches, first, peak)
            begin = min(sent.values())
            _wait(readers, batches * _BATCH, server, peak)
        done = max(max(reader.at.values()) for reader in readers)
        lags = [max(reader.at[number] for reader in readers) - at for number, at in sent.items()]
        return Phase(done - begin, 1000 * median(lags), max(peak))
    finally:
        for reader in readers:
            reader.leave()


def _publish(server: Server, batches: int, first: int, peak: list[int]) -> dict[int, float]:
    sent: dict[int, float] = {}
    with connect(server.address) as channel:
        stub = EventBusServiceStub(channel)
        for batch in range(first // _BATCH, first // _BATCH + batches):
            sent[batch] = time.monotonic()
            answer = stub.PublishBatch(v1.PublishBatchRequest(requests=[
                _event(batch * _BATCH + index) for index in range(_BATCH)]), timeout=60)
            assert all(result.HasField("published") for result in answer.results)
            peak.append(usage.of(server.pid).memory)
    return sent


def _wait(readers: list[_Fast], events: int, server: Server, peak: list[int]) -> None:
    deadline = time.monotonic() + 120
    while any(reader.count < events for reader in readers):
        assert time.monotonic() < deadline, [reader.count for reader in readers]
        peak.append(usage.of(server.pid).memory)
        time.sleep(0.01)


@contextmanager
def _slow_readers(server: Server, count: int) -> Iterator[None]:
    """A member of a group and tails: they have started, and take nothing more from their calls."""
    channels = [connect(server.address) for _ in range(count)]
    calls = [EventBusServiceStub(channel).Subscribe(_request(index > 0, "slow"))
             for index, channel in enumerate(channels)]
    for call in calls:
        while not next(call).HasField("started"):
            pass
    try:
        yield
    finally:
        for call, channel in zip(calls, channels):
            call.cancel()
            channel.close()


def _request(tail: bool, group: str) -> v1.SubscribeRequest:
    fields = {"topics": ["document-events"], "heartbeat_interval": {"seconds": 60}}
    if tail:
        return v1.SubscribeRequest(tail=v1.Tail(start=LATEST), **fields)
    return v1.SubscribeRequest(group=v1.Group(id=group, initial_position=LATEST), **fields)


def _event(number: int) -> v1.PublishRequest:
    key = ids.key_text(number % 30)
    return v1.PublishRequest(event=Event(document=document.DocumentEvent(
        event_id=ids.event_id(number), event_type=document.DOCUMENT_EVENT_TYPE_UPLOADED,
        document_id=key, classroom_id=key, user_id=key,
        payload=document.DocumentPayload(filename="x" * _TEXT_BYTES))))
