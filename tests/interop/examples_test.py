"""client/examples/python, by the words of its README."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.environment import ROOT
from tests.support.patience import PROGRAM_SECONDS, SECONDS
from tests.support.samples import Sample, document_sample
from tests.support.server import Server, embedded, serving
from tests.support.stubs import generate, v1

EXAMPLES = ROOT / "client" / "examples" / "python"
README = (EXAMPLES / "README.md").read_text("utf-8")


def environment(**more: str) -> dict[str, str]:
    """With the Python that runs this test as `python`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **more}


def python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["python", str(EXAMPLES / script), *arguments], env=environment(PYTHONPATH=str(generate())),
        capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)


@contextmanager
def running(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program that goes on until it is stopped, or has taken too long."""
    with subprocess.Popen(
            ["python", "-u", str(EXAMPLES / script), *arguments], text=True,
            env=environment(PYTHONPATH=str(generate())), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE) as process:
        watchdog = threading.Timer(PROGRAM_SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


class ExamplesTest(unittest.TestCase):
    def test_the_steps_of_the_readme(self) -> None:
        install, *steps = re.findall(r"^ *```sh\n(.*?)^ *```", README, re.M | re.S)
        self.assertIn("pip install", install)  # Done by ./dev setup.
        self.assertEqual(len(steps), 2)
        with tempfile.TemporaryDirectory() as checkout, embedded() as server:
            folder = Path(checkout) / "client" / "examples" / "python"
            folder.mkdir(parents=True)
            (Path(checkout) / "proto").symlink_to(ROOT / "proto")
            for file in EXAMPLES.glob("*.py"):
                (folder / file.name).write_bytes(file.read_bytes())
            script = "\n".join(steps).replace("127.0.0.1:50051", server.address)
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder,
                                  env=environment(), capture_output=True, text=True,
                                  timeout=PROGRAM_SECONDS, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        published, received, *payload = done.stdout.splitlines()
        event_id, where = re.fullmatch(r"(\S+) is in (document-events\[\d\] at \d+)",
                                       published).groups()
        self.assertTrue(received.startswith(f"{where}: document.uploaded {event_id} "), received)
        self.assertIn('filename: "notes.pdf"', received)
        self.assertIn("file_size: 1024000", payload)

    def test_a_failure_is_explained_as_in_the_readme(self) -> None:
        line, expected = re.search(r"^    \$ python (publish\.py .*)\n((?:    .*\n)+)", README,
                                   re.M).groups()
        with embedded() as server:
            done = python(*shlex.split(line), "--address", server.address)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([f"    {text}" for text in done.stderr.splitlines()],
                         expected.splitlines())

    def test_a_server_that_is_not_there(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            done = python("publish.py", "--address", f"unix:{folder}/none.sock")
        self.assertEqual(done.returncode, 1)
        self.assertIn("UNAVAILABLE: ", done.stderr)

    def test_subscribe_goes_on_after_a_restart_of_the_server(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            address = f"unix:{folder}/eventbus.sock"
            with serving(listen=(address,)) as server:
                server.stub.Publish(v1.PublishRequest(event=document_sample().event))
                before, between, after = (document_sample() for _ in range(3))
                with running("subscribe.py", "--address", address, "--earliest",
                             "--type", "document.*") as process:
                    self.publish(server, before)
                    seen = self.read_until(process, before.event_id)
                    server.stop()
                    with serving() as other:
                        self.publish(other, between)
                    with serving(listen=(address,)) as again:
                        self.publish(again, after)
                        seen += self.read_until(process, after.event_id)
                        # All partitions have been read to where they were at the restart.
                        if between.event_id not in seen:
                            seen += self.read_until(process, between.event_id)
        self.assertEqual([seen.count(sample.event_id) for sample in (before, between, after)],
                         [1, 1, 1])

    def publish(self, server: Server, sample: Sample) -> None:
        server.stub.Publish(v1.PublishRequest(event=sample.event), timeout=SECONDS)

    def read_until(self, process: subprocess.Popen[str], words: str) -> str:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if words in line:
                return "".join(lines)
        raise AssertionError(f"ended before {words}: {process.stderr.read()}")


if __name__ == "__main__":
    unittest.main()
