"""A client that reads from one server after the other, and can be told to misbehave."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import grpc

from tests.fault import ids
from tests.fault.history import History
from tests.support.errors import reason
from tests.support.server import connect
from tests.support.stubs import v1


class Reader(threading.Thread):
    """Opens a stream, reads it to its end, and opens the next, until it is finished."""

    def __init__(self, name: str, reader: str, history: History, servers: list[str],
                 seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.reader = reader
        self.history = history
        self.random = random.Random(f"{seed}/{name}")
        self.stream = ""
        self._servers = servers
        self._server = self.random.randrange(len(servers))
        self._opened = 0
        self._over = threading.Event()
        self._stall_until = 0.0
        self._lock = threading.Lock()
        # What is open, and why we ended it.
        self._channel: grpc.Channel | None = None
        self._call: Any = None
        self._own_end = ""

    # What a stream is of, and what becomes of its events: of the kinds of readers.

    def open(self, channel: grpc.Channel) -> tuple[Any, Any]:
        """A new call, and its messages."""
        raise NotImplementedError

    def end_gently(self) -> None:
        """As a client that has enough."""
        self._call.cancel()

    def received(self, message: v1.SubscribeResponse) -> None:
        """After it has been recorded."""

    def closed(self, error: grpc.RpcError | None) -> None:
        """A stream is over."""

    # Told by the nemesis, from other threads.

    def vanish(self) -> None:
        """Closes the connection at once."""
        self._end("vanish", lambda: self._channel and self._channel.close())

    def reconnect(self) -> None:
        """Ends the stream, and opens another one elsewhere."""
        self._end("reconnect", lambda: self._call and self.end_gently())

    def stall(self, seconds: float) -> None:
        """Does not read for so long."""
        self._stall_until = time.monotonic() + seconds

    def leave(self) -> None:
        """For good."""
        self._over.set()
        self._end("leave", lambda: self._call and self.end_gently())

    def leave_at_once(self) -> None:
        self._over.set()
        self.vanish()

    def _end(self, why: str, close: Any) -> None:
        with self._lock:
            self._own_end = self._own_end or why
            close()

    def run(self) -> None:
        while not self._over.is_set():
            self._read_one_stream()
            self._server = (self._server + self.random.choice((0, 1))) % len(self._servers)
            self._over.wait(self.random.uniform(0.05, 0.5))

    def _read_one_stream(self) -> None:
        self._opened += 1
        self.stream = f"{self.name}#{self._opened}"
        channel = connect(self._servers[self._server])
        self.history.write("join", r=self.reader, m=self.name, s=self.stream, srv=self._server)
        error: grpc.RpcError | None = None
        try:
            with self._lock:
                self._channel, self._own_end = channel, "leave" if self._over.is_set() else ""
                self._call, messages = self.open(channel)
                if self._own_end:
                    self.end_gently()
            for message in messages:
                self._record(message)
                self.received(message)
                self._wait_out_a_stall()
        except (grpc.RpcError, ValueError) as problem:  # ValueError: of a channel that we closed.
            error = problem if isinstance(problem, grpc.RpcError) else None
        self._record_end(error)
        self.closed(error)
        with self._lock:
            self._channel = self._call = None
        channel.close()

    def _wait_out_a_stall(self) -> None:
        while not self._own_end and (left := self._stall_until - time.monotonic()) > 0:
            self._over.wait(min(left, 0.1))

    def _record(self, message: v1.SubscribeResponse) -> None:
        kind = message.WhichOneof("message")
        if kind == "batch":
            self.history.write("got", r=self.reader, s=self.stream,
                               e=[_delivery(event) for event in message.batch.events])
        elif kind in ("started", "assignment"):
            told = getattr(message, kind)
            self.history.write("start" if kind == "started" else "assign", r=self.reader,
                               s=self.stream,
                               a={place(position): position.offset for position in told.assigned})
        elif kind == "gap":
            gap = message.gap
            self.history.write("gap", r=self.reader, s=self.stream, p=place(gap),
                               first=gap.first_offset, next=gap.next_offset,
                               cause=v1.GapCause.Name(gap.cause))

    def _record_end(self, error: grpc.RpcError | None) -> None:
        by = "client" if self._own_end else "server"
        why = self._own_end or "OK"
        if not self._own_end and error is not None:
            why = f"{error.code().name} {reason(error)} {(error.details() or '')[:200]}"
        self.history.write("end", r=self.reader, s=self.stream, by=by, why=why)


def place(message: Any) -> str:
    return f"{message.topic}/{message.partition}"


def _delivery(event: v1.ReceivedEvent) -> list[Any]:
    number = ids.number(event.event_id) if event.HasField("event") else -1
    return [place(event), event.offset, number, ids.key(event.ordering_key),
            event.delivery_attempt]
