"""PublishBatch and PublishStream write what Publish writes, in the order of their requests."""

from __future__ import annotations

import json
import unittest
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator

import grpc

from tests.support import legacy
from tests.support.broker import TOPICS
from tests.support.errors import reason
from tests.support.patience import SECONDS
from tests.support.requests import uploaded
from tests.support.samples import samples
from tests.support.server import serving
from tests.support.stubs import v1

# Of eventbus.v1.ErrorReason.
EVENT_INVALID = 1
TOPIC = "document-events"
KEYS = 7


def numbered(run: str, keys: list[str], count: int) -> list[v1.PublishRequest]:
    """Events that say their place in the run, over few keys."""
    made = []
    for number in range(count):
        request = uploaded(filename=f"{run}-{number}")
        request.ordering_key = keys[number % len(keys)]
        made.append(request)
    return made


class PublishManyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())

    def batch(self, requests: list[v1.PublishRequest]) -> list[v1.PublishResult]:
        response = self.server.stub.PublishBatch(v1.PublishBatchRequest(requests=requests),
                                                 timeout=SECONDS)
        return list(response.results)

    def stream(self, requests: list[v1.PublishRequest], size: int) -> list[v1.PublishResult]:
        """Messages of `size` requests, all sent before any answer is waited for."""
        messages = [v1.PublishStreamRequest(requests=requests[at:at + size])
                    for at in range(0, len(requests), size)]
        answers = list(self.server.stub.PublishStream(iter(messages), timeout=SECONDS))
        self.assertEqual([len(answer.results) for answer in answers],
                         [len(message.requests) for message in messages])
        return [result for answer in answers for result in answer.results]

    def assert_written_alike(self, publish: Callable[..., list[v1.PublishResult]]) -> None:
        """As Publish writes them: the same value, key and headers, where the result says."""
        made = samples()
        before = {topic: legacy.end_offsets(topic) for topic in TOPICS}
        results = publish([v1.PublishRequest(event=sample.event) for sample in made])
        alone = [self.server.stub.Publish(v1.PublishRequest(event=sample.event), timeout=SECONDS)
                 for sample in made]
        records = {(topic, record.partition, record.offset): record
                   for topic in TOPICS for record in legacy.read_records(topic, before[topic])}
        for sample, result, single in zip(made, results, alone, strict=True):
            with self.subTest(sample.documented["event_type"]):
                many = result.published
                self.assertEqual(many.event_id, sample.event_id)
                self.assertEqual(many.partition, single.partition)
                first, second = (records[answer.topic, answer.partition, answer.offset]
                                 for answer in (many, single))
                self.assertEqual(first.value, second.value)
                self.assertEqual(json.loads(first.value), sample.documented)
                self.assertEqual((first.key, first.headers), (second.key, second.headers))

    def test_a_batch_writes_what_publish_writes(self) -> None:
        self.assert_written_alike(self.batch)

    def test_a_stream_writes_what_publish_writes(self) -> None:
        self.assert_written_alike(lambda requests: self.stream(requests, 3))

    def test_what_is_refused_fails_alone(self) -> None:
        bad = uploaded()
        bad.event.document.document_id = "7"
        requests = [uploaded(), bad, uploaded(), v1.PublishRequest(json="[]")]
        for results in (self.batch(requests), self.stream(requests, 4)):
            self.assertEqual([result.WhichOneof("result") for result in results],
                             ["published", "error", "published", "error"])
            self.assertEqual(results[1].error.reason, EVENT_INVALID)
            self.assertEqual(results[1].error.field_violations[0].field,
                             "requests[1].event.document.document_id")
            self.assertEqual(results[3].error.field_violations[0].field, "requests[3].json")

    def test_a_batch_keeps_the_order_of_each_key(self) -> None:
        self.assert_ordered(1000, self.batch)

    def test_a_stream_keeps_the_order_of_each_key(self) -> None:
        self.assert_ordered(5000, lambda requests: self.stream(requests, 37))

    def assert_ordered(self, count: int,
                       publish: Callable[..., list[v1.PublishResult]]) -> None:
        run = uuid.uuid4().hex
        keys = [f"{run}-{number}" for number in range(KEYS)]
        before = legacy.end_offsets(TOPIC)
        results = publish(numbered(run, keys, count))
        self.assertEqual({result.WhichOneof("result") for result in results}, {"published"})
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, result in enumerate(results):
            places[keys[number % KEYS]].append((result.published.partition,
                                                result.published.offset))
        for of_key in places.values():
            self.assertEqual(len({partition for partition, _ in of_key}), 1)
            self.assertEqual(of_key, sorted(of_key))
        written = [event["payload"]["filename"] for event in legacy.read_events(TOPIC, before)]
        self.assertEqual(sorted(name for name in written if name.startswith(run)),
                         sorted(f"{run}-{number}" for number in range(count)))

    def test_a_message_out_of_bounds_ends_a_stream_after_its_answers(self) -> None:
        def messages() -> Iterator[v1.PublishStreamRequest]:
            yield v1.PublishStreamRequest(requests=[uploaded()])
            yield v1.PublishStreamRequest()

        answers = self.server.stub.PublishStream(messages(), timeout=SECONDS)
        self.assertEqual(next(answers).results[0].WhichOneof("result"), "published")
        with self.assertRaises(grpc.RpcError) as refused:
            next(answers)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(reason(refused.exception), "REQUEST_INVALID")


if __name__ == "__main__":
    unittest.main()
