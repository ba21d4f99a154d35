"""Subscribe with a tail, read message by message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from tests.support import requests
from tests.support.patience import PROGRAM_SECONDS
from tests.support.requests import Place
from tests.support.stubs import EventBusServiceStub, v1


def place(record: Any) -> Place:
    """Where a record is: of a received or published event, or of kafka-python."""
    return record.topic, record.partition, record.offset


class Tail:
    """An open stream. `seen` has every message so far, `started` the first one."""

    def __init__(self, stub: EventBusServiceStub, request: v1.SubscribeRequest) -> None:
        self.call = stub.Subscribe(request, timeout=PROGRAM_SECONDS)
        self.seen: list[v1.SubscribeResponse] = []
        self.started = self.until("started")

    def __iter__(self) -> Iterator[v1.SubscribeResponse]:
        """Messages to come, until the stream ends with OK; any other end is raised."""
        for message in self.call:
            self.seen.append(message)
            yield message

    def until(self, kind: str) -> Any:
        """The next message of this kind."""
        for message in self:
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)
        raise AssertionError(f"the stream ended before {kind}: {self.call.code()}")

    def rest(self) -> list[v1.ReceivedEvent]:
        """Reads to the end, which must be OK; the events of the whole stream."""
        for _ in self:
            pass
        assert self.call.code() == grpc.StatusCode.OK, self.call.code()
        return self.events()

    def events(self) -> list[v1.ReceivedEvent]:
        """The events so far."""
        return [event for message in self.seen for event in message.batch.events]

    def receive(self, places: Iterable[Place]) -> dict[Place, v1.ReceivedEvent]:
        """Reads until the records at `places` have come; each must come once."""
        wanted = set(places)
        while not wanted <= {place(event) for event in self.events()}:
            self.until("batch")
        return one_each(self.events(), wanted)


def one_each(events: Iterable[v1.ReceivedEvent], wanted: set[Place]) -> dict[Place, Any]:
    """The events at `wanted`; each must be there, and once."""
    found: dict[Place, v1.ReceivedEvent] = {}
    for event in events:
        if place(event) not in wanted:
            continue
        assert place(event) not in found, f"twice: {place(event)}"
        found[place(event)] = event
    assert found.keys() == wanted, f"missing: {wanted - found.keys()}"
    return found


@contextmanager
def tail(stub: EventBusServiceStub, start: v1.StartPosition, **request: Any) -> Iterator[Tail]:
    """A stream that has started; it is cancelled at the end."""
    made = Tail(stub, requests.tail(start, **request))
    try:
        yield made
    finally:
        made.call.cancel()
