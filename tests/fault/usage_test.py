"""What counts as growth of a server's usage."""

from __future__ import annotations

import os
import unittest

from tests.fault import usage
from tests.fault.usage import MIB, Limits, Usage

LIMITS = Limits(memory=4 * MIB, threads=2, descriptors=2)


def samples(*memory: int, threads: int = 0, descriptors: int = 0) -> list[Usage]:
    """Seconds apart, in MiB; threads and descriptors more with each."""
    return [Usage(index, each * MIB, 20 + index * threads, 30 + index * descriptors)
            for index, each in enumerate(memory)]


class GrowthTest(unittest.TestCase):
    def check(self, taken: list[Usage], *names: str) -> None:
        found = usage.too_much(usage.growth(taken), LIMITS)
        self.assertEqual([text.split(":")[0] for text in found], list(names))

    def test_flat(self) -> None:
        self.check(samples(*[50] * 9))

    def test_a_peak_is_no_growth(self) -> None:
        self.check(samples(50, 50, 50, 90, 50, 50, 50, 90, 50))

    def test_a_leak_of_memory(self) -> None:
        self.check(samples(*range(50, 59)), "memory")

    def test_a_leak_of_threads(self) -> None:
        self.check(samples(*[50] * 9, threads=1), "threads")

    def test_a_leak_of_descriptors(self) -> None:
        self.check(samples(*[50] * 9, descriptors=1), "descriptors")

    def test_what_shrinks_is_no_growth(self) -> None:
        self.check(samples(*range(59, 50, -1)))

    def test_of_a_process(self) -> None:
        mine = usage.of(os.getpid())
        self.assertGreater(mine.memory, MIB)
        self.assertGreaterEqual(mine.threads, 1)
        self.assertGreaterEqual(mine.descriptors, 3)


if __name__ == "__main__":
    unittest.main()
