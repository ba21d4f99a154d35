"""The three brokers of a run: who leads what, and how one is stopped and started."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from tests.fault import ids
from tests.fault.ids import PARTITIONS
from tests.support.broker import bootstrap
from tests.support.environment import ROOT
from tests.support.patience import PROGRAM_SECONDS, wait_until

_T = TypeVar("_T")
_KAFKA = ROOT / "tests" / "kafka" / "kafka.py"
_REQUEST_MS = 4000


def admin() -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=bootstrap(), request_timeout_ms=_REQUEST_MS,
                            client_id="fault-admin")


def patiently(ask: Callable[[KafkaAdminClient], _T], what: str) -> _T:
    """What an admin client answers; asked again where the broker that it turned to is away."""
    answers: list[_T] = []

    def answered() -> bool:
        try:
            made = admin()
        except KafkaError:
            return False
        try:
            answers.append(ask(made))
        except KafkaError:
            return False
        finally:
            made.close()
        return True

    wait_until(answered, what, PROGRAM_SECONDS)
    return answers[0]


def cluster() -> dict[str, Any]:
    """What tests/kafka knows of it."""
    return json.loads((Path(os.environ["EVENTBUS_TEST_KAFKA_DIR"]) / "cluster.json").read_text())


def nodes() -> list[int]:
    return [node["id"] for node in cluster()["nodes"]]


def create_topics(**configs: str) -> None:
    made = admin()
    try:
        made.create_topics({topic: {"num_partitions": count, "replication_factor": len(nodes()),
                                    "configs": configs} for topic, count in ids.TOPICS.items()},
                           wait_for_metadata=True)
    finally:
        made.close()


def delete_topics() -> None:
    """Those of a run, so that the next one begins with nothing. Groups are named after runs."""
    made = admin()
    try:
        mine = [name for name in made.list_topics() if name.startswith(tuple(ids.TOPICS))]
        made.delete_topics(mine)
        wait_until(lambda: not set(made.list_topics()) & set(mine), "the topics are gone")
    finally:
        made.close()


def topics() -> set[str]:
    made = admin()
    try:
        return set(made.list_topics())
    finally:
        made.close()


def stop(node: int, signal_name: str) -> None:
    _control("stop-node", node, "--signal", signal_name)


def start(node: int) -> None:
    """Returns once it serves."""
    _control("start-node", node)


def stop_all() -> None:
    for node in nodes():
        stop(node, "KILL")


def start_all() -> None:
    """Two of them are needed before any serves."""
    for node in nodes():
        _control("start-node", node, "--no-wait")

    def serve() -> bool:
        with contextlib.suppress(KafkaError, OSError):
            return ends() is not None
        return False

    wait_until(serve, "the brokers serve", 90)
    wait_until_whole()


def leader(topic: str, partition: int) -> int:
    """The node that leads it; 0 where there is none now."""
    found, = patiently(lambda made: made.describe_topics([topic]), f"{topic} is described")
    return max(0, next(each["leader_id"] for each in found["partitions"]
                       if each["partition_index"] == partition))


def coordinator(group: str) -> int:
    """The node that coordinates the group, by the place of its offsets."""
    digest = _java_hash(group)
    found, = patiently(lambda made: made.describe_topics(["__consumer_offsets"]),
                       "the groups' topic is described")
    number = digest % len(found["partitions"])
    return max(0, next(each["leader_id"] for each in found["partitions"]
                       if each["partition_index"] == number))


def ends(partitions: tuple[str, ...] = PARTITIONS) -> dict[str, tuple[int, int]]:
    """First and end offsets."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap(), request_timeout_ms=_REQUEST_MS * 3)
    try:
        places = {name: place(name) for name in partitions}
        first = consumer.beginning_offsets(list(places.values()))
        end = consumer.end_offsets(list(places.values()))
        return {name: (first[where], end[where]) for name, where in places.items()}
    finally:
        consumer.close()


def read(partition: str) -> list[Any]:
    """Every record that stands in it now."""
    (first, end), = ends((partition,)).values()
    where, found = place(partition), []
    consumer = KafkaConsumer(bootstrap_servers=bootstrap(), enable_auto_commit=False)
    try:
        consumer.assign([where])
        consumer.seek(where, first)
        while first < end and consumer.position(where) < end:
            for records in consumer.poll(timeout_ms=1000).values():
                found += records
        return found
    finally:
        consumer.close()


def wait_until_whole() -> None:
    """Until every partition has all its replicas in sync."""
    def whole() -> bool:
        made = admin()
        try:
            return all(len(part["isr_nodes"]) == len(nodes())
                       for topic in made.describe_topics([*ids.TOPICS])
                       for part in topic["partitions"])
        except KafkaError:
            return False
        finally:
            made.close()

    wait_until(whole, "all replicas are in sync", 90)


_CONTROL_LOCK = threading.Lock()


def _control(verb: str, node: int, *arguments: str) -> None:
    with _CONTROL_LOCK:
        subprocess.run(
            [sys.executable, str(_KAFKA), verb, "--dir", os.environ["EVENTBUS_TEST_KAFKA_DIR"],
             "--node", str(node), *arguments],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def place(partition: str) -> TopicPartition:
    topic, _, number = partition.rpartition("/")
    return TopicPartition(topic, int(number))


def _java_hash(text: str) -> int:
    """String.hashCode of Java, without its sign, as Kafka places a group."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value & 0x7FFFFFFF
