"""An eventbus-server process, from its first log line to exit code 0."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from support.environment import PATIENCE_SECONDS, SERVER, bootstrap, clean
from support.stubs import EventBusServiceStub

SERVICE = "eventbus.v1.EventBusService"


class Server:
    """A running server. `address` is what a channel takes; `stub` is connected to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._more = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read_log, daemon=True).start()
        self.address = self.logged(r"msg=listening address=(\S+)")
        self.channel = grpc.insecure_channel(self.address)
        self.stub = EventBusServiceStub(self.channel)

    def logged(self, pattern: str) -> str:
        """The first group of the first log line with `pattern`, which may be yet to come."""
        found: list[str] = []

        def look() -> bool:
            found.extend(match[1] for line in self._lines if (match := re.search(pattern, line)))
            return bool(found) or self._ended

        with self._more:
            self._more.wait_for(look, PATIENCE_SECONDS)
            if not found:
                raise AssertionError(f"no log line has {pattern!r}:\n{''.join(self._lines)}")
        return found[0]

    def log(self) -> list[str]:
        """The lines so far."""
        with self._more:
            return list(self._lines)

    def wait_until_serving(self) -> None:
        stub = health_pb2_grpc.HealthStub(self.channel)
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        call = stub.Watch(request, timeout=PATIENCE_SECONDS, wait_for_ready=True)
        for response in call:
            if response.status == health_pb2.HealthCheckResponse.SERVING:
                call.cancel()
                return
        raise AssertionError("health never said SERVING")

    def stop(self) -> None:
        """SIGTERM; fails unless the server then ends with 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_SECONDS)
        if code != 0:
            raise AssertionError(f"exit code {code} after SIGTERM:\n{''.join(self.log())}")

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._more:
                self._lines.append(line)
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()


@contextmanager
def launched(*flags: str) -> Iterator[Server]:
    """A server with just these flags on a free port of the loopback, until it is stopped."""
    command = [str(SERVER), "--listen", "127.0.0.1:0", *flags]
    with subprocess.Popen(command, env=clean(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as process:
        try:
            server = Server(process)
            server.wait_until_serving()
            yield server
            server.channel.close()
            if process.poll() is None:
                server.stop()
        finally:
            process.kill()


def serving(*flags: str):
    """A server on the real broker, which has the documented topics when this returns."""
    return launched("--kafka_bootstrap_servers", bootstrap(), "--provision_topics", *flags)
