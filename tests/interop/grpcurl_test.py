"""The service from a terminal: grpcurl, which knows nothing but what reflection tells it."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_health.v1 import health_pb2

from tests.support.environment import GRPCURL
from tests.support.groups import new_group
from tests.support.patience import PROGRAM_SECONDS
from tests.support.requests import LATEST
from tests.support.samples import Sample, document_sample, samples
from tests.support.server import SERVICE, serving
from tests.support.tails import tail


def stream(output: str) -> list[dict]:
    """The JSON objects that grpcurl printed one after another."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(output.rstrip()):
        value, end = decoder.raw_decode(output, at)
        found.append(value)
        at = end + 1
    return found


def details(errors: str) -> dict[str, dict]:
    """The error details that grpcurl printed, by the name of their type."""
    printed = [json.loads(line) for line in re.findall(r"^\s*\d+\)\s*(\{.*\})\s*$", errors, re.M)]
    return {detail.pop("@type").rsplit(".")[-1]: detail for detail in printed}


def as_printed(sample: Sample) -> dict:
    """The event in protobuf's JSON, with the names of the .proto files: reflection of a C++ server
    tells no others."""
    return json_format.MessageToDict(sample.event, preserving_proto_field_name=True)


class GrpcurlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())

    def run_grpcurl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([GRPCURL, "-plaintext", *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=PROGRAM_SECONDS, check=False)

    def grpcurl(self, *words: str, flags: tuple[str, ...] = ()) -> str:
        done = self.run_grpcurl(*flags, self.server.address, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def call(self, method: str, request: dict) -> list[dict]:
        return stream(self.grpcurl(f"{SERVICE}/{method}", flags=("-d", json.dumps(request))))

    def refused(self, method: str, request: dict) -> str:
        done = self.run_grpcurl("-d", json.dumps(request), self.server.address,
                                f"{SERVICE}/{method}")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def publish(self, sample: Sample) -> dict:
        answer, = self.call("Publish", {"event": as_printed(sample)})
        return answer

    def test_list_and_describe(self) -> None:
        self.assertIn(SERVICE, self.grpcurl("list").split())
        self.assertEqual(self.grpcurl("list", SERVICE).split(),
                         [f"{SERVICE}.{method}" for method in
                          ("Acknowledge", "Consume", "Publish", "PublishBatch", "PublishStream",
                           "Subscribe")])
        self.assertIn("rpc Subscribe ( .eventbus.v1.SubscribeRequest ) returns "
                      "( stream .eventbus.v1.SubscribeResponse );",
                      self.grpcurl("describe", SERVICE))
        described = self.grpcurl("describe", "eventbus.events.v1.DocumentEvent")
        self.assertIn("document_id", described)
        self.assertIn("document-events", described)  # Its options are known, too.

    def test_publishes_and_subscribes(self) -> None:
        sample = document_sample()
        answer = self.publish(sample)
        self.assertEqual((answer["event_id"], answer["topic"]), (sample.event_id, sample.topic))
        offset = answer.get("offset", "0")
        start = {"offsets": {"positions": [{
            "topic": sample.topic, "partition": answer.get("partition", 0), "offset": offset}]}}
        messages = self.call("Subscribe", {"tail": {"start": start}, "topics": [sample.topic],
                                           "stop_at_end": True, "include_json": True})
        self.assertIn("started", messages[0])
        self.assertEqual(sum("caught_up" in message for message in messages), 1)
        received, = [event for message in messages
                     for event in message.get("batch", {}).get("events", [])
                     if event.get("event_id") == sample.event_id]
        self.assertEqual(received["event_type"], "document.uploaded")
        self.assertEqual(received.get("offset", "0"), offset)
        self.assertEqual(received["event"], as_printed(sample))
        self.assertEqual(json.loads(received["json"]), sample.documented)

    def test_an_example_of_each_type_is_taken(self) -> None:
        made = samples()
        with tail(self.server.stub, LATEST) as stream_of_all:
            for sample in made[::4]:
                answer = self.publish(sample)
                where = (answer["topic"], answer.get("partition", 0), int(answer.get("offset", 0)))
                event = stream_of_all.receive([where])[where]
                self.assertEqual(event.event, sample.event)

    def test_earliest_by_the_line_of_the_readme(self) -> None:
        sample = document_sample()
        self.publish(sample)
        messages = self.call("Subscribe", {"tail": {"start": {"earliest": {}}},
                                           "stop_at_end": True})
        self.assertIn(sample.event_id, [event.get("event_id") for message in messages
                                        for event in message.get("batch", {}).get("events", [])])

    def test_receives_from_a_group_and_acknowledges(self) -> None:
        sample = document_sample()
        self.publish(sample)
        read = {"group": {"id": new_group()}, "topics": [sample.topic], "max_events": 1}
        first, = self.receive(read)
        acknowledged = self.call("Acknowledge", {"ack_tokens": [first["ack_token"]]})
        self.assertEqual(acknowledged, [{}])
        self.publish(sample)  # That there is one more.
        second, = self.receive(read)
        self.assertNotEqual([second.get(field) for field in ("partition", "offset")],
                            [first.get(field) for field in ("partition", "offset")])
        refused, = self.call("Acknowledge", {"ack_tokens": ["nonsense"]})
        self.assertEqual([error["reason"] for error in refused["errors"]],
                         ["ERROR_REASON_ACK_TOKEN_INVALID"])

    def receive(self, request: dict) -> list[dict]:
        """The events of a read that ends."""
        return [event for message in self.call("Subscribe", request)
                for event in message.get("batch", {}).get("events", [])]

    def test_a_refused_event_is_explained(self) -> None:
        errors = self.refused("Publish", {"event": {"document": {
            "event_type": "DOCUMENT_EVENT_TYPE_UPLOADED", "document_id": "notes",
            "user_id": document_sample().key}}})
        self.assertIn("Code: InvalidArgument", errors)
        printed = details(errors)
        self.assertEqual(list(printed), ["BadRequest", "ErrorInfo"])
        self.assertEqual((printed["ErrorInfo"]["reason"], printed["ErrorInfo"]["domain"]),
                         ("EVENT_INVALID", "eventbus"))
        violations = printed["BadRequest"]["field_violations"]
        self.assertEqual([violation["field"] for violation in violations],
                         ["event.document.document_id", "event.document.classroom_id"])
        for violation in violations:
            self.assertIn("UUID", violation["description"].upper())
        self.assertIn(f"Message: {violations[0]['field']}: {violations[0]['description']}", errors)

    def test_refused_json_is_explained(self) -> None:
        errors = self.refused("Publish", {"json": "{\"event_type\": \"document.uploaded\"}"})
        self.assertEqual([violation["field"]
                          for violation in details(errors)["BadRequest"]["field_violations"]],
                         ["json.document_id", "json.classroom_id", "json.user_id"])

    def test_a_refused_subscription_is_explained(self) -> None:
        errors = self.refused("Subscribe", {"topics": ["no-topic"], "max_batch_events": 1001})
        self.assertIn("Code: InvalidArgument", errors)
        printed = details(errors)
        self.assertEqual((printed["ErrorInfo"]["reason"], printed["ErrorInfo"]["domain"]),
                         ("REQUEST_INVALID", "eventbus"))
        self.assertEqual({violation["field"]
                          for violation in printed["BadRequest"]["field_violations"]},
                         {"topics[0]", "max_batch_events", "reader"})

    def test_health(self) -> None:
        """By its own descriptors: gRPC's health service is not among the reflected ones."""
        own = FileDescriptorProto()
        health_pb2.DESCRIPTOR.CopyToProto(own)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "health.binpb"
            path.write_bytes(FileDescriptorSet(file=[own]).SerializeToString())
            for service in ("", SERVICE):
                answer, = stream(self.grpcurl(
                    "grpc.health.v1.Health/Check",
                    flags=("-protoset", str(path), "-d", json.dumps({"service": service}))))
                self.assertEqual(answer, {"status": "SERVING"})


if __name__ == "__main__":
    unittest.main()
