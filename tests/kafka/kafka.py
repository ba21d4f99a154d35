#!/usr/bin/env python3
"""A real Apache Kafka for tests and for people without Docker.

    kafka.py resolve                                   fetch the jars
    kafka.py start --dir DIR [--nodes 3] [--port N]    start; last line: the bootstrap address
    kafka.py stop --dir DIR
    kafka.py stop-node  --dir DIR --node N [--signal KILL]
    kafka.py start-node --dir DIR --node N             same port, same data
    kafka.py run [--nodes 3] -- COMMAND...             a cluster for the time of one command
    kafka.py topics --bootstrap HOST:PORT              the documented topics, where missing
    kafka.py tool CLASS ARGUMENT...                    any main class of the jars

Needs a Java 17 runtime, and Maven to fetch the jars. README.md beside this file says more.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from pathlib import Path

import cluster
import jars
import run
import topics
from errors import KafkaError
from plan import Options


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return arguments.verb(arguments) or 0
    except (KafkaError, OSError) as error:
        print(f"kafka: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _resolve(arguments: argparse.Namespace) -> None:
    print(jars.resolve(arguments.cache))


def _start(arguments: argparse.Namespace) -> None:
    _end_on_term()
    jar_directory = jars.resolve(arguments.cache)
    if arguments.keep_data and cluster.exists(arguments.dir):
        made = cluster.load(arguments.dir)
        if _options(arguments) not in (Options(), made.options):
            raise KafkaError(f"keep-data: {arguments.dir} was made with other options")
    else:
        made = cluster.create(arguments.dir, _options(arguments), jar_directory)
    cluster.start_nodes(arguments.dir, [node.id for node in made.nodes], jar_directory)
    print(made.bootstrap)


def _start_node(arguments: argparse.Namespace) -> None:
    _end_on_term()
    jar_directory = jars.resolve(arguments.cache)
    cluster.start_nodes(arguments.dir, [arguments.node], jar_directory, not arguments.no_wait)


def _stop_node(arguments: argparse.Namespace) -> None:
    number = signal.Signals[f"SIG{arguments.signal}"]
    if number in (signal.SIGTERM, signal.SIGKILL):
        patience = cluster.STOP_SECONDS if number == signal.SIGTERM else 0
        cluster.stop_nodes(arguments.dir, [arguments.node], patience)
    else:
        cluster.signal_node(arguments.dir, arguments.node, number)


def _stop(arguments: argparse.Namespace) -> None:
    cluster.stop_nodes(arguments.dir)


def _run(arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise KafkaError("run: no command; say: run [OPTION...] -- COMMAND...")
    jar_directory = jars.resolve(arguments.cache)
    return run.run(command, _options(arguments), jar_directory, arguments.dir)


def _guard(arguments: argparse.Namespace) -> None:
    run.guard(arguments.dir, arguments.remove)


def _topics(arguments: argparse.Namespace) -> None:
    for name in topics.create_missing(jars.resolve(arguments.cache), arguments.bootstrap):
        print(f"created {name}")


def _tool(arguments: argparse.Namespace) -> None:
    program = jars.java(jars.resolve(arguments.cache))
    os.execv(program[0], [*program, arguments.java_class, *arguments.arguments])


def _options(arguments: argparse.Namespace) -> Options:
    return Options(nodes=arguments.nodes, port=arguments.port, listen=arguments.listen,
                   advertised=arguments.advertised, heap=arguments.heap,
                   full_jit=arguments.full_jit, proxied=arguments.proxied,
                   properties=dict(arguments.property))


def _end_on_term() -> None:
    """Lets TERM unwind like an interrupt does, so that a half-started cluster is stopped."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kafka.py", description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=jars.default_cache(), metavar="DIR",
                        help=f"where the jars are kept (${jars.CACHE_VARIABLE}; %(default)s)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(name: str, function: object, text: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
        verb.set_defaults(verb=function)
        return verb

    add("resolve", _resolve, "Fetches the jars, if they are not in the cache.")

    start = add("start", _start, "Starts a new cluster and prints its bootstrap address.")
    _add_directory(start)
    start.add_argument("--keep-data", action="store_true",
                       help="start the cluster that DIR has, as it was made, if it has one")
    _add_cluster_options(start)

    _add_directory(add("stop", _stop, "Stops all nodes: TERM, a bounded wait, KILL."))

    start_node = add("start-node", _start_node, "Starts a stopped node on its port and data.")
    _add_directory(start_node)
    _add_node(start_node)
    start_node.add_argument("--no-wait", action="store_true",
                            help="do not wait until it serves (it cannot without a quorum)")

    stop_node = add("stop-node", _stop_node, "Stops or signals one node.")
    _add_directory(stop_node)
    _add_node(stop_node)
    stop_node.add_argument("--signal", choices=["TERM", "KILL", "STOP", "CONT"], default="TERM",
                           help="%(default)s; TERM and KILL wait for the end")

    runner = add("run", _run, "Runs a command beside a cluster that ends with it.")
    runner.add_argument("--dir", type=Path, help="keep the cluster's files and logs here")
    _add_cluster_options(runner)
    runner.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND...")

    topic_verb = add("topics", _topics, "Creates the documented topics that are missing.")
    topic_verb.add_argument("--bootstrap", required=True, metavar="HOST:PORT[,...]")

    tool = add("tool", _tool, "Runs a main class of the jars.")
    tool.add_argument("java_class", metavar="CLASS")
    tool.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT")

    guard = add("guard", _guard, "Used by run: stops a cluster at the end of stdin.")
    _add_directory(guard)
    guard.add_argument("--remove", action="store_true", help="also remove its directory")
    return parser


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", type=Path, required=True, help="the cluster's directory")


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--node", type=int, required=True, help="the node's number, from 1")


def _add_cluster_options(parser: argparse.ArgumentParser) -> None:
    default = Options()
    parser.add_argument("--nodes", type=int, choices=[1, 3], default=default.nodes)
    parser.add_argument("--port", type=_port, default=default.port,
                        help="of the first node, the next ones follow; 0 chooses free ones")
    parser.add_argument("--listen", default=default.listen, metavar="HOST",
                        help="address to bind (%(default)s)")
    parser.add_argument("--advertised", default=default.advertised, metavar="HOST",
                        help="address that clients are told (%(default)s)")
    parser.add_argument("--heap", type=_heap, default=default.heap,
                        help="of each node (%(default)s)")
    parser.add_argument("--full-jit", action="store_true",
                        help="for benchmarks: slower to start, faster later")
    parser.add_argument("--proxied", action="store_true",
                        help="a second listener, whose clients are sent to a proxy's port")
    parser.add_argument("--property", type=_property, action="append", default=[],
                        metavar="NAME=VALUE", help="a broker setting; may be repeated")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65533:
        raise argparse.ArgumentTypeError(f"{text!r}, must be 0 to 65533")
    return int(text)


def _heap(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*[mg]", text):
        raise argparse.ArgumentTypeError(f"{text!r}, must be like 512m or 1g")
    return text


def _property(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator or "\n" in text:
        raise argparse.ArgumentTypeError(f"{text!r}, must be NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
