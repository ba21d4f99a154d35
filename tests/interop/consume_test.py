"""Consume: settling on the stream that is read, by stubs and from a terminal; how it ends.

As in acknowledge_test, each test has a group and event types of its own.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import unittest
from collections.abc import Iterable, Iterator

import grpc
from google.protobuf.duration_pb2 import Duration

from tests.support import groups
from tests.support.consume import Consumer
from tests.support.environment import GRPCURL, ROOT
from tests.support.errors import reason
from tests.support.groups import Stream, acknowledge, wait_for_all
from tests.support.log import Log
from tests.support.patience import PROGRAM_SECONDS, SECONDS, wait_until
from tests.support.server import SERVICE, serving
from tests.support.stubs import EventBusServiceStub, v1

PARTITION = 1

# Joins, and settles what it is told to by the lines of its input: a token each.
_CLIENT = """
import sys
import threading
import grpc
from tests.support import groups
from tests.support.consume import Consumer
from tests.support.stubs import EventBusServiceStub, v1

saying = threading.Lock()

def say(*words):
    with saying:
        print(*words, flush=True)

class Printing(Consumer):
    def _take(self, message):
        super()._take(message)
        for event in message.delivery.batch.events:
            say("event", event.event_id, event.ack_token)
        if message.WhichOneof("message") == "acknowledged":
            say("answer")

address, group = sys.argv[1:]
of = groups.request(group, v1.ACK_MODE_EXPLICIT, event_types=[f"{group}.*"])
of.group.dead_letter_policy.max_delivery_attempts = 100
with grpc.insecure_channel(address) as channel:
    with Printing(EventBusServiceStub(channel), of) as stream:
        say("started", stream.started().stream_id)
        for line in sys.stdin:
            stream.ask([line.strip()])
"""


class Program:
    """_CLIENT in a process of its own. It is killed at the end of a `with`."""

    def __init__(self, address: str, group: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", _CLIENT, address, group], cwd=ROOT,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.output = Log(self._process.stdout)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def stream_id(self) -> str:
        return self.output.wait_for(r"started (\S+)", PROGRAM_SECONDS)[1]

    def token(self, event_id: str) -> str:
        return self.output.wait_for(rf"event {event_id} (\S+)", PROGRAM_SECONDS)[1]

    def acknowledge(self, token: str) -> None:
        assert self._process.stdin is not None
        print(token, file=self._process.stdin, flush=True)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.output.wait_for_end()
        assert self._process.stdin is not None
        self._process.stdin.close()


class ConsumeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(serving())
        cls.stub = cls.server.stub
        cls.other = cls.enterClassContext(serving()).stub

    def setUp(self) -> None:
        self.group = groups.new_group()

    def request(self, **fields) -> v1.SubscribeRequest:
        return groups.request(self.group, v1.ACK_MODE_EXPLICIT, event_types=[f"{self.group}.*"],
                              **fields)

    def join(self, stub: EventBusServiceStub | None = None, settles: bool = False,
             **fields) -> Consumer:
        """A member, which has started."""
        of = self.request(**fields)
        stream = self.enterContext(Consumer(stub or self.stub, of, settles))
        stream.started()
        return stream

    def write(self, count: int) -> list[str]:
        return groups.write(count, event_type=f"{self.group}.written", partition=PARTITION)

    def receive(self, count: int) -> tuple[Consumer, list[str]]:
        """A member that has had so many events; it, and their ids."""
        stream = self.join()
        ids = self.write(count)
        wait_for_all(ids, stream)
        return stream, ids

    def check_next(self, expected: list[str], stub: EventBusServiceStub | None = None) -> None:
        """A next reader, which settles what it gets, gets these and nothing else: within a
        partition all come in order."""
        stream = self.join(stub, settles=True)
        last = self.write(1)
        wait_for_all(last, stream)
        self.assertEqual(stream.ids(), expected + last)

    def check_end_in_log(self, stream_id: str, code: str) -> None:
        ended = self.server.log.wait_for(f'msg="stream ended" stream={stream_id} ').string
        self.assertIn(f" code={code} ", ended)

    # Settling.

    def test_what_is_acknowledged_on_the_stream_does_not_come_again(self) -> None:
        stream, ids = self.receive(4)
        self.assertEqual(stream.acknowledge(stream.tokens([ids[2], ids[0]])), {})
        stream.half_close()
        self.assertIsNone(stream.wait_for_end())
        self.check_next([ids[1], ids[3]], self.other)

    def test_a_half_close_takes_what_was_sent_before_it(self) -> None:
        stream, ids = self.receive(200)
        for token in stream.tokens(ids):
            stream.ask([token])
        stream.half_close()
        self.assertIsNone(stream.wait_for_end())
        self.assertEqual([len(answer.errors) for answer in stream.answers], [0] * len(ids))
        # Kafka has it when the stream ends.
        self.assertEqual(groups.committed(self.group)[PARTITION], stream.events()[-1].offset + 1)
        self.check_next([])

    def test_answers_come_in_the_order_of_the_requests(self) -> None:
        stream, ids = self.receive(2)
        good = stream.tokens(ids)
        asked = [f"none-{number}" for number in range(300)]
        for number, token in enumerate(asked):
            stream.ask([token, good[number % 2]])
        stream.half_close()
        self.assertIsNone(stream.wait_for_end())
        self.assertEqual([groups.reasons(answer) for answer in stream.answers],
                         [{token: "ACK_TOKEN_INVALID"} for token in asked])

    def test_a_bounded_read_stays_open_until_it_is_settled(self) -> None:
        stream = self.join(max_events=2)
        ids = self.write(3)
        wait_for_all(ids[:2], stream)
        self.assertEqual(stream.acknowledge(stream.tokens(ids[:1])), {})
        self.assertEqual(stream.acknowledge(stream.tokens(ids[1:2])), {})
        self.assertIsNone(stream.wait_for_end())
        self.assertEqual(stream.ids(), ids[:2])
        self.check_next(ids[2:], self.other)

    def test_an_event_that_is_retried_comes_again_on_the_stream(self) -> None:
        stream, ids = self.receive(2)
        first, second = stream.tokens(ids)
        retry = v1.Retry(ack_token=first, delay=Duration())
        self.assertEqual(stream.acknowledge([second], retries=[retry]), {})
        wait_until(lambda: stream.ids() == [*ids, ids[0]], "the first comes again")
        self.assertEqual([event.delivery_attempt for event in stream.events()], [1, 1, 2])
        self.assertEqual(stream.acknowledge(stream.tokens(ids[:1])), {})
        stream.half_close()
        self.assertIsNone(stream.wait_for_end())
        self.check_next([])

    def test_tokens_of_any_stream_of_the_server_are_taken(self) -> None:
        with Stream(self.stub, self.request()) as subscribed:
            subscribed.started()
            ids = self.write(2)
            wait_for_all(ids, subscribed)
            tail = self.enterContext(Consumer(self.stub, v1.SubscribeRequest(tail=v1.Tail())))
            foreign = self.enterContext(Consumer(self.other, v1.SubscribeRequest(tail=v1.Tail())))
            first, second = subscribed.tokens(ids)
            self.assertEqual(tail.acknowledge([first]), {})
            self.assertEqual(foreign.acknowledge([second]), {second: "ACK_TOKEN_NOT_OWNED"})
        self.check_next(ids[1:])

    def test_acknowledge_takes_the_tokens_of_consume(self) -> None:
        stream, ids = self.receive(2)
        self.assertEqual(acknowledge(self.stub, stream.tokens(ids[:1])), {})
        stream.half_close()
        self.assertIsNone(stream.wait_for_end())
        self.check_next(ids[1:])

    # Ends.

    def test_a_half_close_ends_with_ok_once_the_group_is_left(self) -> None:
        stream, ids = self.receive(1)
        stream_id = stream.started().stream_id
        stream.half_close()
        self.assertIsNone(stream.wait_for_end())
        self.check_end_in_log(stream_id, "OK")
        self.check_next(ids)  # At once: nobody has to wait for the session of a member.

    def test_a_killed_client_is_not_taken_for_a_half_close(self) -> None:
        """Idle, with something delivered, and just after an acknowledgement."""
        for round_ in range(9):
            self.group = groups.new_group()
            with Program(self.server.address, self.group) as client:
                stream_id = client.stream_id()
                ids = self.write(1) if round_ % 3 > 0 else []
                if round_ % 3 == 2:
                    client.acknowledge(client.token(ids.pop()))
                    client.output.wait_for("answer")
                elif ids:
                    client.token(ids[0])
                client.kill()
            self.check_end_in_log(stream_id, "CANCELLED")
            self.check_next(ids)

    def test_an_event_whose_clients_die_has_failed_and_one_of_half_closes_has_not(self) -> None:
        event_id, = self.write_before_the_group()
        for _ in range(3):
            with Program(self.server.address, self.group) as client:
                client.token(event_id)
        died = self.receive_again(event_id)
        self.assertGreater(died.delivery_attempt, 1)
        self.group = groups.new_group()
        event_id, = self.write_before_the_group()
        for _ in range(3):
            stream = self.join()
            wait_for_all([event_id], stream)
            stream.half_close()
            self.assertIsNone(stream.wait_for_end())
        self.assertEqual(self.receive_again(event_id).delivery_attempt, 1)

    def write_before_the_group(self) -> list[str]:
        """Of a group that is there, with its positions."""
        stream = self.join()
        stream.half_close()
        stream.wait_for_end()
        return self.write(1)

    def receive_again(self, event_id: str) -> v1.ReceivedEvent:
        stream = self.join()
        wait_for_all([event_id], stream)
        return stream.events()[0]

    def test_the_calls_deadline_ends_it(self) -> None:
        requests = iter([v1.ConsumeRequest(subscribe=self.request())])
        with self.assertRaises(grpc.RpcError) as raised:
            # The client half-closes at once only where it has no more to send.
            for _ in self.stub.Consume(self.endless(requests), timeout=3):
                pass
        self.assertEqual(raised.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.check_next([])

    def endless(self, requests: Iterable[v1.ConsumeRequest]) -> Iterator[v1.ConsumeRequest]:
        """These, and then none without an end."""
        yield from requests
        over = threading.Event()
        self.addCleanup(over.set)
        over.wait()

    # Messages that are refused.

    def refused(self, *requests: v1.ConsumeRequest) -> grpc.RpcError:
        with self.assertRaises(grpc.RpcError) as raised:
            for _ in self.stub.Consume(iter(requests), timeout=SECONDS):
                pass
        return raised.exception

    def test_the_first_message_is_subscribe_and_no_other(self) -> None:
        subscribe = v1.ConsumeRequest(subscribe=self.request())
        ask = v1.ConsumeRequest(acknowledge=v1.AcknowledgeRequest(ack_tokens=["a"]))
        for requests, field in (((), "subscribe"), ((ask,), "acknowledge"),
                                ((subscribe, subscribe), "subscribe"),
                                ((v1.ConsumeRequest(),), "message")):
            error = self.refused(*requests)
            self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
            self.assertEqual(reason(error), "REQUEST_INVALID")
            self.assertTrue(error.details().startswith(f"{field}: "), error.details())

    def test_what_is_wrong_is_named_below_the_message(self) -> None:
        error = self.refused(v1.ConsumeRequest(subscribe=self.request(max_batch_events=1001)))
        self.assertTrue(error.details().startswith("subscribe.max_batch_events: 1001"),
                        error.details())

    # From a terminal.

    def test_grpcurl_receives_and_acknowledges_on_one_stream(self) -> None:
        with self.grpcurl() as terminal:
            self.say(terminal, {"subscribe": {
                "group": {"id": self.group, "initial_position": {"latest": {}}},
                "topics": [groups.TOPIC], "event_types": [f"{self.group}.*"]}})
            output = Log(terminal.stdout)
            output.wait_for('"started"')
            event_id, = self.write(1)
            output.wait_for(event_id)
            token = output.wait_for(r'"ack_token": "(\S+)"')[1]
            self.say(terminal, {"acknowledge": {"ack_tokens": [token]}})
            output.wait_for(r'"acknowledged": \{')
            terminal.stdin.close()
            self.assertEqual(terminal.wait(PROGRAM_SECONDS), 0)
        self.check_next([])

    def test_grpcurl_explains_what_is_refused(self) -> None:
        with self.grpcurl() as terminal:
            self.say(terminal, {"acknowledge": {"ack_tokens": ["a"]}})
            _, errors = terminal.communicate(timeout=PROGRAM_SECONDS)
        self.assertIn("Code: InvalidArgument", errors)
        self.assertIn('"reason":"REQUEST_INVALID"', errors.replace(" ", ""))

    def grpcurl(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [GRPCURL, "-plaintext", "-d", "@", self.server.address, f"{SERVICE}/Consume"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def say(self, terminal: subprocess.Popen[str], message: dict) -> None:
        assert terminal.stdin is not None
        print(json.dumps(message), file=terminal.stdin, flush=True)


class DrainTest(unittest.TestCase):
    def test_acknowledgements_are_taken_while_the_server_drains(self) -> None:
        group = groups.new_group()
        of = groups.request(group, v1.ACK_MODE_EXPLICIT, event_types=[f"{group}.*"])
        with serving() as server, Consumer(server.stub, of) as stream:
            stream.started()
            ids = groups.write(2, event_type=f"{group}.written", partition=PARTITION)
            wait_for_all(ids, stream)
            server.send(signal.SIGTERM)
            wait_until(lambda: stream.all("draining"), "the client is told")
            self.assertEqual(stream.acknowledge(stream.tokens(ids)), {})
            error = stream.wait_for_end()
            assert error is not None
            self.assertEqual(reason(error), "SERVER_DRAINING")
            self.assertEqual(groups.committed(group)[PARTITION], stream.events()[-1].offset + 1)
            self.assertEqual(server.wait(PROGRAM_SECONDS), 0)


if __name__ == "__main__":
    unittest.main()
