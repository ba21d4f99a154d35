"""Why an event came again: each duplicate has a cause, or is a violation. Pure."""

from __future__ import annotations

from tests.fault import evidence, windows
from tests.fault.view import Delivery, Place, Reader, Settlement, View

REDELIVERED_ACK = "accepted, and delivered again"
KEPT = "Kafka had it as settled, and it was delivered again"
LEFT_BEHIND = "accepted, and delivered again, though what was accepted later stayed settled"
UNCAUSED = "delivered again without a cause"
# Within it a stream's news of its partitions and the client's record of them may cross.
_CROSSING = 2.0


def of_group(view: View, reader: Reader, place: Place, before: Delivery,
             again: Delivery) -> tuple[str, bool]:
    """The cause, and whether it is a violation."""
    if evidence.was_kept(view, reader, place, before, again):
        return KEPT, True
    settled = [s for s in reader.settlements.get(place, ()) if s.begin < again.t]
    if accepted := _last(settled, lambda s: s.act != "r" and s.result == "ok" and s.end <= again.t):
        return _accepted(view, reader, place, accepted, before, again)
    if _last(settled, lambda s: s.result == "ok" and s.act == "r" and s.begin >= before.t):
        return "retry", False
    return _unsettled(view, reader, place, before, again)


def _accepted(view: View, reader: Reader, place: Place, accepted: Settlement, before: Delivery,
              again: Delivery) -> tuple[str, bool]:
    """Of one that an accepted call has settled. What is given up is not, until it is written."""
    if accepted.act == "d" and windows.was_lost(view, reader, place, accepted, again.t):
        return "dead letter not yet written", False
    if accepted.act == "a" and evidence.left_behind(view, reader, place, accepted, before,
                                                    again) is not None:
        return LEFT_BEHIND, True
    if windows.is_stale(reader, place, accepted, again):
        return "read late, by a stream that had the partition before", False
    found = windows.excuse(view, reader, place, accepted, again.t)
    return (f"acknowledged, but {found}", False) if found else (REDELIVERED_ACK, True)


def of_tail(reader: Reader, before: Delivery, again: Delivery) -> tuple[str, bool]:
    """A tail resumes from a token that may be older than what it has."""
    if before.stream != again.stream:
        return f"resumed: {_end(reader, before.stream)}", False
    return UNCAUSED, True


def _unsettled(view: View, reader: Reader, place: Place, before: Delivery,
               again: Delivery) -> tuple[str, bool]:
    """Of one that no accepted call has settled."""
    old, new = reader.streams[before.stream], reader.streams[again.stream]
    if before.stream != again.stream:
        if old.ended <= again.t + _CROSSING:
            return f"stream over: {_end(reader, before.stream)}", False
        if old.lost(place[0], before.t) <= again.t + _CROSSING:
            return "rebalance", False
        if new.gained(place[0], before.t - _CROSSING, again.t):
            return "rebalance", False
        return UNCAUSED, True
    if old.lost(place[0], before.t) <= again.t:
        return "partition lost and back", False
    if _recalled(reader, place, before, again):
        return "recalled with a retry of its key", False
    if away := next((f.name for f in view.faults if f.name.startswith(windows.OF_KAFKA)
                     and f.begin <= again.t and before.t <= f.end + windows.RECOVERY), None):
        return f"partition lost: {away}", False
    return UNCAUSED, True


def _recalled(reader: Reader, place: Place, before: Delivery, again: Delivery) -> bool:
    """Whether an earlier event of its key was given back in between, or came again in between: a
    client that reads late learns of the first delivery after it has given the other back."""
    partition, offset = place
    key = partition, before.key
    return any(other < offset and before.order < each.order < again.order
               and each.stream == again.stream
               for other, each in reader.again_of(key)) or any(
        other < offset and s.result in ("ok", "unknown") and s.begin <= again.t
        and s.end >= before.t - _CROSSING for other, s in reader.retries_of(key))


def _last(settled: list[Settlement], condition) -> Settlement | None:
    return next((s for s in reversed(settled) if condition(s)), None)


def _end(reader: Reader, stream: str) -> str:
    ended = reader.streams[stream]
    why = " ".join(ended.why.split()[:2])
    return f"by {ended.by}, {why}" if ended.by else "its client crashed"
