"""A running broker, found by its command line and held by a pidfd.

Signals go through the pidfd, so a pid that the kernel has given to someone else is never hit.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path


class Process:
    """One process that carries our marker among its arguments. Close it, or use `find`."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError if there is no such process."""
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def close(self) -> None:
        os.close(self._fd)

    def send(self, signal_number: int) -> None:
        """Sends a signal; nothing happens if the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._fd, signal_number)

    def wait(self, seconds: float) -> bool:
        """Waits for the end of the process, files and sockets closed; False on timeout."""
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        return bool(poller.poll(max(seconds, 0) * 1000))


@contextlib.contextmanager
def find(marker: str) -> Iterator[Process | None]:
    """The running process that has `marker` as one of its arguments, or None."""
    process = _find(marker)
    try:
        yield process
    finally:
        if process:
            process.close()


def _find(marker: str) -> Process | None:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or not _has_argument(entry, marker):
            continue
        with contextlib.suppress(ProcessLookupError):
            process = Process(int(entry.name))
            if _has_argument(entry, marker):  # Still the same process, now that it is held.
                return process
            process.close()
    return None


def _has_argument(entry: Path, marker: str) -> bool:
    """Reads the process's arguments; a process that has ended has none."""
    with contextlib.suppress(OSError):
        return marker.encode() in (entry / "cmdline").read_bytes().split(b"\0")
    return False
