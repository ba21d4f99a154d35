"""eventbus-server as a process of its own, and clients of it."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support import broker, environment
from tests.support.log import Log
from tests.support.patience import PROGRAM_SECONDS, SECONDS, wait_until
from tests.support.stubs import EventBusAdminServiceStub, EventBusServiceStub

SERVICE = "eventbus.v1.EventBusService"
ADMIN_SERVICE = "eventbus.v1.EventBusAdminService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
# A free port.
LOOPBACK = ("127.0.0.1:0",)


class Server:
    """A running server. Use it in a `with`: it is killed at the end, if it is still there."""

    def __init__(self, *flags: str, listen: tuple[str, ...] = LOOPBACK, **variables: str) -> None:
        """Returns once it listens; raises AssertionError with its log if it ends instead."""
        listening = [word for address in listen for word in ("--listen", address)]
        self._process = subprocess.Popen(
            [str(environment.SERVER), *listening, *flags],
            env=environment.for_server(**variables), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        assert self._process.stderr is not None
        self.log = Log(self._process.stderr)
        try:
            # As listened on, in the order of `listen`.
            self.addresses = [match[1] for match in self.log.wait_for_each(
                r"msg=listening address=(\S+)", len(listen))]
        except BaseException as error:
            self._kill()
            error.add_note(f"the server ended with {self._process.returncode}")
            raise
        self.channel = connect(self.address)
        self.stub = EventBusServiceStub(self.channel)
        self.admin = EventBusAdminServiceStub(self.channel)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.channel.close()
        self._kill()
        if kind is not None:
            print(f"--- log of the server\n{self.log.text()}\n---", flush=True)

    # The process.

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit code; as a shell has it, 128 + N where signal N ended the process."""
        code = self._process.wait(seconds)
        self.log.wait_for_end()
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """SIGTERM if it still runs; fails unless the exit code is 0."""
        self.send(signal.SIGTERM)
        code = self.wait(PROGRAM_SECONDS)
        assert code == 0, f"exit code {code}:\n{self.log.text()}"

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found, status
        return int(found[1]) * 1024

    # Clients.

    @property
    def address(self) -> str:
        return self.addresses[0]

    def health(self, service: str = "") -> int:
        stub = health_pb2_grpc.HealthStub(self.channel)
        return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS).status

    def wait_for_health(self, status: int, seconds: float = SECONDS) -> None:
        """Until the whole server and its services say so."""
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
        for service in ("", SERVICE, ADMIN_SERVICE):
            wait_until(partial(self._has_health, service, status),
                       f"health of '{service}': {name}", seconds)

    def _has_health(self, service: str, status: int) -> bool:
        return self.health(service) == status

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.log.wait_for_end()


def connect(address: str) -> grpc.Channel:
    """A connection that no other channel shares; the caller closes it."""
    return grpc.insecure_channel(address, options=[
        ("grpc.max_receive_message_length", 4 << 20),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.use_local_subchannel_pool", 1)])


def on_broker(*flags: str, listen: tuple[str, ...] = LOOPBACK) -> Server:
    """A server on the real broker, with or without topics."""
    return Server("--kafka_bootstrap_servers", broker.bootstrap(), *flags, listen=listen)


@contextmanager
def embedded(*flags: str, listen: tuple[str, ...] = LOOPBACK) -> Iterator[Server]:
    """A server on its embedded Kafka that serves, until it is stopped."""
    with Server("--embedded_kafka", *flags, listen=listen) as server:
        yield from _serving(server)


@contextmanager
def serving(*flags: str, listen: tuple[str, ...] = LOOPBACK) -> Iterator[Server]:
    """A server on the real broker, which has the documented topics, until it is stopped."""
    with on_broker("--provision_topics", *flags, listen=listen) as server:
        yield from _serving(server)


def _serving(server: Server) -> Iterator[Server]:
    server.wait_for_health(SERVING)
    yield server
    server.channel.close()
    server.stop()
