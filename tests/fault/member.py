"""A member of a group: settles what it gets, out of order, and not always by acknowledging."""

from __future__ import annotations

from typing import Any

import grpc

from tests.fault import ids
from tests.fault.history import History
from tests.fault.reader import Reader
from tests.fault.settler import ACK, DEAD, RETRY, ByAcknowledge, ByConsume, Settler
from tests.support.requests import EARLIEST
from tests.support.stubs import EventBusServiceStub, v1


class Habits:
    """How a group's members deal with events."""

    def __init__(self, slow: float = 0.0, window: int = 0, retries: float = 0.004,
                 dead: float = 0.0, max_attempts: int = 0, killers: bool = False,
                 consume: bool = False) -> None:
        self.slow = slow  # Seconds that each event is held for.
        self.window = window  # How many it may have at once; 0: the server's default.
        self.retries = retries
        self.dead = dead
        self.max_attempts = max_attempts
        self.killers = killers  # Whether events may kill them.
        self.consume = consume  # Some by Consume, some by Subscribe.


class Member(Reader):
    def __init__(self, name: str, group: str, history: History, servers: list[str], seed: int,
                 habits: Habits) -> None:
        super().__init__(name, group, history, servers, seed)
        self.habits = habits
        self._consumes = habits.consume and self.random.random() < 0.5
        self._settler: Settler | None = None

    def open(self, channel: grpc.Channel) -> tuple[Any, Any]:
        stub = EventBusServiceStub(channel)
        if self._consumes:
            settler = ByConsume(self.history, self.reader, self.stream, self._request())
            call = stub.Consume(settler.requests())
            messages = settler.deliveries(call)
        else:
            settler = ByAcknowledge(self.history, self.reader, self.stream, stub)
            call = messages = stub.Subscribe(self._request())
        settler.start()
        self._settler = settler
        return call, messages

    def end_gently(self) -> None:
        if self._consumes:
            self._settler.half_close()
        else:
            super().end_gently()

    def _request(self) -> v1.SubscribeRequest:
        group = v1.Group(id=self.reader, initial_position=EARLIEST,
                         max_outstanding_events=self.habits.window)
        if self.habits.retries:
            group.retry_policy.min_backoff.FromMilliseconds(200)
            group.retry_policy.max_backoff.FromSeconds(2)
        if self.habits.max_attempts:
            group.dead_letter_policy.max_delivery_attempts = self.habits.max_attempts
        return v1.SubscribeRequest(group=group, topics=list(ids.TOPICS), client_id=self.name,
                                   heartbeat_interval={"seconds": 2})

    def received(self, message: v1.SubscribeResponse) -> None:
        for event in message.batch.events:
            if self.habits.killers and ids.number(event.event_id) >= ids.KILLERS:
                self.vanish()
                return
            self._settler.take(event, self._act(), self._hold())

    def closed(self, error: grpc.RpcError | None) -> None:
        if self._settler:
            self._settler.stop()

    def _act(self) -> str:
        roll = self.random.random()
        if roll < self.habits.dead:
            return DEAD
        return RETRY if roll < self.habits.dead + self.habits.retries else ACK

    def _hold(self) -> float:
        """Most are settled at once, some late, so out of order."""
        if self.habits.slow:
            return self.habits.slow
        return self.random.uniform(0.2, 2.0) if self.random.random() < 0.02 else 0.0
