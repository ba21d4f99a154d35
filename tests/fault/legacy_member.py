"""A member of a group that knows no event bus: kafka-python, which commits offsets alone."""

from __future__ import annotations

import contextlib
import itertools
import threading
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from tests.fault import ids
from tests.fault.final import entry
from tests.fault.history import History
from tests.support.broker import bootstrap

_CALL_IDS = itertools.count(1)


class LegacyMember(threading.Thread):
    """Joins, commits what it is given at once, and leaves when it is told to."""

    def __init__(self, name: str, group: str, history: History) -> None:
        super().__init__(name=name, daemon=True)
        self._group, self._history = group, history
        self._assigned: frozenset[str] | None = None
        self._over = threading.Event()

    def leave(self) -> None:
        self._over.set()
        self.join(60)

    def run(self) -> None:
        self._history.write("join", r=self._group, m=self.name, s=self.name, srv=-1, legacy=True)
        consumer = KafkaConsumer(
            *ids.TOPICS, group_id=self._group, client_id=self.name, bootstrap_servers=bootstrap(),
            enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=100)
        try:
            while not self._over.is_set():
                with contextlib.suppress(KafkaError):  # Away brokers: it goes on when it can.
                    self._poll(consumer)
        finally:
            consumer.close()
            self._history.write("end", r=self._group, s=self.name, by="client", why="leave")

    def _poll(self, consumer: KafkaConsumer) -> None:
        records = [record for part in consumer.poll(timeout_ms=100).values() for record in part]
        assigned = frozenset(f"{each.topic}/{each.partition}" for each in consumer.assignment())
        if assigned != self._assigned:
            self._history.write("assign" if self._assigned is not None else "start",
                                r=self._group, s=self.name, a=dict.fromkeys(sorted(assigned), -1))
            self._assigned = assigned
        if records:
            self._commit(consumer, records)

    def _commit(self, consumer: KafkaConsumer, records: list[Any]) -> None:
        call = f"{self.name}/{next(_CALL_IDS)}"
        places = [f"{record.topic}/{record.partition}" for record in records]
        self._history.write("got", r=self._group, s=self.name, e=[
            [place, *entry(record), 0] for place, record in zip(places, records)])
        self._history.write("settle", r=self._group, s=self.name, id=call, e=[
            [place, record.offset, "a"] for place, record in zip(places, records)])
        try:
            consumer.commit()
        except KafkaError as error:
            self._history.write("settled", r=self._group, id=call, error=type(error).__name__)
        else:
            self._history.write("settled", r=self._group, id=call, bad={})
