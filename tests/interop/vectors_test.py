"""What kafka-python producers write, a tail gets typed: every golden vector, on a real broker."""

from __future__ import annotations

import json
import unittest

from tests.support import legacy
from tests.support.golden import Vector, comparable, vectors
from tests.support.patience import SECONDS
from tests.support.requests import Place, offsets
from tests.support.server import serving
from tests.support.stubs import v1
from tests.support.tails import place, tail


def has_text(value: object) -> bool:
    """Whether `value` is a text that protobuf can hold."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value


def key(vector: Vector) -> bytes | None:
    """kafka-python writes nothing that has neither a value nor a key."""
    return b"tombstone" if vector.value is None else None


class VectorsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())

    def received(self, places: list[Place], **request) -> list[v1.ReceivedEvent]:
        """The events at `places`, in that order."""
        with tail(self.server.stub, offsets(places), stop_at_end=True, **request) as stream:
            found = stream.receive(places)
        return [found[where] for where in places]

    def test_every_vector_as_bytes(self) -> None:
        made = vectors()
        self.assertGreater(len(made), 400)
        with legacy.producer() as producer:
            sent = [producer.send(vector.topic, value=vector.value, key=key(vector))
                    for vector in made]
            places = [place(future.get(timeout=SECONDS)) for future in sent]
        events = self.received(places, include_json=True)
        for vector, event in zip(made, events, strict=True):
            with self.subTest(vector.name):
                self.check(vector, event)

    def check(self, vector: Vector, event: v1.ReceivedEvent) -> None:
        self.assertEqual(event.ordering_key, (key(vector) or b"").decode())
        if vector.event is None:
            self.check_undecodable(vector, event)
            return
        self.assertEqual(event.WhichOneof("body"), "event")
        self.assertEqual(comparable(event.event), comparable(vector.event))
        self.assertEqual(event.json.encode(), vector.value)
        members = json.loads(vector.value)
        for name in ("event_id", "event_type"):
            text = members.get(name)
            self.assertEqual(getattr(event, name), text if has_text(text) else "")

    def check_undecodable(self, vector: Vector, event: v1.ReceivedEvent) -> None:
        self.assertEqual(event.WhichOneof("body"), "undecodable")
        undecodable = event.undecodable
        self.assertEqual(v1.UndecodableReason.Name(undecodable.reason),
                         f"UNDECODABLE_REASON_{vector.undecodable}")
        self.assertNotEqual(undecodable.detail, "")
        self.assertEqual(undecodable.HasField("value"), vector.value is not None)
        self.assertEqual(undecodable.value, vector.value or b"")

    def test_documented_and_legacy_events_by_a_json_serializer(self) -> None:
        made = vectors("documented", "legacy")
        with legacy.json_producer() as producer:
            places = [place(legacy.send(producer, vector.topic, value=json.loads(vector.value)))
                      for vector in made]
        for vector, event in zip(made, self.received(places), strict=True):
            with self.subTest(vector.name):
                # Not to the letter: the serializer has its own way of writing.
                self.assertEqual(comparable(event.event, to_the_letter=False),
                                 comparable(vector.event, to_the_letter=False))
                self.assertEqual(event.json, "")

    def test_keys_headers_and_time_of_a_record(self) -> None:
        value = json.dumps({"event_type": "page.view"}).encode()
        records = [
            {"key": "ключ".encode(), "headers": [("a", b"1"), ("a", b"\xff"), ("b", b"")]},
            {"key": b"\xff\xfe"},
            {"key": b""},
            {"timestamp_ms": 1_704_103_200_123},
        ]
        with legacy.producer() as producer:
            places = [place(legacy.send(producer, "analytics-events", value=value, **record))
                      for record in records]
        text, raw, empty, none = self.received(places)
        self.assertEqual(text.ordering_key, "ключ")
        self.assertEqual([(header.key, header.value) for header in text.headers],
                         [("a", b"1"), ("a", b"\xff"), ("b", b"")])
        self.assertFalse(raw.HasField("ordering_key"))
        self.assertEqual(raw.raw_key, b"\xff\xfe")
        self.assertTrue(empty.HasField("ordering_key"))
        self.assertEqual(empty.ordering_key, "")
        self.assertFalse(none.HasField("ordering_key") or none.HasField("raw_key"))
        self.assertEqual(none.record_time.ToMilliseconds(), 1_704_103_200_123)


if __name__ == "__main__":
    unittest.main()
