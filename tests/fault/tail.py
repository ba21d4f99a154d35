"""A tail: everything from the oldest record, resumed from its last token."""

from __future__ import annotations

import threading

import grpc

from tests.fault import ids
from tests.fault.history import History
from tests.fault.reader import Reader, place
from tests.support.requests import EARLIEST, resume
from tests.support.stubs import v1


class Tail(Reader):
    def __init__(self, name: str, history: History, servers: list[str], seed: int) -> None:
        super().__init__(name, name, history, servers, seed)
        self._token = ""
        self._next: dict[str, int] = {}
        self._next_lock = threading.Lock()

    def request(self) -> v1.SubscribeRequest:
        start = resume(self._token) if self._token else EARLIEST
        return v1.SubscribeRequest(tail=v1.Tail(start=start), topics=list(ids.TOPICS),
                                   client_id=self.name, heartbeat_interval={"seconds": 2})

    def received(self, message: v1.SubscribeResponse) -> None:
        kind = message.WhichOneof("message")
        if token := getattr(getattr(message, kind), "resume_token", ""):
            self._token = token
        with self._next_lock:
            for event in message.batch.events:
                partition = place(event)
                self._next[partition] = max(event.offset + 1, self._next.get(partition, 0))

    def closed(self, error: grpc.RpcError | None) -> None:
        if error is not None and error.code() == grpc.StatusCode.OUT_OF_RANGE:
            self._token = ""  # Its position is gone: from what there is.

    def positions(self) -> dict[str, int]:
        """The offset after the last event of each partition."""
        with self._next_lock:
            return dict(self._next)
