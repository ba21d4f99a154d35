"""Streams that come and go: readers of every kind, opened and ended in every way."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

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
    """One server's. `opened` counts the streams."""

    def __init__(self, server: Server, seed: int) -> None:
        self._server, self._seed = server, seed
        self._number = 0
        self.opened = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def fill(self, events: int) -> None:
        """The log, so that it is long from the start: readers from the oldest record have as much
        before them in the first round as in the last."""
        with connect(self._server.address) as channel:
            stub = EventBusServiceStub(channel)
            while self._number < events:
                self._write(stub, 1000)

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
                self._write(stub, 20)
                time.sleep(0.05)

    def _write(self, stub: EventBusServiceStub, count: int) -> None:
        self._number += count
        stub.PublishBatch(v1.PublishBatchRequest(requests=[
            ids.request(self._number + index, index % 20) for index in range(count)]), timeout=30)

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
        request = _request(chosen)
        messages = chosen.randrange(0, 6)
        try:
            if request.HasField("group") and chosen.random() < 0.4:
                _consume(stub, request, messages, chosen)
            else:
                _subscribe(stub, request, messages, chosen)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                self.failures.append(f"{error.code().name} {error.details()}")


def _subscribe(stub: EventBusServiceStub, request: v1.SubscribeRequest, messages: int,
               chosen: random.Random) -> None:
    """Reads so many messages, settles most, and cancels the call or drops it."""
    call = stub.Subscribe(request, timeout=30)
    for index, message in enumerate(call):
        if message.batch.ack_token and chosen.random() < 0.7:
            stub.Acknowledge(v1.AcknowledgeRequest(ack_tokens=[message.batch.ack_token]),
                             timeout=30)
        if index >= messages:
            break
    if chosen.random() < 0.7:
        call.cancel()


def _consume(stub: EventBusServiceStub, request: v1.SubscribeRequest, messages: int,
             chosen: random.Random) -> None:
    """The same on the stream itself, which is half-closed or cancelled."""
    said: queue.SimpleQueue[v1.ConsumeRequest | None] = queue.SimpleQueue()
    said.put(v1.ConsumeRequest(subscribe=request))
    call = stub.Consume(iter(said.get, None), timeout=30)
    try:
        for index, message in enumerate(_deliveries(call)):
            if message.batch.ack_token and chosen.random() < 0.7:
                said.put(v1.ConsumeRequest(acknowledge=v1.AcknowledgeRequest(
                    ack_tokens=[message.batch.ack_token])))
            if index == messages and chosen.random() < 0.7:
                said.put(None)  # The half-close: what comes until the end is read.
            elif index == messages:
                call.cancel()
    finally:
        said.put(None)


def _deliveries(call: Any) -> Iterator[v1.SubscribeResponse]:
    return (message.delivery for message in call if message.HasField("delivery"))


def _request(chosen: random.Random) -> v1.SubscribeRequest:
    fields = {"topics": list(ids.TOPICS), "heartbeat_interval": {"seconds": 1}}
    # Not bounded: the member of one that has ended so stays for 30 s, as long as anything that it
    # delivered is not settled.
    if chosen.random() < 0.25:
        mode = chosen.choice(("auto", "explicit", "explicit"))
        group = v1.Group(id=f"churn-{mode}-{chosen.randrange(GROUPS)}", initial_position=LATEST,
                         ack_mode=v1.AckMode.Value(f"ACK_MODE_{mode.upper()}"))
        return v1.SubscribeRequest(group=group, **fields)
    tail = v1.Tail(start=chosen.choice((EARLIEST, LATEST)))
    return v1.SubscribeRequest(tail=tail, max_events=chosen.choice((0, 0, 50)), **fields)
