"""Clients of three languages, each in all its ways, beside kafka-python: what they publish it
reads, what it writes they print."""

from __future__ import annotations

import json
import unittest
import uuid

from tests.support import examples, legacy
from tests.support.broker import TOPICS
from tests.support.patience import PROGRAM_SECONDS
from tests.support.samples import Sample, document_sample, samples
from tests.support.server import serving
from tests.support.tails import place

MODES = ("unary", "batch", "stream")


def text(made: list[Sample]) -> str:
    return "".join(json.dumps(sample.documented) + "\n" for sample in made)


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())

    def publish(self, language: str, mode: str, lines: str) -> tuple[int, list[dict]]:
        """The exit code, and what was printed."""
        done = examples.run(language, "publish", "--address", self.server.address, "--mode", mode,
                            "-", text=lines)
        self.assertEqual(done.stderr, "")
        return done.returncode, examples.lines(done.stdout)

    # Publish.

    def test_kafka_python_reads_what_they_publish(self) -> None:
        for language in examples.LANGUAGES:
            for mode in MODES:
                with self.subTest(language, mode=mode):
                    self.check_published(language, mode, samples())

    def check_published(self, language: str, mode: str, made: list[Sample]) -> None:
        since = {topic: legacy.end_offsets(topic) for topic in TOPICS}
        code, answers = self.publish(language, mode, text(made))
        self.assertEqual(code, 0, answers)
        self.assertEqual([(answer["line"], answer["event_id"], answer["topic"])
                          for answer in answers],
                         [(number, sample.event_id, sample.topic)
                          for number, sample in enumerate(made, 1)])
        for topic in TOPICS:
            records = {place(record): record
                       for record in legacy.read_records(topic, since[topic])}
            for sample, answer in zip(made, answers, strict=True):
                if sample.topic != topic:
                    continue
                record = records[topic, answer["partition"], answer["offset"]]
                self.assertEqual(json.loads(record.value), sample.documented)
                self.assertEqual(record.key, sample.key.encode())
                self.assertEqual(record.headers, [("content-type", b"application/json")])
        self.check_partitions(made, answers)

    def check_partitions(self, made: list[Sample], answers: list[dict]) -> None:
        """Those that kafka-python's own partitioner gives the keys."""
        with legacy.json_producer() as producer:
            for sample, answer in zip(made, answers, strict=True):
                written = legacy.send(producer, sample.topic, key=sample.key.encode(),
                                      value=sample.documented)
                self.assertEqual(answer["partition"], written.partition)

    def test_kafka_python_reads_their_typed_event_as_documented(self) -> None:
        for language in examples.LANGUAGES:
            for mode in MODES:
                with self.subTest(language, mode=mode):
                    key = str(uuid.uuid4())
                    with legacy.consumer("document-events") as consumer:
                        done = examples.run(language, "publish", "--address", self.server.address,
                                            "--mode", mode, "--document-id", key)
                        record = legacy.receive(consumer, {key})[key]
                    answer, = examples.lines(done.stdout)
                    value = json.loads(record.value)
                    self.assertEqual(answer, {"line": 1, "event_id": value["event_id"],
                                              "topic": record.topic, "offset": record.offset,
                                              "partition": record.partition})
                    self.assertEqual(list(value), list(document_sample().documented))
                    self.assertEqual(
                        (value["event_type"], value["document_id"], value["payload"]),
                        ("document.uploaded", key, document_sample().documented["payload"]))

    def test_one_refused_event_does_not_keep_the_others_back(self) -> None:
        for language in examples.LANGUAGES:
            for mode in MODES:
                with self.subTest(language, mode=mode):
                    first, last = document_sample(), document_sample()
                    wrong = {**document_sample().documented, "document_id": "7"}
                    lines = f"{text([first])}{json.dumps(wrong)}\n{text([last])}"
                    code, (one, two, three) = self.publish(language, mode, lines)
                    self.assertEqual(code, 1)
                    self.assertEqual((one["event_id"], three["event_id"]),
                                     (first.event_id, last.event_id))
                    self.assertEqual(two["error"], "EVENT_INVALID")
                    field, = two["fields"]
                    self.assertEqual(field.split("json.")[1], "document_id")

    def test_a_long_pipeline_keeps_its_order(self) -> None:
        """Of one key, many more than are under way at a time."""
        for language in examples.LANGUAGES:
            with self.subTest(language):
                document_id = str(uuid.uuid4())
                made = [{**document_sample().documented, "document_id": document_id}
                        for _ in range(2000)]
                code, answers = self.publish(language, "stream", "".join(
                    json.dumps(event) + "\n" for event in made))
                self.assertEqual(code, 0, answers[-1])
                self.assertEqual([answer["event_id"] for answer in answers],
                                 [event["event_id"] for event in made])
                self.assertEqual(len({answer["partition"] for answer in answers}), 1)
                offsets = [answer["offset"] for answer in answers]
                self.assertEqual(offsets, sorted(offsets))

    # Subscribe.

    def test_a_tail_prints_what_kafka_python_writes(self) -> None:
        for language in examples.LANGUAGES:
            with self.subTest(language):
                self.check_subscribed(language, "--tail")

    def test_a_member_of_a_group_prints_what_kafka_python_writes(self) -> None:
        for language in examples.LANGUAGES:
            with self.subTest(language):
                self.check_subscribed(language, "--group", f"clients-{uuid.uuid4()}",
                                      "--from", "latest")

    def check_subscribed(self, language: str, *reader: str) -> None:
        made = samples()
        with examples.running(language, "subscribe", "--address", self.server.address,
                              *reader) as program, legacy.producer() as producer:
            program.errors.wait_for("^reading: ")
            wanted = []
            for sample in made:
                topic, partition, offset = place(legacy.send(
                    producer, sample.topic, key=sample.key.encode(),
                    value=json.dumps(sample.documented).encode()))
                wanted.append({"topic": topic, "partition": partition, "offset": offset,
                               "event_id": sample.event_id, "subject": sample.key,
                               "event_type": sample.documented["event_type"]})
            tombstone = legacy.send(producer, "document-events", key=b"gone", value=None)
            for event in wanted:
                program.out.wait_for(event["event_id"], PROGRAM_SECONDS)
            program.out.wait_for("TOMBSTONE")
        printed = program.received()
        for event in wanted:
            self.assertEqual([one for one in printed if one["event_id"] == event["event_id"]],
                             [event])
        self.assertIn({"topic": tombstone.topic, "partition": tombstone.partition,
                       "offset": tombstone.offset, "event_id": "", "event_type": "",
                       "undecodable": "TOMBSTONE"}, printed)

    def test_a_tail_goes_on_from_the_token_it_ended_with(self) -> None:
        for language in examples.LANGUAGES:
            with self.subTest(language):
                made = [sample for sample in samples() if sample.topic == "tutor-queries"]
                self.assertEqual(self.publish(language, "unary", text(made))[0], 0)
                everything, _ = self.read(language, "earliest", "--stop-at-end")
                bound = len(everything) - 2
                first, token = self.read(language, "earliest", "--max-events", str(bound))
                rest, _ = self.read(language, token, "--stop-at-end")
                self.assertEqual(len(first), bound)
                places = [(event["partition"], event["offset"]) for event in first + rest]
                self.assertEqual(len(places), len(set(places)))
                self.assertLessEqual({(event["partition"], event["offset"])
                                      for event in everything}, set(places))

    def read(self, language: str, start: str, *bounds: str) -> tuple[list[dict], str]:
        """What a bounded tail of the queries prints, and its last token."""
        done = examples.run(language, "subscribe", "--address", self.server.address, "--tail",
                            "--topics", "tutor-queries", "--from", start, *bounds)
        self.assertEqual(done.returncode, 0, done.stderr)
        token = done.stderr.rsplit("go on with --from ", 1)[1].strip()
        return examples.lines(done.stdout), token


if __name__ == "__main__":
    unittest.main()
