"""What a member's settler does where a call has no answer."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import grpc

from tests.fault import settler
from tests.fault.history import History, read
from tests.fault.settler import ACK, ByAcknowledge
from tests.support.patience import wait_until
from tests.support.stubs import v1


class NoAnswer(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.DEADLINE_EXCEEDED

    def trailing_metadata(self) -> tuple[()]:
        return ()


class Stub:
    """Answers the second call."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def Acknowledge(self, request: v1.AcknowledgeRequest, timeout: float) -> v1.AcknowledgeResponse:
        self.asked.append(list(request.ack_tokens))
        if len(self.asked) == 1:
            raise NoAnswer
        return v1.AcknowledgeResponse()


class SettlerTest(unittest.TestCase):
    def test_a_call_without_an_answer_is_made_again(self) -> None:
        directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        stub = Stub()
        self.enterContext(mock.patch.object(settler, "AGAIN_SECONDS", 0.0))
        settles = ByAcknowledge(History(directory / "client.jsonl"), "group", "stream", stub)
        for token in ("a", "b"):
            settles.take(v1.ReceivedEvent(topic="t", ack_token=token), ACK, hold=0.0)
        settles.start()
        wait_until(lambda: len(stub.asked) == 2, "a second call")
        settles.stop()
        settles.join()
        self.assertEqual(stub.asked, [["a", "b"]] * 2)
        answers = [line.get("error", "answered") for line in read(directory)
                   if line["k"] == "settled"]
        self.assertEqual([each.split()[0] for each in answers], ["DEADLINE_EXCEEDED", "answered"])


if __name__ == "__main__":
    unittest.main()
