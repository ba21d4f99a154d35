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
# A client or a server that is frozen hears so much later of an end, or of an event.
_UNHEARD = 20.0

# By partition: when, and of which stream.
Ends = dict[str, list[tuple[float, str]]]


def blame(view: View) -> Iterator[Violation]:
    for reader in view.groups():
        ends = _ends(view, reader)
        for place, got in reader.deliveries.items():
            for delivery in got:
                if delivery.attempt <= 1:
                    continue
                failures = _failures(view, reader, place, ends, delivery.t,
                                     delivery.stream)
                if delivery.attempt - 1 > failures:
                    yield Violation("blame", f"{reader.name}: {at(place)} came as attempt "
                                             f"{delivery.attempt}, with {failures} failures")
        yield from _given_up(view, reader, ends)
        yield from _raised(reader)


def _given_up(view: View, reader: Reader, ends: Ends) -> Iterator[Violation]:
    most = view.max_attempts.get(reader.name, 0)
    for place, letters in reader.dead.items():
        for number, why in letters:
            told = any(s.act == "d" for s in reader.settlements.get(place, ()))
            if why == TOO_MANY and _failures(view, reader, place, ends, view.end) < most:
                yield Violation("blame", f"{reader.name}: {at(place)} (event {number}) was given "
                                         f"up, but cannot have failed {most} times")
            elif why not in (TOO_MANY, "undecodable") and not told:
                yield Violation("blame", f"{reader.name}: {at(place)} (event {number}) was given "
                                         f"up ({why}), which nobody asked for")
            elif why == "undecodable" and place not in view.poison:
                yield Violation("blame", f"{reader.name}: {at(place)} (event {number}) was given "
                                         f"up as undecodable")


def _raised(reader: Reader) -> Iterator[Violation]:
    """After a retry that was accepted the same stream gives the next attempt, unless it had lost
    the partition meanwhile: a count is in Kafka with the next commit only, as what is settled."""
    for place, settled in reader.settlements.items():
        got = reader.deliveries.get(place, [])
        for before, after in zip(got, got[1:]):
            if before.stream == after.stream and after.attempt <= before.attempt and any(
                    s.act == "r" and s.result == "ok" and s.stream == after.stream
                    and before.t <= s.begin and s.end <= after.t for s in settled) and (
                        reader.streams[after.stream].lost(place[0], before.t) > after.t):
                yield Violation("blame", f"{reader.name}: {at(place)} came again to "
                                         f"{after.stream} as attempt {after.attempt} after a retry")


def _failures(view: View, reader: Reader, place: Place, ends: Ends, until: float,
              stream: str = "") -> int:
    """As many as it can have had by its delivery to `stream`. Ends count where the group bounds the
    attempts, and of those only the ones that may have come after the event had been sent."""
    retries = sum(s.act == "r" and s.result in ("ok", "unknown") and s.begin <= until
                  for s in reader.settlements.get(place, ()))
    if reader.name not in view.max_attempts:
        return retries
    got = reader.deliveries.get(place, ())
    sent = view.sent.get(got[0].number) if got else None
    begin = sent.at - _UNHEARD if sent else 0.0
    of_partition = ends.get(place[0], [])
    return retries + sum(
        t < until or (t <= until + _UNHEARD and name != stream)
        for t, name in of_partition[bisect_left(of_partition, (begin, "")):])


def _ends(view: View, reader: Reader) -> Ends:
    """By partition: when streams that had it ended, or lost the group."""
    found: Ends = {}
    for name, stream in reader.streams.items():
        times = [stream.ended if stream.by else _crashed(view, reader, name)]
        times += [t for t, partitions in stream.assigned if not partitions]
        for partition in {each for _, partitions in stream.assigned for each in partitions}:
            found.setdefault(partition, []).extend((t, name) for t in times)
    return {partition: sorted(times) for partition, times in found.items()}


def _crashed(view: View, reader: Reader, name: str) -> float:
    """When the client of a stream that has no end was killed, roughly: with what killed it, or when
    its member began its next life."""
    stream = reader.streams[name]
    member = name.rpartition("#")[0]
    lives = [other.joined for each, other in reader.streams.items() if other.joined > stream.last
             and each.rpartition(".")[0] == member.rpartition(".")[0] != ""]
    crashes = [fault.begin for fault in view.faults
               if fault.name == "client_crash" and fault.begin > stream.last]
    return min(lives or crashes, default=stream.last)
