"""When an accepted acknowledgement may be lost: the windows that docs/guarantees.md names. Pure."""

from __future__ import annotations

import math

from tests.fault.view import Delivery, Fault, Place, Reader, Settlement, View

# A commit on its way, on a machine that has other things to do.
SLACK = 1.0
# For Kafka to have its leaders and coordinators again, and for a server to have noticed.
RECOVERY = 12.0
# A rebalance: as long as a member that is gone, or frozen, may hold it up.
REBALANCE = 11.0

# While one lasts, what a server knows does not reach its clients.
HIDING = ("server_stop", "client_freeze", "client_stall")
# Members go with these, and say nothing.
GOES = ("client_crash", "server_kill", "server_stop")
OF_KAFKA = ("broker_", "leader_", "coordinator_", "net_", "kafka_")


def excuse(view: View, reader: Reader, place: Place, accepted: Settlement,
           again: float) -> str | None:
    """Why what was accepted came again at `again`; None where no window allows it."""
    if not was_lost(view, reader, place, accepted, again):
        return None
    server = reader.streams[accepted.stream].server
    loss = min(_lost(reader, place, accepted), again)
    if name := _held_up(view, server, accepted.end, loss):
        return name
    if _legacy(reader, place, accepted, again):
        return "a commit without metadata"
    return "rebalance" if _rebalanced(view, reader, place, accepted) else None


def is_stale(reader: Reader, place: Place, accepted: Settlement, again: Delivery) -> bool:
    """Whether it may have been sent before it was accepted: to another stream that had had the
    partition before that one, and that has not heard of its loss yet. A stream's news come in
    their order: once it has heard, nothing of before follows."""
    stream = reader.streams[again.stream]
    given = stream.given(place[0], again.t)
    return (again.stream != accepted.stream and -math.inf < given <= accepted.begin
            and stream.lost(place[0], given) >= again.t)


def was_lost(view: View, reader: Reader, place: Place, accepted: Settlement,
             again: float) -> bool:
    """Whether its stream had lost its partition by then. A running stream that keeps it commits
    what was accepted, sooner or later. What it is told of a loss may pass the answer on its way."""
    lost = _lost(reader, place, accepted)
    return lost <= again + SLACK or _untold(view, again, lost)


def _untold(view: View, again: float, lost: float) -> bool:
    """Whether a loss that was known at `again` may have reached the client only by then."""
    return any(fault.name in HIDING and fault.begin <= again and lost <= fault.end + RECOVERY
               for fault in view.faults)


def _held_up(view: View, server: int, accepted: float, loss: float) -> str | None:
    """What kept the server from committing until the loss what it accepted then; None: nothing, as
    it commits each interval and Kafka takes that, but while it or the server is away."""
    reach = accepted + view.commit_interval + SLACK
    name = None
    for fault in view.faults:
        if fault.begin > min(reach, loss):
            break
        if fault.name == "server_kill" and fault.target["server"] == server:
            if fault.begin >= accepted - SLACK:
                return fault.name
        elif _holds_up(fault, server) and fault.end + RECOVERY >= accepted:
            reach = max(reach, fault.end + RECOVERY)
            name = name or fault.name
    return name if loss <= reach else None


def _holds_up(fault: Fault, server: int) -> bool:
    """Whether the server cannot commit while the fault lasts."""
    if fault.name == "server_stop":
        return fault.target["server"] == server
    return fault.name.startswith(OF_KAFKA) and fault.target.get("server") in (None, server)


def _legacy(reader: Reader, place: Place, accepted: Settlement, again: float) -> bool:
    """Whether a member that knows nothing of metadata has had the partition meanwhile."""
    return any(other.legacy and other.gained(place[0], accepted.begin - SLACK, again + SLACK)
               for other in reader.streams.values())


def _rebalanced(view: View, reader: Reader, place: Place, accepted: Settlement) -> bool:
    """Whether it was accepted between the revocation of its partition and the end of the rebalance,
    which gave the partition to another stream. The rebalance was begun by a member's coming or
    going, of which there must be one; whatever takes members away meanwhile makes it longer."""
    others = [t for name, other in reader.streams.items() if name != accepted.stream
              for t in (other.joined, other.ended)]
    reach = accepted.end + REBALANCE
    for begin, end in sorted([*((f.begin, f.end) for f in view.faults if _moves_members(f)),
                              *zip(others, others)]):
        if begin > reach:
            break
        if end + RECOVERY >= accepted.end:
            reach = max(reach, end + RECOVERY)
    if _lost(reader, place, accepted) > reach:
        return False
    begin = accepted.end - REBALANCE
    if any(_moves_members(fault) and (begin <= fault.begin <= accepted.end
                                      or begin <= fault.end <= accepted.end)
           for fault in view.faults):
        return True
    return any(begin <= t <= accepted.end for t in others)


def _moves_members(fault: Fault) -> bool:
    """Whether members go with its begin, or are back with its end, and say nothing."""
    return fault.name in GOES or fault.name.startswith(OF_KAFKA)


def _lost(reader: Reader, place: Place, accepted: Settlement) -> float:
    """When its stream was told that it has lost the partition, or another one that it has it, or
    its client came back with a new stream: one that crashes says nothing of its end."""
    stream = reader.streams[accepted.stream]
    others = [(name, other) for name, other in reader.streams.items() if name != accepted.stream]
    has_it = (t for _, other in others
              for t, has in other.assigned if t > accepted.begin and place[0] in has)
    again = (other.joined for name, other in others
             if _client(name) == _client(accepted.stream) and other.joined > accepted.begin)
    return min(stream.lost(place[0], accepted.begin), stream.ended, *has_it, *again)


def _client(stream: str) -> str:
    """careful-0 of careful-0.2#1, which is its first stream after it crashed once."""
    return stream.partition(".")[0]
