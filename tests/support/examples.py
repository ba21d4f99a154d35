"""The programs of client/examples, one command line for all languages."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.environment import BUILD, DEPS, PROTO, ROOT
from tests.support.log import Log
from tests.support.patience import PROGRAM_SECONDS
from tests.support.stubs import generate

EXAMPLES = ROOT / "client" / "examples"
LANGUAGES = ("python", "go", "node")
# gRPC for Go is compiled the first time.
_GO_SECONDS = 250


def command(language: str, program: str) -> list[str]:
    """`program` is publish or subscribe."""
    if language == "python":
        return [sys.executable, "-u", str(EXAMPLES / "python" / f"{program}.py")]
    if language == "node":
        return ["node", str(EXAMPLES / "node" / f"{program}.js")]
    return [str(_build_go() / program)]


def environment() -> dict[str, str]:
    """What the programs find their stubs and packages by."""
    return {**os.environ, "PYTHONPATH": str(generate()), "EVENTBUS_PROTO": str(PROTO),
            "NODE_PATH": str(DEPS / "node" / "node_modules")}


def run(language: str, program: str, *arguments: str,
        text: str = "") -> subprocess.CompletedProcess[str]:
    """To its end; `text` is its standard input."""
    return subprocess.run([*command(language, program), *arguments], env=environment(), input=text,
                          capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)


def lines(text: str | Iterable[str]) -> list[dict[str, Any]]:
    """The JSON that a program printed, a line each."""
    return [json.loads(line) for line in (text.splitlines() if isinstance(text, str) else text)]


class Program:
    """One that goes on until it is stopped. `out` and `errors` are read while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out = Log(process.stdout)
        self.errors = Log(process.stderr)

    def write(self, text: str) -> None:
        """To its standard input, which stays open."""
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def received(self) -> list[dict[str, Any]]:
        """The events that it has printed so far."""
        return lines(self.out.lines())

    def ids(self) -> list[str]:
        return [event["event_id"] for event in self.received()]


@contextmanager
def running(language: str, program: str, *arguments: str) -> Iterator[Program]:
    """Killed at the end, and when it has taken too long."""
    with subprocess.Popen([*command(language, program), *arguments], env=environment(), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        watchdog = threading.Timer(2 * PROGRAM_SECONDS, process.kill)
        watchdog.start()
        made = Program(process)
        try:
            yield made
        finally:
            watchdog.cancel()
            process.kill()
            made.out.wait_for_end()
            made.errors.wait_for_end()


def _build_go() -> Path:
    """The folder of its programs, built once for each state of their sources and of proto/, from
    modules that are on this machine."""
    source = EXAMPLES / "go"
    files = sorted([*PROTO.rglob("*.proto"), *source.rglob("*.go"), *source.glob("go.*")])
    files = [file for file in files if source / "gen" not in file.parents]
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    folder = BUILD / "go-examples" / digest[:16]
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("a") as lock:  # One compiles; the others wait for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _compile_go(source, folder)
    return folder


def _compile_go(source: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        module = Path(made) / "module"
        shutil.copytree(source, module, ignore=shutil.ignore_patterns("gen", "bin"))
        variables = {**os.environ, "PATH": f"{DEPS / 'bin'}{os.pathsep}{os.environ['PATH']}",
                     "GOFLAGS": "-mod=readonly -buildvcs=false", "GOPROXY": "off"}
        protos = sorted(str(file.relative_to(PROTO)) for file in PROTO.rglob("*.proto"))
        for step in (["protoc", f"-I{PROTO}", "--go_out=.", "--go_opt=module=eventbus",
                      "--go-grpc_out=.", "--go-grpc_opt=module=eventbus", *protos],
                     ["go", "vet", "./..."],
                     ["go", "build", "-o", "bin/", "./publish", "./subscribe"]):
            done = subprocess.run(step, cwd=module, env=variables, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=_GO_SECONDS,
                                  check=False)
            assert done.returncode == 0, f"failed: {' '.join(step)}\n{done.stdout}"
        (module / "bin").rename(folder)
