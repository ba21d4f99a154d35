"""Runs a command beside a cluster of its own, which ends with it whatever happens.

A guard process waits for the end of a pipe that only the runner holds open. When the runner is
done, or dies by any signal, the guard kills the brokers and removes the directory; so there is one
way to clean up, and it also covers nodes that the command stopped and started again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import cluster
from plan import Options

BOOTSTRAP_VARIABLE = "EVENTBUS_TEST_KAFKA"
DIRECTORY_VARIABLE = "EVENTBUS_TEST_KAFKA_DIR"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(command: list[str], options: Options, jar_directory: Path, keep: Path | None) -> int:
    """Returns the command's exit code, 128 + N for signal N, 127 or 126 if it cannot be run.

    The cluster lives in the directory `keep`, which stays, or else in one that is removed.
    """
    signals = _Signals()
    directory = keep or Path(tempfile.mkdtemp(prefix="eventbus-kafka-"))
    with _guarded(directory, remove=keep is None, signals=signals):
        begin = time.monotonic()
        made = cluster.create(directory, options, jar_directory)
        cluster.start_nodes(directory, [node.id for node in made.nodes], jar_directory)
        print(f"kafka: {made.bootstrap} ready after {time.monotonic() - begin:.1f} s",
              file=sys.stderr)
        environment = {**os.environ, BOOTSTRAP_VARIABLE: made.bootstrap,
                       DIRECTORY_VARIABLE: str(directory.resolve())}
        return signals.supervise(command, environment)


def guard(directory: Path, remove: bool) -> None:
    """Waits until nobody holds our stdin's other end, then stops the cluster in `directory`."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    if cluster.exists(directory):
        # What is removed has nothing worth an orderly stop.
        cluster.stop_nodes(directory, seconds=0 if remove else cluster.STOP_SECONDS)
    if remove:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _guarded(directory: Path, remove: bool, signals: _Signals) -> Iterator[None]:
    program = [sys.executable, str(Path(__file__).with_name("kafka.py")), "guard"]
    arguments = ["--dir", str(directory), *(["--remove"] if remove else [])]
    # Its own session: what kills our process group does not kill it.
    with subprocess.Popen([*program, *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield
        finally:
            signals.ignore()
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


class _Signals:
    """Signals end the start, are passed on to the command, and are ignored in the cleanup."""

    def __init__(self) -> None:
        self._interruptible = True
        self._received: int | None = None
        self._command: subprocess.Popen[bytes] | None = None
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def ignore(self) -> None:
        self._interruptible = False
        self._command = None

    def supervise(self, command: list[str], environment: dict[str, str]) -> int:
        """Runs the command to its end."""
        self._interruptible = False  # From here a signal is the command's.
        try:
            running = subprocess.Popen(command, env=environment)
        except OSError as error:
            print(f"kafka: {command[0]}: {error.strerror}", file=sys.stderr)
            return 127 if isinstance(error, FileNotFoundError) else 126
        self._command = running
        if self._received is not None:  # It came before there was a command to pass it to.
            running.send_signal(self._received)
        code = running.wait()
        return code if code >= 0 else 128 - code

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._interruptible:
            raise SystemExit(128 + number)
        self._received = number
        if self._command:
            self._command.send_signal(number)
