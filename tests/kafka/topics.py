"""The documented topics, made with Kafka's own TopicCommand."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import jars
import probe
from errors import KafkaError

_TOPIC_COMMAND = "org.apache.kafka.tools.TopicCommand"
_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Topic:
    """One topic as documented."""

    name: str
    partitions: int
    retention_days: int


TOPICS = (
    Topic("document-events", partitions=3, retention_days=7),
    Topic("meeting-events", partitions=6, retention_days=3),
    Topic("tutor-queries", partitions=3, retention_days=30),
    Topic("assessment-events", partitions=3, retention_days=90),
    Topic("analytics-events", partitions=6, retention_days=30),
)


def create_missing(jar_directory: Path, bootstrap: str) -> list[str]:
    """Creates the documented topics that `bootstrap`'s cluster lacks; returns their names.

    A topic that exists is left as it is. Replication is the cluster's default.
    """
    _check_reachable(bootstrap)
    command = [*jars.java(jar_directory), _TOPIC_COMMAND, "--bootstrap-server", bootstrap]
    existing = set(_finish(_launch([*command, "--list"])).split())
    missing = [topic for topic in TOPICS if topic.name not in existing]
    # Each call is a JVM of its own, so all of them at once.
    creations = [_launch([*command, *_creation(topic)]) for topic in missing]
    for creation in creations:
        _finish(creation)
    return [topic.name for topic in missing]


def _creation(topic: Topic) -> list[str]:
    return ["--create", "--if-not-exists", "--topic", topic.name,
            "--partitions", str(topic.partitions),
            "--config", f"retention.ms={topic.retention_days * _DAY_MS}"]


def _launch(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate()
    if process.returncode != 0:
        raise KafkaError(f"{_TOPIC_COMMAND} failed:\n{output}{errors}".rstrip())
    return output


def _check_reachable(bootstrap: str) -> None:
    """Fails at once where Kafka's AdminClient would try for a minute."""
    problem: Exception | None = None
    for address in bootstrap.split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise KafkaError(f"bootstrap: {address!r}, must be HOST:PORT[,HOST:PORT...]")
        try:
            probe.live_brokers(host.strip("[]"), int(port))
            return
        except (OSError, OverflowError) as error:
            problem = error
    raise KafkaError(f"no Kafka broker answers at {bootstrap}: {problem}")
