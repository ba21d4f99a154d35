"""How each fault begins and ends. `HEALERS` has one entry for each kind of nemesis: it breaks
something, and returns what it broke and how that is mended."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.fault import brokers, ids, proxy, records
from tests.fault.legacy_member import LegacyMember
from tests.fault.nemesis import Step
from tests.fault.proxy import Rule
from tests.fault.run import Run

Target = dict[str, Any]
Heal = Callable[[], None]
Break = Callable[[Run, Step], tuple[Target, Callable[[], None], Heal]]


def play(run: Run, steps: list[Step], part: int = 0) -> None:
    """All of them, each at its time or when its resource is free; returns when all is mended."""
    begin = time.monotonic()
    locks = {step.resource: threading.Lock() for step in steps}
    failures: list[BaseException] = []
    threads = [threading.Thread(target=_play_one, name=f"fault-{index}", daemon=True,
                                args=(run, step, f"{part}.{index}", locks[step.resource], failures))
               for index, step in enumerate(steps)]
    for step, thread in zip(steps, threads):
        time.sleep(max(0.0, begin + step.at - time.monotonic()))
        run.fleet.check_alive()
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _play_one(run: Run, step: Step, name: str, lock: threading.Lock,
              failures: list[BaseException]) -> None:
    with lock:
        try:
            target, strike, heal = BREAKS[step.name](run, step)
            # Before anything breaks, so that no effect is earlier than its cause.
            run.history.write("fault", id=name, name=step.name, phase="begin", target=target)
            try:
                strike()
                time.sleep(step.seconds)
            finally:
                heal()
            run.history.write("fault", id=name, name=step.name, phase="end", target=target)
        except BaseException as failure:  # pylint: disable=broad-except
            failures.append(failure)


def _nothing() -> None:
    """Heals by itself."""


# Brokers.

def _any_broker(_: Run, step: Step) -> int:
    return step.choose(brokers.nodes())


def _leader(_: Run, step: Step) -> int:
    partition = step.choose(list(ids.PARTITIONS))
    topic, _, number = partition.rpartition("/")
    return brokers.leader(topic, int(number)) or step.choose(brokers.nodes())


def _coordinator(run: Run, step: Step) -> int:
    return brokers.coordinator(step.choose(list(run.settings.groups))) or step.choose(
        brokers.nodes())


def _kill_broker(find: Callable[[Run, Step], int]) -> Break:
    def strike(run: Run, step: Step):
        node = find(run, step)
        return {"node": node}, lambda: brokers.stop(node, "KILL"), lambda: brokers.start(node)
    return strike


def _stop_broker(find: Callable[[Run, Step], int]) -> Break:
    def strike(run: Run, step: Step):
        node = find(run, step)
        return {"node": node}, lambda: brokers.stop(node, "STOP"), lambda: brokers.stop(
            node, "CONT")
    return strike


# Servers.

def _server(run: Run, step: Step) -> int:
    return step.choose(list(range(run.settings.servers)))


def _kill_server(run: Run, step: Step):
    server = _server(run, step)
    return {"server": server}, lambda: run.fleet.kill(server), lambda: run.fleet.start(server)


def _terminate_server(run: Run, step: Step):
    server = _server(run, step)
    return {"server": server}, lambda: run.fleet.terminate(server), lambda: run.fleet.start(server)


def _freeze_server(run: Run, step: Step):
    server = _server(run, step)
    return {"server": server}, lambda: run.fleet.freeze(server), lambda: run.fleet.thaw(server)


# Clients.

def _tell_one(do: str) -> Break:
    def strike(run: Run, step: Step):
        client, name = step.choose([*run.member_names(), *run.tail_names()])
        return ({"client": name}, lambda: client.tell(do, to=name, seconds=step.seconds), _nothing)
    return strike


def _storm(run: Run, step: Step):
    """Members join one of the groups and leave it again, a few each second."""
    group = step.choose(list(run.settings.groups))
    client = step.choose(run.clients[1:])
    over = threading.Event()

    def storm() -> None:
        chosen = random.Random(f"{run.settings.seed}/{step.at}")
        while not over.is_set():
            name = f"{group}-storm-{next(run.extra)}"
            client.tell("join", actor=run.member(name, group))
            over.wait(chosen.uniform(0.2, 1.5))
            client.tell(chosen.choice(("leave", "leave_at_once")), to=name)

    thread = threading.Thread(target=storm, daemon=True)

    def calm() -> None:
        over.set()
        thread.join()
    return {"group": group}, thread.start, calm


def _crash(run: Run, step: Step):
    client = step.choose(run.clients[1:])
    return {"client": client.name}, client.crash, client.start_again


def _freeze_client(run: Run, step: Step):
    client = step.choose(run.clients[1:])
    return {"client": client.name}, client.freeze, client.thaw


def _legacy_member(run: Run, step: Step):
    group = step.choose(list(run.settings.groups))
    member = LegacyMember(f"{group}-legacy-{next(run.extra)}", group, run.history)
    return {"group": group}, member.start, member.leave


# Between servers and Kafka.

def _links(what: str) -> Break:
    """Those of one broker, of one server, or all."""
    def strike(run: Run, step: Step):
        node, server = step.choose([*((node, None) for node in brokers.nodes()),
                                    *((None, server) for server in range(run.settings.servers)),
                                    (None, None)])
        rule = Rule(what, node, server)
        return ({"node": node, "server": server}, lambda: run.proxy.add(rule),
                lambda: run.proxy.remove(rule))
    return strike


# The log.

def _poison(run: Run, step: Step):
    return {}, lambda: records.poison(run.history, step.pick), _nothing


def _killer(run: Run, step: Step):
    return {}, lambda: records.publish_killer(run, step.pick), _nothing


def _retention(run: Run, step: Step):
    """Members that have much before them come again: what the servers had read for them is gone."""
    topic = step.choose(list(ids.TOPICS))

    def heal() -> None:
        for client, name in run.member_names():
            if name.startswith("slow-"):
                client.tell("reconnect", to=name)
        records.restore_retention(topic)
    return {"topic": topic}, lambda: records.shorten_retention(topic), heal


BREAKS: dict[str, Break] = {
    "broker_kill": _kill_broker(_any_broker),
    "broker_stop": _stop_broker(_any_broker),
    "leader_kill": _kill_broker(_leader),
    "leader_stop": _stop_broker(_leader),
    "coordinator_kill": _kill_broker(_coordinator),
    "coordinator_stop": _stop_broker(_coordinator),
    "server_kill": _kill_server,
    "server_term": _terminate_server,
    "server_stop": _freeze_server,
    "client_vanish": _tell_one("vanish"),
    "client_reconnect": _tell_one("reconnect"),
    "client_stall": _tell_one("stall"),
    "client_storm": _storm,
    "client_crash": _crash,
    "client_freeze": _freeze_client,
    "legacy_member": _legacy_member,
    "net_cut": _links(proxy.CUT),
    "net_slow": _links(proxy.SLOW),
    "net_half_open": _links(proxy.HALF_OPEN),
    "poison": _poison,
    "killer": _killer,
    "retention": _retention,
}
