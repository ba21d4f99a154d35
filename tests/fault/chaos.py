"""What ./dev chaos runs, beside a cluster of three brokers:

    python -m tests.fault.chaos --minutes N [--seed S] [--scenario NAME|each|mixed] [--events N]
        [--out DIR]
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.fault import brokers, faults, history, nemesis, report, view
from tests.fault.judge import Verdict, judge
from tests.fault.run import Run, Settings, conclude, running, usual_groups
from tests.support.environment import BUILD

KAFKA_ABSENT = "kafka_absent"
SCENARIOS = ("mixed", "none", *nemesis.KINDS, KAFKA_ABSENT)


def main() -> int:
    # So that what was started is ended, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    chosen = options(sys.argv[1:])
    results = run_all(chosen)
    print((chosen.out / "report.md").read_text())
    print(f"report: {chosen.out / 'report.md'}")
    return 1 if any(result.wrong for result in results) else 0


def run_all(chosen: argparse.Namespace) -> list[report.Result]:
    """One run after the other, and their report."""
    names = chosen.scenario.split(",")
    if names == ["each"]:
        names = [*nemesis.KINDS, KAFKA_ABSENT]
    results: list[report.Result] = []
    for name in names:
        results.append(_one(name, chosen.seed, chosen, fresh=name == names[0]))
        report.write(chosen.out, results)  # Of what there is, should this one be ended.
    return results


def _one(name: str, seed: int, chosen: argparse.Namespace, fresh: bool) -> report.Result:
    """One run of one scenario, on topics of its own."""
    directory = chosen.out / name
    settings = Settings(directory, seed, name, rate=chosen.rate, groups=usual_groups(name))
    if not fresh:
        brokers.delete_topics()
    brokers.create_topics()
    begin = time.monotonic()
    if name == KAFKA_ABSENT:
        brokers.stop_all()
    with running(settings) as run:
        run.start_clients()
        run.watcher.start()
        if name == KAFKA_ABSENT:
            _come_late(run, chosen.minutes * 60)
        run.wait_until_started()
        _break(run, name, chosen.minutes * 60, chosen.events)
        conclude(run)
        unclean = [*run.fleet.unclean,
                   *(line for client in run.clients for line in client.complaints())]
    seen = view.build(history.read(directory))
    verdict = judge(seen)
    result = report.result(name, seed, time.monotonic() - begin, seen, verdict, unclean)
    report.draw(chosen.out, name, seen)
    print(f"{name}: {'FAILED' if result.wrong else 'ok'}", flush=True)
    if result.wrong:
        _explain(name, verdict, unclean, chosen)
    elif not chosen.keep:
        for path in (*directory.glob("*.jsonl"), *directory.glob("*.log")):
            path.unlink()
    return result


def _come_late(run: Run, seconds: float) -> None:
    """The brokers, which have been away since before the servers started."""
    run.history.write("fault", id=KAFKA_ABSENT, name=KAFKA_ABSENT, phase="begin", target={})
    time.sleep(seconds)
    brokers.start_all()
    run.history.write("fault", id=KAFKA_ABSENT, name=KAFKA_ABSENT, phase="end", target={})


def _break(run: Run, name: str, seconds: float, events: int) -> None:
    """Faults for so long, and on until so many events are written."""
    names = {"mixed": list(nemesis.KINDS), "none": [], KAFKA_ABSENT: []}.get(name, [name])
    end = time.monotonic() + seconds
    for part in itertools.count():
        faults.play(run, nemesis.steps(run.settings.seed + part, names, seconds), part)
        time.sleep(max(0.0, end - time.monotonic()))
        if run.written() >= events:
            return


def _explain(name: str, verdict: Verdict, unclean: list[str], chosen: argparse.Namespace) -> None:
    directory = chosen.out / name
    for line in [*map(str, verdict.first(8)), *unclean[:20]]:
        print(f"  {line}")
    print(f"  {len(verdict.violations)} violations {dict(verdict.counts())}\n"
          f"  history: {directory}\n"
          f"  judge it again: python -m tests.fault.judge {directory}\n"
          f"  again: ./dev chaos --scenario {name} --seed {chosen.seed} "
          f"--minutes {chosen.minutes:g}", flush=True)


def _scenario(text: str) -> str:
    if text != "each" and (unknown := set(text.split(",")) - set(SCENARIOS)):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: no such scenario")
    return text


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=2.0, help="of faults, each scenario (2)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--scenario", type=_scenario, default="mixed",
                        help="mixed (all faults together), each (one after the other), or of "
                             f"{', '.join(SCENARIOS)}, one or several with commas between")
    parser.add_argument("--events", type=int, default=0, help="at least so many are written (0)")
    parser.add_argument("--rate", type=float, default=400.0, help="events a second (400)")
    parser.add_argument("--keep", action="store_true", help="keep histories and logs")
    parser.add_argument("--out", type=Path, default=BUILD / "chaos", help="a new folder there")
    chosen = parser.parse_args(arguments)
    chosen.out = chosen.out / time.strftime(f"%Y%m%d-%H%M%S-{chosen.seed}")
    if chosen.out.exists():
        shutil.rmtree(chosen.out)
    chosen.out.mkdir(parents=True)
    return chosen


if __name__ == "__main__":
    sys.exit(main())
