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


def owner(source: int, target: int, pids: Iterable[int | None]) -> int | None:
    """The index of the process that has the connection between these ports of the loopback."""
    inode = _inode(source, target)
    for index, pid in enumerate(pids):
        if pid is not None and inode and inode in _sockets(pid):
            return index
    return None


def _inode(source: int, target: int) -> str:
    # Both, since connections to different ports may come from one.
    ends = [f"0100007F:{source:04X}", f"0100007F:{target:04X}"]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends:
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
