"""The judge: what came again. Which causes it must see, and which excuses it must not take."""

from __future__ import annotations

import unittest
from collections import Counter

from tests.fault.story import GROUP, P, TAIL, JudgeTest, Story, begun


class SettledTest(JudgeTest):
    def again(self, between, wait: float = 0.0) -> Story:
        """Acknowledged and accepted, and after `between` delivered again to another stream."""
        story = begun(0).got("s1", 0).accept("s1", 0).wait(wait)
        return between(story).join("s2").got("s2", 0)

    def test_an_accepted_acknowledgement_came_again(self) -> None:
        self.check_caught(self.again(lambda story: story.wait(20).leave("s1")), "settled", GROUP)

    def test_on_the_same_stream_too(self) -> None:
        self.check_caught(begun(0).got("s1", 0).accept("s1", 0).got("s1", 0), "settled")

    def test_the_server_was_killed_at_once(self) -> None:
        verdict = self.check_clean(self.again(
            lambda story: story.fault("server_kill", server=0).leave("s1", by="server", why="U")))
        self.assertEqual(verdict.causes[GROUP], Counter({"acknowledged, but server_kill": 1}))

    def test_the_server_was_killed_after_the_commit_interval(self) -> None:
        self.check_caught(self.again(
            lambda story: story.fault("server_kill", server=0).leave("s1", by="server", why="U"),
            wait=5), "settled")

    def test_another_server_was_killed(self) -> None:
        for fault in ("server_kill", "server_stop"):
            self.check_caught(self.again(lambda story, fault=fault: story.fault(fault, server=1)
                                         .leave("s1")), "settled")

    def test_a_drain_is_no_excuse(self) -> None:
        self.check_caught(self.again(lambda story: story.wait(12).fault("server_term", server=0)
                                     .leave("s1", by="server", why="U")), "settled")

    def test_the_partition_was_lost_with_kafka(self) -> None:
        self.check_clean(self.again(lambda story: story.fault("net_cut", node=1).assign("s1")))

    def test_the_loss_is_told_before_the_acknowledgement_is_answered(self) -> None:
        story = begun(0).got("s1", 0).fault("net_cut", node=1).settle("s1", 0).assign("s1")
        story.add("settled", r=GROUP, id=1, bad={}).assign("s1", P).got("s1", 0)
        self.check_clean(story)

    def test_kafka_was_away_but_the_stream_kept_its_partition(self) -> None:
        story = Story().join("t1", TAIL).join("s0").leave("s0").join("s1").publish(0).tail(0)
        story.got("s1", 0).accept("s1", 0).fault("net_cut", node=1).got("s1", 0)
        self.check_caught(story, "settled")

    def test_its_client_is_told_of_the_loss_when_the_server_thaws(self) -> None:
        story = begun(0).got("s1", 0).accept("s1", 0).fault("net_cut", node=1)
        story.add("fault", id=7, name="server_stop", phase="begin", target={"server": 0})
        story.wait(8).join("s2").got("s2", 0).wait(3)
        story.add("fault", id=7, name="server_stop", phase="end", target={"server": 0})
        self.check_clean(story.assign("s1"))

    def test_kafka_was_away_when_its_client_crashed(self) -> None:
        """It says nothing of its end, and the partition may come to another much later."""
        story = Story().join("t1", TAIL).join("c.1#1").publish(0).tail(0)
        story.got("c.1#1", 0).accept("c.1#1", 0).fault("coordinator_kill", 2.0)
        story.add("join", r=GROUP, m="c.2", s="c.2#1", srv=0)
        self.check_clean(story.wait(60).join("s9").got("s9", 0).accept("s9", 0))

    def test_but_not_where_it_did_not(self) -> None:
        story = Story().join("t1", TAIL).join("c.1#1").publish(0).tail(0)
        story.got("c.1#1", 0).accept("c.1#1", 0).fault("coordinator_kill", 2.0)
        self.check_caught(story.wait(60).join("s9").got("s9", 0).accept("s9", 0), "settled")

    def test_kafka_was_away_long_before(self) -> None:
        story = begun(0).fault("net_cut", node=1).wait(40).got("s1", 0).accept("s1", 0).wait(15)
        self.check_caught(story.leave("s1").join("s2").got("s2", 0), "settled")

    def test_accepted_while_its_partition_moved(self) -> None:
        story = begun(0).got("s1", 0).add("join", r=GROUP, m="s2", s="s2", srv=1)
        story.accept("s1", 0).assign("s1").add("start", r=GROUP, s="s2", a={P: 0}).got("s2", 0)
        verdict = self.check_clean(story)
        self.assertEqual(verdict.causes[GROUP], Counter({"acknowledged, but rebalance": 1}))

    def test_the_loss_is_told_after_the_other_has_the_event(self) -> None:
        story = begun(0).got("s1", 0).add("join", r=GROUP, m="s2", s="s2", srv=1)
        story.accept("s1", 0).add("start", r=GROUP, s="s2", a={P: 0}).got("s2", 0)
        story.lines.append({"k": "assign", "t": story.lines[-1]["t"] + 0.1, "r": GROUP, "s": "s1",
                            "a": {}})
        self.check_clean(story)

    def test_a_frozen_client_hears_of_the_loss_much_later(self) -> None:
        story = begun(0).got("s1", 0).add("join", r=GROUP, m="s2", s="s2", srv=1)
        story.accept("s1", 0).add("start", r=GROUP, s="s2", a={P: 0}).got("s2", 0).wait(5)
        self.check_clean(story.assign("s1"))

    def test_who_had_the_partition_before_reads_late_what_another_has_settled(self) -> None:
        story = begun(0).add("join", r=GROUP, m="s2", s="s2", srv=1)
        story.add("start", r=GROUP, s="s2", a={P: 0}).wait(30).got("s2", 0).accept("s2", 0)
        self.check_clean(story.got("s1", 0).assign("s1").commit(1))

    def test_but_not_once_it_has_heard_of_the_loss(self) -> None:
        story = begun(0).add("join", r=GROUP, m="s2", s="s2", srv=1)
        story.add("start", r=GROUP, s="s2", a={P: 0}).wait(30).got("s2", 0).accept("s2", 0)
        self.check_caught(story.assign("s1").got("s1", 0).commit(1), "settled")

    def test_nor_to_one_that_was_given_the_partition_later(self) -> None:
        story = begun(0).assign("s1").add("join", r=GROUP, m="s2", s="s2", srv=1)
        story.add("start", r=GROUP, s="s2", a={P: 0}).wait(30).got("s2", 0).accept("s2", 0)
        self.check_caught(story.wait(30).assign("s1", P).got("s1", 0).commit(1), "settled")

    def test_a_rebalance_does_not_take_so_long(self) -> None:
        story = Story().join("t1", TAIL).join("s0").leave("s0").join("s1").publish(0).tail(0)
        story.got("s1", 0).wait(20).accept("s1", 0).wait(8).leave("s1").join("s2").got("s2", 0)
        self.check_caught(story, "settled")

    def test_but_while_brokers_fall(self) -> None:
        story = Story().join("t1", TAIL).join("s0").leave("s0").join("s1").publish(0).tail(0)
        story.got("s1", 0).accept("s1", 0).wait(8).fault("leader_kill", 8, node=1).wait(8)
        self.check_clean(story.leave("s1").join("s2").got("s2", 0))

    def test_a_member_that_is_back_moves_partitions(self) -> None:
        for name in ("server_stop", "client_stall"):
            story = begun(0).add("join", r=GROUP, m="s2", s="s2", srv=1)
            story.add("start", r=GROUP, s="s2", a={}).got("s1", 0).wait(20)
            story.fault(name, 12, server=1, client="other").accept("s1", 0).wait(2)
            story.assign("s1").assign("s2", P).got("s2", 0).accept("s2", 0).commit(1)
            if name == "server_stop":
                self.check_clean(story)
            else:
                self.check_caught(story, "settled")

    def test_a_member_that_drops_metadata_had_the_partition(self) -> None:
        story = begun(0).got("s1", 0).accept("s1", 0).wait(20).assign("s1")
        story.add("join", r=GROUP, m="old", s="old", srv=-1, legacy=True)
        story.add("start", r=GROUP, s="old", a={P: -1}).got("old", 0, attempt=0)
        verdict = self.check_clean(story)
        self.assertEqual(verdict.causes[GROUP],
                         Counter({"acknowledged, but a commit without metadata": 1}))

    def test_the_server_was_frozen(self) -> None:
        self.check_clean(self.again(
            lambda story: story.fault("server_stop", 12, server=0).assign("s1")))

    def test_a_refused_acknowledgement_may_come_again(self) -> None:
        self.check_clean(begun(0).got("s1", 0).refuse("s1", 0).leave("s1").join("s2").got("s2", 0))

    def test_an_unanswered_acknowledgement_may_come_again(self) -> None:
        self.check_clean(begun(0).got("s1", 0).settle("s1", 0).leave("s1").join("s2").got("s2", 0))


class DuplicatesTest(JudgeTest):
    def check_cause(self, story: Story, cause: str, reader: str = GROUP) -> None:
        self.assertEqual(self.check_clean(story).causes[reader], Counter({cause: 1}))

    def test_without_a_cause(self) -> None:
        self.check_caught(begun(0).got("s1", 0).got("s1", 0), "duplicates", "without a cause")

    def test_to_another_stream_while_the_first_has_it(self) -> None:
        story = begun(0).add("join", r=GROUP, m="s2", s="s2", srv=1).got("s1", 0).wait(5)
        self.check_caught(story.got("s2", 0), "duplicates")

    def test_after_the_end_of_its_stream(self) -> None:
        self.check_cause(begun(0).got("s1", 0).leave("s1").join("s2").got("s2", 0),
                         "stream over: by client, leave")

    def test_after_a_retry(self) -> None:
        self.check_cause(begun(0).got("s1", 0).accept("s1", 0, act="r").got("s1", 0, attempt=2),
                         "retry")

    def test_a_refused_retry_is_no_cause(self) -> None:
        story = begun(0).got("s1", 0).settle("s1", 0, act="r")
        story.add("settled", r=GROUP, id=1, bad={"0": "ACK_TOKEN_EXPIRED"})
        self.check_caught(story.got("s1", 0), "duplicates")

    def test_a_retry_recalls_nothing_earlier(self) -> None:
        story = begun(0, 1).got("s1", 0, 1).accept("s1", 1, act="r").got("s1", 0)
        self.check_caught(story.got("s1", 1, attempt=2), "duplicates", f"{P}@0")

    def test_a_partition_that_was_lost_and_came_back(self) -> None:
        self.check_cause(begun(0).got("s1", 0).assign("s1").assign("s1", P).got("s1", 0),
                         "partition lost and back")

    def test_a_loss_before_the_first_delivery_is_no_cause(self) -> None:
        story = begun(0).assign("s1").assign("s1", P).got("s1", 0)
        self.check_caught(story.got("s1", 0), "duplicates")

    def test_recalled_with_an_earlier_event_of_its_key(self) -> None:
        story = begun(0, 1).got("s1", 0, 1).accept("s1", 0, act="r")
        story.got("s1", 0, attempt=2).got("s1", 1)
        self.assertEqual(self.check_clean(story).causes[GROUP],
                         Counter({"retry": 1, "recalled with a retry of its key": 1}))

    def test_recalled_before_its_client_had_read_it(self) -> None:
        story = begun(0, 1).got("s1", 0).accept("s1", 0, act="r").wait(8).got("s1", 1)
        story.refuse("s1", 1).got("s1", 0, attempt=2).got("s1", 1)
        self.assertEqual(self.check_clean(story).causes[GROUP],
                         Counter({"retry": 1, "recalled with a retry of its key": 1}))

    def test_a_retry_recalls_no_other_key(self) -> None:
        story = Story().join("t1", TAIL).join("s1").publish(0).publish(1, key=1).tail(0)
        story.tail(1, key=1).got("s1", 0).got("s1", 1, key=1).accept("s1", 0, act="r")
        self.check_caught(story.got("s1", 0, attempt=2).got("s1", 1, key=1), "duplicates", f"{P}@1")

    def test_after_a_rebalance(self) -> None:
        self.check_cause(begun(0).got("s1", 0).assign("s1").join("s2").got("s2", 0), "rebalance")

    def test_a_tail_that_resumed(self) -> None:
        story = begun(0).got("s1", 0).leave("t1", TAIL).join("t2", TAIL).got("t2", 0, reader=TAIL)
        self.check_cause(story, "resumed: by client, leave", TAIL)

    def test_a_tail_that_did_not(self) -> None:
        self.assertIn("duplicates", self.verdict(begun(0).got("s1", 0).tail(0)).counts())


if __name__ == "__main__":
    unittest.main()
