"""A member of a group: settles what it gets, out of order, and not always by acknowledging."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import Any

import grpc

from tests.fault import ids
from tests.fault.history import History
from tests.fault.reader import Reader, place
from tests.support.errors import reason
from tests.support.requests import EARLIEST
from tests.support.stubs import ErrorReason, EventBusServiceStub, v1

HAS_RETRIES = False
HAS_DEAD_LETTERS = False
ACK, RETRY, DEAD = "a", "r", "d"
SETTLE_SECONDS = 10.0
_CALL_IDS = itertools.count(1)


class Habits:
    """How a group's members deal with events."""

    def __init__(self, slow: float = 0.0, window: int = 0, retries: float = 0.004,
                 dead: float = 0.0, max_attempts: int = 0, killers: bool = False) -> None:
        self.slow = slow  # Seconds that each event is held for.
        self.window = window  # How many it may have at once; 0: the server's default.
        self.retries = retries if HAS_RETRIES else 0.0
        self.dead = dead if HAS_DEAD_LETTERS else 0.0
        self.max_attempts = max_attempts if HAS_DEAD_LETTERS else 0
        self.killers = killers and HAS_DEAD_LETTERS  # Whether events may kill them.


class Member(Reader):
    def __init__(self, name: str, group: str, history: History, servers: list[str], seed: int,
                 habits: Habits) -> None:
        super().__init__(name, group, history, servers, seed)
        self.habits = habits
        self._settler: _Settler | None = None

    def request(self) -> v1.SubscribeRequest:
        group = v1.Group(id=self.reader, initial_position=EARLIEST,
                         max_outstanding_events=self.habits.window)
        if self.habits.retries:
            group.retry_policy.min_backoff.FromMilliseconds(200)
            group.retry_policy.max_backoff.FromSeconds(2)
        if self.habits.max_attempts:
            group.dead_letter_policy.max_delivery_attempts = self.habits.max_attempts
        return v1.SubscribeRequest(group=group, topics=list(ids.TOPICS), client_id=self.name,
                                   heartbeat_interval={"seconds": 2})

    def opened(self, channel: grpc.Channel) -> None:
        self._settler = _Settler(self, EventBusServiceStub(channel), self.stream)
        self._settler.start()

    def received(self, message: v1.SubscribeResponse) -> None:
        for event in message.batch.events:
            if self.habits.killers and ids.number(event.event_id) >= ids.KILLERS:
                self.vanish()
                return
            self._settler.take(event, self._act(event), self._hold())

    def closed(self, error: grpc.RpcError | None) -> None:
        if self._settler:
            self._settler.stop()

    def _act(self, event: v1.ReceivedEvent) -> str:
        roll = self.random.random()
        if roll < self.habits.dead:
            return DEAD
        return RETRY if roll < self.habits.dead + self.habits.retries else ACK

    def _hold(self) -> float:
        """Most are settled at once, some late, so out of order."""
        if self.habits.slow:
            return self.habits.slow
        return self.random.uniform(0.2, 2.0) if self.random.random() < 0.02 else 0.0


class _Settler(threading.Thread):
    """Settles the events of one stream when they are due, in calls of many tokens."""

    def __init__(self, member: Member, stub: EventBusServiceStub, stream: str) -> None:
        super().__init__(name=f"{stream}-settler", daemon=True)
        self._member, self._stub, self._stream = member, stub, stream
        self._due: list[tuple[float, int, str, int, str, str]] = []
        self._order = itertools.count()
        self._more = threading.Condition()
        self._over = False

    def take(self, event: v1.ReceivedEvent, act: str, hold: float) -> None:
        with self._more:
            heapq.heappush(self._due, (time.monotonic() + hold, next(self._order), place(event),
                                       event.offset, event.ack_token, act))
            self._more.notify()

    def stop(self) -> None:
        with self._more:
            self._over = True
            self._more.notify()

    def run(self) -> None:
        while (due := self._wait()) is not None:
            self._settle(due)

    def _wait(self) -> list[tuple[str, int, str, str]] | None:
        """What is due, at least one; None when the stream is over."""
        with self._more:
            while not self._over:
                now = time.monotonic()
                due = []
                while self._due and self._due[0][0] <= now and len(due) < 2000:
                    due.append(heapq.heappop(self._due)[2:])
                if due:
                    return due
                self._more.wait(self._due[0][0] - now if self._due else None)
        return None

    def _settle(self, due: list[tuple[str, int, str, str]]) -> None:
        history, reader = self._member.history, self._member.reader
        call = f"{self._stream}/{next(_CALL_IDS)}"
        history.write("settle", r=reader, s=self._stream, id=call,
                      e=[[partition, offset, act] for partition, offset, _, act in due])
        try:
            answer = self._stub.Acknowledge(_request(due), timeout=SETTLE_SECONDS)
        except (grpc.RpcError, ValueError) as error:
            why = "closed" if isinstance(error, ValueError) else (
                f"{error.code().name} {reason(error)}")
            history.write("settled", r=reader, id=call, error=why)
            return
        index = {token: at for at, (_, _, token, _) in enumerate(due)}
        history.write("settled", r=reader, id=call, bad={
            str(index[error.ack_token]): ErrorReason.Name(error.reason).removeprefix(
                "ERROR_REASON_") for error in answer.errors})


def _request(due: list[tuple[str, int, str, str]]) -> v1.AcknowledgeRequest:
    fields: dict[str, Any] = {"ack_tokens": [token for *_, token, act in due if act == ACK]}
    if HAS_RETRIES:
        fields["retries"] = [{"ack_token": token} for *_, token, act in due if act == RETRY]
        fields["dead_letters"] = [{"ack_token": token, "reason": "told to"}
                                  for *_, token, act in due if act == DEAD]
    return v1.AcknowledgeRequest(**fields)
