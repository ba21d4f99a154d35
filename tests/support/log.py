"""The log of a process, read while it is written."""

from __future__ import annotations

import re
import threading
from typing import IO

from tests.support.patience import SECONDS


class Log:
    """Reads `stream` to its end in a thread of its own."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._ended = False
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def lines(self) -> list[str]:
        """Those so far."""
        with self._more:
            return list(self._lines)

    def text(self) -> str:
        return "".join(self.lines())

    def lines_with(self, words: str) -> list[str]:
        return [line for line in self.lines() if words in line]

    def wait_for(self, pattern: str, seconds: float = SECONDS) -> re.Match[str]:
        """In the first line that has `pattern`, which may be yet to come; `string` is the line."""
        return self.wait_for_each(pattern, 1, seconds)[0]

    def wait_for_each(self, pattern: str, count: int,
                      seconds: float = SECONDS) -> list[re.Match[str]]:
        """In the first `count` lines. Fails, and shows the log, if it ends before."""
        def found() -> list[re.Match[str]]:
            return [match for line in self._lines if (match := re.search(pattern, line))]

        with self._more:
            self._more.wait_for(lambda: self._ended or len(found()) >= count, seconds)
            matches = found()
        if len(matches) < count:
            raise AssertionError(
                f"{len(matches)} lines with {pattern!r}, wanted {count}:\n{self.text()}")
        return matches[:count]

    def wait_for_end(self) -> None:
        """Until the process has closed it."""
        self._reader.join()

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                with self._more:
                    self._lines.append(line)
                    self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()
