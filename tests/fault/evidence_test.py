"""The judge: what came again though Kafka had it. No fault excuses that."""

from __future__ import annotations

import unittest

from tests.fault.story import GROUP, P, JudgeTest, Story, begun, metadata


def killed(story: Story) -> Story:
    """As the server of s1 is, at once after what it accepted: a window, were it not in Kafka."""
    return story.fault("server_kill", server=0).leave("s1", by="server", why="U")


class KeptTest(JudgeTest):
    def test_what_kafka_had_came_again(self) -> None:
        story = killed(begun(0).got("s1", 0).accept("s1", 0).commit(1, look=0.1))
        self.check_caught(story.join("s2").got("s2", 0), "settled", f"{P}@0", "Kafka had it")

    def test_in_the_metadata_too(self) -> None:
        story = begun(0, 1, 2).got("s1", 0, 1, 2).accept("s1", 2)
        story = killed(story.commit(0, metadata(0, 2, 1), look=0.1)).join("s2")
        self.check_caught(story.got("s2", 0, 1, 2), "settled", f"{P}@2")

    def test_without_an_answer_too(self) -> None:
        story = killed(begun(0).got("s1", 0).settle("s1", 0).commit(1, look=0.1))
        self.check_caught(story.join("s2").got("s2", 0), "settled", f"{P}@0")

    def test_what_kafka_did_not_have_may_come(self) -> None:
        story = killed(begun(0, 1).got("s1", 0, 1).accept("s1", 1).commit(0, look=0.1))
        self.check_clean(story.join("s2").got("s2", 0, 1))

    def test_a_member_without_metadata_was_there(self) -> None:
        story = begun(0, 1, 2).got("s1", 0, 1, 2).accept("s1", 2)
        story.commit(0, metadata(0, 2, 1)).assign("s1")
        story.add("join", r=GROUP, m="old", s="old", srv=-1, legacy=True)
        story.add("start", r=GROUP, s="old", a={P: -1}).leave("old").leave("s1").join("s2")
        self.check_clean(story.got("s2", 0, 1, 2))

    def test_its_metadata_drops_no_offset(self) -> None:
        story = begun(0).got("s1", 0).accept("s1", 0).commit(1).assign("s1")
        story.add("join", r=GROUP, m="old", s="old", srv=-1, legacy=True)
        story.add("start", r=GROUP, s="old", a={P: -1}).leave("old").leave("s1").join("s2")
        self.check_caught(story.got("s2", 0), "settled", "Kafka had it")

    def test_a_member_that_was_there_before_may_be_late(self) -> None:
        story = begun(0).join("s2").add("fault", id=9, name="client_freeze", phase="begin",
                                        target={"client": "clients-1"})
        story.got("s1", 0).accept("s1", 0).commit(1).wait(5).add(
            "fault", id=9, name="client_freeze", phase="end", target={"client": "clients-1"})
        story.lines.append({"k": "assign", "t": story.lines[-1]["t"] + 0.5, "r": GROUP, "s": "s1",
                            "a": {}})
        story.got("s2", 0)
        self.assertNotIn("Kafka had it", " ".join(map(str, self.verdict(story).violations)))

    def test_a_member_that_was_given_it_anew_is_not(self) -> None:
        story = begun(0).join("s2").assign("s2").got("s1", 0).accept("s1", 0).commit(1).wait(5)
        story.fault("net_cut").assign("s1").assign("s2", P).got("s2", 0)
        self.check_caught(story, "settled", "Kafka had it")


class LeftBehindTest(JudgeTest):
    def lost(self, *again: int) -> Story:
        """0 and 1 are accepted one after the other; after a kill these come again."""
        story = killed(begun(0, 1).got("s1", 0, 1).accept("s1", 0).add(
            "settle", wait=0.1, r=GROUP, s="s1", id="x", e=[[P, 1, "a"]]).add(
            "settled", wait=0.1, r=GROUP, id="x", bad={}))
        return story.join("s2").got("s2", *again)

    def test_what_was_accepted_last_is_lost(self) -> None:
        self.check_clean(self.lost(1))

    def test_all_is_lost(self) -> None:
        self.check_clean(self.lost(0, 1))

    def test_what_was_accepted_later_stayed(self) -> None:
        self.check_caught(self.lost(0), "settled", f"{P}@0", "stayed settled")

    def test_a_commit_without_metadata_dropped_both(self) -> None:
        """The later one of them is settled by the member without metadata itself."""
        story = begun(0, 1, 2).got("s1", 0, 1, 2).accept("s1", 1).accept("s1", 2)
        story.commit(0, metadata(0, 2, 1)).assign("s1")
        story.add("join", r=GROUP, m="old", s="old", srv=-1, legacy=True)
        story.add("start", r=GROUP, s="old", a={P: -1}).leave("old").leave("s1").join("s2")
        self.check_clean(story.got("s2", 0, 1))

    def test_what_was_accepted_later_on_another_delivery_says_nothing(self) -> None:
        story = begun(0, 1).got("s1", 0, 1).fault("net_cut", node=1).accept("s1", 0).assign("s1")
        story.assign("s1", P).got("s1", 0, 1).accept("s1", 1)
        self.check_clean(story)


class WindowsTest(JudgeTest):
    def again(self, fault: str, held: float, **target: object) -> Story:
        """Accepted, and after so long with the fault lost to its stream."""
        story = begun(0).got("s1", 0).accept("s1", 0).fault(fault, **target).wait(held)
        return story.leave("s1").wait(12).join("s2").got("s2", 0)

    def test_the_links_of_another_server_were_cut(self) -> None:
        self.check_caught(self.again("net_cut", 13, node=None, server=1), "settled")

    def test_its_own_links_were_cut(self) -> None:
        self.check_clean(self.again("net_cut", 9, node=None, server=0))

    def test_it_had_its_partition_long_after_the_fault(self) -> None:
        self.check_caught(self.again("net_cut", 30, node=1, server=None), "settled")

    def test_a_member_that_crashed_moves_partitions_too(self) -> None:
        story = Story().join("t1", "tail").join("s1").wait(20).publish(0).tail(0).got("s1", 0)
        story.fault("client_crash", client="clients-1").accept("s1", 0).wait(4).assign("s1")
        self.check_clean(story.join("s2").got("s2", 0))

    def test_what_is_given_up_may_come_again_when_its_partition_moves(self) -> None:
        story = begun(0).got("s1", 0).accept("s1", 0, act="d").leave("s1").join("s2")
        self.check_clean(story.got("s2", 0))

    def test_what_is_given_up_does_not_come_to_who_keeps_the_partition(self) -> None:
        story = begun(0).got("s1", 0).fault("net_slow", node=1).accept("s1", 0, act="d")
        self.check_caught(story.got("s1", 0), "settled")


if __name__ == "__main__":
    unittest.main()
