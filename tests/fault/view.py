"""A history, put in order for the judge: what was sent, and what came of it to whom. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.fault import commit_text
from tests.fault.history import RESTART, Line

# A partition and an offset.
Place = tuple[str, int]
# A partition and an event's key.
Key = tuple[str, int]
UNDECODABLE = -1


@dataclass(slots=True)
class Sent:
    """A published event. Without an answer its outcome is unknown."""

    key: int
    topic: str
    by: str
    at: float
    outcome: str = "unknown"
    place: Place | None = None
    answered: float = math.inf


@dataclass(slots=True)
class Delivery:
    """`order` counts all deliveries of the history as they were read."""

    order: int
    t: float
    stream: str
    number: int
    key: int
    attempt: int


@dataclass(slots=True)
class Settlement:
    """Sent at `begin`, answered at `end`; `result` is ok, unknown, or why it was refused."""

    begin: float
    stream: str
    act: str
    result: str = "unknown"
    end: float = math.inf


@dataclass(slots=True)
class Stream:
    """`assigned`: the partitions from a time on; `last`: when it was last heard of; `legacy`: a
    member that is no stream of a server."""

    server: int
    joined: float
    legacy: bool = False
    ended: float = math.inf
    last: float = 0.0
    by: str = ""
    why: str = ""
    assigned: list[tuple[float, frozenset[str]]] = field(default_factory=list)

    def lost(self, partition: str, after: float) -> float:
        """When it was first told, past `after`, that it does not have the partition."""
        return next((t for t, has in self.assigned if t > after and partition not in has), math.inf)

    def gained(self, partition: str, after: float, until: float) -> bool:
        """Whether it was told in this time that it has the partition."""
        return any(after <= t <= until and partition in has for t, has in self.assigned)

    def given(self, partition: str, until: float) -> float:
        """When it was told last, up to `until`, of the partition as one that it did not have."""
        latest, had = -math.inf, False
        for t, has in self.assigned:
            if t <= until and partition in has and not had:
                latest = t
            had = partition in has
        return latest


@dataclass(slots=True)
class _ByKey:
    again: dict[Key, list[tuple[int, Delivery]]] = field(default_factory=dict)
    retries: dict[Key, list[tuple[int, Settlement]]] = field(default_factory=dict)


@dataclass(slots=True)
class Reader:
    name: str
    is_group: bool
    deliveries: dict[Place, list[Delivery]] = field(default_factory=lambda: defaultdict(list))
    settlements: dict[Place, list[Settlement]] = field(default_factory=lambda: defaultdict(list))
    streams: dict[str, Stream] = field(default_factory=dict)
    gaps: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    # Numbers of its dead letters, and why they are.
    dead: dict[Place, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))

    _keys: _ByKey | None = None
    _accepted: dict[tuple[str, str], list[tuple[Settlement, int]]] = field(default_factory=dict)

    def again_of(self, key: Key) -> list[tuple[int, Delivery]]:
        """What came again of a key, with its offsets."""
        return self._by_key().again.get(key, [])

    def retries_of(self, key: Key) -> list[tuple[int, Settlement]]:
        """What was given back of a key, with its offsets."""
        return self._by_key().retries.get(key, [])

    def _by_key(self) -> _ByKey:
        """Made by the first who asks, once everything is read."""
        if self._keys is None:
            self._keys = _ByKey()
            for (partition, offset), got in self.deliveries.items():
                key = partition, got[0].key
                for each in got[1:]:
                    self._keys.again.setdefault(key, []).append((offset, each))
                for settled in self.settlements.get((partition, offset), ()):
                    if settled.act == "r":
                        self._keys.retries.setdefault(key, []).append((offset, settled))
        return self._keys

    def accepted(self, stream: str, partition: str) -> list[tuple[Settlement, int]]:
        """What the stream accepted to be acknowledged of the partition, and its offsets, in the
        order in which it was asked."""
        if not self._accepted:
            for (name, offset), settled in self.settlements.items():
                for each in settled:
                    if each.act == "a" and each.result == "ok":
                        self._accepted.setdefault((each.stream, name), []).append((each, offset))
            for found in self._accepted.values():
                found.sort(key=lambda each: each[0].begin)
        return self._accepted.get((stream, partition), [])

    def in_gap(self, place: Place) -> bool:
        return any(first <= place[1] < end for first, end in self.gaps.get(place[0], ()))


@dataclass(slots=True)
class Commit:
    """Seen by a look from `asked` to `t`: what it says to be settled of each partition. `full`:
    those whose metadata has no room for much more."""

    asked: float
    t: float
    offsets: dict[str, int]
    spans: dict[str, list[tuple[int, int]]]
    full: frozenset[str] = frozenset()

    def holds(self, place: Place) -> bool:
        partition, offset = place
        if offset < self.offsets.get(partition, 0):
            return True
        spans = self.spans.get(partition, ())
        index = bisect_right(spans, (offset, math.inf)) - 1
        return index >= 0 and offset < spans[index][1]


@dataclass(slots=True)
class Fault:
    name: str
    target: dict[str, object]
    begin: float
    end: float = math.inf


@dataclass
class View:
    commit_interval: float = 1.0
    seed: int = 0
    scenario: str = ""
    # How many failures a group lets an event have; those that give none up are not here.
    max_attempts: dict[str, int] = field(default_factory=dict)
    begin: float = 0.0
    end: float = 0.0
    sent: dict[int, Sent] = field(default_factory=dict)
    poison: set[Place] = field(default_factory=set)
    readers: dict[str, Reader] = field(default_factory=dict)
    commits: dict[str, list[Commit]] = field(default_factory=lambda: defaultdict(list))
    firsts: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    ends: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    servers: list[tuple[float, int, str]] = field(default_factory=list)
    log: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    missing: list[str] = field(default_factory=list)
    over: bool = False

    _places: set[Place] = field(default_factory=set)

    def places(self) -> set[Place]:
        """Where events were written, as their publishers were told."""
        if not self._places:
            self._places = {sent.place for sent in self.sent.values() if sent.place}
        return self._places

    def looks(self, group: str, since: float, until: float) -> list[Commit]:
        """Those that ended in this time."""
        commits = self.commits[group]
        return commits[bisect_left(commits, since, key=lambda each: each.t):
                       bisect_right(commits, until, key=lambda each: each.t)]

    def groups(self) -> list[Reader]:
        return [reader for reader in self.readers.values() if reader.is_group]


def build(lines: Iterable[Line]) -> View:
    """Lines in the order of their times."""
    view = View()
    builder = _Builder(view)
    for line in lines:
        if handle := getattr(builder, f"on_{line['k']}", None):
            handle(line)
        view.end = max(view.end, line["t"])
    builder.finish()
    return view


class _Builder:
    """One method for each kind of line."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._calls: dict[str, list[Settlement]] = {}
        self._faults: dict[int, Fault] = {}
        self._restarts: list[Line] = []
        self._order = 0

    def finish(self) -> None:
        """What a client says to be gone is, as far as it is not in the log."""
        firsts = self._view.firsts[-1][1] if self._view.firsts else {}
        for line in self._restarts:
            end = min(line["next"], firsts.get(line["p"], 0))
            self._reader(line).gaps[line["p"]].append((line["first"], end))

    def on_run(self, line: Line) -> None:
        view = self._view
        view.begin, view.seed, view.scenario = line["t"], line["seed"], line["scenario"]
        view.commit_interval = line["commit_interval"]
        view.max_attempts = line["max_attempts"]
        for name in line["groups"]:
            view.readers[name] = Reader(name, True)
        for name in line["tails"]:
            view.readers[name] = Reader(name, False)

    def on_send(self, line: Line) -> None:
        for number, key, topic in line["e"]:
            self._view.sent[number] = Sent(key, topic, line["by"], line["t"])

    def on_sent(self, line: Line) -> None:
        for number, outcome, partition, offset in line["e"]:
            sent = self._view.sent[number]
            sent.outcome, sent.answered = outcome, line["t"]
            if outcome == "ok":
                sent.place = (f"{sent.topic}/{partition}", offset)

    def on_poison(self, line: Line) -> None:
        self._view.poison.update((partition, offset) for partition, offset in line["e"])

    def on_join(self, line: Line) -> None:
        self._reader(line).streams[line["s"]] = Stream(line["srv"], line["t"],
                                                               line.get("legacy", False))

    def on_start(self, line: Line) -> None:
        stream = self._stream(line)
        stream.last = line["t"]
        stream.assigned.append((line["t"], frozenset(line["a"])))

    on_assign = on_start

    def on_got(self, line: Line) -> None:
        reader = self._reader(line)
        self._stream(line).last = line["t"]
        for partition, offset, number, key, attempt in line["e"]:
            self._order += 1
            reader.deliveries[partition, offset].append(
                Delivery(self._order, line["t"], line["s"], number, key, attempt))

    def on_gap(self, line: Line) -> None:
        if line["cause"] == RESTART:
            self._restarts.append(line)
        else:
            self._reader(line).gaps[line["p"]].append((line["first"], line["next"]))

    def on_end(self, line: Line) -> None:
        stream = self._stream(line)
        stream.ended, stream.by, stream.why = line["t"], line["by"], line["why"]

    def on_settle(self, line: Line) -> None:
        reader, made = self._reader(line), []
        for partition, offset, act in line["e"]:
            made.append(Settlement(line["t"], line["s"], act))
            reader.settlements[partition, offset].append(made[-1])
        self._calls[line["id"]] = made

    def on_settled(self, line: Line) -> None:
        if "error" in line:
            return
        for index, settlement in enumerate(self._calls.pop(line["id"])):
            settlement.result = line["bad"].get(str(index), "ok")
            settlement.end = line["t"]

    def on_commit(self, line: Line) -> None:
        offsets = {partition: offset for partition, (offset, _) in line["a"].items()}
        self._view.commits[line["g"]].append(Commit(line["t0"], line["t"], offsets, {
            partition: commit_text.spans(text, offset)
            for partition, (offset, text) in line["a"].items() if text}, frozenset(
                partition for partition, (_, text) in line["a"].items()
                if len(text) >= commit_text.NEARLY_FULL)))

    def on_ends(self, line: Line) -> None:
        self._view.firsts.append((line["t"], {name: at[0] for name, at in line["a"].items()}))
        self._view.ends.append((line["t"], {name: at[1] for name, at in line["a"].items()}))

    def on_fault(self, line: Line) -> None:
        if line["phase"] == "begin":
            fault = self._faults[line["id"]] = Fault(line["name"], line["target"], line["t"])
            self._view.faults.append(fault)
        else:
            self._faults[line["id"]].end = line["t"]

    def on_server(self, line: Line) -> None:
        self._view.servers.append((line["t"], line["srv"], line["what"]))

    def on_log(self, line: Line) -> None:
        self._view.log[line["p"]].update((offset, number) for offset, number, _ in line["e"])

    def on_dead(self, line: Line) -> None:
        for partition, offset, number, _, why in line["e"]:
            self._view.readers[line["g"]].dead[partition, offset].append((number, why))

    def on_over(self, line: Line) -> None:
        self._view.over, self._view.missing = True, line["missing"]

    def _reader(self, line: Line) -> Reader:
        return self._view.readers[line["r"]]

    def _stream(self, line: Line) -> Stream:
        return self._reader(line).streams[line["s"]]
