"""The proxy between the servers of a run and its brokers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from tests.fault import brokers
from tests.fault.proxy import Link, Proxy


def links() -> list[Link]:
    return [Link(node["id"], node["proxy_port"], node["proxied_port"])
            for node in brokers.cluster()["nodes"]]


def bootstrap(proxy: Proxy) -> str:
    """What the servers are told."""
    return ",".join(f"127.0.0.1:{port}" for port in proxy.ports())


def owner(port: int, pids: Iterable[int | None]) -> int | None:
    """The index of the process that has a connection from this port of the loopback."""
    inode = _inode(port)
    for index, pid in enumerate(pids):
        if pid is not None and inode and inode in _sockets(pid):
            return index
    return None


def _inode(port: int) -> str:
    local = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == local:
            return fields[9]
    return ""


def _sockets(pid: int) -> set[str]:
    found = set()
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):  # The process has ended.
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):  # It has closed this one meanwhile.
                found.add(os.readlink(f"{folder}/{name}").removeprefix("socket:[").rstrip("]"))
    return found
