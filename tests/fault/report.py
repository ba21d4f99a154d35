"""The report of a run: its figures as Markdown, and its picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.fault import timeline
from tests.fault.judge import Verdict
from tests.fault.view import Reader, View


@dataclass(frozen=True)
class Result:
    """`unclean`: what servers and clients did that they must not."""

    name: str
    seed: int
    seconds: float
    view: View
    verdict: Verdict
    unclean: list[str]

    @property
    def failed(self) -> bool:
        return bool(self.verdict.violations or self.unclean)


def write(directory: Path, results: list[Result]) -> None:
    """report.md, and timeline-NAME.svg for each run."""
    for result in results:
        (directory / f"timeline-{result.name}.svg").write_text(timeline.draw(result.view))
    text = [_table(results), *(_details(result) for result in results)]
    (directory / "report.md").write_text("\n".join(text))


def _table(results: list[Result]) -> str:
    lines = ["# Faults", "",
             "| scenario | seed | s | faults | published | unknown | refused | delivered "
             "| duplicates | acks lost in a window | lost | phantom | out of order | early commits "
             "| other |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for result in results:
        counts, outcomes = result.verdict.counts(), outcomes_of(result.view)
        other = sum(counts.values()) - sum(counts[name] for name in (
            "lost", "phantom", "order", "committed")) + len(result.unclean)
        lines.append(
            f"| {result.name} | {result.seed} | {result.seconds:.0f} | {len(result.view.faults)} "
            f"| {outcomes['ok']} | {outcomes['unknown']} | {outcomes['failed']} "
            f"| {sum(map(deliveries, result.view.readers.values()))} "
            f"| {sum(sum(causes.values()) for causes in result.verdict.causes.values())} "
            f"| {lost_acks(result.verdict)} "
            f"| {counts['lost']} | {counts['phantom']} | {counts['order']} | {counts['committed']} "
            f"| {other} |")
    return "\n".join(lines) + "\n"


def _details(result: Result) -> str:
    view = result.view
    lines = [f"## {result.name}, seed {result.seed}", "",
             f"![timeline](timeline-{result.name}.svg)", "",
             "| reader | delivered | distinct | streams | dead letters | in gaps | median ms "
             "| p99 ms |",
             "|---|---|---|---|---|---|---|---|"]
    for reader in view.readers.values():
        median, high = latencies(view, reader)
        lines.append(f"| {reader.name} | {deliveries(reader)} | {len(reader.deliveries)} "
                     f"| {len(reader.streams)} | {len(reader.dead)} "
                     f"| {sum(end - first for at in reader.gaps.values() for first, end in at)} "
                     f"| {median:.0f} | {high:.0f} |")
    lines += ["", "Duplicates, by cause:", ""]
    for reader, causes in result.verdict.causes.items():
        lines += [f"- {reader}: {count}, {cause}" for cause, count in causes.most_common()]
    lines += ["", "Faults:", ""]
    lines += [f"- {fault.begin - view.begin:.1f}-{fault.end - view.begin:.1f} s: {fault.name} "
              f"{_target(fault.target)}" for fault in view.faults]
    lines += ["", f"Violations: {len(result.verdict.violations) + len(result.unclean)}", ""]
    lines += [f"- {text}" for text in (*result.verdict.first(10), *result.unclean[:20])]
    return "\n".join(lines)


def _target(target: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in target.items())


def outcomes_of(view: View) -> Counter[str]:
    return Counter(sent.outcome for sent in view.sent.values())


def deliveries(reader: Reader) -> int:
    return sum(len(got) for got in reader.deliveries.values())


def lost_acks(verdict: Verdict) -> int:
    return sum(count for causes in verdict.causes.values() for cause, count in causes.items()
               if cause.startswith("acknowledged, but"))


def latencies(view: View, reader: Reader) -> tuple[float, float]:
    """From the sending of an event to its first delivery, in milliseconds: median and 99th."""
    found = sorted(1000 * (got[0].t - view.sent[got[0].number].at)
                   for got in reader.deliveries.values() if got[0].number in view.sent)
    return (found[len(found) // 2], found[len(found) * 99 // 100]) if found else (0.0, 0.0)
