"""eventbus-server as a process of its own, and clients of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from support.stubs import ROOT, service_pb2_grpc

# Set by ctest.
BINARY = os.environ.get("EVENTBUS_SERVER", str(ROOT / "build/release/bin/eventbus-server"))
# For what should take a moment, on a busy machine.
SECONDS = 30.0

SERVICE = "eventbus.v1.EventBusService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def wait_until(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> object:
    """Asks `condition` again and again until it says something true; returns that."""
    deadline = time.monotonic() + seconds
    while not (said := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)
    return said


def environment(**variables: str) -> dict[str, str]:
    """Ours without what the server reads from it, and with `variables`."""
    read = re.compile(r"KAFKA_|EVENTBUS_")
    return {k: v for k, v in os.environ.items() if not read.match(k)} | variables


class Server:
    """A running server. Use it in a `with`: it is killed at the end, if it is still there."""

    def __init__(self, *flags: str, listen: tuple[str, ...] = ("127.0.0.1:0",),
                 **variables: str) -> None:
        """Returns once it listens; raises AssertionError with its log if it ends instead."""
        listening = [word for address in listen for word in ("--listen", address)]
        self._process = subprocess.Popen(
            [BINARY, *listening, *flags], env=environment(**variables), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            wait_until(lambda: len(self.addresses) == len(listen) or self._ended(), "listening")
            if self._ended():
                raise AssertionError(f"the server ended with {self.pid_code()}:\n{self.text()}")
        except BaseException:
            self.close()
            raise
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close()
        if kind is not None:
            print(f"--- log of the server\n{self.text()}\n---", flush=True)

    def close(self) -> None:
        if getattr(self, "_channel", None) is not None:
            self._channel.close()
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stderr.close()

    # Its log.

    def log(self) -> list[str]:
        return list(self._lines)

    def text(self) -> str:
        return "".join(self._lines)

    def lines_with(self, words: str) -> list[str]:
        return [line for line in self.log() if words in line]

    def wait_for_log(self, words: str, seconds: float = SECONDS) -> str:
        lines = wait_until(lambda: self.lines_with(words), f"a log line with {words}", seconds)
        return lines[0]

    @property
    def addresses(self) -> list[str]:
        """As listened on, in the order of `listen`."""
        return re.findall(r"msg=listening address=(\S+)\n", self.text())

    # The process.

    @property
    def pid(self) -> int:
        return self._process.pid

    def pid_code(self) -> int | None:
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit code; as a shell has it, 128 + N where signal N ended the process."""
        code = self._process.wait(seconds)
        self._reader.join()
        return code if code >= 0 else 128 - code

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    # Clients.

    def channel(self) -> grpc.Channel:
        """One of its own; the caller closes it."""
        return connect(self.addresses[0])

    @property
    def stub(self) -> service_pb2_grpc.EventBusServiceStub:
        return service_pb2_grpc.EventBusServiceStub(self._shared_channel())

    def health(self, service: str = "") -> int:
        stub = health_pb2_grpc.HealthStub(self._shared_channel())
        return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS).status

    def wait_for_health(self, status: int, seconds: float = SECONDS) -> None:
        """Until the whole server and the service say so."""
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
        for service in ("", SERVICE):
            wait_until(lambda service=service: self.health(service) == status,
                       f"health of '{service}': {name}", seconds)

    def _shared_channel(self) -> grpc.Channel:
        if self._channel is None:
            self._channel = self.channel()
        return self._channel

    def _read_log(self) -> None:
        for line in self._process.stderr:
            self._lines.append(line)

    def _ended(self) -> bool:
        return self._process.poll() is not None


def connect(address: str) -> grpc.Channel:
    return grpc.insecure_channel(address, options=[
        ("grpc.max_receive_message_length", 4 << 20),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.use_local_subchannel_pool", 1)])


def reason(error: grpc.Call) -> str:
    """The reason of ErrorInfo in a call's details; empty where there is none."""
    info = detail(error, error_details_pb2.ErrorInfo)
    return "" if info is None else info.reason


def detail(error: grpc.Call, kind: type) -> object | None:
    """The detail of this type, or None."""
    status = rpc_status.from_call(error)
    for any_detail in () if status is None else status.details:
        found = kind()
        if any_detail.Unpack(found):
            return found
    return None
