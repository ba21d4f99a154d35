"""Records that neither we nor kafka-python wrote: Kafka's own console producer, and kcat."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.support import legacy
from tests.support.broker import bootstrap
from tests.support.environment import ROOT
from tests.support.patience import PROGRAM_SECONDS
from tests.support.requests import LATEST
from tests.support.samples import Sample, samples
from tests.support.server import serving
from tests.support.stubs import v1
from tests.support.tails import place, tail

KAFKA_PY = ROOT / "tests" / "kafka" / "kafka.py"
CONSOLE_PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
HEADERS = [("trace", b"a1"), ("source", "büro".encode())]


def run(*command: str, text: str = "") -> None:
    done = subprocess.run(command, input=text.encode(), capture_output=True,
                          timeout=PROGRAM_SECONDS, check=False)
    assert done.returncode == 0, (command, done.stderr)


def kcat(topic: str, *arguments: str, text: str = "") -> None:
    run("kcat", "-b", bootstrap(), "-P", "-t", topic, *arguments, text=text)


def console_producer(topic: str, lines: Iterable[str], **properties: str) -> None:
    words = [word for name, value in properties.items()
             for word in ("--property", f"{name.replace('_', '.')}={value}")]
    run(sys.executable, str(KAFKA_PY), "tool", CONSOLE_PRODUCER, "--bootstrap-server", bootstrap(),
        "--topic", topic, *words, text="".join(f"{line}\n" for line in lines))


def one_of_each_topic() -> list[Sample]:
    return list({sample.topic: sample for sample in samples()}.values())


class WritersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())

    def received(self, topic: str, keys: Iterable[str],
                 write: Callable[[], None]) -> dict[str, tuple[v1.ReceivedEvent, Any]]:
        """By key, what `write` writes: as a tail gets it, and as kafka-python does."""
        wanted = set(keys)
        with legacy.consumer(topic) as consumer, tail(self.server.stub, LATEST,
                                                      topics=[topic]) as stream:
            write()
            records = legacy.receive(consumer, wanted)
            events = stream.receive([place(record) for record in records.values()])
        return {key: (events[place(record)], record) for key, record in records.items()}

    def check_typed(self, sample: Sample, event: v1.ReceivedEvent, record: Any) -> None:
        self.assertEqual(event.event, sample.event)
        self.assertEqual((event.event_id, event.event_type, event.ordering_key),
                         (sample.event_id, sample.documented["event_type"], sample.key))
        self.assertEqual([(header.key, header.value) for header in event.headers], HEADERS)
        self.assertEqual(list(record.headers), HEADERS)
        self.assertEqual(event.record_time.ToMilliseconds(), record.timestamp)

    def test_the_console_producers_events_come_typed(self) -> None:
        headers = ",".join(f"{name}:{value.decode()}" for name, value in HEADERS)
        for sample in one_of_each_topic():
            with self.subTest(sample.topic):
                line = f"{headers}\t{sample.key}\t{json.dumps(sample.documented)}"
                found = self.received(sample.topic, [sample.key], lambda: console_producer(
                    sample.topic, [line], parse_key="true", parse_headers="true"))
                self.check_typed(sample, *found[sample.key])

    def test_kcats_events_come_typed(self) -> None:
        headers = [word for name, value in HEADERS for word in ("-H", f"{name}={value.decode()}")]
        for sample in one_of_each_topic():
            with self.subTest(sample.topic):
                found = self.received(sample.topic, [sample.key], lambda: kcat(
                    sample.topic, "-k", sample.key, *headers,
                    text=json.dumps(sample.documented) + "\n"))
                self.check_typed(sample, *found[sample.key])

    def test_tombstones_of_both_come_as_such(self) -> None:
        ours, theirs = uuid.uuid4().hex, uuid.uuid4().hex

        def write() -> None:
            kcat("document-events", "-Z", "-K", "|", text=f"{ours}|\n")
            console_producer("document-events", [f"{theirs}\tNULL"], parse_key="true",
                             null_marker="NULL")

        for event, record in self.received("document-events", [ours, theirs], write).values():
            self.assertIsNone(record.value)
            self.check_undecodable(event, "TOMBSTONE", None)

    def test_rubbish_comes_with_its_reason_and_its_bytes(self) -> None:
        rubbish = {"INVALID_UTF8": b'{"event_id":"\xff"}', "INVALID_JSON": b'{"event_id":',
                   "NOT_AN_OBJECT": b"[1, 2]", "TOO_DEEP": b'{"a":' * 65 + b"1" + b"}" * 65}
        keys = {reason: uuid.uuid4().hex for reason in rubbish}

        def write() -> None:
            with tempfile.TemporaryDirectory() as folder:
                for reason, value in rubbish.items():
                    file = Path(folder) / reason
                    file.write_bytes(value)
                    kcat("document-events", "-k", keys[reason], str(file))

        found = self.received("document-events", keys.values(), write)
        for reason, value in rubbish.items():
            with self.subTest(reason):
                self.check_undecodable(found[keys[reason]][0], reason, value)

    def check_undecodable(self, event: v1.ReceivedEvent, reason: str, value: bytes | None) -> None:
        self.assertEqual(event.WhichOneof("body"), "undecodable")
        self.assertEqual(v1.UndecodableReason.Name(event.undecodable.reason),
                         f"UNDECODABLE_REASON_{reason}")
        self.assertEqual(event.undecodable.HasField("value"), value is not None)
        self.assertEqual(event.undecodable.value, value or b"")
        self.assertNotEqual(event.undecodable.detail, "")
        self.assertEqual((event.event_id, event.event_type), ("", ""))


if __name__ == "__main__":
    unittest.main()
