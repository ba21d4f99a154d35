"""What Kafka was seen to hold, against what came again: no fault excuses that. Pure.

A member reads what its group has committed after those before it have committed, since Kafka takes
no commit of theirs any more. So what Kafka had once does not come again, but to a member that had
read before: it does not know yet that it has lost the partition. And a commit has all that its
member had accepted by then: what is lost is what was accepted last.
"""

from __future__ import annotations

from bisect import bisect_right

from tests.fault.view import Delivery, Fault, Place, Reader, Settlement, View

# For a client to read what it was sent, on a machine that has other things to do.
LATE = 3.0
# A commit of a member that has no answer may come to Kafka after its end.
_LEGACY_SLACK = 1.0
# So many of those accepted next are compared with one that was lost.
_NEXT = 100


def was_kept(view: View, reader: Reader, place: Place, before: Delivery, again: Delivery) -> bool:
    """Whether Kafka was seen to have it as settled before it came `again`."""
    return any(look.holds(place) and _had_to_know(view, reader, place, before, again, look.t)
               and (place[1] < look.offsets[place[0]]
                    or not may_drop(view, reader, place[0], look.asked, again.t))
               for look in view.looks(reader.name, before.t, again.t))


def left_behind(view: View, reader: Reader, place: Place, accepted: Settlement,
                before: Delivery, again: Delivery) -> int | None:
    """The offset of one that the same stream accepted after it, and that stayed settled; None:
    there is none. Both were with its client at once, so that its commits had both or the first.
    What a commit without metadata drops it drops of both, though Kafka had them."""
    if not _had_to_know(view, reader, place, before, again, accepted.end):
        return None
    if _legacy_between(reader, accepted.begin, again.t):
        return None
    drops = _full_between(view, reader, place[0], accepted.begin, again.t)
    all_of_it = reader.accepted(accepted.stream, place[0])
    first = bisect_right(all_of_it, accepted.end, key=lambda each: each[0].begin)
    for settled, offset in all_of_it[first:first + _NEXT]:
        # What is farther on is dropped first.
        if (offset > place[1] or not drops) and _stayed(view, reader, (place[0], offset), accepted,
                                                        settled):
            return offset
    return None


def may_drop(view: View, reader: Reader, partition: str, since: float, until: float) -> bool:
    """Whether a commit may be without what was settled past its offset: one of a member that knows
    nothing of metadata, or one whose metadata is full."""
    return (_legacy_between(reader, since, until)
            or _full_between(view, reader, partition, since, until))


def _legacy_between(reader: Reader, since: float, until: float) -> bool:
    return any(stream.legacy and stream.joined <= until and stream.ended + _LEGACY_SLACK >= since
               for stream in reader.streams.values())


def _full_between(view: View, reader: Reader, partition: str, since: float, until: float) -> bool:
    return any(partition in look.full
               for look in view.looks(reader.name, since - LATE, until + LATE))


def is_late(view: View, reader: Reader, stream: str, since: float, at: float) -> bool:
    """Whether what a stream's client had `at` some time may have been sent before `since`."""
    reach = since + LATE
    for fault in view.faults:
        if fault.begin > min(reach, at):
            break
        if _holds_up(fault, stream, reader.streams[stream].server):
            reach = max(reach, fault.end + LATE)
    return at <= reach


def _holds_up(fault: Fault, stream: str, server: int) -> bool:
    """Whether the client does not hear of what its server does, or knows, while the fault lasts."""
    if fault.name == "client_stall":
        return stream.startswith(str(fault.target.get("client", "")))
    return fault.name == "client_freeze" or (fault.name == "server_stop"
                                             and fault.target["server"] == server)


def _had_to_know(view: View, reader: Reader, place: Place, before: Delivery, again: Delivery,
                 since: float) -> bool:
    """Whether who delivered it again had read what the group had at `since`."""
    stream = reader.streams[again.stream]
    if stream.legacy:
        return False
    if stream.joined > since:
        return True
    given = stream.given(place[0], again.t)
    if given > since and not is_late(view, reader, again.stream, since, given):
        return True
    # Nobody else has had it meanwhile.
    return before.stream == again.stream and not is_late(view, reader, again.stream, since, again.t)


def _stayed(view: View, reader: Reader, place: Place, accepted: Settlement,
            settled: Settlement) -> bool:
    """Whether what the stream was given before `accepted`, and settled after it, stayed so."""
    got = reader.deliveries[place]
    given = [each for each in got if each.t <= settled.begin]
    if not given or given[-1].stream != accepted.stream or given[-1].t > accepted.begin:
        return False
    others = [each for each in reader.settlements[place]
              if each.act != "r" and each.result in ("ok", "unknown") and each is not settled]
    if any(each.begin <= settled.begin for each in others):
        return False
    if len(given) == len(got) and view.over and not others:
        return place not in reader.dead and not reader.in_gap(place)
    until = min((each.begin for each in others), default=view.end)
    return any(look.holds(place) for look in view.looks(reader.name, settled.begin, until))
