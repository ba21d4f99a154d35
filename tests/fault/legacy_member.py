"""A member of a group that knows no event bus: kafka-python, which commits offsets alone."""

from __future__ import annotations

import contextlib
import itertools
import threading
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from tests.fault import ids
from tests.fault.final import entry
from tests.fault.history import History
from tests.support import legacy

_CALL_IDS = itertools.count(1)


class LegacyMember(threading.Thread):
    """Joins, commits what it is given at once, and leaves when it is told to."""

    def __init__(self, name: str, group: str, history: History) -> None:
        super().__init__(name=name, daemon=True)
        self._group, self._history = group, history
        self._assigned: frozenset[str] | None = None
        # Where the group was in what it was assigned, until it has a record of it.
        self._starts: dict[TopicPartition, int | None] = {}
        self._over = threading.Event()

    def leave(self) -> None:
        self._over.set()
        self.join(60)

    def run(self) -> None:
        self._history.write("join", r=self._group, m=self.name, s=self.name, srv=-1, legacy=True)
        consumer = legacy.member(
            self._group, ids.TOPICS, client_id=self.name, enable_auto_commit=False,
            auto_offset_reset="earliest", max_poll_records=100)
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
            self._starts = {each: consumer.committed(each) for each in consumer.assignment()}
            self._history.write("assign" if self._assigned is not None else "start",
                                r=self._group, s=self.name, a=dict.fromkeys(sorted(assigned), -1))
            self._assigned = assigned
        self._record_what_is_gone(records)
        if records:
            self._commit(consumer, records)

    def _record_what_is_gone(self, records: list[Any]) -> None:
        """kafka-python goes on at the oldest record where the group's offset is gone, and says
        nothing."""
        for record in records:
            committed = self._starts.pop(TopicPartition(record.topic, record.partition), None)
            if committed is not None and record.offset > committed:
                self._history.write("gap", r=self._group, s=self.name,
                                    p=f"{record.topic}/{record.partition}", first=committed,
                                    next=record.offset, cause="offset out of range")

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
