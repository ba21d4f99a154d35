"""Streams that wait for events: what each costs, and that it is given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.fault import usage
from tests.fault.usage import Usage
from tests.support.requests import LATEST
from tests.support.server import Server, connect
from tests.support.stubs import EventBusServiceStub, v1

# HTTP/2 lets a connection have 1,000 calls.
_PER_CONNECTION = 250


@dataclass(frozen=True)
class Cost:
    """Of `streams`: usage before, with all of them open, and after their end."""

    what: str
    streams: int
    before: Usage
    during: Usage
    after: Usage

    def memory_each(self) -> float:
        return (self.during.memory - self.before.memory) / self.streams

    def threads_each(self) -> float:
        return (self.during.threads - self.before.threads) / self.streams

    def descriptors_each(self) -> float:
        return (self.during.descriptors - self.before.descriptors) / self.streams

    def __str__(self) -> str:
        return (f"{self.streams} idle {self.what}: each {self.memory_each() / 1024:.1f} KiB, "
                f"{self.threads_each():.2f} threads, {self.descriptors_each():.2f} descriptors; "
                f"before {self.before}; with them {self.during}; after {self.after}")


def measure(server: Server, what: str, streams: int) -> Cost:
    """`what` is tails or groups: members, of a group each."""
    before = usage.at_rest(server.pid)
    with _open(server, what, streams):
        during = usage.at_rest(server.pid)
    return Cost(what, streams, before, during, usage.at_rest(server.pid))


def too_much(cost: Cost, kib_each: float, threads_each: float, descriptors_each: float,
             left: usage.Limits) -> list[str]:
    each = (("KiB", cost.memory_each() / 1024, kib_each),
            ("threads", cost.threads_each(), threads_each),
            ("descriptors", cost.descriptors_each(), descriptors_each))
    found = [f"{cost.what}, {name} of each: {value:.2f}, at most {limit:g}"
             for name, value, limit in each if value > limit]
    before, after = cost.before, cost.after
    rest = Usage(0, after.memory - before.memory, after.threads - before.threads,
                 after.descriptors - before.descriptors)
    return found + [f"{cost.what}, left behind: {text}" for text in usage.too_much(rest, left)]


@contextmanager
def _open(server: Server, what: str, streams: int) -> Iterator[None]:
    """Returns once all of them have started."""
    with ExitStack() as stack:
        calls = []
        for begin in range(0, streams, _PER_CONNECTION):
            channel = stack.enter_context(connect(server.address))
            stub = EventBusServiceStub(channel)
            calls += [stub.Subscribe(_request(what, index))
                      for index in range(begin, min(streams, begin + _PER_CONNECTION))]
        for call in calls:
            message = next(call)
            while not message.HasField("started"):
                message = next(call)
        yield
        for call in calls:
            call.cancel()


def _request(what: str, index: int) -> v1.SubscribeRequest:
    if what == "tails":
        return v1.SubscribeRequest(tail=v1.Tail(start=LATEST), heartbeat_interval={"seconds": 60})
    return v1.SubscribeRequest(group=v1.Group(id=f"idle-{index}", initial_position=LATEST),
                               topics=["document-events"], heartbeat_interval={"seconds": 60})
