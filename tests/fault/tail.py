"""A tail: everything from the oldest record, resumed from its last token."""

from __future__ import annotations

import threading
from typing import Any

import grpc

from tests.fault import ids
from tests.fault.history import RESTART, History
from tests.fault.reader import Reader, place
from tests.support.requests import EARLIEST, resume
from tests.support.stubs import EventBusServiceStub, v1


class Tail(Reader):
    def __init__(self, name: str, history: History, servers: list[str], seed: int) -> None:
        super().__init__(name, name, history, servers, seed)
        self._token = ""
        self._restarted = False
        self._next: dict[str, int] = {}
        self._next_lock = threading.Lock()

    def open(self, channel: grpc.Channel) -> tuple[Any, Any]:
        start = resume(self._token) if self._token else EARLIEST
        call = EventBusServiceStub(channel).Subscribe(v1.SubscribeRequest(
            tail=v1.Tail(start=start), topics=list(ids.TOPICS), client_id=self.name,
            heartbeat_interval={"seconds": 2}))
        return call, call

    def received(self, message: v1.SubscribeResponse) -> None:
        kind = message.WhichOneof("message")
        if token := getattr(getattr(message, kind), "resume_token", ""):
            self._token = token
        if kind == "started" and self._restarted:
            self._restarted = False
            self._record_what_is_gone(message.started)
        with self._next_lock:
            for event in message.batch.events:
                partition = place(event)
                self._next[partition] = max(event.offset + 1, self._next.get(partition, 0))

    def closed(self, error: grpc.RpcError | None) -> None:
        if error is not None and error.code() == grpc.StatusCode.OUT_OF_RANGE:
            self._token, self._restarted = "", True  # Its position is gone: from what there is.

    def _record_what_is_gone(self, started: v1.Started) -> None:
        """Retention goes on taking between the `Gap` and the next start at the oldest record."""
        for position in started.assigned:
            first = self._next.get(place(position), 0)
            if first < position.offset:
                self.history.write("gap", r=self.reader, s=self.stream, p=place(position),
                                   first=first, next=position.offset, cause=RESTART)

    def positions(self) -> dict[str, int]:
        """The offset after the last event of each partition."""
        with self._next_lock:
            return dict(self._next)
