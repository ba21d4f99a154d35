"""What is recorded: one JSON object a line, one file a process, appended and never changed.

Every line has `k`, its kind, and `t`, the time of the machine's monotonic clock, which all
processes share. A partition is written as `topic/number`. A line is in the file when `write`
returns: a process that is killed after it loses nothing.

    run     what the run is: seed, scenario, groups, tails, commit_interval,
            max_attempts {group: failures that an event may have}
    send    a publisher is about to send `e`: [[number, key, topic]...]
    sent    what became of them: [[number, outcome, partition, offset]...]; outcome ok, failed (the
            server says that it was not written) or unknown
    join    reader `r`, member `m` asks server `srv` for a stream `s`; `legacy`: kafka-python
    start   the stream has started, with the partitions `a`: {partition: offset}
    assign  its partitions are now `a`
    got     it was delivered `e`: [[partition, offset, number, key, attempt]...]; number -1 is an
            undecodable record
    gap     of partition `p`, [first, next) cannot be delivered; cause RESTART: so says its
            client, which began anew at the oldest record
    end     the stream is over: `by` client or server, `why`
    settle  the member is about to settle `e`: [[partition, offset, act]...] by call `id`; act a
            (acknowledge), r (retry) or d (dead letter)
    settled what became of the call: `bad` {index: reason}, or `error` where there was no answer
    commit  what group `g` has committed, asked at `t0`: {partition: [offset, metadata]}
    ends    {partition: [first, end]} of the log
    fault   `name`, on `target`: `phase` begin or end, `id`
    server  `srv` was started, killed, ... : `what`
    log     what stands in the log of partition `p`: [[offset, number, key]...]
    dead    what group `g` has in its dead letter topics: [[partition, offset, number, attempts,
            reason]...]
    over    every group has caught up, or `missing` says which has not
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]
RESTART = "RESTART"


class History:
    """The file of one process. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._lock = threading.Lock()

    def write(self, kind: str, **fields: Any) -> float:
        """Returns the time of the line."""
        with self._lock:  # Lines of one file are in the order of their times.
            now = time.monotonic()
            line = json.dumps({"k": kind, "t": round(now, 6), **fields}, separators=(",", ":"))
            os.write(self._file, line.encode() + b"\n")
        return now

    def close(self) -> None:
        os.close(self._file)


def read(directory: Path) -> list[Line]:
    """All lines of a run, in the order of their times."""
    lines = [line for path in sorted(directory.glob("*.jsonl")) for line in parse(path.open())]
    lines.sort(key=lambda line: line["t"])  # Stable: lines of one time stay as they were written.
    return lines


def parse(text: Iterable[str]) -> Iterator[Line]:
    """The lines of one file. The last one of a process that was killed may be cut."""
    for line in text:
        if line.endswith("\n"):
            yield json.loads(line)
