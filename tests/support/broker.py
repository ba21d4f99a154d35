"""The Kafka that tests/kafka/kafka.py runs beside a test."""

from __future__ import annotations

import os
import subprocess
import sys

from kafka.admin import KafkaAdminClient

from tests.support.environment import ROOT

# The documented topics, with their numbers of partitions.
TOPICS = {"document-events": 3, "meeting-events": 6, "tutor-queries": 3, "assessment-events": 3,
          "analytics-events": 6}
RETENTION_DAYS = {"document-events": 7, "meeting-events": 3, "tutor-queries": 30,
                  "assessment-events": 90, "analytics-events": 30}
_KAFKA = ROOT / "tests" / "kafka" / "kafka.py"


def bootstrap() -> str:
    """Its address. That there is none is a failure, never a skip."""
    address = os.environ.get("EVENTBUS_TEST_KAFKA", "")
    assert address, "EVENTBUS_TEST_KAFKA is not set: tests/kafka/kafka.py run -- COMMAND..."
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


def _control(verb: str, *arguments: str) -> None:
    directory = os.environ["EVENTBUS_TEST_KAFKA_DIR"]
    subprocess.run(
        [sys.executable, str(_KAFKA), verb, "--dir", directory, "--node", "1", *arguments],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
