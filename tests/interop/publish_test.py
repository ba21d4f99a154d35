"""What is published over gRPC is what a kafka-python consumer expects."""

from __future__ import annotations

import json
import unittest
import uuid
from collections.abc import Iterable

import grpc
from google.rpc import error_details_pb2

from tests.support import legacy
from tests.support.broker import TOPICS
from tests.support.errors import detail
from tests.support.patience import SECONDS, wait_until
from tests.support.samples import document_sample, samples
from tests.support.server import serving
from tests.support.stubs import Event, document, v1

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def ordered(value: bytes) -> list:
    """The JSON text with its objects as lists of pairs, so that their order counts."""
    return json.loads(value, object_pairs_hook=lambda pairs: [list(pair) for pair in pairs])


class PublishTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())

    def publish(self, metadata: Iterable[tuple[str, str]] = (), **request) -> v1.PublishResponse:
        return self.server.stub.Publish(v1.PublishRequest(**request), metadata=tuple(metadata),
                                        timeout=SECONDS)

    def published(self, topic: str, key: str, **request):
        """Publishes one event; what a consumer of the topic receives, and what was answered."""
        with legacy.consumer(topic) as consumer:
            response = self.publish(**request)
            return legacy.receive(consumer, {key})[key], response

    def test_all_documented_types_arrive_as_documented(self) -> None:
        made = samples()
        self.assertEqual(len(made), 19)
        self.assertEqual({sample.topic for sample in made}, set(TOPICS))
        for topic in TOPICS:
            of_topic = {sample.key: sample for sample in made if sample.topic == topic}
            with legacy.consumer(topic) as consumer:
                answers = {key: self.publish(event=sample.event)
                           for key, sample in of_topic.items()}
                records = legacy.receive(consumer, set(of_topic))
            for key, sample in of_topic.items():
                with self.subTest(sample.documented["event_type"]):
                    record, answer = records[key], answers[key]
                    self.assertEqual(json.loads(record.value), sample.documented)
                    self.assertEqual(ordered(record.value),
                                     ordered(json.dumps(sample.documented).encode()))
                    self.assertEqual(record.key, key.encode())
                    self.assertEqual(record.headers, [("content-type", b"application/json")])
                    self.assertEqual(answer, v1.PublishResponse(
                        event_id=sample.event_id, topic=topic, partition=record.partition,
                        offset=record.offset))

    def test_a_key_has_the_partition_that_kafka_python_gives_it(self) -> None:
        with legacy.json_producer() as producer:
            for sample in samples():
                written = legacy.send(producer, sample.topic, key=sample.key.encode(),
                                      value=sample.documented)
                with self.subTest(sample.documented["event_type"]):
                    self.assertEqual(self.publish(event=sample.event).partition, written.partition)

    def test_an_ordering_key_has_the_partition_that_kafka_python_gives_it(self) -> None:
        text = uuid.uuid4().hex + "ключ☃"
        with legacy.json_producer() as producer:
            for length in (*range(1, 10), 31, 33, 34, len(text)):
                sample, key = document_sample(), text[-length:]
                written = legacy.send(producer, sample.topic, key=key.encode(),
                                      value=sample.documented)
                with self.subTest(key):
                    answer = self.publish(event=sample.event, ordering_key=key)
                    self.assertEqual(answer.partition, written.partition)

    def test_json_content_arrives_in_the_documented_order(self) -> None:
        sample = document_sample()
        backwards = dict(reversed(sample.documented.items()))
        record, answer = self.published(sample.topic, sample.key, json=json.dumps(backwards))
        self.assertEqual(ordered(record.value), ordered(json.dumps(sample.documented).encode()))
        self.assertEqual(answer.event_id, sample.event_id)

    def test_json_content_is_completed(self) -> None:
        sample = document_sample()
        content = {"event_type": "document.uploaded", "document_id": sample.key, "tenant": "a",
                   "classroom_id": str(uuid.uuid4()), "user_id": str(uuid.uuid4())}
        record, answer = self.published(sample.topic, sample.key, json=json.dumps(content))
        value = json.loads(record.value)
        self.assertEqual(list(value), ["event_id", "event_type", "timestamp", "document_id",
                                       "classroom_id", "user_id", "payload", "tenant"])
        self.assertEqual(str(uuid.UUID(value["event_id"])), answer.event_id)
        self.assertRegex(value["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$")
        self.assertEqual(value["payload"], {})
        self.assertLessEqual(content.items(), value.items())

    def test_traceparent_becomes_a_header_unless_the_request_has_one(self) -> None:
        sample = document_sample()
        record, _ = self.published(sample.topic, sample.key, event=sample.event,
                                   metadata=[("traceparent", TRACEPARENT)])
        self.assertCountEqual(record.headers, [("content-type", b"application/json"),
                                               ("traceparent", TRACEPARENT.encode())])
        self.assertEqual(json.loads(record.value), sample.documented)
        sample = document_sample()
        record, _ = self.published(
            sample.topic, sample.key, event=sample.event, metadata=[("traceparent", TRACEPARENT)],
            headers=[v1.Header(key="traceparent", value=b"mine"),
                     v1.Header(key="binary", value=b"\0\xff"),
                     v1.Header(key="content-type", value=b"application/problem+json")])
        self.assertCountEqual(record.headers, [("traceparent", b"mine"), ("binary", b"\0\xff"),
                                               ("content-type", b"application/problem+json")])

    def test_what_is_sent_again_with_its_id_is_written_again(self) -> None:
        sample = document_sample()
        read = []
        with legacy.consumer(sample.topic) as consumer:
            answers = [self.publish(event=sample.event) for _ in range(2)]

            def twice() -> bool:
                for records in consumer.poll(timeout_ms=500).values():
                    read.extend(record for record in records if record.key == sample.key.encode())
                return len(read) == 2

            wait_until(twice, "both are read")
        self.assertEqual([record.offset for record in read], [each.offset for each in answers])
        self.assertEqual({json.loads(record.value)["event_id"] for record in read},
                         {each.event_id for each in answers})
        self.assertEqual(answers[0].event_id, answers[1].event_id)

    def test_a_refusal_lists_every_wrong_field(self) -> None:
        event = Event(document=document.DocumentEvent(
            event_type=document.DOCUMENT_EVENT_TYPE_UPLOADED, document_id="7",
            user_id=str(uuid.uuid4())))
        with self.assertRaises(grpc.RpcError) as refused:
            self.publish(event=event)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        info = detail(refused.exception, error_details_pb2.ErrorInfo)
        bad = detail(refused.exception, error_details_pb2.BadRequest)
        self.assertEqual((info.domain, info.reason), ("eventbus", "EVENT_INVALID"))
        self.assertEqual([violation.field for violation in bad.field_violations],
                         ["event.document.document_id", "event.document.classroom_id"])

    def test_no_log_line_is_written_per_event(self) -> None:
        self.publish(event=document_sample().event)
        before = len(self.server.log.lines())
        for call in [self.server.stub.Publish.future(v1.PublishRequest(event=sample.event))
                     for _ in range(5) for sample in samples()]:
            call.result(SECONDS)
        # Not none: Kafka's client may have something to say of its own.
        self.assertLess(len(self.server.log.lines()) - before, 5, self.server.log.text())


if __name__ == "__main__":
    unittest.main()
