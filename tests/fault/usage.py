"""What a server process uses, and whether that grows."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

MIB = 1 << 20


@dataclass(frozen=True)
class Usage:
    """`memory`: resident bytes."""

    t: float
    memory: int
    threads: int
    descriptors: int

    def __str__(self) -> str:
        return (f"{self.memory / MIB:.1f} MiB, {self.threads} threads, "
                f"{self.descriptors} descriptors")


@dataclass(frozen=True)
class Limits:
    """How much more there may be at the end."""

    memory: int
    threads: int
    descriptors: int


def of(pid: int) -> Usage:
    status = Path(f"/proc/{pid}/status").read_text()

    def field(name: str) -> int:
        return int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[1])

    return Usage(time.monotonic(), field("VmRSS") * 1024, field("Threads"),
                 len(os.listdir(f"/proc/{pid}/fd")))


def at_rest(pid: int, seconds: float = 30.0, still: float = 1.5) -> Usage:
    """When what has ended is gone: once threads and descriptors have not changed for `still`
    seconds, or after `seconds`."""
    deadline = time.monotonic() + seconds
    last = of(pid)
    while time.monotonic() < deadline:
        time.sleep(0.1)
        now = of(pid)
        if (now.threads, now.descriptors) != (last.threads, last.descriptors):
            last = now
        elif now.t - last.t >= still:
            return now
    return of(pid)


def growth(samples: Sequence[Usage]) -> Usage:
    """From the first third of the samples to the last, by their medians: one peak is no growth.
    Memory that has been used once is kept for the next time, so what comes before is a warm-up."""
    third = max(1, len(samples) // 3)
    first, last = samples[:third], samples[-third:]

    def grown(name: str) -> int:
        return int(median(getattr(s, name) for s in last) - median(getattr(s, name) for s in first))

    return Usage(samples[-1].t - samples[0].t, grown("memory"), grown("threads"),
                 grown("descriptors"))


def too_much(grown: Usage, limits: Limits) -> list[str]:
    """What grew past its limit, in words."""
    return [f"{name}: {getattr(grown, name):+,} in {grown.t:.0f} s, at most {limit:,}"
            for name, limit in vars(limits).items() if getattr(grown, name) > limit]
