"""What must hold of a history, a function each. Pure.

    lost         (a) what was published is delivered to every reader, or dead-lettered
    phantom      (b) nothing is delivered that was not sent; what was refused is not there
    order        (c) per key, first deliveries are in log order
    settled      (d) an accepted acknowledgement stays so, but in the named windows
    committed    (e) a committed offset never passes an unsettled event
    forgotten    what a group has committed stays so
    untrue_gaps  what a gap says to be gone is
    duplicates   (f) each has a cause
    finished     every group caught up in the end
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.fault import causes, evidence
from tests.fault.view import UNDECODABLE, Commit, Delivery, Place, Reader, View
from tests.fault.violation import Violation, at


def lost(view: View) -> Iterator[Violation]:
    wanted = {sent.place: f"event {number}, published" for number, sent in view.sent.items()
              if sent.outcome == "ok" and sent.place and sent.place[1] >= 0}
    wanted |= {place: "undecodable record" for place in view.poison}
    for partition, records in view.log.items():
        for offset, number in records.items():
            wanted.setdefault((partition, offset), f"event {number}, in the log")
    unplaced = {number for number, sent in view.sent.items()
                if sent.outcome == "ok" and sent.place and sent.place[1] < 0}
    for reader in view.readers.values():
        for place in wanted.keys() - reader.deliveries.keys() - reader.dead.keys():
            if not reader.in_gap(place):
                yield Violation("lost", f"{at(place)} ({wanted[place]}) never came to "
                                        f"{reader.name}")
        numbers = {got[0].number for got in reader.deliveries.values()} if unplaced else set()
        for number in unplaced - numbers:
            yield Violation("lost", f"event {number}, published, never came to {reader.name}")


def phantom(view: View) -> Iterator[Violation]:
    for reader in view.readers.values():
        for place, got in reader.deliveries.items():
            yield from _phantom(view, reader, place, got[0])
            if any(delivery.number != got[0].number for delivery in got):
                yield Violation("phantom", f"{at(place)} came to {reader.name} as two events")
    seen: dict[int, Place] = {}
    for partition, records in view.log.items():
        for offset, number in records.items():
            if number != UNDECODABLE and number in seen:
                yield Violation("phantom", f"event {number} was written twice: "
                                           f"{at(seen[number])} and {at((partition, offset))}")
            seen[number] = (partition, offset)
            if (sent := view.sent.get(number)) and sent.outcome == "failed":
                yield Violation("phantom", f"event {number} was refused, and is in the log at "
                                           f"{at((partition, offset))}")


def _phantom(view: View, reader: Reader, place: Place, got: Delivery) -> Iterator[Violation]:
    what = f"{at(place)} came to {reader.name} as event {got.number}"
    if got.number == UNDECODABLE:
        if place not in view.poison:
            yield Violation("phantom", f"{at(place)} came to {reader.name}, which nobody sent")
        return
    sent = view.sent.get(got.number)
    if sent is None:
        yield Violation("phantom", f"{what}, which nobody sent")
    elif sent.outcome == "failed":
        yield Violation("phantom", f"{what}, which was refused")
    elif sent.place and sent.place[1] >= 0 and sent.place != place:
        yield Violation("phantom", f"{what}, which was written at {at(sent.place)}")
    elif got.key != sent.key:
        yield Violation("phantom", f"{what} with key {got.key}, not {sent.key}")


def order(view: View) -> Iterator[Violation]:
    for reader in view.readers.values():
        latest: dict[tuple[str, int], tuple[Delivery, int]] = {}
        for (partition, offset), got in sorted(reader.deliveries.items()):
            first = got[0]
            before = latest.get((partition, first.key))
            if first.key >= 0 and before and first.order < before[0].order:
                yield Violation("order", f"{reader.name}, key {first.key}: {partition}@{offset} "
                                         f"came before {partition}@{before[1]}")
            else:
                latest[partition, first.key] = (first, offset)
        if not reader.is_group:
            yield from _in_stream(reader)
    yield from _published(view)


def _in_stream(reader: Reader) -> Iterator[Violation]:
    """A tail's stream gives each partition in the order of its offsets."""
    came = sorted((delivery.order, delivery.stream, place)
                  for place, got in reader.deliveries.items() for delivery in got)
    reached: dict[tuple[str, str], int] = {}
    for _, stream, (partition, offset) in came:
        if offset <= reached.get((stream, partition), -1):
            yield Violation("order", f"{stream}: {partition}@{offset} came after "
                                     f"@{reached[stream, partition]}")
        reached[stream, partition] = offset


def _published(view: View) -> Iterator[Violation]:
    """Of one publisher, one request in flight: a key's events are written as they were sent."""
    latest: dict[tuple[str, int], tuple[int, int]] = {}
    for number, sent in sorted(view.sent.items(), key=lambda item: (item[1].at, item[0])):
        if sent.outcome != "ok" or not sent.place or sent.place[1] < 0:
            continue
        before = latest.get((sent.by, sent.key))
        if before and sent.place[1] <= before[1]:
            yield Violation("order", f"{sent.by}: event {number} was written at "
                                     f"{at(sent.place)}, before event {before[0]}")
        latest[sent.by, sent.key] = (number, sent.place[1])


def committed(view: View) -> Iterator[Violation]:
    for reader in view.groups():
        settled_at = {place: min((s.begin for s in settled if s.act != "r"
                                  and s.result in ("ok", "unknown")), default=None)
                      for place, settled in reader.settlements.items()}
        checked: set[Place] = set()
        reached: dict[str, int] = {}
        for commit in view.commits[reader.name]:
            for partition, offset in commit.offsets.items():
                ranges = [(reached.get(partition, 0), offset), *commit.spans.get(partition, ())]
                reached[partition] = max(offset, reached.get(partition, 0))
                for place in ((partition, each) for begin, end in ranges
                              for each in range(begin, end) if (partition, each) not in checked):
                    checked.add(place)
                    when = settled_at.get(place)
                    if (when is None or when > commit.t) and not _needs_none(view, reader, place):
                        yield Violation("committed", _early(reader, place, when, commit.t, offset))


def forgotten(view: View) -> Iterator[Violation]:
    """An offset goes never back, and what is settled past it is so in each commit that follows, but
    where evidence.may_drop."""
    for reader in view.groups():
        looks = view.commits[reader.name]
        for before, after in zip(looks, looks[1:]):
            for partition, offset in before.offsets.items():
                now = after.offsets.get(partition, 0)
                if now < offset:
                    yield Violation("forgotten", f"{reader.name} had committed {partition}@{offset}"
                                                 f" at {before.t:.3f}, and @{now} at {after.t:.3f}")
                elif (gone := _gone(before, after, partition)) and not evidence.may_drop(
                        view, reader, partition, before.asked, after.t):
                    yield Violation("forgotten", f"{reader.name} had {partition}@{gone} as settled "
                                                 f"at {before.t:.3f}, and not at {after.t:.3f}")


def _gone(before: Commit, after: Commit, partition: str) -> int | None:
    """The first offset that is settled in one commit, and not in the one after it."""
    if before.spans.get(partition) == after.spans.get(partition):
        return None
    for begin, end in before.spans.get(partition, ()):
        at = max(begin, after.offsets[partition])
        for each in range(at, end):
            if not after.holds((partition, each)):
                return each
    return None


def untrue_gaps(view: View) -> Iterator[Violation]:
    """Where the log begins only grows: what a gap covers lies before it by the end."""
    for reader in view.readers.values():
        for partition, gaps in reader.gaps.items():
            first = max((at.get(partition, 0) for _, at in view.firsts), default=0)
            for begin, end in gaps:
                if end > first and view.over:
                    yield Violation("gap", f"{reader.name} was told that {partition}@{begin} to "
                                           f"@{end} are gone; the log begins at {first}")


def _needs_none(view: View, reader: Reader, place: Place) -> bool:
    """Whether a record needs no settling: it is dead-lettered, taken by retention, or none at all,
    as a transaction's marker is."""
    if place in reader.dead or reader.in_gap(place):
        return True
    partition, offset = place
    return (bool(view.log.get(partition)) and offset not in view.log[partition]
            and place not in reader.deliveries and place not in view.places())


def _early(reader: Reader, place: Place, when: float | None, seen: float, offset: int) -> str:
    settled = "never" if when is None else f"{when - seen:.3f} s later"
    return f"{reader.name} committed {place[0]}@{offset}, past {at(place)}, settled {settled}"


def duplicates(view: View) -> tuple[list[Violation], dict[str, Counter[str]]]:
    """Violations of (d) and (f), and the causes of all duplicates by reader."""
    found: list[Violation] = []
    counts: dict[str, Counter[str]] = {}
    for reader in view.readers.values():
        tally = counts[reader.name] = Counter()
        for place, got in reader.deliveries.items():
            for before, again in zip(got, got[1:]):
                cause, wrong = (causes.of_group(view, reader, place, before, again)
                                if reader.is_group else causes.of_tail(reader, before, again))
                tally[cause] += 1
                if wrong:
                    check = "duplicates" if cause == causes.UNCAUSED else "settled"
                    found.append(Violation(check, _again(reader, place, before, again, cause)))
    return found, counts


def _again(reader: Reader, place: Place, before: Delivery, again: Delivery, cause: str) -> str:
    acts = "; ".join(f"{s.act} {s.result} {s.begin:.3f}-{s.end:.3f} by {s.stream}"
                     for s in reader.settlements.get(place, ()))
    return (f"{reader.name}: {at(place)} {cause}: {before.t:.3f} to {before.stream}, "
            f"{again.t:.3f} to {again.stream}; settled: {acts or 'never'}")


def finished(view: View) -> Iterator[Violation]:
    if not view.over:
        yield Violation("finished", "the run did not come to its end")
    for missing in view.missing:
        yield Violation("finished", missing)

