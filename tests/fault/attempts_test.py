"""The judge: who is blamed for failures."""

from __future__ import annotations

import unittest

from tests.fault.story import GROUP, P, JudgeTest, Story, begun

TOO_MANY = "max_delivery_attempts"


def dead(story: Story, why: str, number: int = 0) -> Story:
    """Of a group that gives up after three failures, of which the end of a stream may be one."""
    return story.add("dead", g=GROUP, e=[[P, 0, number, 3, why]])


class BlameTest(JudgeTest):
    def test_a_first_attempt(self) -> None:
        self.check_clean(begun(0).got("s1", 0, attempt=1))

    def test_a_second_attempt_at_first(self) -> None:
        self.check_caught(begun(0).got("s1", 0, attempt=2), "blame", "attempt 2", "0 failures")

    def test_a_retry_is_a_failure(self) -> None:
        self.check_clean(begun(0).got("s1", 0).accept("s1", 0, act="r").got("s1", 0, attempt=2))

    def test_a_retry_is_one_failure(self) -> None:
        self.check_caught(begun(0).got("s1", 0).accept("s1", 0, act="r").got("s1", 0, attempt=3),
                          "blame", "attempt 3")

    def test_a_retry_that_is_no_failure(self) -> None:
        self.check_caught(begun(0).got("s1", 0).accept("s1", 0, act="r").got("s1", 0, attempt=1),
                          "blame", "after a retry")

    def test_a_retry_may_be_lost_with_its_partition(self) -> None:
        story = begun(0).got("s1", 0).accept("s1", 0, act="r").assign("s1").assign("s1", P)
        self.check_clean(story.got("s1", 0, attempt=1))

    def test_the_end_of_a_stream_may_be_one(self) -> None:
        for attempt in (1, 2):
            story = begun(0).got("s1", 0).leave("s1").join("s2").got("s2", 0, attempt=attempt)
            self.check_clean(story)

    def test_the_end_of_a_stream_is_one_at_most(self) -> None:
        story = begun(0).got("s1", 0).leave("s1").join("s2").got("s2", 0, attempt=3)
        self.check_caught(story, "blame")

    def test_an_end_long_before_it_was_sent_is_none(self) -> None:
        story = begun().leave("s1").wait(60).join("s2").publish(0).tail(0)
        self.check_caught(story.got("s2", 0, attempt=2), "blame", "0 failures")

    def test_an_end_is_none_where_attempts_are_not_bounded(self) -> None:
        story = begun(0).got("s1", 0).leave("s1").join("s2").got("s2", 0, attempt=2)
        story.lines[0]["max_attempts"] = {}
        self.check_caught(story, "blame", "0 failures")

    def test_a_client_that_crashed_leaves_no_end(self) -> None:
        story = begun(0).got("s1", 0).join("s2").got("s2", 0, attempt=2)
        self.check_clean(story)

    def test_given_up_after_its_failures(self) -> None:
        story = begun(0)
        for attempt in (1, 2):
            story.got("s1", 0, attempt=attempt).accept("s1", 0, act="r")
        self.check_clean(dead(story, TOO_MANY))

    def test_given_up_too_soon(self) -> None:
        story = begun(0).got("s1", 0).accept("s1", 0, act="r")
        self.check_caught(dead(story, TOO_MANY), "blame", "cannot have failed 3 times")

    def test_given_up_as_told(self) -> None:
        self.check_clean(dead(begun(0).got("s1", 0).accept("s1", 0, act="d"), "told to"))

    def test_given_up_untold(self) -> None:
        self.check_caught(dead(begun(0).got("s1", 0), "told to"), "blame", "nobody asked")

    def test_an_event_given_up_as_undecodable(self) -> None:
        self.check_caught(dead(begun(0), "undecodable"), "blame", "undecodable")


if __name__ == "__main__":
    unittest.main()
