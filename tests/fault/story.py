"""Histories for the tests of the judge, told step by step; a second passes with each."""

from __future__ import annotations

import unittest
import zlib
from typing import Any

from tests.fault.history import Line
from tests.fault.judge import Verdict, judge_lines

TOPIC = "document-events"
P = f"{TOPIC}/0"
GROUP, TAIL = "group", "tail"
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Story:
    """One group, one tail, one partition. Event n stands at offset n, with key 0, unless said."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._now = 100.0
        self._calls = 0
        self.add("run", seed=1, scenario="story", commit_interval=1.0, groups=[GROUP], tails=[TAIL],
                 max_attempts={GROUP: 3})

    def add(self, kind: str, wait: float = 1.0, **fields: Any) -> Story:
        self._now += wait
        self.lines.append({"k": kind, "t": self._now, **fields})
        return self

    def wait(self, seconds: float) -> Story:
        self._now += seconds
        return self

    def send(self, *numbers: int, key: int = 0) -> Story:
        return self.add("send", by="publisher", srv=0, e=[[n, key, TOPIC] for n in numbers])

    def publish(self, *numbers: int, key: int = 0, outcome: str = "ok",
                offset: int | None = None) -> Story:
        self.send(*numbers, key=key)
        return self.add("sent", by="publisher", e=[
            [n, outcome, 0, n if offset is None else offset] for n in numbers])

    def join(self, stream: str, reader: str = GROUP, server: int = 0) -> Story:
        self.add("join", r=reader, m=stream, s=stream, srv=server)
        return self.add("start", wait=0, r=reader, s=stream, a={P: 0})

    def assign(self, stream: str, *partitions: str) -> Story:
        return self.add("assign", r=GROUP, s=stream, a=dict.fromkeys(partitions, 0))

    def leave(self, stream: str, reader: str = GROUP, by: str = "client",
              why: str = "leave") -> Story:
        return self.add("end", r=reader, s=stream, by=by, why=why)

    def got(self, stream: str, *numbers: int, reader: str = GROUP, key: int = 0, attempt: int = 1,
            offset: int | None = None) -> Story:
        return self.add("got", r=reader, s=stream, e=[
            [P, n if offset is None else offset, n, key, attempt] for n in numbers])

    def tail(self, *numbers: int, **fields: Any) -> Story:
        return self.got("t1", *numbers, reader=TAIL, **fields)

    def settle(self, stream: str, *numbers: int, act: str = "a") -> Story:
        """Without an answer."""
        self._calls += 1
        return self.add("settle", r=GROUP, s=stream, id=self._calls,
                        e=[[P, n, act] for n in numbers])

    def accept(self, stream: str, *numbers: int, act: str = "a") -> Story:
        self.settle(stream, *numbers, act=act)
        return self.add("settled", wait=0.1, r=GROUP, id=self._calls, bad={})

    def refuse(self, stream: str, number: int) -> Story:
        self.settle(stream, number)
        return self.add("settled", wait=0.1, r=GROUP, id=self._calls,
                        bad={"0": "ACK_TOKEN_NOT_OWNED"})

    def commit(self, offset: int, text: str = "", look: float = 1.0) -> Story:
        return self.add("commit", wait=look, g=GROUP, t0=self._now, a={P: [offset, text]})

    def gap(self, stream: str, begin: int, end: int, reader: str = GROUP,
            first: int | None = None) -> Story:
        """The log begins behind it, or at `first`."""
        self.add("gap", r=reader, s=stream, p=P, first=begin, next=end, cause="R")
        return self.add("ends", wait=0, a={P: [end if first is None else first, end]})

    def fault(self, name: str, seconds: float = 1.0, **target: Any) -> Story:
        self.add("fault", id=len(self.lines), name=name, phase="begin", target=target)
        return self.add("fault", wait=seconds, id=self.lines[-1]["id"], name=name, phase="end",
                        target=target)

    def log(self, *numbers: int) -> Story:
        return self.add("log", p=P, e=[[n, n, 0] for n in numbers])

    def over(self, *missing: str) -> Story:
        return self.add("over", missing=list(missing))


def begun(*numbers: int) -> Story:
    """Events published, a stream of the group and the tail, which has them all."""
    story = Story().join("t1", TAIL).join("s1")
    if numbers:
        story.publish(*numbers).tail(*numbers)
    return story


class JudgeTest(unittest.TestCase):
    def verdict(self, story: Story, finish: bool = True) -> Verdict:
        return judge_lines((story.over() if finish else story).lines)

    def check_clean(self, story: Story) -> Verdict:
        verdict = self.verdict(story)
        self.assertEqual([str(violation) for violation in verdict.violations], [])
        return verdict

    def check_caught(self, story: Story, check: str, *words: str) -> None:
        verdict = self.verdict(story)
        self.assertEqual(set(verdict.counts()), {check}, [str(v) for v in verdict.violations])
        for word in words:
            self.assertIn(word, str(verdict.violations[0]))


def metadata(offset: int, gap: int, length: int) -> str:
    """Of one short span, as the server writes it."""
    body = f"eb1;s={DIGITS[8 * (gap - 1) + length - 1]}"
    crc = zlib.crc32(f"{offset}{body}".encode())
    return body + ";" + "".join(DIGITS[crc >> 6 * index & 63] for index in range(6))
