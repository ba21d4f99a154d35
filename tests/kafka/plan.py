"""What a cluster is made of: its options, nodes, ports, paths and broker settings."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import ports
from errors import KafkaError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Options:
    """What a cluster is to be."""

    nodes: int = 1
    # The port of the first node, the next ones follow; 0 chooses free ones.
    port: int = 0
    # The address to bind, and the one that clients are told.
    listen: str = LOOPBACK
    advertised: str = LOOPBACK
    heap: str = "512m"
    # All of the JIT's levels instead of a quick start: for benchmarks.
    full_jit: bool = False
    # A second listener for clients that are told another port than its own: that of a proxy, which
    # whoever runs the cluster runs too (tests/fault).
    proxied: bool = False
    # Broker settings over the ones here.
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class Node:
    """One broker and controller. `pid` is None while it is stopped. Where the cluster is proxied, the
    broker listens on `proxied_port`, too, and tells its clients there to come to `proxy_port`."""

    id: int
    directory: str
    properties: str
    log: str
    port: int
    controller_port: int
    pid: int | None = None
    proxied_port: int = 0
    proxy_port: int = 0

    @property
    def marker(self) -> str:
        """The argument of the broker's command line that nothing else has."""
        return f"-Deventbus.kafka.node={self.directory}"


@dataclass
class Cluster:
    """What cluster.json holds."""

    cluster_id: str
    bootstrap: str
    options: Options
    nodes: list[Node]

    def node(self, node_id: int) -> Node:
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KafkaError(f"node: {node_id}, must be 1 to {len(self.nodes)}")


def plan(directory: Path, options: Options) -> Cluster:
    """A new cluster in `directory`, on ports that are free now. Makes no file."""
    if options.port:
        client_ports = list(range(options.port, options.port + options.nodes))
        for port in client_ports:
            if not ports.is_free(options.listen, port):
                raise KafkaError(f"port: {port} on {options.listen} is in use")
    else:
        client_ports = ports.choose(options.listen, options.nodes)
    controller_ports = ports.choose(LOOPBACK, options.nodes, avoid=client_ports)
    nodes = []
    for index in range(options.nodes):
        home = directory / f"node-{index + 1}"
        nodes.append(Node(index + 1, str(home), str(home / "server.properties"),
                          str(home / "server.log"), client_ports[index],
                          controller_ports[index]))
    if options.proxied:
        chosen = ports.choose(LOOPBACK, 2 * options.nodes,
                              avoid=[*client_ports, *controller_ports])
        for index, node in enumerate(nodes):
            node.proxied_port, node.proxy_port = chosen[2 * index:2 * index + 2]
    bootstrap = ",".join(f"{options.advertised}:{port}" for port in client_ports)
    return Cluster(_new_cluster_id(), bootstrap, options, nodes)


def _new_cluster_id() -> str:
    """Kafka's form of a UUID; one that begins with '-' would be taken for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def server_properties(cluster: Cluster, node: Node) -> str:
    options = cluster.options
    copies = len(cluster.nodes)
    in_sync = 1 if copies == 1 else 2
    voters = ",".join(f"{n.id}@{LOOPBACK}:{n.controller_port}" for n in cluster.nodes)
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node.id,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "listeners": f"PLAINTEXT://{options.listen}:{node.port},"
                     f"CONTROLLER://{LOOPBACK}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{options.advertised}:{node.port}",
        "log.dirs": f"{node.directory}/data",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        # Small: the broker makes them when the first group or transaction comes.
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # A killed broker is let in again only when its old session is over, after 9 s by default.
        "broker.session.timeout.ms": 3000 if copies == 1 else 6000,
        "broker.heartbeat.interval.ms": 500,
        # A quarter of the small heap by default.
        "log.cleaner.dedupe.buffer.size": 4 << 20,
    }
    if options.proxied:
        settings["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
        settings["listeners"] += f",PROXIED://{LOOPBACK}:{node.proxied_port}"
        settings["advertised.listeners"] += f",PROXIED://{LOOPBACK}:{node.proxy_port}"
    settings |= options.properties
    return "".join(f"{name}={value}\n" for name, value in settings.items())
