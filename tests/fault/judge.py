"""The verdict on a history. Pure.

    python -m tests.fault.judge DIRECTORY      judges what a run has kept
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.fault import attempts, checks, history, view
from tests.fault.history import Line
from tests.fault.violation import Violation


@dataclass(frozen=True)
class Verdict:
    """`causes`: of the duplicates, by reader."""

    violations: list[Violation]
    causes: dict[str, Counter[str]]

    def counts(self) -> Counter[str]:
        return Counter(violation.check for violation in self.violations)

    def first(self, of_each: int) -> list[Violation]:
        """The first ones of each check."""
        return [violation for check in self.counts() for violation in
                [each for each in self.violations if each.check == check][:of_each]]


def judge(seen: view.View) -> Verdict:
    found = [violation for check in (checks.finished, checks.lost, checks.phantom, checks.order,
                                     checks.committed, checks.forgotten, checks.untrue_gaps,
                                     attempts.blame) for violation in check(seen)]
    repeated, causes = checks.duplicates(seen)
    return Verdict(found + repeated, causes)


def judge_lines(lines: Iterable[Line]) -> Verdict:
    return judge(view.build(lines))


def main() -> int:
    verdict = judge_lines(history.read(Path(sys.argv[1])))
    for violation in verdict.violations:
        print(violation)
    for reader, counts in verdict.causes.items():
        for cause, count in counts.most_common():
            print(f"{reader}: {count} duplicates, {cause}")
    print(f"{len(verdict.violations)} violations {dict(verdict.counts())}")
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
