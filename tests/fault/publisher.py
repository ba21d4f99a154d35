"""A client that publishes numbered events in batches, one request in flight."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable

import grpc

from tests.fault import ids
from tests.fault.history import History
from tests.support.errors import reason
from tests.support.server import connect
from tests.support.stubs import ErrorReason, EventBusServiceStub, v1

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
TIMEOUT_SECONDS = 8.0
# What the server answers only where nothing was written.
NOT_WRITTEN = frozenset({"KAFKA_UNAVAILABLE", "SERVER_DRAINING", "PUBLISH_QUEUE_FULL"})


class Publisher(threading.Thread):
    """Owns its keys, so that a key's events are sent one after the other. Its numbers are `first`,
    `first + step`, ..."""

    def __init__(self, name: str, history: History, servers: list[str], keys: list[int], first: int,
                 step: int, rate: float, batch: int, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self._history = history
        self._servers = servers
        self._keys = keys
        self._next, self._step = first, step
        self._pause, self._batch = batch / rate, batch
        self._random = random.Random(f"{seed}/{name}")
        self._server = self._random.randrange(len(servers))
        self._over = threading.Event()
        self.written = 0

    def stop(self) -> None:
        """After the request that is in flight."""
        self._over.set()

    def run(self) -> None:
        while not self._over.is_set():
            with connect(self._servers[self._server]) as channel:
                self._publish(EventBusServiceStub(channel))
            self._server = (self._server + 1) % len(self._servers)

    def _publish(self, stub: EventBusServiceStub) -> None:
        """Until a request fails as a whole, or it is enough of this server."""
        due = time.monotonic()
        for _ in range(200):
            if self._over.wait(max(0.0, due - time.monotonic())) or not self._send(stub):
                return
            due = max(due + self._pause, time.monotonic() - 1.0)

    def _send(self, stub: EventBusServiceStub) -> bool:
        events = [(self._next + index * self._step, self._random.choice(self._keys))
                  for index in range(self._batch)]
        self._next += self._batch * self._step
        self._history.write("send", by=self.name, srv=self._server,
                            e=[[n, key, ids.topic(key)] for n, key in events])
        request = v1.PublishBatchRequest(requests=[ids.request(n, key) for n, key in events])
        try:
            results = stub.PublishBatch(request, timeout=TIMEOUT_SECONDS).results
        except grpc.RpcError as error:
            outcome = outcome_of(reason(error))
            self._history.write("sent", by=self.name, error=error.code().name,
                                e=[[n, outcome, -1, -1] for n, _ in events])
            self._over.wait(0.2)
            return False
        outcomes = list(map(_outcome, (n for n, _ in events), results))
        self._history.write("sent", by=self.name, e=outcomes)
        written = sum(outcome == OK for _, outcome, *_ in outcomes)
        self.written += written
        return written > 0


def outcome_of(reason_name: str) -> str:
    """Of a request that failed as a whole: a call without the server's word is not known."""
    return FAILED if reason_name in NOT_WRITTEN else UNKNOWN


def _outcome(event_number: int, result: v1.PublishResult) -> list[object]:
    if result.HasField("published"):
        return [event_number, OK, result.published.partition, result.published.offset]
    name = ErrorReason.Name(result.error.reason).removeprefix("ERROR_REASON_")
    return [event_number, outcome_of(name), -1, -1]


def keys_of(index: int, publishers: int, keys: int) -> list[int]:
    """The share of publisher `index`."""
    return list(range(index, keys, publishers))


def written(publishers: Iterable[Publisher]) -> int:
    return sum(publisher.written for publisher in publishers)
