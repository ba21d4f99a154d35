"""Which fault comes when, from a seed. Pure: what it names is found and broken elsewhere (faults).

A fault has a resource that it takes for itself: faults of one resource come one after the other,
those of different ones may overlap. All that befalls brokers is one resource, since with three
replicas and two that must be in sync the cluster stands one broker's loss.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

BROKER, SERVER, CLIENT, NET, LOG = "broker", "server", "client", "net", "log"


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it takes for itself, how long it lasts at least and at most."""

    resource: str
    shortest: float
    longest: float
    # How long things take to be as before, roughly: what a run of this fault alone leaves between.
    mending: float = 2.0


KINDS = {
    # One broker: any, the leader of a partition, or a group's coordinator.
    "broker_kill": Kind(BROKER, 2, 6, 9),
    "broker_stop": Kind(BROKER, 3, 9, 9),
    "leader_kill": Kind(BROKER, 2, 6, 9),
    "leader_stop": Kind(BROKER, 3, 9, 9),
    "coordinator_kill": Kind(BROKER, 2, 6, 9),
    "coordinator_stop": Kind(BROKER, 3, 9, 9),
    # One server.
    "server_kill": Kind(SERVER, 0.5, 4),
    "server_term": Kind(SERVER, 0.5, 4),
    # Also longer than the session of its members with Kafka, which is 10 s.
    "server_stop": Kind(SERVER, 2, 16, 6),
    # Clients. Those of one process crash and freeze together.
    "client_vanish": Kind(CLIENT, 0, 0),
    "client_reconnect": Kind(CLIENT, 0, 0),
    "client_stall": Kind(CLIENT, 2, 8),
    "client_storm": Kind(CLIENT, 2, 6),
    "client_crash": Kind(CLIENT, 0.5, 3),
    "client_freeze": Kind(CLIENT, 2, 12),
    # A member of kafka-python's, which commits offsets without what is settled past them.
    "legacy_member": Kind(CLIENT, 5, 12),
    # Between servers and Kafka: all links, or those of one broker.
    "net_cut": Kind(NET, 2, 8, 4),
    "net_slow": Kind(NET, 3, 8),
    "net_half_open": Kind(NET, 3, 14, 6),
    # In the log.
    "retention": Kind(LOG, 5, 8),
    "poison": Kind(LOG, 0, 0),
    "killer": Kind(LOG, 0, 0, 25),
}

@dataclass(frozen=True)
class Step:
    """One fault. `pick` in [0, 1) chooses its target among those that there are by then."""

    at: float
    name: str
    seconds: float
    pick: float

    @property
    def resource(self) -> str:
        return KINDS[self.name].resource

    def choose(self, candidates: list[object]) -> object:
        return candidates[int(self.pick * len(candidates))]


def steps(seed: int, names: list[str], seconds: float, gap: float = 3.0) -> list[Step]:
    """Faults of these names for so long; the last of them may end later. Every name comes once
    before one comes twice, in an order that the seed says."""
    chosen = random.Random(f"nemesis/{seed}")
    made: list[Step] = []
    at = chosen.uniform(1.0, gap)
    for name in _names(chosen, names):
        if at >= seconds:
            return made
        kind = KINDS[name]
        made.append(Step(round(at, 3), name, round(chosen.uniform(kind.shortest, kind.longest), 3),
                         chosen.random()))
        alone = len({KINDS[each].resource for each in names}) == 1
        at += made[-1].seconds * (1.0 if alone else chosen.uniform(0.3, 1.0))
        at += chosen.uniform(0.5, gap) + (kind.mending if alone else 0.0)
    return made


def _names(chosen: random.Random, names: list[str]) -> Iterator[str]:
    while names:
        yield from chosen.sample(names, len(names))
