"""When an accepted acknowledgement may be lost: the windows that docs/guarantees.md names. Pure."""

from __future__ import annotations

from tests.fault.view import Fault, Place, Reader, Settlement, View

# A commit on its way, on a machine that has other things to do.
SLACK = 1.0
# For Kafka to have its leaders and coordinators again, and for a server to have noticed.
RECOVERY = 12.0
# A rebalance: as long as a member that is gone, or frozen, may hold it up.
REBALANCE = 11.0

OF_KAFKA = ("broker_", "leader_", "coordinator_", "net_", "kafka_")


def excuse(view: View, reader: Reader, place: Place, accepted: Settlement,
           again: float) -> str | None:
    """Why what was accepted came again at `again`; None where no window allows it."""
    server = reader.streams[accepted.stream].server
    stream = reader.streams[accepted.stream]
    # A running stream that keeps its partition commits what was accepted, sooner or later.
    if min(stream.lost(place[0], accepted.end), stream.ended) > again + SLACK:
        return None
    for fault in view.faults:
        if fault.begin <= again and _allows(view, fault, server, accepted.end):
            return fault.name
    return "rebalance" if _rebalanced(reader, place, accepted, again) else None


def _allows(view: View, fault: Fault, server: int, accepted: float) -> bool:
    """Whether the fault may have lost what this server accepted then."""
    uncommitted = fault.begin - view.commit_interval - SLACK
    if fault.name == "server_kill":
        return fault.target["server"] == server and uncommitted <= accepted <= fault.begin + SLACK
    if fault.name == "server_stop":
        return (fault.target["server"] == server
                and uncommitted <= accepted <= fault.end + RECOVERY)
    return fault.name.startswith(OF_KAFKA) and uncommitted <= accepted <= fault.end + RECOVERY


def _rebalanced(reader: Reader, place: Place, accepted: Settlement, again: float) -> bool:
    """Whether it was accepted between the revocation of its partition and the end of the rebalance,
    which gave the partition to another stream. The rebalance was begun by a member's coming or
    going, of which there must be one."""
    stream = reader.streams[accepted.stream]
    lost = min(stream.lost(place[0], accepted.end), stream.ended)
    if lost > again or lost - accepted.end > REBALANCE:
        return False
    begin = accepted.end - REBALANCE
    return any(begin <= t <= accepted.end for name, other in reader.streams.items()
               if name != accepted.stream for t in (other.joined, other.ended))
