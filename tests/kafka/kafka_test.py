#!/usr/bin/env python3
"""Tests of kafka.py on real brokers: python3 -m unittest discover -s tests/kafka -p '*_test.py'"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cluster  # noqa: E402
import jars  # noqa: E402
import ports  # noqa: E402
import probe  # noqa: E402
import process  # noqa: E402
import topics  # noqa: E402
from errors import KafkaError  # noqa: E402

KAFKA = [sys.executable, str(HERE / "kafka.py")]
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
SECONDS = 120.0


def kafka(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*KAFKA, *map(str, arguments)], input=stdin, capture_output=True,
                          text=True, timeout=2 * SECONDS)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class TemporaryDirectoryTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="eventbus-kafka-test-")
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)

    def kafka(self, *arguments: object, stdin: str | None = None) -> str:
        """Runs a verb that must succeed; returns what it printed."""
        done = kafka(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class ResolveTest(TemporaryDirectoryTest):
    """With a Maven that is a script."""

    def setUp(self) -> None:
        super().setUp()
        self.calls = self.directory / "calls"
        path = f"{self.directory}:{os.environ['PATH']}"
        self.enterContext(mock.patch.dict(os.environ, PATH=path))
        self.enterContext(mock.patch("time.sleep"))

    def maven(self, script: str) -> None:
        """Each call is noted, then $out is where the jars belong."""
        program = self.directory / "mvn"
        program.write_text(f'#!/bin/sh\necho "$@" >> {self.calls}\n'
                           f'for a; do case $a in -DoutputDirectory=*) out=${{a#*=}};; esac; done\n'
                           + script)
        program.chmod(0o755)

    def call_lines(self) -> list[str]:
        return self.calls.read_text().splitlines()

    def test_complete_jars_are_not_fetched_again(self) -> None:
        self.maven('mkdir "$out"; touch "$out/a.jar"')
        found = jars.resolve(self.directory / "cache")
        self.assertTrue((found / "a.jar").exists())
        self.assertEqual(jars.resolve(self.directory / "cache"), found)
        self.assertEqual(len(self.call_lines()), 1)
        self.assertEqual({p.name for p in (self.directory / "cache").iterdir()}, {"jars", "lock"})

    def test_two_callers_fetch_once(self) -> None:
        self.maven('sleep 0.3; mkdir "$out"')
        callers = [threading.Thread(target=jars.resolve, args=[self.directory / "cache"])
                   for _ in range(2)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual(len(self.call_lines()), 1)

    def test_jars_of_another_pom_are_replaced(self) -> None:
        self.maven('mkdir "$out"')
        found = jars.resolve(self.directory / "cache")
        (found / "old.jar").touch()
        (found / "RESOLVED").write_text("another digest")
        jars.resolve(self.directory / "cache")
        self.assertEqual([p.name for p in found.iterdir()], ["RESOLVED"])

    def test_a_failed_download_is_tried_again_and_asks_anew(self) -> None:
        self.maven(f'[ $(wc -l < {self.calls}) = 2 ] && mkdir "$out"')
        jars.resolve(self.directory / "cache")
        self.assertEqual(["--update-snapshots" in line for line in self.call_lines()],
                         [False, True])

    def test_what_cannot_be_had_is_an_error_with_mavens_words(self) -> None:
        self.maven("echo no route to anywhere; exit 1")
        with self.assertRaisesRegex(KafkaError, "no route to anywhere"):
            jars.resolve(self.directory / "cache")
        self.assertFalse((self.directory / "cache" / "jars").exists())

    def test_no_maven_is_an_error_that_says_so(self) -> None:
        with mock.patch.dict(os.environ, PATH=str(self.directory)):
            with self.assertRaisesRegex(KafkaError, "mvn not found"):
                jars.resolve(self.directory / "cache")


class OptionsTest(TemporaryDirectoryTest):
    def refused(self, text: str, *arguments: object) -> None:
        done = kafka(*arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_wrong_options_are_refused_by_name(self) -> None:
        self.refused("--nodes", "start", "--dir", self.directory, "--nodes", 2)
        self.refused("--port", "start", "--dir", self.directory, "--port", 70000)
        self.refused("--heap", "start", "--dir", self.directory, "--heap", "lots")
        self.refused("--property", "start", "--dir", self.directory, "--property", "x")
        self.refused("--dir", "start")
        self.refused("--head", "start", "--dir", self.directory, "--head", "1g")
        self.refused("no command", "run", "--")
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_a_directory_without_a_cluster_is_refused(self) -> None:
        for verb in (["stop"], ["stop-node", "--node", 1], ["start-node", "--node", 1]):
            self.refused("no cluster", verb[0], "--dir", self.directory, *verb[1:])
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_foreign_files_are_not_removed(self) -> None:
        (self.directory / "node-1").mkdir()
        self.refused("node-1", "start", "--dir", self.directory)
        self.assertTrue((self.directory / "node-1").exists())

    def test_a_port_in_use_is_named(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.refused(f"{port} on 127.0.0.1 is in use",
                         "start", "--dir", self.directory, "--port", port)

    def test_settings_that_kafka_refuses_are_shown(self) -> None:
        self.refused("log.cleaner.threads", "start", "--dir", self.directory,
                     "--property", "log.cleaner.threads=-1")

    def test_topics_without_a_broker_fail_at_once(self) -> None:
        (port,) = ports.choose("127.0.0.1", 1)
        self.refused("no Kafka broker answers", "topics", "--bootstrap", f"127.0.0.1:{port}")
        self.refused("bootstrap", "topics", "--bootstrap", "nonsense")


class ClusterTest(TemporaryDirectoryTest):
    def start(self, *options: object) -> str:
        """Starts a cluster for this test; returns its bootstrap address."""
        self.addCleanup(lambda: cluster.stop_nodes(self.directory, seconds=0))
        return self.kafka("start", "--dir", self.directory, *options).splitlines()[-1]

    def tool(self, *arguments: object, stdin: str | None = None) -> str:
        return self.kafka("tool", *arguments, stdin=stdin)

    def test_topics_are_made_as_documented_and_only_once(self) -> None:
        bootstrap = self.start()
        names = {topic.name for topic in topics.TOPICS}
        first = self.kafka("topics", "--bootstrap", bootstrap)
        self.assertEqual(set(first.split()) - {"created"}, names)
        self.assertEqual(self.kafka("topics", "--bootstrap", bootstrap), "")
        described = self.tool("org.apache.kafka.tools.TopicCommand", "--describe",
                              "--bootstrap-server", bootstrap, "--topic", "meeting-events")
        self.assertIn("PartitionCount: 6\tReplicationFactor: 1", described)
        self.assertIn("retention.ms=259200000", described)

    def test_a_stopped_node_comes_back_with_its_port_and_data(self) -> None:
        bootstrap = self.start()
        self.kafka("topics", "--bootstrap", bootstrap)
        at = ["--bootstrap-server", bootstrap, "--topic", "document-events"]
        for how in ("TERM", "KILL"):
            self.tool(PRODUCER, *at, stdin=f"before {how}\n")
            self.kafka("stop-node", "--dir", self.directory, "--node", 1, "--signal", how)
            self.assertEqual(cluster.running_nodes(self.directory), [])
            self.kafka("start-node", "--dir", self.directory, "--node", 1)
        self.kafka("stop", "--dir", self.directory)
        again = self.kafka("start", "--dir", self.directory, "--keep-data")
        self.assertEqual(again.splitlines()[-1], bootstrap)
        consumed = self.tool(CONSUMER, *at, "--from-beginning", "--max-messages", 2,
                             "--timeout-ms", 60000)
        self.assertEqual(set(consumed.splitlines()), {"before TERM", "before KILL"})

    def test_cluster_json_tells_pids_and_a_frozen_node_can_be_stopped(self) -> None:
        bootstrap = self.start("--advertised", "localhost")
        made = json.loads((self.directory / "cluster.json").read_text())
        self.assertEqual(made["bootstrap"], bootstrap)
        self.assertEqual(bootstrap, f"localhost:{made['nodes'][0]['port']}")
        (pid,) = [node["pid"] for node in made["nodes"]]
        node = ["--dir", self.directory, "--node", 1]
        self.assertIn("already running", kafka("start-node", *node).stderr)
        self.assertIn("is running", kafka("start", "--dir", self.directory).stderr)
        self.kafka("stop-node", *node, "--signal", "STOP")
        state = Path(f"/proc/{pid}/stat")
        self.assertTrue(eventually(lambda: state.read_text().split(") ")[1][0] == "T"))
        self.kafka("stop", "--dir", self.directory)
        self.assertEqual(cluster.running_nodes(self.directory), [])
        self.assertIn("not running", kafka("stop-node", *node, "--signal", "CONT").stderr)

    def test_three_nodes_lose_one_and_take_it_back(self) -> None:
        bootstrap = self.start("--nodes", 3)
        first, second, third = (int(part.split(":")[1]) for part in bootstrap.split(","))
        for port in (first, second, third):
            self.assertEqual(probe.live_brokers("127.0.0.1", port), {1, 2, 3})
        node = ["--dir", self.directory, "--node", 2]
        self.kafka("stop-node", *node, "--signal", "KILL")
        self.assertEqual(cluster.running_nodes(self.directory), [1, 3])
        self.assertTrue(eventually(lambda: probe.live_brokers("127.0.0.1", third) == {1, 3}))
        self.kafka("start-node", *node)
        self.assertIn(2, probe.live_brokers("127.0.0.1", second))


class RunTest(TemporaryDirectoryTest):
    """Each command notes its cluster's directory in the file `noted`."""

    def setUp(self) -> None:
        super().setUp()
        self.noted = self.directory / "noted"

    def begin(self, script: str) -> subprocess.Popen[str]:
        note = (f'echo "$EVENTBUS_TEST_KAFKA_DIR" > {self.noted}.new;'
                f' mv {self.noted}.new {self.noted}')
        return subprocess.Popen([*KAFKA, "run", "--", "sh", "-c", f"{note}; {script}"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def cluster_directory(self) -> Path:
        self.assertTrue(eventually(self.noted.exists))
        return Path(self.noted.read_text().strip())

    def assert_gone(self, directory: Path) -> None:
        def gone() -> bool:
            with process.find(f"-Deventbus.kafka.node={directory}/node-1") as broker:
                return broker is None and not directory.exists()
        self.assertTrue(eventually(gone))

    def test_the_command_gets_the_broker_and_gives_the_exit_code(self) -> None:
        with self.begin('echo "$EVENTBUS_TEST_KAFKA"; exit 7') as runner:
            output, _ = runner.communicate()
        self.assertEqual(runner.returncode, 7)
        self.assertRegex(output, r"^127\.0\.0\.1:\d+\n$")
        directory = self.cluster_directory()
        self.assertFalse(directory.exists())
        self.assert_gone(directory)

    def test_a_node_that_the_command_restarted_is_stopped_too(self) -> None:
        verb = '--dir "$EVENTBUS_TEST_KAFKA_DIR" --node 1'
        program = " ".join(KAFKA)
        with self.begin(f"{program} stop-node {verb} && {program} start-node {verb}") as runner:
            runner.communicate()
        self.assertEqual(runner.returncode, 0)
        self.assert_gone(self.cluster_directory())

    def test_a_command_killed_by_a_signal_is_reported_like_a_shell_does(self) -> None:
        with self.begin("kill -KILL $$") as runner:
            runner.communicate()
        self.assertEqual(runner.returncode, 128 + signal.SIGKILL)
        self.assert_gone(self.cluster_directory())

    def test_a_signal_is_passed_to_the_command(self) -> None:
        with self.begin('trap "exit 9" TERM; touch "$0.ready"; while :; do sleep 0.05; done'
                        .replace("$0", str(self.noted))) as runner:
            self.assertTrue(eventually(Path(f"{self.noted}.ready").exists))
            runner.send_signal(signal.SIGTERM)
            runner.communicate()
        self.assertEqual(runner.returncode, 9)
        self.assert_gone(self.cluster_directory())

    def test_the_broker_does_not_outlive_a_killed_runner(self) -> None:
        with self.begin("echo $$; exec sleep 60") as runner:
            directory = self.cluster_directory()
            assert runner.stdout is not None
            command = int(runner.stdout.readline())
            self.addCleanup(os.kill, command, signal.SIGKILL)  # An orphan is nobody's to stop.
            runner.kill()
            self.assert_gone(directory)

    def test_a_signal_during_the_start_stops_what_was_started(self) -> None:
        kept = self.directory / "kept"
        with subprocess.Popen([*KAFKA, "run", "--dir", kept, "--", "true"],
                              stderr=subprocess.DEVNULL) as runner:
            self.assertTrue(eventually((kept / "node-1" / "server.log").exists))
            runner.terminate()
        self.assertEqual(runner.returncode, 128 + signal.SIGTERM)
        self.assertEqual(cluster.running_nodes(kept), [])

    def test_a_command_that_cannot_be_run_is_127(self) -> None:
        done = kafka("run", "--", self.directory / "missing")
        self.assertEqual(done.returncode, 127)
        self.assertIn("missing: No such file", done.stderr)


if __name__ == "__main__":
    unittest.main()
