"""How long a test waits for what must come; nothing takes this long on a machine that works."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

# For what should take a moment: a call, a log line, the server's start.
SECONDS = 30.0
# For another program, and for a whole stream.
PROGRAM_SECONDS = 60.0

_T = TypeVar("_T")


def wait_until(condition: Callable[[], _T], what: str, seconds: float = SECONDS) -> _T:
    """Asks `condition` again and again until it says something true; returns that."""
    deadline = time.monotonic() + seconds
    while not (said := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)
    return said
