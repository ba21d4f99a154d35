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
    """What a run came to, in words: as a view a hundred thousand events are half a GiB."""

    name: str
    faults: int
    written: int
    wrong: list[str]  # The first of it.
    row: str
    details: str


def result(name: str, seed: int, seconds: float, view: View, verdict: Verdict,
           unclean: list[str]) -> Result:
    """`unclean`: what servers and clients did that they must not."""
    return Result(name, len(view.faults), outcomes_of(view)["ok"],
                  [*map(str, verdict.first(20)), *unclean[:20]],
                  _row(name, seed, seconds, view, verdict, unclean),
                  _details(name, seed, view, verdict, unclean))


def write(directory: Path, results: list[Result]) -> None:
    """report.md; beside it are the pictures that it shows."""
    text = [_HEAD, *(each.row for each in results), "", *(each.details for each in results)]
    (directory / "report.md").write_text("\n".join(text))


def draw(directory: Path, name: str, view: View) -> None:
    """timeline-NAME.svg."""
    (directory / f"timeline-{name}.svg").write_text(timeline.draw(view))


_HEAD = """# Faults

| scenario | seed | s | faults | published | unknown | refused | delivered | duplicates \
| acks lost in a window | lost | phantom | out of order | early commits | other |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def _row(name: str, seed: int, seconds: float, view: View, verdict: Verdict,
         unclean: list[str]) -> str:
    counts, outcomes = verdict.counts(), outcomes_of(view)
    other = sum(counts.values()) - sum(counts[kind] for kind in (
        "lost", "phantom", "order", "committed")) + len(unclean)
    return (f"| {name} | {seed} | {seconds:.0f} | {len(view.faults)} "
            f"| {outcomes['ok']} | {outcomes['unknown']} | {outcomes['failed']} "
            f"| {sum(map(deliveries, view.readers.values()))} "
            f"| {sum(sum(causes.values()) for causes in verdict.causes.values())} "
            f"| {lost_acks(verdict)} "
            f"| {counts['lost']} | {counts['phantom']} | {counts['order']} | {counts['committed']} "
            f"| {other} |")


def _details(name: str, seed: int, view: View, verdict: Verdict, unclean: list[str]) -> str:
    lines = [f"## {name}, seed {seed}", "",
             f"![timeline](timeline-{name}.svg)", "",
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
    for reader, causes in verdict.causes.items():
        lines += [f"- {reader}: {count}, {cause}" for cause, count in causes.most_common()]
    lines += ["", "Faults:", ""]
    lines += [f"- {fault.begin - view.begin:.1f}-{fault.end - view.begin:.1f} s: {fault.name} "
              f"{_target(fault.target)}" for fault in view.faults]
    lines += ["", f"Violations: {len(verdict.violations) + len(unclean)}", ""]
    lines += [f"- {text}" for text in (*verdict.first(10), *unclean[:20])]
    return "\n".join([*lines, ""])


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
