"""Reads, again and again, what the groups have committed and where the log ends."""

from __future__ import annotations

import contextlib
import threading
import time

from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from tests.fault import brokers
from tests.fault.history import History

_PAUSE_SECONDS = 0.4


class Watcher(threading.Thread):
    """Where Kafka does not answer it asks again; it needs no complete record."""

    def __init__(self, history: History, groups: list[str]) -> None:
        super().__init__(name="watcher", daemon=True)
        self._history, self._groups = history, groups
        self._over = threading.Event()
        self._admin: KafkaAdminClient | None = None
        self.committed: dict[str, dict[str, int]] = {}
        self.ends: dict[str, int] = {}

    def stop(self) -> None:
        self._over.set()
        self.join(30)

    def missing(self, tails: dict[str, dict[str, int]]) -> list[str]:
        """Who has not caught up with the ends as last seen."""
        readers = {**self.committed, **tails}
        return [f"{reader} {partition}: at {positions.get(partition, 0)} of {end}"
                for reader, positions in readers.items()
                for partition, end in self.ends.items() if positions.get(partition, 0) < end]

    def run(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            try:
                if self._admin is None:
                    self._admin = brokers.admin()
                self._look()
            except (KafkaError, OSError, TimeoutError, KeyError) as error:
                self._history.write("unseen", why=f"{type(error).__name__} {error}"[:200])
                self._close()
        self._close()

    def _look(self) -> None:
        for group in self._groups:
            asked = time.monotonic()
            found = self._admin.list_group_offsets(group)[group]
            there = {f"{place.topic}/{place.partition}": [commit.offset, commit.metadata or ""]
                     for place, commit in found.items()}
            self._history.write("commit", g=group, t0=round(asked, 6), a=there)
            self.committed[group] = {name: offset for name, (offset, _) in there.items()}
        places = [brokers.place(name) for name in brokers.PARTITIONS]
        firsts, lasts = (self._admin.list_partition_offsets(dict.fromkeys(places, spec))
                         for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST))
        ends = {f"{place.topic}/{place.partition}": [firsts[place].offset, lasts[place].offset]
                for place in places}
        self._history.write("ends", a=ends)
        self.ends = {name: end for name, (_, end) in ends.items()}

    def _close(self) -> None:
        if self._admin is not None:
            with contextlib.suppress(Exception):  # Whatever is wrong with it, it is not used again.
                self._admin.close()
            self._admin = None
