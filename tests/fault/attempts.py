"""Who is blamed: attempts rise with failures only, and nothing is given up that did not fail. Pure.

A failure is a retry, or the death of a client or server while the event alone was delivered. From
the outside the latter looks like this: a stream that had the partition ended. So this checks from
above: an event has at most as many failures as retries and ends together can have caused.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from tests.fault.view import Place, Reader, View
from tests.fault.violation import Violation, at

TOO_MANY = "max_delivery_attempts"


def blame(view: View) -> Iterator[Violation]:
    for reader in view.groups():
        ends = _ends(reader)
        for place, got in reader.deliveries.items():
            for delivery in got:
                failures = _failures(reader, place, ends, delivery.t)
                if delivery.attempt - 1 > failures:
                    yield Violation("blame", f"{reader.name}: {at(place)} came as attempt "
                                             f"{delivery.attempt}, with {failures} failures")
        yield from _given_up(view, reader, ends)
        yield from _raised(reader)


def _given_up(view: View, reader: Reader, ends: dict[str, list[float]]) -> Iterator[Violation]:
    most = view.max_attempts.get(reader.name, 0)
    for place, letters in reader.dead.items():
        for number, why in letters:
            told = any(s.act == "d" for s in reader.settlements.get(place, ()))
            if why == TOO_MANY and _failures(reader, place, ends, view.end) < most:
                yield Violation("blame", f"{reader.name}: {at(place)} (event {number}) was given "
                                         f"up, but cannot have failed {most} times")
            elif why not in (TOO_MANY, "undecodable") and not told:
                yield Violation("blame", f"{reader.name}: {at(place)} (event {number}) was given "
                                         f"up ({why}), which nobody asked for")
            elif why == "undecodable" and place not in view.poison:
                yield Violation("blame", f"{reader.name}: {at(place)} (event {number}) was given "
                                         f"up as undecodable")


def _raised(reader: Reader) -> Iterator[Violation]:
    """After a retry that was accepted the same stream gives the next attempt, while it keeps the
    partition."""
    for place, settled in reader.settlements.items():
        got = reader.deliveries.get(place, [])
        for before, after in zip(got, got[1:]):
            if before.stream != after.stream or after.attempt > before.attempt:
                continue
            # With the partition the retry may be lost before the next commit.
            if reader.streams[after.stream].lost(place[0], before.t) <= after.t:
                continue
            if any(s.act == "r" and s.result == "ok" and s.stream == after.stream
                   and before.t <= s.begin and s.end <= after.t for s in settled):
                yield Violation("blame", f"{reader.name}: {at(place)} came again to "
                                         f"{after.stream} as attempt {after.attempt} after a retry")


def _failures(reader: Reader, place: Place, ends: dict[str, list[float]], until: float) -> int:
    retries = sum(s.act == "r" and s.result in ("ok", "unknown") and s.begin <= until
                  for s in reader.settlements.get(place, ()))
    return retries + bisect_left(ends.get(place[0], []), until)


def _ends(reader: Reader) -> dict[str, list[float]]:
    """By partition: when streams that had it were heard of for the last time, or lost the group."""
    found: dict[str, list[float]] = {}
    for stream in reader.streams.values():
        times = [stream.ended if stream.by else stream.last]
        times += [t for t, partitions in stream.assigned if not partitions]
        for partition in {each for _, partitions in stream.assigned for each in partitions}:
            found.setdefault(partition, []).extend(times)
    return {partition: sorted(times) for partition, times in found.items()}
