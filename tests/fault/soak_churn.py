"""Streams that come and go: readers of every kind, opened and ended in every way."""

from __future__ import annotations

import random
import threading
import time

import grpc

from tests.fault import ids, usage
from tests.fault.usage import Usage
from tests.support.requests import EARLIEST, LATEST
from tests.support.server import Server, connect
from tests.support.stubs import EventBusServiceStub, v1

THREADS = 4
GROUPS = 3
_ROUND_SECONDS = 5.0


class Churn:
    """One server's. `opened` counts the streams; `ends` how they ended."""

    def __init__(self, server: Server, seed: int) -> None:
        self._server, self._seed = server, seed
        self._number = 0
        self.opened = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def run(self, seconds: float) -> list[Usage]:
        """In rounds: the server's usage after each, when all streams of it have ended. The first
        round is the warm-up, and not among them."""
        samples: list[Usage] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(samples) < 4:
            self._round(min(_ROUND_SECONDS, max(1.0, seconds / 6)))
            samples.append(usage.at_rest(self._server.pid))
        return samples[1:]

    def _round(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._readers, args=(index, until))
                   for index in range(THREADS)]
        publisher = threading.Thread(target=self._publish, args=(until,))
        for thread in (*threads, publisher):
            thread.start()
        for thread in (*threads, publisher):
            thread.join()

    def _publish(self, until: float) -> None:
        with connect(self._server.address) as channel:
            stub = EventBusServiceStub(channel)
            while time.monotonic() < until:
                self._number += 20
                stub.PublishBatch(v1.PublishBatchRequest(requests=[
                    ids.request(self._number + index, index) for index in range(20)]), timeout=30)
                time.sleep(0.05)

    def _readers(self, index: int, until: float) -> None:
        chosen = random.Random(f"{self._seed}/{index}/{self.opened}")
        while time.monotonic() < until:
            with connect(self._server.address) as channel:
                for _ in range(chosen.randrange(1, 8)):
                    if time.monotonic() > until:
                        return
                    self._one(EventBusServiceStub(channel), chosen)
            # The last stream of a connection may be one that its end cuts off.

    def _one(self, stub: EventBusServiceStub, chosen: random.Random) -> None:
        with self._lock:
            self.opened += 1
        messages = chosen.randrange(0, 6)
        call = stub.Subscribe(_request(chosen), timeout=30)
        try:
            for index, message in enumerate(call):
                if message.batch.ack_token and chosen.random() < 0.7:
                    stub.Acknowledge(v1.AcknowledgeRequest(ack_tokens=[message.batch.ack_token]),
                                     timeout=30)
                if index >= messages:
                    break
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                self.failures.append(f"{error.code().name} {error.details()}")
        if chosen.random() < 0.7:
            call.cancel()


def _request(chosen: random.Random) -> v1.SubscribeRequest:
    fields = {"topics": list(ids.TOPICS), "heartbeat_interval": {"seconds": 1}}
    # Not bounded: the member of one that has ended so stays for 30 s, as long as anything that it
    # delivered is not settled.
    if chosen.random() < 0.25:
        group = v1.Group(id=f"churn-{chosen.randrange(GROUPS)}", initial_position=LATEST)
        return v1.SubscribeRequest(group=group, **fields)
    tail = v1.Tail(start=chosen.choice((EARLIEST, LATEST)))
    return v1.SubscribeRequest(tail=tail, max_events=chosen.choice((0, 0, 50)), **fields)
