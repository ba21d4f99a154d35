"""What stands in Kafka at the end of a run, read by kafka-python: the log and the dead letters."""

from __future__ import annotations

from typing import Any

from tests.fault import brokers, ids
from tests.fault.history import History

_LINE = 5000


def record(history: History, groups: list[str]) -> None:
    for partition in ids.PARTITIONS:
        entries = [entry(found) for found in brokers.read(partition)]
        for at in range(0, len(entries), _LINE):
            history.write("log", p=partition, e=entries[at:at + _LINE])
    there = brokers.topics()
    for group in groups:
        letters = [_letter(found) for topic, count in ids.TOPICS.items()
                   if f"{topic}.{group}.dlq" in there for number in range(count)
                   for found in brokers.read(f"{topic}.{group}.dlq/{number}")]
        history.write("dead", g=group, e=letters)


def entry(found: Any) -> list[int]:
    """Of a record: its offset, its event's number and key."""
    key = (found.key or b"").decode("utf-8", "replace")
    return [found.offset, number(found.value), ids.key(key)]


def _letter(found: Any) -> list[Any]:
    headers = {name.removeprefix("eventbus-dlq-"): value.decode() for name, value in found.headers}
    return [f"{headers['topic']}/{headers['partition']}", int(headers["offset"]),
            number(found.value), int(headers["attempts"]), headers["reason"]]


def number(value: bytes | None) -> int:
    """Of an event by its JSON, whose first member is its id; -1 where it is none of a run."""
    parts = (value or b"")[:64].split(b'"')
    known = len(parts) > 3 and parts[1] == b"event_id"
    return ids.number(parts[3].decode("utf-8", "replace")) if known else -1
