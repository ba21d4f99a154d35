"""Stubs of the .proto files for other languages, with the tools that their people use."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.support.environment import DEPS, PROTO, ROOT
from tests.support.patience import PROGRAM_SECONDS
from tests.support.samples import document_sample
from tests.support.server import embedded
from tests.support.stubs import Event, EventBusServiceStub, document, generate, v1

EVENT_FILES = ("analytics", "assessment", "document", "event", "meeting", "tutor_query")
EVENT_CLASSES = ("AnalyticsEvent", "AssessmentEvent", "DocumentEvent", "Event", "MeetingEvent",
                 "TutorQueryEvent", "DocumentPayload", "DocumentEventType")
METHODS = ("Publish", "PublishBatch", "PublishStream", "Subscribe", "Acknowledge", "Consume")
SERVICE_CLASSES = ("PublishRequest", "PublishResponse", "SubscribeRequest", "SubscribeResponse",
                   "AcknowledgeRequest", "AcknowledgeResponse", "ReceivedEvent", "StartPosition",
                   "ErrorReason", "ConsumeRequest", "ConsumeResponse", "GetGroupRequest",
                   "GetGroupResponse")


class StubsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def protoc(self, *arguments: str) -> None:
        """protoc over all files; fails if it says anything."""
        path = f"{DEPS / 'bin'}{os.pathsep}{os.environ['PATH']}"
        files = sorted(str(file.relative_to(PROTO)) for file in PROTO.rglob("*.proto"))
        self.run_quietly("protoc", f"-I{PROTO}", *arguments, *files, env={"PATH": path})

    def run_quietly(self, *command: str, env: dict[str, str]) -> None:
        done = subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PROGRAM_SECONDS,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), command)

    def made(self) -> set[str]:
        return {str(file.relative_to(self.folder)) for file in self.folder.rglob("*")
                if file.is_file()}

    def text(self, file: str) -> str:
        return (self.folder / file).read_text("utf-8")

    def test_go(self) -> None:
        self.protoc(f"--go_out={self.folder}", f"--go-grpc_out={self.folder}")
        root = "eventbus/gen/eventbus"
        self.assertEqual(self.made(), {
            f"{root}/schema/v1/annotations.pb.go", f"{root}/v1/errors.pb.go",
            *(f"{root}/v1/{name}{kind}.pb.go"
              for name in ("event_bus_service", "event_bus_admin_service")
              for kind in ("", "_grpc")),
            *(f"{root}/events/v1/{name}.pb.go" for name in EVENT_FILES)})
        packages = {f"{root}/schema/v1": "schemav1", f"{root}/v1": "eventbusv1",
                    f"{root}/events/v1": "eventsv1"}
        for file in self.made():
            self.assertIn(f"\npackage {packages[os.path.dirname(file)]}\n", self.text(file))
        self.assertIn(f'"{root}/events/v1"', self.text(f"{root}/v1/event_bus_service.pb.go"))
        self.run_quietly("gofmt", "-l", str(self.folder), env={})

    def test_java(self) -> None:
        plugin = DEPS / "java" / "protoc-gen-grpc-java"
        self.protoc(f"--java_out={self.folder}", f"--grpc-java_out={self.folder}",
                    f"--plugin=protoc-gen-grpc-java={plugin}")
        expected = {"eventbus/v1/EventBusServiceGrpc.java",
                    "eventbus/v1/EventBusServiceProto.java", "eventbus/v1/ErrorsProto.java",
                    "eventbus/v1/EventBusAdminServiceGrpc.java",
                    "eventbus/events/v1/TutorQueryProto.java",
                    "eventbus/schema/v1/AnnotationsProto.java",
                    *(f"eventbus/events/v1/{name}.java" for name in EVENT_CLASSES),
                    *(f"eventbus/v1/{name}.java" for name in SERVICE_CLASSES)}
        self.assertLessEqual(expected, self.made())
        for file in self.made():
            package = os.path.dirname(file).replace("/", ".")
            self.assertRegex(self.text(file), rf"(?m)^package {re.escape(package)};$")

    def test_csharp(self) -> None:
        # The service itself needs grpc_csharp_plugin, which Debian does not have.
        self.protoc(f"--csharp_out={self.folder}", "--csharp_opt=base_namespace=")
        self.assertEqual(self.made(), {
            "EventBus/Schema/V1/Annotations.cs", "EventBus/V1/Errors.cs",
            "EventBus/V1/EventBusService.cs", "EventBus/V1/EventBusAdminService.cs",
            *(f"EventBus/Events/V1/{name.title().replace('_', '')}.cs" for name in EVENT_FILES)})
        for file in self.made():
            namespace = os.path.dirname(file).replace("/", ".")
            self.assertIn(f"\nnamespace {namespace} {{\n", self.text(file))

    def test_python(self) -> None:
        made = {str(file.relative_to(generate())) for file in generate().rglob("*.py")}
        self.assertLessEqual({"eventbus/v1/event_bus_service_pb2.py",
                              "eventbus/v1/event_bus_service_pb2_grpc.py",
                              *(f"eventbus/events/v1/{name}_pb2.py" for name in EVENT_FILES)}, made)
        self.assertEqual(v1.DESCRIPTOR.package, "eventbus.v1")
        service = v1.DESCRIPTOR.services_by_name["EventBusService"]
        self.assertEqual(set(METHODS), set(service.methods_by_name))
        self.assertEqual(Event(document=document.DocumentEvent()).WhichOneof("family"), "document")
        self.assertTrue(callable(EventBusServiceStub))

    def test_node_loads_the_files_and_calls(self) -> None:
        sample = document_sample()
        with embedded() as server:
            done = subprocess.run(
                ["node", str(Path(__file__).with_name("publish.js")), str(PROTO), server.address,
                 json.dumps(sample.documented)],
                env={**os.environ, "NODE_PATH": str(DEPS / "node" / "node_modules")},
                cwd=ROOT, capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        result = json.loads(done.stdout)
        self.assertCountEqual(result["methods"], METHODS)
        self.assertEqual((result["response"]["event_id"], result["response"]["topic"]),
                         (sample.event_id, sample.topic))
        self.assertEqual(result["received"]["event"]["document"]["payload"],
                         {"filename": "notes.pdf", "file_size": "1024000", "status": "uploaded"})
        self.assertEqual(result["received"]["event"]["document"]["event_type"],
                         "DOCUMENT_EVENT_TYPE_UPLOADED")


if __name__ == "__main__":
    unittest.main()
