"""What ./dev soak runs, beside a cluster of three brokers:

    python -m tests.fault.soak [--minutes N] [--log N] [--streams N] [--members N] [--seed S]
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fault import brokers, soak_churn, soak_idle, soak_slow, usage
from tests.fault.usage import MIB, Limits
from tests.support.server import SERVING, Server, on_broker

# What may be left when all streams have ended: caches that are kept, threads of gRPC's.
_LEFT = Limits(memory=24 * MIB, threads=8, descriptors=12)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=30.0, help="of churn (30)")
    parser.add_argument("--log", type=int, default=300_000,
                        help="events that are there before it (300,000)")
    parser.add_argument("--streams", type=int, default=1000, help="idle tails (1,000)")
    parser.add_argument("--members", type=int, default=1000,
                        help="idle members of groups (1,000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # So that what was started is ended, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    brokers.create_topics()
    problems = [*churn(options.minutes * 60, options.seed, options.log),
                *idle("tails", options.streams), *idle("groups", options.members), *slow(250)]
    for problem in problems:
        print(f"FAILED: {problem}")
    return 1 if problems else 0


def churn(seconds: float, seed: int, log: int) -> list[str]:
    """What is wrong, in words; figures are printed."""
    with _server() as server:
        made = soak_churn.Churn(server, seed)
        made.fill(log)
        samples = made.run(seconds)
        grown = usage.growth(samples)
        print(f"churn: {made.opened} streams in {grown.t:.0f} s; first {samples[0]}; "
              f"last {samples[-1]}; growth {grown}", flush=True)
        limits = Limits(memory=16 * MIB, threads=4, descriptors=6)
        return [*usage.too_much(grown, limits), *made.failures[:5]]


def idle(what: str, streams: int) -> list[str]:
    with _server("--max_streams", str(streams + 50)) as server:
        # The first ones make what all of them share.
        soak_idle.measure(server, what, 2)
        cost = soak_idle.measure(server, what, streams)
        print(cost, flush=True)
        if what == "tails":
            return soak_idle.too_much(cost, 64, 0.1, 0.2, _LEFT)
        # A member is a Kafka client of its own: a thread for each broker and one for itself.
        return soak_idle.too_much(cost, 700, 10, 24, _LEFT)


def slow(batches: int) -> list[str]:
    """Twice the same, with slow readers the second time."""
    with _server() as server:
        soak_slow.measure(server, batches // 4, 0, 0)
        size = 200 * batches
        alone = soak_slow.measure(server, batches, 0, size)
        beside = soak_slow.measure(server, batches, 3, 2 * size)
        print(f"slow readers: without {alone}; with three {beside}", flush=True)
        found = []
        # Each of them: a queue, a window and gRPC's buffers, however much there is to read.
        if beside.memory - alone.memory > 64 * MIB:
            found.append(f"slow readers: {(beside.memory - alone.memory) / MIB:.0f} MiB more")
        if beside.seconds > 2 * alone.seconds + 2:
            found.append(f"slow readers: the fast ones took {beside.seconds:.1f} s, "
                         f"without them {alone.seconds:.1f} s")
        return found


@contextmanager
def _server(*flags: str) -> Iterator[Server]:
    with on_broker(*flags) as server:
        server.wait_for_health(SERVING)
        yield server
        server.channel.close()
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
