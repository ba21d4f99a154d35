"""docs/guarantees.md: every line names the tests that show it, and they are there."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUARANTEES = ROOT / "docs" / "guarantees.md"
# What stands for a whole suite, and where that is.
SUITES = {"simulated": "tests/simulation", "under faults": "tests/fault",
          "the fuzzers": "tests/fuzz", "`tests/golden`": "tests/golden"}


def lines() -> list[str]:
    """The last cell of each row: what shows it."""
    rows = [line for line in GUARANTEES.read_text().splitlines() if line.startswith("|")]
    cells = [row.strip("|").split("|")[-1].strip() for row in rows]
    return [cell for cell in cells if cell not in ("shown by", "---")]


def missing(cell: str) -> list[str]:
    """Tests that it names and that are not there."""
    names = re.findall(r"`([a-z_]+/[a-z_]+_test)`", cell)
    places = [ROOT / "tests" / "unit", ROOT / "tests"]
    return [name for name in names
            if not any((place / f"{name}{kind}").exists()
                       for place in places for kind in (".cc", ".py"))]


class GuaranteesTest(unittest.TestCase):
    def test_there_are_guarantees(self) -> None:
        self.assertGreater(len(lines()), 20)

    def test_every_line_names_what_shows_it(self) -> None:
        for cell in lines():
            named = re.search(r"`[a-z_]+/[a-z_]+_test`", cell)
            self.assertTrue(named or any(suite in cell.lower() for suite in SUITES), cell)

    def test_what_is_named_is_there(self) -> None:
        for cell in lines():
            self.assertEqual(missing(cell), [], cell)
        for place in SUITES.values():
            self.assertTrue((ROOT / place / "README.md").exists(), place)

    def test_a_name_that_is_not_there_is_missed(self) -> None:
        self.assertEqual(missing("`bus/group_test`, `bus/nowhere_test`"), ["bus/nowhere_test"])


if __name__ == "__main__":
    unittest.main()
