"""Which ends of a server are findings."""

import signal
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from tests.fault import servers
from tests.fault.history import History


class FakeServer:
    """Ends with 0 when it is told to; `on_wait` runs before that is known."""

    def __init__(self, *_: str, **__: Any) -> None:
        self.code: int | None = None
        self.on_wait = lambda: None
        self.log = mock.Mock(text=lambda: "")

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, _: signal.Signals) -> None:
        self.code = 0

    def exit_code(self) -> int | None:
        return self.code

    def wait(self, _: float = 0) -> int | None:
        self.on_wait()
        return self.code


class FleetTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.made: list[FakeServer] = []
        self.enterContext(mock.patch.object(servers, "Server", self._make))
        self.fleet = servers.Fleet(History(directory / "run.jsonl"), directory, "localhost:1", 1)
        self.fleet.start(0)

    def _make(self, *_: str, **__: Any) -> FakeServer:
        self.made.append(FakeServer())
        return self.made[-1]

    def test_one_that_ends_by_itself_is_a_finding_and_starts_again(self) -> None:
        self.made[0].code = 134
        self.fleet.check_alive()
        self.assertEqual(self.fleet.unclean, ["server 0 ended by itself with 134"])
        self.assertEqual(len(self.made), 2)

    def test_one_that_the_run_ends_is_none_and_is_left_alone(self) -> None:
        for end in (self.fleet.terminate, self.fleet.kill):
            self.made[-1].on_wait = self.fleet.check_alive
            end(0)
            self.assertEqual(self.fleet.unclean, [])
            self.fleet.start(0)
        self.assertEqual(len(self.made), 3)

    def test_once_it_has_started_again_its_end_is_a_finding_again(self) -> None:
        self.fleet.kill(0)
        self.fleet.start(0)
        self.made[-1].code = 1
        self.fleet.check_alive()
        self.assertEqual(self.fleet.unclean, ["server 0 ended by itself with 1"])


if __name__ == "__main__":
    unittest.main()
