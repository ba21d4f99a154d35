"""Kafka clients as the services have them that do not speak gRPC: kafka-python, as documented."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

from support.environment import PATIENCE_SECONDS, bootstrap


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


def json_producer():
    """One that takes dictionaries."""
    return producer(value_serializer=lambda value: json.dumps(value).encode("utf-8"))


@contextmanager
def consumer(topic: str) -> Iterator[KafkaConsumer]:
    """One that sees all that is written to `topic` from now on."""
    made = KafkaConsumer(topic, bootstrap_servers=bootstrap())
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not made.assignment():
            assert time.monotonic() < deadline, f"{topic}: no partition assigned"
            made.poll(timeout_ms=100)
        for partition in made.assignment():
            made.position(partition)
        yield made
    finally:
        made.close()


def receive(source: KafkaConsumer, keys: set[str]) -> dict[str, Any]:
    """The first record of each of `keys`, whatever others write meanwhile."""
    found: dict[str, Any] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
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
    return target.send(topic, **record).get(timeout=PATIENCE_SECONDS)
