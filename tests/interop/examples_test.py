"""client/examples by the words of their READMEs, and what only a program of its own can show."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.support import examples
from tests.support.environment import DEPS, ROOT
from tests.support.patience import PROGRAM_SECONDS, SECONDS
from tests.support.samples import Sample, document_sample
from tests.support.server import SERVING, Server, embedded, serving
from tests.support.stubs import v1


def readme(language: str) -> str:
    return (examples.EXAMPLES / language / "README.md").read_text("utf-8")


def steps(language: str) -> list[str]:
    """What its README tells to type."""
    return re.findall(r"^ *```sh\n(.*?)^ *```", readme(language), re.M | re.S)


class ReadmeTest(unittest.TestCase):
    def test_the_steps_after_the_installation(self) -> None:
        """A step that installs is what ./dev setup does."""
        for language, install in (("python", "pip install -r requirements.txt"),
                                  ("go", "go install "), ("node", "npm install")):
            with self.subTest(language), embedded() as server:
                first, *others = steps(language)
                self.assertIn(install, first)
                script = "\n".join(others).replace("127.0.0.1:50051", server.address)
                done = self.in_a_checkout(language, script)
                self.assertEqual((done.returncode, done.stdout.count("\n")), (0, 12), done.stderr)
                printed = examples.lines(done.stdout)
                typed, *batch = printed[:6]
                self.assertEqual([answer["line"] for answer in (typed, *batch)],
                                 [1, 1, 2, 3, 4, 5])
                self.assertCountEqual([event["event_id"] for event in printed[6:]],
                                      [answer["event_id"] for answer in printed[:6]])
                self.assertIn("document.uploaded", {event["event_type"] for event in printed[6:]})

    def in_a_checkout(self, language: str, script: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as checkout:
            folder = Path(checkout) / "client" / "examples" / language
            shutil.copytree(examples.EXAMPLES / language, folder, ignore=shutil.ignore_patterns(
                "gen", "bin", ".venv", "node_modules"))
            shutil.copy(examples.EXAMPLES / "events.jsonl", folder.parent)
            (Path(checkout) / "proto").symlink_to(ROOT / "proto")
            path = [Path(sys.executable).parent, DEPS / "bin", os.environ["PATH"]]
            variables = {**os.environ, "PATH": os.pathsep.join(map(str, path)), "GOPROXY": "off",
                         "NODE_PATH": str(DEPS / "node" / "node_modules")}
            return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder,
                                  env=variables, capture_output=True, text=True,
                                  timeout=2 * PROGRAM_SECONDS, check=False)

    def test_a_refusal_is_explained_as_the_readme_says(self) -> None:
        line, expected = re.search(r"^    \$ python publish\.py (.*)\n    (.*)\n",
                                   readme("python"), re.M).groups()
        with embedded() as server:
            for language in examples.LANGUAGES:
                with self.subTest(language):
                    done = examples.run(language, "publish", "--address", server.address,
                                        *shlex.split(line))
                    self.assertEqual((done.returncode, done.stderr), (1, ""))
                    printed, = examples.lines(done.stdout)
                    wanted = json.loads(expected)
                    # Go spells codes in its own way.
                    wanted["message"] = wanted["message"].replace(
                        "INVALID_ARGUMENT", printed["message"].split(":")[0])
                    self.assertEqual(printed, wanted)


class AwayTest(unittest.TestCase):
    def test_publish_says_that_there_is_no_server(self) -> None:
        for language in examples.LANGUAGES:
            with self.subTest(language), tempfile.TemporaryDirectory() as folder:
                done = examples.run(language, "publish", "--address", f"unix:{folder}/none.sock")
                self.assertEqual((done.returncode, done.stderr), (1, ""))
                printed, = examples.lines(done.stdout)
                self.assertEqual(printed["error"].upper(), "UNAVAILABLE")

    def test_a_pipeline_whose_server_dies_says_so_and_ends(self) -> None:
        """While its input goes on."""
        for language in examples.LANGUAGES:
            with (self.subTest(language), Server("--embedded_kafka") as server,
                  examples.running(language, "publish", "--address", server.address, "--mode",
                                   "stream", "-") as program):
                server.wait_for_health(SERVING)
                program.write(json.dumps(document_sample().documented) + "\n")
                program.out.wait_for("event_id")
                server.send(signal.SIGKILL)
                self.assertEqual(program.process.wait(SECONDS), 1)
                program.errors.wait_for("^the stream ended, later lines were not sent: ")

    def test_a_tail_goes_on_after_a_restart_of_the_server(self) -> None:
        for language in examples.LANGUAGES:
            with self.subTest(language), tempfile.TemporaryDirectory() as folder:
                self.check_restart(language, f"unix:{folder}/eventbus.sock")

    def check_restart(self, language: str, address: str) -> None:
        before, between, after = (document_sample() for _ in range(3))
        wanted = [sample.event_id for sample in (before, between, after)]
        with serving(listen=(address,)) as server, examples.running(
                language, "subscribe", "--address", address, "--tail", "--topics",
                "document-events") as program:
            program.errors.wait_for("^reading: ")
            self.publish(server, before)
            program.out.wait_for(before.event_id)
            server.stop()
            with serving() as other:
                self.publish(other, between)
            with serving(listen=(address,)) as again:
                self.publish(again, after)
                for event_id in wanted:
                    program.out.wait_for(event_id, PROGRAM_SECONDS)
                self.assertEqual([program.ids().count(event_id) for event_id in wanted],
                                 [1, 1, 1])

    def publish(self, server: Server, sample: Sample) -> None:
        server.stub.Publish(v1.PublishRequest(event=sample.event), timeout=SECONDS)


if __name__ == "__main__":
    unittest.main()
