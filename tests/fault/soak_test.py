"""Short forms of ./dev soak: what the server uses does not grow, and a reader that does not read
harms nobody."""

from __future__ import annotations

import unittest

from tests.fault import brokers, soak


class SoakTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        brokers.create_topics()

    def test_streams_that_come_and_go(self) -> None:
        self.assertEqual(soak.churn(12, seed=1, log=20_000), [])

    def test_idle_tails(self) -> None:
        self.assertEqual(soak.idle("tails", 500), [])

    def test_idle_members(self) -> None:
        self.assertEqual(soak.idle("groups", 10), [])

    def test_a_slow_reader_beside_fast_ones(self) -> None:
        self.assertEqual(soak.slow(80), [])


if __name__ == "__main__":
    unittest.main()
