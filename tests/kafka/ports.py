"""Free ports that stay free while a broker is down."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from pathlib import Path

from errors import KafkaError

_FIRST, _LAST = 20000, 32000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def choose(host: str, count: int, avoid: Collection[int] = ()) -> list[int]:
    """`count` different free ports, none to `avoid`, outside the kernel's ephemeral range.

    An ephemeral port could go to anybody's outgoing connection between a broker's stop and its
    start; a client that dials it meanwhile may even connect to itself.
    """
    candidates = list(range(_FIRST, _LAST))
    if int(_EPHEMERAL.read_text().split()[0]) < _LAST:
        candidates = list(range(10000, _FIRST))
    random.shuffle(candidates)
    chosen: list[int] = []
    for port in candidates:
        if len(chosen) == count:
            return chosen
        if port not in avoid and is_free(host, port):
            chosen.append(port)
    raise KafkaError(f"no {count} free ports on {host}")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen at `host:port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except socket.gaierror as error:
            raise KafkaError(f"listen: {host!r} is not a host of this machine: {error}") from error
        except OSError:
            return False
        return True
