"""The processes of clients, as the run that started them sees them."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.environment import ROOT
from tests.support.log import Log
from tests.support.patience import PROGRAM_SECONDS


class Client:
    """One process of them; it is started again with the same clients after a crash."""

    def __init__(self, name: str, directory: Path, servers: list[str], seed: int,
                 actors: list[dict[str, Any]]) -> None:
        self.name = name
        self.actors = actors
        self._directory = directory
        self._servers, self._seed = servers, seed
        self._lives = itertools.count(1)
        self._asks = itertools.count(1)
        self._start()

    def _start(self) -> None:
        life = next(self._lives)
        # A life has names of its own: streams of two lives are not one.
        actors = [{**actor, "name": f"{actor['name']}.{life}"} if actor["kind"] == "member"
                  else actor for actor in self.actors]
        plan = {"history": str(self._directory / f"{self.name}-{life}.jsonl"), "seed": self._seed,
                "servers": self._servers, "actors": actors}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.worker", json.dumps(plan)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(self._directory / f"{self.name}-{life}.log").open("w"))
        self._answers = Log(self._process.stdout)

    def tell(self, do: str, **fields: Any) -> None:
        self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
        self._process.stdin.flush()

    def ask(self) -> dict[str, Any]:
        number = next(self._asks)
        self.tell("ask", id=number)
        return json.loads(self._answers.wait_for(rf'"id": {number}\b').string)

    def crash(self) -> None:
        """Killed, as by the kernel; what it held open is closed by it."""
        self._process.kill()
        self._process.wait()

    def start_again(self) -> None:
        self._start()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def finish(self) -> None:
        """Lets it go: its streams leave."""
        if self._process.poll() is None:
            self.thaw()
            self._process.stdin.close()
            try:
                self._process.wait(PROGRAM_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._answers.wait_for_end()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def complaints(self) -> list[str]:
        """What its processes have written to their standard errors: tracebacks."""
        return [f"{path.name}: {line.rstrip()}"
                for path in sorted(self._directory.glob(f"{self.name}-*.log"))
                for line in path.open() if re.match(r"Traceback|\w*Error\b", line)]
