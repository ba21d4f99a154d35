#!/usr/bin/env python3
"""`./dev run`, as a person uses it: it shows five events, serves on, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 90
TOPICS = {"document-events", "meeting-events", "tutor-queries", "assessment-events",
          "analytics-events"}


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@contextmanager
def dev(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`./dev` in a process group of its own, as a terminal would have it."""
    process = subprocess.Popen(
        ["./dev", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
        # A test that runs in the background may have it ignored, and bash then cannot catch it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    watchdog = threading.Timer(SECONDS, process.terminate)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait()
        process.stdout.close()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What was printed up to the line with `words`; everything, if it never comes."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


class RunTest(unittest.TestCase):
    def test_five_events_then_it_serves_until_a_signal_and_again(self) -> None:
        address = free_address()
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name), dev("run", "--listen", address) as process:
                begin = time.monotonic()
                output = read_until(process, f"serving on {address} until Ctrl-C")
                self.assertLess(time.monotonic() - begin, 30, output)
                received = re.findall(r"^received +([a-z-]+)\[", output, re.MULTILINE)
                self.assertEqual(sorted(received), sorted(TOPICS), output)
                self.assertIn("grpcurl -plaintext", output)
                self.assertNotIn("apt", output)
                self.assertTrue(listens(address))

                # As Ctrl-C does: to every process of the terminal's group.
                os.killpg(process.pid, number)
                rest, _ = process.communicate()
                self.assertEqual(process.returncode, 0, rest)
                self.assertFalse(listens(address))

    def test_an_address_that_is_taken_is_refused(self) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            address = f"127.0.0.1:{other.getsockname()[1]}"
            with dev("run", "--listen", address) as process:
                output, _ = process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertIn(f"something already listens on {address}", output)

    def test_a_server_that_refuses_its_flags_ends_it_with_the_reason(self) -> None:
        with dev("run", "--listen", free_address(), "--", "--no_such_flag") as process:
            output, _ = process.communicate()
        self.assertEqual(process.returncode, 1, output)
        self.assertIn("no_such_flag", output)


if __name__ == "__main__":
    unittest.main()
