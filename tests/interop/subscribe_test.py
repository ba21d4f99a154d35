"""A tail on a real broker: where it starts, what it leaves out, how it ends and goes on."""

from __future__ import annotations

import json
import time
import unittest

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support import legacy
from tests.support.broker import TOPICS
from tests.support.patience import SECONDS
from tests.support.requests import EARLIEST, LATEST, Place, offsets, resume
from tests.support.samples import Sample, analytics_sample, document_sample, samples
from tests.support.server import serving
from tests.support.stubs import v1
from tests.support.tails import one_each, place, tail

SECOND = Duration(seconds=1)


class SubscribeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())
        cls.stub = cls.server.stub

    def publish(self, *made: Sample, **request) -> list[Place]:
        return [place(self.stub.Publish(v1.PublishRequest(event=sample.event, **request),
                                        timeout=SECONDS)) for sample in made]

    # Where it starts.

    def test_latest_brings_all_types_typed_and_nothing_from_before(self) -> None:
        before = self.publish(document_sample())[0]
        with tail(self.stub, LATEST) as stream:
            made = samples()
            places = self.publish(*made)
            found = stream.receive(places)
            self.assertNotIn(before, {place(event) for event in stream.events()})
        for sample, where in zip(made, places, strict=True):
            with self.subTest(sample.documented["event_type"]):
                event = found[where]
                self.assertEqual(event.event, sample.event)
                self.assertEqual(event.event_id, sample.event_id)
                self.assertEqual(event.event_type, sample.documented["event_type"])
                self.assertEqual(event.ordering_key, sample.key)
                self.assertEqual([(header.key, header.value) for header in event.headers],
                                 [("content-type", b"application/json")])
                self.assertLess(abs(event.record_time.ToSeconds() - time.time()), 600)
                self.assertEqual(event.json, "")

    def test_no_start_is_latest(self) -> None:
        before = self.publish(document_sample())[0]
        with tail(self.stub, v1.StartPosition()) as stream:
            stream.receive(self.publish(document_sample()))
            self.assertNotIn(before, {place(event) for event in stream.events()})

    def test_started_names_every_partition_with_its_offset(self) -> None:
        where = self.publish(document_sample())[0]
        with tail(self.stub, LATEST) as stream:
            assigned = stream.started.assigned
        self.assertNotEqual(stream.started.stream_id, "")
        self.assertCountEqual(
            [(position.topic, position.partition) for position in assigned],
            [(topic, number) for topic, count in TOPICS.items() for number in range(count)])
        offset, = [position.offset for position in assigned
                   if (position.topic, position.partition) == where[:2]]
        self.assertGreater(offset, where[2])

    def test_earliest_begins_at_the_first_record_and_stops_at_the_end(self) -> None:
        places = self.publish(*samples())
        with tail(self.stub, EARLIEST, stop_at_end=True) as stream:
            events = stream.rest()
        one_each(events, set(places))
        self.assertEqual({event.offset for event in events
                          if (event.topic, event.partition) == places[0][:2]} & {0}, {0})
        kinds = [message.WhichOneof("message") for message in stream.seen]
        self.assertEqual((kinds[0], kinds.count("started"), kinds.count("caught_up")),
                         ("started", 1, 1))
        for partition in {(event.topic, event.partition) for event in events}:
            order = [event.offset for event in events
                     if (event.topic, event.partition) == partition]
            self.assertEqual(order, sorted(order))

    def test_time_begins_at_the_first_record_not_older(self) -> None:
        with legacy.json_producer() as producer:
            first, second = document_sample(), document_sample()
            now = int(time.time() * 1000)
            older = place(legacy.send(producer, first.topic, value=first.documented,
                                      partition=0, timestamp_ms=now + 1000))
            newer = place(legacy.send(producer, second.topic, value=second.documented,
                                      partition=0, timestamp_ms=now + 3000))
        start = v1.StartPosition(time=Timestamp(seconds=(now + 2000) // 1000,
                                                nanos=(now + 2000) % 1000 * 1_000_000))
        with tail(self.stub, start, topics=["document-events"], stop_at_end=True) as stream:
            places = {place(event) for event in stream.rest()}
        self.assertIn(newer, places)
        self.assertNotIn(older, places)

    def test_time_past_the_end_is_latest(self) -> None:
        before = self.publish(document_sample())[0]
        start = v1.StartPosition(time=Timestamp(seconds=int(time.time()) + 86_400))
        with tail(self.stub, start, topics=["document-events"]) as stream:
            stream.receive(self.publish(document_sample()))
            self.assertNotIn(before, {place(event) for event in stream.events()})

    def test_offsets_begin_where_they_say_and_the_rest_at_latest(self) -> None:
        first, second = self.publish(document_sample(), document_sample(), ordering_key="one")
        elsewhere = self.publish(analytics_sample())[0]
        topic, partition, offset = first
        start = offsets([(topic, partition, offset + 1)])
        with tail(self.stub, start, stop_at_end=True) as stream:
            places = {place(event) for event in stream.rest()}
        self.assertIn(second, places)
        self.assertNotIn(first, places)
        self.assertNotIn(elsewhere, places)

    def test_an_offset_past_the_end_is_a_gap_and_out_of_range(self) -> None:
        topic, partition, offset = self.publish(document_sample())[0]
        with tail(self.stub, offsets([(topic, partition, offset + 1_000_000)])) as stream:
            gap = stream.until("gap")
            self.assertEqual((gap.topic, gap.partition, gap.first_offset),
                             (topic, partition, offset + 1_000_000))
            self.assertGreater(gap.next_offset, offset)
            self.assertEqual(gap.cause, v1.GAP_CAUSE_PAST_END)
            with self.assertRaises(grpc.RpcError) as ended:
                stream.rest()
        self.assertEqual(ended.exception.code(), grpc.StatusCode.OUT_OF_RANGE)

    # How it goes on.

    def test_every_resume_token_goes_on_with_nothing_twice_and_nothing_lost(self) -> None:
        places = self.publish(*[document_sample() for _ in range(5)])
        with tail(self.stub, offsets(places), heartbeat_interval=SECOND) as stream:
            stream.receive(places)
            caught_up = [message.caught_up for message in stream.seen
                         if message.HasField("caught_up")] or [stream.until("caught_up")]
            places += self.publish(*[document_sample() for _ in range(5)])
            stream.receive(places)
            heartbeat = stream.until("heartbeat")
            seen = {place(event) for event in stream.events()}
            places += self.publish(*[document_sample() for _ in range(5)])
        for token in (stream.started.resume_token, caught_up[0].resume_token,
                      heartbeat.resume_token):
            with tail(self.stub, resume(token), stop_at_end=True) as resumed:
                after = {place(event) for event in resumed.rest()}
            self.assertEqual(len(after), len(resumed.events()))
            self.assertLessEqual(set(places), seen | after)
            if token == heartbeat.resume_token:
                self.assertEqual(seen & after, set())
            if token == stream.started.resume_token:
                self.assertLessEqual(seen, after)

    def test_a_token_outlives_its_server(self) -> None:
        with serving() as first:
            with tail(first.stub, LATEST, heartbeat_interval=SECOND) as stream:
                places = self.publish(*samples())
                stream.receive(places)
                token = stream.until("heartbeat").resume_token
                seen = stream.events()
        places += self.publish(*samples())
        with serving() as second, tail(second.stub, resume(token), stop_at_end=True) as stream:
            one_each(seen + stream.rest(), set(places))

    def test_a_stream_that_the_server_ends_has_a_last_token(self) -> None:
        with serving() as server, tail(server.stub, LATEST) as stream:
            places = self.publish(*samples())
            stream.receive(places)
            server.stop()
            with self.assertRaises(grpc.RpcError) as ended:
                stream.rest()
            self.assertEqual(ended.exception.code(), grpc.StatusCode.UNAVAILABLE)
            kinds = [message.WhichOneof("message") for message in stream.seen]
            self.assertIn("draining", kinds)
            token = [message.heartbeat for message in stream.seen
                     if message.HasField("heartbeat")][-1].resume_token
        places += self.publish(*samples())
        with tail(self.stub, resume(token), stop_at_end=True) as resumed:
            one_each(stream.events() + resumed.rest(), set(places))

    def test_a_damaged_token_is_refused(self) -> None:
        with self.assertRaises(grpc.RpcError) as refused, tail(self.stub, resume("nonsense")):
            pass
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("tail.start.resume_token", refused.exception.details())

    # What it leaves out, and how it ends.

    def test_event_types_let_through_what_they_name_and_what_is_undecodable(self) -> None:
        made = samples()
        with legacy.json_producer() as producer:
            future_type = {**document_sample().documented, "event_type": "document.archived"}
            archived = place(legacy.send(producer, "document-events", value=future_type))
            broken = place(legacy.send(producer, "document-events", value="no object"))
        places = self.publish(*made)
        with tail(self.stub, offsets([archived, broken, *places]), stop_at_end=True,
                  event_types=["document.*", "exam.graded"]) as stream:
            events = stream.rest()
        wanted = {where for where, sample in zip(places, made, strict=True)
                  if sample.documented["event_type"].startswith("document.")
                  or sample.documented["event_type"] == "exam.graded"}
        self.assertEqual(len(wanted), 5)
        found = one_each(events, wanted | {archived, broken})
        self.assertEqual(found[archived].event_type, "document.archived")
        self.assertEqual(found[broken].undecodable.reason,
                         v1.UNDECODABLE_REASON_NOT_AN_OBJECT)
        for event in events:
            self.assertTrue(event.HasField("undecodable") or event.event_type == "exam.graded"
                            or event.event_type.startswith("document."), event)

    def test_topics_leave_out_the_others(self) -> None:
        places = self.publish(*samples())
        with tail(self.stub, EARLIEST, topics=["tutor-queries", "meeting-events"],
                  stop_at_end=True) as stream:
            events = stream.rest()
        topics = {"tutor-queries", "meeting-events"}
        one_each(events, {where for where in places if where[0] in topics})
        self.assertEqual({event.topic for event in events}, topics)

    def test_max_events_ends_after_that_many(self) -> None:
        places = self.publish(*[document_sample() for _ in range(8)])
        with tail(self.stub, offsets(places), max_events=5, max_batch_events=2) as stream:
            self.assertEqual(len(stream.rest()), 5)
        self.assertLessEqual(max(len(message.batch.events) for message in stream.seen), 2)

    def test_include_json_brings_the_text_of_the_record(self) -> None:
        text = json.dumps(document_sample().documented, indent=2)
        with legacy.producer() as producer:
            where = place(legacy.send(producer, "document-events", value=text.encode()))
        with tail(self.stub, offsets([where]), include_json=True, stop_at_end=True) as stream:
            self.assertEqual(stream.receive([where])[where].json, text)

    def test_heartbeats_tell_the_lag_of_every_partition(self) -> None:
        with tail(self.stub, LATEST, heartbeat_interval=SECOND) as stream:
            stream.receive(self.publish(*samples()))
            for _ in range(2):
                heartbeat = stream.until("heartbeat")
                self.assertCountEqual([(lag.topic, lag.partition) for lag in heartbeat.lags],
                                      [(position.topic, position.partition)
                                       for position in stream.started.assigned])
                self.assertNotEqual(heartbeat.resume_token, "")
            # Others may be writing; now and then all is read.
            while any(lag.lag != 0 for lag in heartbeat.lags):
                heartbeat = stream.until("heartbeat")


if __name__ == "__main__":
    unittest.main()
