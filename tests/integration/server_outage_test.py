"""The server as a process while its Kafka comes and goes: on a broker that nobody else uses."""

from __future__ import annotations

import signal
import time
import unittest
from collections import Counter

import grpc
from google.rpc import error_details_pb2
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from tests.support import broker, groups, requests
from tests.support.errors import detail, reason
from tests.support.patience import PROGRAM_SECONDS, SECONDS, wait_until
from tests.support.requests import EARLIEST, LATEST
from tests.support.server import NOT_SERVING, SERVING, Server, on_broker

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED


def status(call: grpc.Future) -> tuple[grpc.StatusCode, str]:
    """The outcome of a call, waited for: its code and its reason."""
    error = call.exception(timeout=2 * SECONDS)
    return (grpc.StatusCode.OK, "") if error is None else (error.code(), reason(error))


def ended(stream: grpc.Call) -> grpc.RpcError:
    """Reads a stream to its end, which must be an error."""
    try:
        for _ in stream:
            pass
    except grpc.RpcError as error:
        return error
    raise AssertionError("the stream ended with OK")


class WithKafka(unittest.TestCase):
    """Leaves the broker running, whatever a test does to it."""

    def setUp(self) -> None:
        broker.create_topics()

    def stop(self) -> None:
        broker.stop_node()
        self.addCleanup(self.start)
        self._stopped = True

    def start(self) -> None:
        if self._stopped:
            broker.start_node()
            self._stopped = False

    def freeze(self) -> None:
        broker.signal_node("STOP")
        self.addCleanup(self.thaw)

    def thaw(self) -> None:
        broker.signal_node("CONT")

    _stopped = False


class OutageTest(WithKafka):
    def test_running_streams_outlive_a_restart_and_new_calls_are_told(self) -> None:
        with on_broker() as running:
            running.wait_for_health(SERVING)
            stream = running.stub.Subscribe(requests.documents(LATEST, client_id="survivor"),
                                            timeout=6 * SECONDS)
            self.assertTrue(next(stream).HasField("started"))
            self.assertEqual(status(self.publish(running)), (grpc.StatusCode.OK, ""))
            self.wait_for_events(stream, 1)

            self.stop()
            running.wait_for_health(NOT_SERVING)
            begin = time.monotonic()
            calls = [self.publish(running, seconds=2) for _ in range(20)]
            refused = ended(running.stub.Subscribe(requests.documents(LATEST), timeout=SECONDS))
            self.assertEqual(refused.code(), UNAVAILABLE)
            self.assertEqual(reason(refused), "KAFKA_UNAVAILABLE")
            self.assertIsNotNone(detail(refused, error_details_pb2.RetryInfo))
            self.assertLessEqual(Counter(map(status, calls)).keys(),
                                 {(UNAVAILABLE, "KAFKA_UNAVAILABLE"),
                                  (DEADLINE_EXCEEDED, "PUBLISH_OUTCOME_UNKNOWN")})
            self.assertLess(time.monotonic() - begin, 10)

            self.start()
            running.wait_for_health(SERVING)
            # Those of the outage may have been written by now, each once.
            late = {self.publish(running, filename=f"late-{i}").result().event_id
                    for i in range(20)}
            seen = Counter()
            while not late <= seen.keys():
                seen.update(event.event_id for event in next(stream).batch.events)
            self.assertEqual(set(seen.values()), {1})
            stream.cancel()
            self.assertTrue(running.log.lines_with("Kafka does not answer"))

    def test_a_group_outlives_a_restart_and_misses_nothing(self) -> None:
        with on_broker() as running:
            running.wait_for_health(SERVING)
            request = groups.request(groups.new_group(), heartbeat_interval={"seconds": 1})
            with groups.Stream(running.stub, request) as member:
                member.started()
                before = self.publish(running).result().event_id
                wait_until(lambda: before in member.ids(), "the event before the outage")

                self.stop()
                running.wait_for_health(NOT_SERVING)
                beats = len(member.all("heartbeat"))
                wait_until(lambda: len(member.all("heartbeat")) > beats, "a heartbeat without Kafka")
                self.start()
                running.wait_for_health(SERVING)

                after = {self.publish(running, filename=f"after-{i}").result().event_id
                         for i in range(20)}
                wait_until(lambda: after <= set(member.ids()), "the events after the outage",
                           PROGRAM_SECONDS)
                self.assertIsNone(member.error)

    def test_it_listens_before_kafka_is_up(self) -> None:
        self.stop()
        with on_broker() as running:
            running.wait_for_health(NOT_SERVING)
            outcome = status(self.publish(running, seconds=2))
            self.assertIn(outcome, {(UNAVAILABLE, "KAFKA_UNAVAILABLE"),
                                    (DEADLINE_EXCEEDED, "PUBLISH_OUTCOME_UNKNOWN")})
            refused = ended(running.stub.Subscribe(requests.documents(LATEST), timeout=SECONDS))
            self.assertEqual((refused.code(), reason(refused)),
                             (UNAVAILABLE, "KAFKA_UNAVAILABLE"))
            self.start()
            running.wait_for_health(SERVING)
            published = self.publish(running).result()
            stream = running.stub.Subscribe(requests.documents(EARLIEST, stop_at_end=True),
                                            timeout=SECONDS)
            ids = [event.event_id for message in stream for event in message.batch.events]
            self.assertEqual(ids.count(published.event_id), 1)

    def test_a_full_producer_queue_says_when_to_try_again(self) -> None:
        with on_broker("--kafka_property", "queue.buffering.max.messages=10") as running:
            running.wait_for_health(SERVING)
            self.publish(running).result()
            self.freeze()
            calls = [self.publish(running, seconds=5) for _ in range(50)]
            outcomes = Counter(map(status, calls))
            self.assertGreaterEqual(
                outcomes[grpc.StatusCode.RESOURCE_EXHAUSTED, "PUBLISH_QUEUE_FULL"], 40, outcomes)
            full = [call.exception() for call in calls
                    if call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED]
            retry = detail(full[0], error_details_pb2.RetryInfo)
            self.assertGreater(retry.retry_delay.ToNanoseconds(), 0)
            self.thaw()
            wait_until(lambda: status(self.publish(running))[0] == grpc.StatusCode.OK,
                       "room in the queue")

    def wait_for_events(self, stream: grpc.Call, count: int) -> None:
        while count > 0:
            count -= len(next(stream).batch.events)

    def publish(self, running: Server, seconds: float = SECONDS, **fields: str) -> grpc.Future:
        return running.stub.Publish.future(requests.uploaded(**fields), timeout=seconds)


class UndeliverableTest(WithKafka):
    """What a drain does with events that no broker takes."""

    ROOM = ("--kafka_property", "queue.buffering.max.messages=20")

    def hold_up(self, running: Server) -> list[grpc.Future]:
        """Calls without a deadline that the server has taken and cannot answer: as many as the
        producer has room for, which is sure once the others have been refused."""
        running.wait_for_health(SERVING)
        running.stub.Publish(requests.uploaded(), timeout=SECONDS)
        self.freeze()
        calls = [running.stub.Publish.future(requests.uploaded()) for _ in range(40)]
        wait_until(lambda: sum(call.done() for call in calls) == 20, "half of the calls refused")
        held = [call for call in calls if not call.done()]
        refused = {status(call) for call in calls if call not in held}
        self.assertEqual(refused, {(grpc.StatusCode.RESOURCE_EXHAUSTED, "PUBLISH_QUEUE_FULL")})
        return held

    def test_a_second_signal_ends_it_at_once(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name), on_broker(*self.ROOM) as running:
                calls = self.hold_up(running)
                running.send(signal.SIGTERM)
                running.log.wait_for("msg=draining")
                running.send(number)
                self.assertEqual(running.wait(3), 128 + number)
                self.assertEqual({status(call)[0] for call in calls}, {UNAVAILABLE})
                self.thaw()

    def test_the_drain_ends_in_time_and_every_call_is_answered(self) -> None:
        with on_broker("--drain_timeout=3s", *self.ROOM) as running:
            calls = self.hold_up(running)
            begin = time.monotonic()
            running.send(signal.SIGTERM)
            outcomes = Counter(map(status, calls))
            self.assertEqual(running.wait(10), 1)
            self.assertLess(time.monotonic() - begin, 6)
            self.assertLessEqual(outcomes.keys(),
                                 {(UNAVAILABLE, "KAFKA_UNAVAILABLE"),
                                  (DEADLINE_EXCEEDED, "PUBLISH_OUTCOME_UNKNOWN")})


class ProvisionTest(WithKafka):
    def setUp(self) -> None:
        self.admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap())
        self.addCleanup(self.admin.close)
        self.remove_topics()

    def tearDown(self) -> None:
        self.remove_topics()

    def test_what_is_missing_is_created_as_documented(self) -> None:
        with on_broker("--provision_topics") as running:
            running.wait_for_health(SERVING)
            running.log.wait_for("topic durability")  # Said last.
            self.assertEqual(len(running.log.lines_with("topic created")), len(broker.TOPICS))
            self.assertEqual(self.partitions(), broker.TOPICS)
            self.assertEqual(self.retention_days(), broker.RETENTION_DAYS)
            self.assertEqual(running.log.lines_with("topic differs"), [])

    def test_what_differs_is_reported_and_left(self) -> None:
        self.admin.create_topics({"document-events": {
            "num_partitions": 2, "replication_factor": 1,
            "configs": {"retention.ms": "3600000"}}}, wait_for_metadata=True)
        before = self.configuration("document-events")
        with on_broker("--provision_topics") as running:
            running.wait_for_health(SERVING)
            running.log.wait_for("topic durability")  # Said last.
            differences = running.log.lines_with("topic differs")
            self.assertEqual(len(differences), 2, differences)
            self.assertIn("document-events: partitions is 2, the schema says 3", differences[0])
            self.assertIn("retention.ms is 3600000, the schema says 604800000", differences[1])
            self.assertEqual(self.configuration("document-events"), before)
            self.assertEqual(self.partitions(), {**broker.TOPICS, "document-events": 2})

    def test_too_many_replicas_are_an_error_that_it_survives(self) -> None:
        with on_broker("--provision_topics", "--replication_factor=3") as running:
            line = running.log.wait_for("topics cannot be provisioned").string
            self.assertIn("level=error", line)
            self.assertIn("replication factor", line.lower())
            self.assertEqual(self.partitions(), {})
            self.assertIsNone(running.exit_code())
            with self.subTest("and it goes on once they are there"):
                broker.create_topics()
                running.wait_for_health(SERVING)

    def remove_topics(self) -> None:
        if there := list(self.partitions()):
            self.admin.delete_topics(there)
            wait_until(lambda: not self.partitions(), "topics gone")

    def partitions(self) -> dict[str, int]:
        there = [name for name in self.admin.list_topics() if name in broker.TOPICS]
        if not there:
            return {}
        return {topic["name"]: len(topic["partitions"])
                for topic in self.admin.describe_topics(there)}

    def retention_days(self) -> dict[str, float]:
        return {name: int(self.configuration(name)["retention.ms"]) / 86_400_000
                for name in broker.TOPICS}

    def configuration(self, topic: str) -> dict[str, str]:
        """What of it is not the broker's default."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        entries = self.admin.describe_configs([resource])["topic"][topic]
        return {name: entry["value"] for name, entry in entries.items()}


if __name__ == "__main__":
    unittest.main()
