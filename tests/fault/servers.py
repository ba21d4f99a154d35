"""The servers of a run: on fixed addresses, so that one can end and come again."""

from __future__ import annotations

import random
import signal
import socket
from pathlib import Path

from tests.fault.history import History
from tests.support.patience import PROGRAM_SECONDS
from tests.support.server import SERVING, Server

COMMIT_INTERVAL = 1.0
# Below the ports of tests/kafka, which are below the ephemeral ones.
_PORTS = range(12000, 20000)


class Fleet:
    def __init__(self, history: History, directory: Path, bootstrap: str, count: int) -> None:
        self._history, self._directory = history, directory
        self._flags = ("--kafka_bootstrap_servers", bootstrap,
                       "--commit_interval", f"{COMMIT_INTERVAL:.0f}s")
        self.addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
        self._servers: list[Server | None] = [None] * count
        self._lives = [0] * count
        # Those that the run itself ends, until they start again.
        self._ending: set[int] = set()
        self.unclean: list[str] = []

    def start(self, index: int) -> None:
        self._lives[index] += 1
        self._ending.discard(index)
        self._servers[index] = Server(*self._flags, listen=(self.addresses[index],))
        self._history.write("server", srv=index, what="start")

    def start_all(self) -> None:
        for index in range(len(self.addresses)):
            self.start(index)

    def wait_until_serving(self) -> None:
        for server in self._servers:
            server.wait_for_health(SERVING, PROGRAM_SECONDS)

    def get(self, index: int) -> Server:
        return self._servers[index]

    def pids(self) -> list[int | None]:
        """None: it does not run now."""
        return [server and server.pid for server in self._servers]

    def kill(self, index: int) -> None:
        self._ending.add(index)
        self._send(index, signal.SIGKILL)
        self.get(index).wait()
        self._put_away(index)

    def terminate(self, index: int) -> None:
        """A drain: has to end with 0, in its time."""
        self._ending.add(index)
        self._send(index, signal.SIGTERM)
        code = self.get(index).wait(PROGRAM_SECONDS)
        self._history.write("server", srv=index, what=f"exit {code}")
        if code != 0:
            self.unclean.append(f"server {index} ended with {code} after SIGTERM")
        self._put_away(index)

    def freeze(self, index: int) -> None:
        self._send(index, signal.SIGSTOP)

    def thaw(self, index: int) -> None:
        self._send(index, signal.SIGCONT)

    def check_alive(self) -> None:
        """One that has ended by itself is a finding."""
        for index, server in enumerate(self._servers):
            if server is None or (code := server.exit_code()) is None:
                continue
            if index not in self._ending:
                self.unclean.append(f"server {index} ended by itself with {code}")
                self._history.write("server", srv=index, what=f"died {code}")
                self._put_away(index)
                self.start(index)

    def close(self) -> None:
        for index, server in enumerate(self._servers):
            if server is not None:
                if server.exit_code() is None:
                    server.send(signal.SIGKILL)
                self._put_away(index)

    def _send(self, index: int, number: signal.Signals) -> None:
        self._history.write("server", srv=index, what=number.name)
        self.get(index).send(number)

    def _put_away(self, index: int) -> None:
        """Ends what is left of it, and keeps its log."""
        server = self.get(index)
        self._servers[index] = None
        server.__exit__(None)
        log = self._directory / f"server-{index}-{self._lives[index]}.log"
        log.write_text(server.log.text())


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            break
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
