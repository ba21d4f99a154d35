"""The judge: losses, phantoms, order, commits. What it must catch, and what it must let pass."""

from __future__ import annotations

import unittest

from tests.fault import commit_text
from tests.fault.judge import judge_lines
from tests.fault.story import GROUP, P, TAIL, JudgeTest, Story, begun, metadata


class LostTest(JudgeTest):
    def test_all_is_well(self) -> None:
        self.check_clean(begun(0, 1).got("s1", 0, 1).accept("s1", 0, 1).commit(2).log(0, 1))

    def test_a_loss_to_the_group(self) -> None:
        self.check_caught(begun(0, 1, 2).got("s1", 0, 2), "lost", f"{P}@1", GROUP)

    def test_a_loss_to_the_tail(self) -> None:
        self.check_caught(begun().publish(0, 1).got("s1", 0, 1).tail(0), "lost", f"{P}@1", TAIL)

    def test_what_failed_need_not_come(self) -> None:
        self.check_clean(begun().publish(0, outcome="failed"))

    def test_what_is_unknown_need_not_come(self) -> None:
        self.check_clean(begun().publish(0, outcome="unknown").send(1))

    def test_what_is_unknown_and_in_the_log_must_come(self) -> None:
        self.check_caught(begun().publish(0, outcome="unknown").tail(0).log(0), "lost", GROUP)

    def test_what_stands_only_in_the_log_must_come(self) -> None:
        self.check_caught(begun(0).got("s1", 0).send(1).tail(1).log(0, 1), "lost", "in the log")

    def test_dead_letters_are_not_lost(self) -> None:
        self.check_clean(begun(0).settle("s1", 0, act="d").add(
            "dead", g=GROUP, e=[[P, 0, 0, 3, "told to"]]))

    def test_what_a_gap_covers_is_not_lost(self) -> None:
        self.check_clean(begun(0, 1, 2).gap("s1", 0, 2)
                         .got("s1", 2))

    def test_a_gap_covers_no_more_than_it_says(self) -> None:
        story = begun(0, 1, 2).gap("s1", 0, 1)
        self.check_caught(story.got("s1", 2), "lost", f"{P}@1")

    def test_a_restart_at_the_oldest_record_misses_what_is_gone(self) -> None:
        for oldest, lost in ((2, {}), (1, {"lost": 1})):
            story = begun().publish(0, 1, 2).got("s1", 0, 1, 2).leave("t1", TAIL).join("t2", TAIL)
            story.add("gap", r=TAIL, s="t2", p=P, first=0, next=2, cause="RESTART")
            story.got("t2", 2, reader=TAIL).add("ends", a={P: [oldest, 3]})
            self.assertEqual(dict(self.verdict(story).counts()), lost)

    def test_an_undecodable_record_must_come(self) -> None:
        self.check_caught(begun().add("poison", e=[[P, 0]]).got("s1", -1, offset=0, key=-1), "lost",
                          TAIL, "undecodable")

    def test_an_event_without_an_offset_must_come(self) -> None:
        story = begun().publish(7, offset=-1).got("s1", 7, offset=3)
        self.check_caught(story, "lost", "event 7", TAIL)

    def test_an_event_without_an_offset_may_come_from_anywhere(self) -> None:
        self.check_clean(begun().publish(7, offset=-1).got("s1", 7, offset=3).tail(7, offset=3))


class PhantomTest(JudgeTest):
    def test_an_event_that_nobody_sent(self) -> None:
        self.check_caught(begun(0).got("s1", 0, 1), "phantom", "event 1", "nobody sent")

    def test_an_event_that_was_refused(self) -> None:
        self.check_caught(begun().publish(0, outcome="failed").got("s1", 0), "phantom", "refused")

    def test_a_refused_event_in_the_log(self) -> None:
        self.check_caught(begun().publish(0, outcome="failed").gap("s1", 0, 1).gap("t1", 0, 1, reader=TAIL).log(0), "phantom", "in the log")

    def test_an_event_of_another_place(self) -> None:
        story = begun(0, 1).got("s1", 0).got("s1", 0, offset=1)
        self.check_caught(story, "phantom", f"{P}@1", f"written at {P}@0")

    def test_an_event_with_another_key(self) -> None:
        self.check_caught(begun(0).got("s1", 0, key=4), "phantom", "key 4, not 0")

    def test_a_place_that_is_two_events(self) -> None:
        story = (begun().send(0, 1).tail(0).got("s1", 0).leave("s1").join("s2")
                 .got("s2", 1, offset=0))
        self.check_caught(story, "phantom", "two events")

    def test_an_undecodable_record_that_nobody_wrote(self) -> None:
        self.check_caught(begun().got("s1", -1, offset=0, key=-1), "phantom", f"{P}@0")

    def test_an_event_that_was_written_twice(self) -> None:
        story = begun(0).got("s1", 0).add("log", p=P, e=[[0, 0, 0], [1, 0, 0]])
        story.tail(0, offset=1).got("s1", 0, offset=1)
        self.assertIn("twice", " ".join(map(str, self.verdict(story).violations)))


class OrderTest(JudgeTest):
    def test_a_reorder_to_the_group(self) -> None:
        self.check_caught(begun(0, 1).got("s1", 1).got("s1", 0), "order", "key 0", f"{P}@1")

    def test_a_reorder_within_a_batch(self) -> None:
        self.check_caught(begun(0, 1).got("s1", 1, 0), "order", GROUP)

    def test_a_reorder_across_streams(self) -> None:
        story = begun(0, 1).got("s1", 1).leave("s1").join("s2").got("s2", 0, 1)
        self.check_caught(story, "order", GROUP)

    def test_different_keys_have_no_order_in_a_group(self) -> None:
        story = Story().join("t1", TAIL).join("s1").publish(0).publish(1, key=1)
        self.check_clean(story.tail(0).tail(1, key=1).got("s1", 1, key=1).got("s1", 0))

    def test_a_tail_has_the_order_of_the_log(self) -> None:
        story = Story().join("t1", TAIL).join("s1").publish(0).publish(1, key=1)
        self.check_caught(story.got("s1", 0).got("s1", 1, key=1).tail(1, key=1).tail(0), "order",
                          "t1")

    def test_a_redelivery_may_be_behind(self) -> None:
        self.check_clean(begun(0, 1).got("s1", 0, 1).leave("s1").join("s2").got("s2", 0, 1))

    def test_a_publishers_events_are_written_as_they_were_sent(self) -> None:
        story = begun().publish(1).publish(2, offset=0).tail(2, offset=0).tail(1)
        self.check_caught(story.got("s1", 2, offset=0).got("s1", 1), "order", "publisher")


class CommittedTest(JudgeTest):
    def test_an_early_commit(self) -> None:
        self.check_caught(begun(0, 1).got("s1", 0, 1).accept("s1", 0).commit(2), "committed",
                          f"{P}@1", "never")

    def test_a_commit_before_its_acknowledgement(self) -> None:
        self.check_caught(begun(0).got("s1", 0).commit(1).accept("s1", 0), "committed", "later")

    def test_a_commit_of_what_was_never_delivered(self) -> None:
        self.check_caught(begun(0, 1).got("s1", 0).accept("s1", 0).commit(2).got("s1", 1)
                          .accept("s1", 1), "committed", f"{P}@1")

    def test_an_unanswered_acknowledgement_may_be_committed(self) -> None:
        self.check_clean(begun(0).got("s1", 0).settle("s1", 0).commit(1))

    def test_a_refused_acknowledgement_may_not(self) -> None:
        self.check_caught(begun(0).got("s1", 0).refuse("s1", 0).commit(1), "committed", "never")

    def test_a_retry_settles_nothing(self) -> None:
        self.check_caught(begun(0).got("s1", 0).accept("s1", 0, act="r").commit(1), "committed")

    def test_a_span_of_the_metadata_counts(self) -> None:
        story = begun(0, 1, 2).got("s1", 0, 1, 2).accept("s1", 2)
        self.check_clean(story.commit(0, metadata(0, 2, 1)))
        story = begun(0, 1, 2).got("s1", 0, 1, 2).accept("s1", 2)
        self.check_caught(story.commit(0, metadata(0, 1, 2)), "committed", f"{P}@1")

    def test_dead_letters_and_gaps_need_no_acknowledgement(self) -> None:
        story = begun(0).gap("s1", 0, 1).commit(2)
        story.add("poison", e=[[P, 1]]).tail(-1, offset=1, key=-1)
        self.check_clean(story.add("dead", g=GROUP, e=[[P, 1, -1, 1, "undecodable"]]))

    def test_what_is_no_record_needs_none(self) -> None:
        story = begun(0, 2).got("s1", 0, 2).accept("s1", 0, 2).commit(3).log(0, 2)
        self.check_clean(story)

    def test_what_no_publisher_knows_of_needs_one(self) -> None:
        story = begun(0).got("s1", 0).accept("s1", 0).send(1).tail(1).commit(2).log(0, 1)
        self.assertEqual(set(self.verdict(story).counts()), {"lost", "committed"})

    def test_a_text_of_others_says_nothing(self) -> None:
        self.check_clean(begun(0).got("s1", 0).commit(0, "eb1;s=A;000000"))


class GapTest(JudgeTest):
    def test_what_was_accepted_past_an_offset_that_retention_took_stays_settled(self) -> None:
        story = begun(0, 1, 2).got("s1", 0, 1, 2).accept("s1", 2)
        story.gap("s1", 0, 2).wait(5)
        self.check_caught(story.got("s1", 2).accept("s1", 2).commit(3), "settled", f"{P}@2")


    def test_a_gap_that_the_log_does_not_have(self) -> None:
        story = begun(0, 1).gap("s1", 0, 1, first=0).got("s1", 1)
        self.check_caught(story, "gap", f"{P}@0", "begins at 0")


class ForgottenTest(JudgeTest):
    def settled(self) -> Story:
        return begun(0, 1, 2).got("s1", 0, 1, 2).accept("s1", 0).accept("s1", 2)

    def test_commits_that_go_on(self) -> None:
        story = self.settled().commit(1).commit(1, metadata(1, 1, 1)).commit(1, metadata(1, 1, 1))
        self.check_clean(story.accept("s1", 1).commit(3))

    def test_an_offset_that_goes_back(self) -> None:
        self.check_caught(self.settled().commit(1).commit(0), "forgotten", f"{P}@1")

    def test_a_span_that_goes(self) -> None:
        story = self.settled().commit(1, metadata(1, 1, 1)).commit(1)
        self.check_caught(story, "forgotten", f"{P}@2")

    def test_a_member_without_metadata_commits(self) -> None:
        story = self.settled().commit(1, metadata(1, 1, 1))
        story.add("join", r=GROUP, m="old", s="old", srv=-1, legacy=True).commit(1)
        self.check_clean(story.leave("old"))


class FinishedTest(JudgeTest):
    def test_a_run_that_did_not_end(self) -> None:
        self.assertIn("finished", self.verdict(begun(), finish=False).counts())

    def test_a_group_that_did_not_catch_up(self) -> None:
        verdict = judge_lines(begun().over(f"{GROUP} {P}: at 0 of 9").lines)
        self.assertEqual(dict(verdict.counts()), {"finished": 1})


class CommitTextTest(unittest.TestCase):
    def test_the_example_of_the_documentation(self) -> None:
        self.assertEqual(commit_text.spans("eb1;s=AHd40B_j7Bo4J;VO7FmD", 1000), [
            (1001, 1002), (1003, 1040), (1100, 1101), (3000, 13000)])

    def test_another_offset_is_not_what_it_was_made_for(self) -> None:
        self.assertEqual(commit_text.spans("eb1;s=AHd40B_j7Bo4J;VO7FmD", 1001), [])


if __name__ == "__main__":
    unittest.main()
