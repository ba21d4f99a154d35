"""A cluster of combined brokers and controllers in one directory.

    DIR/cluster.json                what it is made of: bootstrap, nodes, their ports and pids
    DIR/node-N/server.properties    node N's settings, data/ its records, server.log its log
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import jars
import probe
import process
from errors import KafkaError
from plan import LOOPBACK, Cluster, Node, Options, plan, server_properties

READY_SECONDS = 120.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05


def create(directory: Path, options: Options, jar_directory: Path) -> Cluster:
    """Makes a new, formatted, stopped cluster in `directory`; one that was there is lost."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with jars.locked(directory / "lock"):
        _remove_old(directory)
        cluster = plan(directory, options)
        for node in cluster.nodes:
            Path(node.directory).mkdir()
            Path(node.properties).write_text(server_properties(cluster, node))
        _format(cluster, jar_directory)
        _save(directory, cluster)
    return cluster


def load(directory: Path) -> Cluster:
    """Reads DIR/cluster.json. Raises KafkaError if there is none."""
    path = directory.resolve() / "cluster.json"
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise KafkaError(f"dir: no cluster in {directory}: {error.strerror}") from error
    return Cluster(data["cluster_id"], data["bootstrap"], Options(**data["options"]),
                   [Node(**node) for node in data["nodes"]])


def exists(directory: Path) -> bool:
    return (directory / "cluster.json").exists()


def start_nodes(directory: Path, node_ids: Iterable[int], jar_directory: Path,
                wait: bool = True) -> None:
    """Starts stopped nodes on their ports and data; with `wait`, returns once they serve.

    If one fails or the wait is interrupted, those started here are stopped again.
    """
    started: dict[int, subprocess.Popen[bytes]] = {}
    try:
        with _edited(directory) as cluster:
            for node in map(cluster.node, node_ids):
                started[node.id] = _launch(cluster, node, jar_directory)
                node.pid = started[node.id].pid
        if wait:
            _wait_until_ready(cluster, started)
    except BaseException:
        stop_nodes(directory, started, 0)
        raise


def stop_nodes(directory: Path, node_ids: Iterable[int] | None = None,
               seconds: float = STOP_SECONDS) -> None:
    """Stops nodes (None: all): TERM, `seconds` of patience, KILL. At 0 s, KILL at once."""
    with _edited(directory) as cluster, contextlib.ExitStack() as stack:
        nodes = cluster.nodes if node_ids is None else [cluster.node(n) for n in node_ids]
        found = [stack.enter_context(process.find(node.marker)) for node in nodes]
        running = [broker for broker in found if broker]
        deadline = time.monotonic() + seconds
        if seconds > 0:
            for broker in running:
                broker.send(signal.SIGTERM)
                broker.send(signal.SIGCONT)  # A stopped process does not see TERM.
            running = [b for b in running if not b.wait(deadline - time.monotonic())]
        for broker in running:
            broker.send(signal.SIGKILL)
        for broker in running:
            broker.wait(STOP_SECONDS)
        for node in nodes:
            node.pid = None


def signal_node(directory: Path, node_id: int, signal_number: int) -> None:
    """Sends a signal to a running node, and does not wait for what comes of it."""
    node = load(directory).node(node_id)
    with process.find(node.marker) as broker:
        if not broker:
            raise KafkaError(f"node {node_id} is not running")
        broker.send(signal_number)


def running_nodes(directory: Path) -> list[int]:
    """Ids of the nodes that have a process."""
    return [node.id for node in load(directory).nodes if _is_running(node)]


def _is_running(node: Node) -> bool:
    with process.find(node.marker) as broker:
        return broker is not None


@contextlib.contextmanager
def _edited(directory: Path) -> Iterator[Cluster]:
    """The cluster under its directory's lock, saved at the end, also after a failure."""
    load(directory)  # Before a lock file is made in a directory that is not ours.
    with jars.locked(directory / "lock"):
        cluster = load(directory)
        try:
            yield cluster
        finally:
            _save(directory, cluster)


def _save(directory: Path, cluster: Cluster) -> None:
    temporary = directory / "cluster.json.new"
    temporary.write_text(json.dumps(asdict(cluster), indent=2) + "\n")
    temporary.replace(directory / "cluster.json")


def _remove_old(directory: Path) -> None:
    """Removes a stopped cluster, and nothing that is not one."""
    if exists(directory):
        if running := running_nodes(directory):
            raise KafkaError(f"dir: node {running[0]} of {directory} is running; stop it first")
        for node in load(directory).nodes:
            shutil.rmtree(node.directory, ignore_errors=True)
        (directory / "cluster.json").unlink()
    elif (directory / "node-1").exists():
        raise KafkaError(f"dir: {directory} has a node-1 but no cluster.json; remove it first")


def _format(cluster: Cluster, jar_directory: Path) -> None:
    """Formats the storage of all nodes at once, each with a JVM of its own."""
    command = [*jars.java(jar_directory), "kafka.tools.StorageTool", "format",
               "-t", cluster.cluster_id, "-c"]
    tools = [subprocess.Popen([*command, node.properties], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
             for node in cluster.nodes]
    outputs = [tool.communicate()[0] for tool in tools]
    for tool, output in zip(tools, outputs, strict=True):
        if tool.returncode != 0:
            raise KafkaError(f"the storage cannot be formatted:\n{output.strip()}")


def _launch(cluster: Cluster, node: Node, jar_directory: Path) -> subprocess.Popen[bytes]:
    """Starts one broker in a session of its own: it outlives us and our terminal."""
    if _is_running(node):
        raise KafkaError(f"node {node.id} is already running")
    options = cluster.options
    program = jars.java(jar_directory, options.heap, options.full_jit)
    with open(node.log, "ab") as log:
        return subprocess.Popen(
            [*program, node.marker, "kafka.Kafka", node.properties], cwd=node.directory,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _wait_until_ready(cluster: Cluster, started: dict[int, subprocess.Popen[bytes]]) -> None:
    """Waits until each started node answers, and knows all of them to be up."""
    listen = cluster.options.listen
    host = LOOPBACK if listen == "0.0.0.0" else listen
    deadline = time.monotonic() + READY_SECONDS
    for node in map(cluster.node, started):
        while not _knows(host, node.port, set(started)):
            if started[node.id].poll() is not None:
                raise KafkaError(f"node {node.id} ended at its start:\n{_log_end(node)}")
            if time.monotonic() > deadline:
                raise KafkaError(f"node {node.id} not ready after {READY_SECONDS:.0f} s:\n"
                                 + _log_end(node))
            time.sleep(_POLL_SECONDS)


def _knows(host: str, port: int, node_ids: set[int]) -> bool:
    with contextlib.suppress(OSError):
        return probe.live_brokers(host, port) >= node_ids
    return False


def _log_end(node: Node) -> str:
    """The last lines of a node's log, without the frames of stack traces."""
    with contextlib.suppress(OSError):
        lines = Path(node.log).read_text(errors="replace").splitlines()
        lines = [line for line in lines if not line.startswith("\t")]
        return "\n".join(lines[-20:]) or f"(nothing in {os.path.basename(node.log)})"
    return "(no log)"
