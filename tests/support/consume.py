"""Streams of Consume: members of groups that settle on the stream they read."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from typing import Any

from tests.support.groups import Stream, reasons
from tests.support.patience import wait_until
from tests.support.stubs import EventBusServiceStub, v1


class Consumer(Stream):
    """A Stream by way of Consume. It goes away at the end of a `with`, unless it has half-closed."""

    def __init__(self, stub: EventBusServiceStub, of: v1.SubscribeRequest,
                 settles: bool = False) -> None:
        """`settles`: it acknowledges every event as it comes."""
        self._settles = settles
        super().__init__(stub, of)

    def _begin(self, stub: EventBusServiceStub, of: v1.SubscribeRequest) -> Any:
        self.answers: list[v1.AcknowledgeResponse] = []
        self._asked = 0
        self._requests: queue.SimpleQueue[v1.ConsumeRequest | None] = queue.SimpleQueue()
        self.send(v1.ConsumeRequest(subscribe=of))
        return stub.Consume(iter(self._requests.get, None))

    def _take(self, message: v1.ConsumeResponse) -> None:
        if message.WhichOneof("message") == "delivery":
            self.messages.append(message.delivery)
            for event in message.delivery.batch.events if self._settles else ():
                self.ask([event.ack_token])
        else:
            self.answers.append(message.acknowledged)

    def send(self, request: v1.ConsumeRequest) -> None:
        self._requests.put(request)

    def ask(self, tokens: Iterable[str], **lists: Any) -> int:
        """Has its answer in `answers`, at the index that is returned, when that has come."""
        self.send(v1.ConsumeRequest(acknowledge=v1.AcknowledgeRequest(ack_tokens=tokens, **lists)))
        self._asked += 1
        return self._asked - 1

    def acknowledge(self, tokens: Iterable[str], **lists: Any) -> dict[str, str]:
        """The reasons of those that failed, by token."""
        index = self.ask(tokens, **lists)
        wait_until(lambda: len(self.answers) > index or self.error, "an answer has come")
        if len(self.answers) <= index:
            assert self.error is not None
            raise self.error
        return reasons(self.answers[index])

    def half_close(self) -> None:
        self._requests.put(None)

    def leave(self) -> None:
        super().leave()
        self._requests.put(None)  # gRPC's thread waits for it.
