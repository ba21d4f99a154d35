"""One run: servers, clients, the watcher, and faults; recorded in a directory of its own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from tests.fault import brokers, final, ids, links
from tests.fault.crew import Client
from tests.fault.history import History
from tests.fault.proxy import Proxy
from tests.fault.publisher import keys_of
from tests.fault.servers import COMMIT_INTERVAL, Fleet
from tests.fault.watcher import Watcher
from tests.support.patience import wait_until
from tests.support.server import connect
from tests.support.stubs import EventBusAdminServiceStub, admin

CATCH_UP_SECONDS = 150.0


@dataclass(frozen=True)
class Settings:
    """What a run is made of. `groups`: their names and their members' habits."""

    directory: Path
    seed: int
    scenario: str
    rate: float = 400.0
    batch: int = 20
    servers: int = 3
    publishers: int = 3
    members: int = 3
    tails: int = 2
    keys: int = 60
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)


def usual_groups(name: str) -> dict[str, dict[str, Any]]:
    """One without dead letters, one whose events may kill, and where records are taken one that is
    too slow to have them before. Their names are the run's own."""
    made: dict[str, dict[str, Any]] = {
        f"steady-{name}": {"consume": True},
        f"careful-{name}": {"max_attempts": 3, "dead": 0.001, "killers": True}}
    if name == "retention":
        made[f"slow-{name}"] = {"slow": 0.3, "window": 15}
    return made


class Run:
    """What the nemesis breaks."""

    def __init__(self, settings: Settings, fleet: Fleet, proxy: Proxy, history: History) -> None:
        self.settings = settings
        self.fleet = fleet
        self.proxy = proxy
        self.history = history
        self.clients: list[Client] = []
        self.extra = itertools.count(1)
        self.watcher = Watcher(history, list(settings.groups))
        # Numbers of events that kill their consumers, and of those that the run itself sends.
        self.killers = itertools.count(ids.KILLERS)

    def start_clients(self) -> None:
        made = self.settings
        seats: list[list[dict[str, Any]]] = [[], [], []]
        for index in range(made.publishers):
            seats[0].append({"kind": "publisher", "name": f"publisher-{index}",
                             "keys": keys_of(index, made.publishers, made.keys), "first": index,
                             "step": made.publishers, "rate": made.rate / made.publishers,
                             "batch": made.batch})
        for index in range(made.tails):
            seats[0].append({"kind": "tail", "name": f"tail-{index}"})
        for group, habits in made.groups.items():
            for index in range(made.members):
                seats[1 + index % 2].append(self.member(f"{group}-{index}", group, habits))
        for index, actors in enumerate(seats):
            self.clients.append(Client(f"clients-{index}", made.directory, self.fleet.addresses,
                                       made.seed, actors))

    def member(self, name: str, group: str, habits: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"kind": "member", "name": name, "group": group,
                "habits": self.settings.groups[group] if habits is None else habits}

    def member_names(self) -> list[tuple[Client, str]]:
        return [(client, actor["name"]) for client in self.clients[1:] for actor in client.actors]

    def wait_until_started(self) -> None:
        """Until the groups have committed where they start."""
        def started() -> bool:
            return all(len(self.watcher.committed.get(group, ())) == len(ids.PARTITIONS)
                       for group in self.settings.groups)

        wait_until(started, "the groups have started", CATCH_UP_SECONDS)

    def tail_names(self) -> list[tuple[Client, str]]:
        return [(self.clients[0], actor["name"]) for actor in self.clients[0].actors
                if actor["kind"] == "tail"]

    def written(self) -> int:
        return self.clients[0].ask()["written"]

    def quiet(self) -> None:
        """Publishers stop, and what slow members have not read they read at once."""
        for client in self.clients:
            client.tell("quiet")
        deadline = time.monotonic() + 60
        while self.clients[0].ask()["publishing"]:
            if time.monotonic() > deadline:
                raise AssertionError("publishers do not end")
            time.sleep(0.1)

    def catch_up(self) -> list[str]:
        """Waits until every group and tail has everything; what is missing by the deadline. Two
        looks of the watcher after the last event: the first may have begun before it."""
        time.sleep(2.0)
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while missing := self.missing():
            self.fleet.check_alive()
            if time.monotonic() > deadline:
                return [*missing, *self.states()]
            time.sleep(0.3)
        return []

    def states(self) -> list[str]:
        """What the servers know of the groups' partitions that they hold."""
        found = []
        for address in self.fleet.addresses:
            with connect(address) as channel:
                stub = EventBusAdminServiceStub(channel)
                for group in self.settings.groups:
                    try:
                        state = stub.GetGroup(admin.GetGroupRequest(group=group), timeout=10)
                    except grpc.RpcError as error:
                        found.append(f"{group} at {address}: {error.code().name}")
                        continue
                    found += [f"{group} at {address}, {state.state}: {part}".replace("\n", " ")
                              for part in state.partitions if part.HasField("held") and part.lag]
        return found

    def missing(self) -> list[str]:
        return self.watcher.missing(self.clients[0].ask()["next"])


@contextmanager
def running(settings: Settings) -> Iterator[Run]:
    """A run that has begun, on a cluster that has its topics; its processes end with it."""
    settings.directory.mkdir(parents=True, exist_ok=True)
    history = History(settings.directory / "run.jsonl")
    with Proxy(links.links()) as proxy:
        fleet = Fleet(history, settings.directory, links.bootstrap(proxy), settings.servers)
        proxy.owner = lambda source, target: links.owner(source, target, fleet.pids())
        yield from _running(Run(settings, fleet, proxy, history))


def _running(run: Run) -> Iterator[Run]:
    settings, fleet, history = run.settings, run.fleet, run.history
    history.write("run", seed=settings.seed, scenario=settings.scenario,
                  commit_interval=COMMIT_INTERVAL, groups=list(settings.groups),
                  tails=[f"tail-{index}" for index in range(settings.tails)],
                  max_attempts={group: habits["max_attempts"] for group, habits
                                in settings.groups.items() if "max_attempts" in habits})
    try:
        fleet.start_all()
        yield run
    finally:
        for client in run.clients:
            client.kill()
        run.watcher.stop()
        fleet.close()
        history.close()


def conclude(run: Run) -> None:
    """After the last fault: everybody catches up, the clients leave, and the log is read."""
    brokers.wait_until_whole()
    run.quiet()
    missing = run.catch_up()
    finishing = [threading.Thread(target=client.finish) for client in run.clients]
    for thread in finishing:
        thread.start()
    for thread in finishing:
        thread.join()
    run.watcher.stop()
    final.record(run.history, list(run.settings.groups))
    run.history.write("over", missing=missing)
