"""Kafka clients as the services have them that do not speak gRPC: kafka-python, as documented."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from tests.support.broker import TOPICS, bootstrap
from tests.support.patience import SECONDS, wait_until


@contextmanager
def producer(**settings: Any) -> Iterator[KafkaProducer]:
    """Without settings it takes bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # A plain function, as everybody uses.
        made = KafkaProducer(bootstrap_servers=bootstrap(), **settings)
    try:
        yield made
    finally:
        made.close()


def json_producer(**settings: Any) -> AbstractContextManager[KafkaProducer]:
    """One that takes dictionaries."""
    return producer(value_serializer=lambda value: json.dumps(value).encode("utf-8"), **settings)


@contextmanager
def consumer(topic: str) -> Iterator[KafkaConsumer]:
    """One that sees all that is written to `topic` from now on."""
    made = KafkaConsumer(topic, bootstrap_servers=bootstrap())
    try:
        def assigned() -> bool:
            made.poll(timeout_ms=100)
            return bool(made.assignment())

        wait_until(assigned, f"{topic}: partitions are assigned")
        for partition in made.assignment():
            made.position(partition)
        yield made
    finally:
        made.close()


def member(group: str, topics: Collection[str], **settings: Any) -> KafkaConsumer:
    """Of a group, yet to be polled. It knows the partitions before it joins: a kafka-python 3.0
    that gets to know them between a join and the next, of which a poll does not see the end, has
    no partitions and keeps the group's for good."""
    made = KafkaConsumer(group_id=group, bootstrap_servers=bootstrap(), **settings)
    with suppress(KafkaError):
        for topic in topics:
            made.partitions_for_topic(topic)
    made.subscribe(list(topics))
    return made


def receive(source: KafkaConsumer, keys: set[str]) -> dict[str, Any]:
    """The first record of each of `keys`, whatever others write meanwhile."""
    found: dict[str, Any] = {}
    deadline = time.monotonic() + SECONDS
    while found.keys() != keys:
        assert time.monotonic() < deadline, f"no record with the keys {keys - found.keys()}"
        for records in source.poll(timeout_ms=500).values():
            for record in records:
                key = record.key.decode("utf-8", "replace") if record.key is not None else None
                if key in keys:
                    found.setdefault(key, record)
    return found


def send(target: KafkaProducer, topic: str, **record: Any) -> Any:
    """Writes one record; returns where it is."""
    return target.send(topic, **record).get(timeout=SECONDS)


def end_offsets(topic: str) -> dict[int, int]:
    """Of a documented topic, by partition."""
    source = KafkaConsumer(bootstrap_servers=bootstrap())
    try:
        partitions = [TopicPartition(topic, number) for number in range(TOPICS[topic])]
        return {partition.partition: end
                for partition, end in source.end_offsets(partitions).items()}
    finally:
        source.close()


def read_events(topic: str, since: dict[int, int]) -> Iterator[dict[str, Any]]:
    """The JSON of every record from these offsets to the end."""
    for record in read_records(topic, since):
        yield json.loads(record.value)


def read_records(topic: str, since: dict[int, int]) -> Iterator[Any]:
    """Every record from these offsets to the end."""
    ends = end_offsets(topic)
    partitions = [TopicPartition(topic, number) for number, end in ends.items()
                  if since[number] < end]
    source = KafkaConsumer(bootstrap_servers=bootstrap(), enable_auto_commit=False)
    try:
        source.assign(partitions)
        for partition in partitions:
            source.seek(partition, since[partition.partition])
        while any(source.position(partition) < ends[partition.partition]
                  for partition in partitions):
            for records in source.poll(timeout_ms=1000).values():
                for record in records:
                    if record.offset < ends[record.partition]:
                        yield record
    finally:
        source.close()
