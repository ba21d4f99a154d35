"""Settles the events of one stream when they are due, in calls of many tokens, and records that."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from typing import Any

import grpc

from tests.fault.history import History
from tests.support.errors import reason
from tests.support.stubs import ErrorReason, EventBusServiceStub, v1

ACK, RETRY, DEAD = "a", "r", "d"
SETTLE_SECONDS = 10.0
# Before a call without an answer is made again.
AGAIN_SECONDS = 0.5
_CALL_IDS = itertools.count(1)

# Partition, offset, token, act.
Due = list[tuple[str, int, str, str]]


class Settler(threading.Thread):
    """Holds events until they are due. What becomes of them then is its subclasses' part."""

    def __init__(self, history: History, reader: str, stream: str) -> None:
        super().__init__(name=f"{stream}-settler", daemon=True)
        self._history, self._reader, self._stream = history, reader, stream
        self._due: list[tuple[float, int, str, int, str, str]] = []
        self._order = itertools.count()
        self._more = threading.Condition()
        self._over = False

    def send(self, call: str, due: Due) -> None:
        raise NotImplementedError

    def take(self, event: v1.ReceivedEvent, act: str, hold: float) -> None:
        self._hold([(f"{event.topic}/{event.partition}", event.offset, event.ack_token, act)], hold)

    def _hold(self, events: Due, seconds: float) -> None:
        with self._more:
            for event in events:
                heapq.heappush(self._due,
                               (time.monotonic() + seconds, next(self._order), *event))
            self._more.notify()

    def stop(self) -> None:
        """The stream is over; what is still held is not settled."""
        with self._more:
            self._over = True
            self._more.notify()

    def run(self) -> None:
        while (due := self._wait()) is not None:
            call = f"{self._stream}/{next(_CALL_IDS)}"
            # Before it is sent: whoever is killed has said so.
            self._history.write("settle", r=self._reader, s=self._stream, id=call,
                                e=[[partition, offset, act] for partition, offset, _, act in due])
            self.send(call, due)

    def answered(self, call: str, due: Due, answer: v1.AcknowledgeResponse) -> None:
        index = {token: at for at, (_, _, token, _) in enumerate(due)}
        self._history.write("settled", r=self._reader, id=call, bad={
            str(index[error.ack_token]): ErrorReason.Name(error.reason).removeprefix(
                "ERROR_REASON_") for error in answer.errors})

    def failed(self, call: str, why: str) -> None:
        self._history.write("settled", r=self._reader, id=call, error=why)

    def _wait(self) -> Due | None:
        """What is due, at least one; None when the stream is over."""
        with self._more:
            while not self._over:
                now, due = time.monotonic(), []
                while self._due and self._due[0][0] <= now and len(due) < 2000:
                    due.append(heapq.heappop(self._due)[2:])
                if due:
                    return due
                self._more.wait(self._due[0][0] - now if self._due else None)
        return None


class ByAcknowledge(Settler):
    """By calls of their own. One that has no answer is made again, as long as the stream is there:
    nobody else would settle what is in it."""

    def __init__(self, history: History, reader: str, stream: str,
                 stub: EventBusServiceStub) -> None:
        super().__init__(history, reader, stream)
        self._stub = stub

    def send(self, call: str, due: Due) -> None:
        try:
            answer = self._stub.Acknowledge(request_for(due), timeout=SETTLE_SECONDS)
        except (grpc.RpcError, ValueError) as error:
            closed = isinstance(error, ValueError)
            self.failed(call, "closed" if closed else f"{error.code().name} {reason(error)}")
            if not closed:
                self._hold(due, AGAIN_SECONDS)
        else:
            self.answered(call, due, answer)


class ByConsume(Settler):
    """On the stream itself. `requests` is the client's side of the call."""

    def __init__(self, history: History, reader: str, stream: str,
                 subscribe: v1.SubscribeRequest) -> None:
        super().__init__(history, reader, stream)
        self._sent: deque[tuple[str, Due]] = deque()
        self._outgoing: deque[Any] = deque([v1.ConsumeRequest(subscribe=subscribe)])
        self._room = threading.Condition()
        self._closed = False

    def requests(self):
        """What the client sends, until it closes its side."""
        while True:
            with self._room:
                self._room.wait_for(lambda: self._outgoing or self._closed)
                if not self._outgoing:
                    return
                message = self._outgoing.popleft()
            yield message

    def half_close(self) -> None:
        with self._room:
            self._closed = True
            self._room.notify()

    def stop(self) -> None:
        super().stop()
        self.half_close()
        while self._sent:
            self.failed(self._sent.popleft()[0], "closed")

    def send(self, call: str, due: Due) -> None:
        with self._room:
            if self._closed:
                self.failed(call, "closed")
                return
            self._sent.append((call, due))
            self._outgoing.append(v1.ConsumeRequest(acknowledge=request_for(due)))
            self._room.notify()

    def deliveries(self, responses: Any):
        """Of the call's responses; answers, which come in the requests' order, are recorded."""
        for response in responses:
            if response.HasField("acknowledged"):
                call, due = self._sent.popleft()
                self.answered(call, due, response.acknowledged)
            else:
                yield response.delivery


def request_for(due: Due) -> v1.AcknowledgeRequest:
    """A retry in the batch's way: the delay is the policy's."""
    fields: dict[str, Any] = {"ack_tokens": [token for *_, token, act in due if act == ACK]}
    if retries := [{"ack_token": token} for *_, token, act in due if act == RETRY]:
        fields["retries"] = retries
    if letters := [{"ack_token": token, "reason": "told to"} for *_, token, act in due
                   if act == DEAD]:
        fields["dead_letters"] = letters
    return v1.AcknowledgeRequest(**fields)
