"""The embedded Kafka is a Kafka to others: kcat reads and writes it."""

from __future__ import annotations

import json
import subprocess
import unittest

from tests.support.patience import PROGRAM_SECONDS, SECONDS
from tests.support.requests import LATEST
from tests.support.samples import Sample, document_sample, samples
from tests.support.server import embedded
from tests.support.stubs import v1
from tests.support.tails import tail


class EmbeddedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(embedded())
        cls.bootstrap = cls.server.log.wait_for(
            r'msg="embedded Kafka" bootstrap_servers=(\S+)')[1]

    def kcat(self, *arguments: str, text: str = "") -> str:
        done = subprocess.run(["kcat", "-b", self.bootstrap, *arguments], input=text, text=True,
                              capture_output=True, timeout=PROGRAM_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def publish(self, sample: Sample) -> v1.PublishResponse:
        return self.server.stub.Publish(v1.PublishRequest(event=sample.event),
                                        timeout=SECONDS)

    def test_kcat_reads_what_was_published(self) -> None:
        for sample in samples():
            with self.subTest(sample.documented["event_type"]):
                answer = self.publish(sample)
                line = self.kcat("-C", "-q", "-t", answer.topic, "-p", str(answer.partition),
                                 "-o", str(answer.offset), "-c", "1", "-f", r"%k\n%h\n%s\n")
                key, headers, value = line.splitlines()
                self.assertEqual(key, sample.key)
                self.assertEqual(headers, "content-type=application/json")
                self.assertEqual(json.loads(value), sample.documented)

    def test_a_tail_gets_what_kcat_writes(self) -> None:
        sample = document_sample()
        with tail(self.server.stub, LATEST) as stream:
            self.kcat("-P", "-t", sample.topic, "-k", sample.key,
                      text=json.dumps(sample.documented) + "\n")
            while sample.event_id not in [event.event_id for event in stream.events()]:
                stream.until("batch")
        event, = [event for event in stream.events() if event.event_id == sample.event_id]
        self.assertEqual(event.event, sample.event)
        self.assertEqual(event.ordering_key, sample.key)


if __name__ == "__main__":
    unittest.main()
