"""Which fault comes when: the same for a seed, and every kind."""

from __future__ import annotations

import unittest
from itertools import pairwise
from unittest import mock

from kafka.errors import KafkaConnectionError

from tests.fault import brokers, faults, nemesis
from tests.fault.nemesis import KINDS, Step, steps


class NemesisTest(unittest.TestCase):
    def test_a_seed_says_it_all(self) -> None:
        self.assertEqual(steps(7, list(KINDS), 300), steps(7, list(KINDS), 300))
        self.assertNotEqual(steps(7, list(KINDS), 300), steps(8, list(KINDS), 300))

    def test_a_longer_run_begins_as_a_shorter_one(self) -> None:
        short = steps(7, list(KINDS), 60)
        self.assertEqual(steps(7, list(KINDS), 300)[:len(short)], short)

    def test_each_kind_comes_before_one_comes_again(self) -> None:
        for seed in range(20):
            names = [step.name for step in steps(seed, list(KINDS), 600)]
            self.assertGreaterEqual(len(names), len(KINDS))
            self.assertEqual(set(names[:len(KINDS)]), set(KINDS))

    def test_faults_are_in_order_and_within_their_time(self) -> None:
        for seed in range(20):
            made = steps(seed, list(KINDS), 120)
            self.assertTrue(all(before.at < after.at for before, after in pairwise(made)))
            self.assertLess(made[-1].at, 120)
            for step in made:
                kind = KINDS[step.name]
                self.assertTrue(kind.shortest <= step.seconds <= kind.longest, step)

    def test_a_fault_alone_leaves_time_to_mend(self) -> None:
        for before, after in pairwise(steps(7, ["broker_kill"], 300)):
            self.assertGreater(after.at - before.at - before.seconds, KINDS["broker_kill"].mending)

    def test_different_faults_overlap(self) -> None:
        made = steps(7, list(KINDS), 300)
        self.assertTrue(any(before.at + before.seconds > after.at
                            for before, after in pairwise(made)))

    def test_no_faults_no_steps(self) -> None:
        self.assertEqual(steps(7, [], 300), [])

    def test_a_pick_reaches_every_target(self) -> None:
        chosen = {Step(0, "broker_kill", 1, pick / 30).choose([1, 2, 3]) for pick in range(30)}
        self.assertEqual(chosen, {1, 2, 3})

    def test_a_broker_that_is_away_is_asked_again(self) -> None:
        class Client:
            def close(self) -> None:
                """Nothing is open."""

        answers = [KafkaConnectionError(), KafkaConnectionError(), 7]

        def ask(_) -> int:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        clients = [KafkaConnectionError(), Client(), Client(), Client()]
        with mock.patch.object(brokers, "admin", side_effect=clients):
            self.assertEqual(brokers.patiently(ask, "an answer"), 7)

    def test_every_kind_can_be_done(self) -> None:
        self.assertEqual(faults.BREAKS.keys(), nemesis.KINDS.keys())


if __name__ == "__main__":
    unittest.main()
