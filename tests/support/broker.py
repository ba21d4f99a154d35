"""The Kafka that tests/kafka/kafka.py runs beside a test, and what legacy clients see in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from support.stubs import ROOT

TOPICS = {"document-events": 3, "meeting-events": 6, "tutor-queries": 3, "assessment-events": 3,
          "analytics-events": 6}
RETENTION_DAYS = {"document-events": 7, "meeting-events": 3, "tutor-queries": 30,
                  "assessment-events": 90, "analytics-events": 30}
_KAFKA = ROOT / "tests" / "kafka" / "kafka.py"


def bootstrap() -> str:
    """Raises AssertionError where no broker is named: a test that needs one fails."""
    address = os.environ.get("EVENTBUS_TEST_KAFKA", "")
    assert address, "run me as: tests/kafka/kafka.py run -- COMMAND..."
    return address


def signal_node(name: str) -> None:
    """STOP or CONT for the only node: it holds its connections, and answers nothing."""
    _control("stop-node", "--signal", name)


def stop_node() -> None:
    _control("stop-node")


def start_node() -> None:
    """On its port and its data; returns once it serves."""
    _control("start-node")


def create_topics() -> None:
    """The documented ones, where missing. Faster than kafka.py, which starts a Java machine."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap())
    try:
        there = set(admin.list_topics())
        missing = {topic: {"num_partitions": partitions, "replication_factor": 1,
                           "configs": {"retention.ms": str(RETENTION_DAYS[topic] * 86_400_000)}}
                   for topic, partitions in TOPICS.items() if topic not in there}
        if missing:
            admin.create_topics(missing, wait_for_metadata=True)
    finally:
        admin.close()


def end_offsets(topic: str) -> dict[int, int]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap())
    try:
        partitions = [TopicPartition(topic, p) for p in range(TOPICS[topic])]
        return {p.partition: end for p, end in consumer.end_offsets(partitions).items()}
    finally:
        consumer.close()


def read_events(topic: str, since: dict[int, int]) -> Iterator[dict]:
    """The JSON of every record from these offsets to the end."""
    ends = end_offsets(topic)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap(), enable_auto_commit=False)
    try:
        left = {p for p, end in ends.items() if since[p] < end}
        partitions = [TopicPartition(topic, p) for p in left]
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, since[partition.partition])
        while left:
            for records in consumer.poll(timeout_ms=1000).values():
                for record in records:
                    if record.offset < ends[record.partition]:
                        yield json.loads(record.value)
            left = {p.partition for p in partitions
                    if consumer.position(p) < ends[p.partition]}
    finally:
        consumer.close()


def _control(verb: str, *arguments: str) -> None:
    directory = os.environ["EVENTBUS_TEST_KAFKA_DIR"]
    _run(verb, "--dir", directory, "--node", "1", *arguments)


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, str(_KAFKA), *arguments], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
