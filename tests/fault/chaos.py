"""What ./dev chaos runs, beside a cluster of three brokers:

    python -m tests.fault.chaos --minutes N [--seed S] [--scenario NAME|each|mixed] [--events N]
        [--out DIR]
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

from tests.fault import brokers, faults, history, nemesis, report, view
from tests.fault.judge import Verdict, judge
from tests.fault.run import Run, Settings, conclude, running, usual_groups
from tests.support.environment import BUILD


def main() -> int:
    options = _options()
    names = list(nemesis.KINDS) if options.scenario == "each" else [options.scenario]
    results = []
    for index, name in enumerate(names):
        results.append(_one(name, options.seed, options, fresh=index == 0))
    report.write(options.out, results)
    print((options.out / "report.md").read_text())
    return 1 if any(result.failed for result in results) else 0


def _one(name: str, seed: int, options: argparse.Namespace, fresh: bool) -> report.Result:
    """One run of one scenario, on topics of its own."""
    directory = options.out / name
    settings = Settings(directory, seed, name, rate=options.rate, groups=usual_groups(name))
    if not fresh:
        brokers.delete_topics()
    brokers.create_topics()
    begin = time.monotonic()
    with running(settings) as run:
        run.start_clients()
        run.watcher.start()
        run.wait_until_started()
        _break(run, name, options.minutes * 60, options.events)
        conclude(run)
        unclean = [*run.fleet.unclean,
                   *(line for client in run.clients for line in client.complaints())]
    seen = view.build(history.read(directory))
    result = report.Result(name, seed, time.monotonic() - begin, seen, judge(seen), unclean)
    print(f"{name}: {'FAILED' if result.failed else 'ok'}", flush=True)
    if result.failed:
        _explain(result, directory, options)
    elif not options.keep:
        for path in (*directory.glob("*.jsonl"), *directory.glob("*.log")):
            path.unlink()
    return result


def _break(run: Run, name: str, seconds: float, events: int) -> None:
    """Faults for so long, or until so many events are written."""
    names = {"mixed": nemesis.mixed(), "none": []}.get(name, [name])
    begin = time.monotonic()
    seed = run.settings.seed
    faults.play(run, nemesis.steps(seed, names, seconds))
    while time.monotonic() - begin < seconds or run.written() < events:
        time.sleep(0.2)


def _explain(result: report.Result, directory: Path, options: argparse.Namespace) -> None:
    verdict: Verdict = result.verdict
    for line in [*map(str, verdict.violations[:40]), *result.unclean[:20]]:
        print(f"  {line}")
    print(f"  {len(verdict.violations)} violations {dict(verdict.counts())}\n"
          f"  history: {directory}\n"
          f"  judge it again: python -m tests.fault.judge {directory}\n"
          f"  again: ./dev chaos --scenario {result.name} --seed {result.seed} "
          f"--minutes {options.minutes:g}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=2.0, help="of faults, each scenario (2)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--scenario", default="mixed", choices=["each", "mixed", *nemesis.SCENARIOS])
    parser.add_argument("--events", type=int, default=0, help="at least so many are written (0)")
    parser.add_argument("--rate", type=float, default=400.0, help="events a second (400)")
    parser.add_argument("--keep", action="store_true", help="keep histories and logs")
    parser.add_argument("--out", type=Path, default=BUILD / "chaos", help="a new folder there")
    options = parser.parse_args()
    options.out = options.out / time.strftime(f"%Y%m%d-%H%M%S-{options.seed}")
    if options.out.exists():
        shutil.rmtree(options.out)
    options.out.mkdir(parents=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
