#!/usr/bin/env python3
"""Prints events as they come, and goes on where it was when the server goes away.

    python subscribe.py --address 127.0.0.1:50051 --tail --from earliest --topics document-events
    python subscribe.py --address 127.0.0.1:50051 --group document-processor
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator

import grpc
from eventbus.v1 import event_bus_service_pb2_grpc
from eventbus.v1.event_bus_service_pb2 import (ACK_MODE_AUTO, Group, ReceivedEvent, StartPosition,
                                               SubscribeRequest, Tail, UndecodableReason)
from google.protobuf import empty_pb2

import errors

Stub = event_bus_service_pb2_grpc.EventBusServiceStub
FIRST_DELAY, LAST_DELAY = 0.2, 10.0


class Subscription:
    """Events, whatever becomes of the streams that bring them.

    A tail goes on from its last resume token; what it has seen since is dropped by its offset. A
    group's member goes on where the group is.
    """

    def __init__(self, stub: Stub, request: SubscribeRequest) -> None:
        self._stub = stub
        self._request = request
        self._delay = FIRST_DELAY
        # Tails: of each partition, the next offset that has not been seen.
        self._next: dict[tuple[str, int], int] = {}
        self.resume_token = ""

    def events(self) -> Iterator[ReceivedEvent]:
        """Until the stream ends with OK. Raises grpc.RpcError for what waiting does not help."""
        bounded = self._request.max_events != 0
        while True:
            try:
                for event in self._stream():
                    yield event
                    if bounded:
                        self._request.max_events -= 1
                # A stream that has brought as many as it was to has counted what was dropped, too.
                if self._request.max_events == 0 or self._request.stop_at_end:
                    return
            except grpc.RpcError as error:
                if bounded and self._request.max_events == 0:
                    return
                self._wait(error)

    def _stream(self) -> Iterator[ReceivedEvent]:
        for message in self._stub.Subscribe(self._request):
            self._delay = FIRST_DELAY
            kind = message.WhichOneof("message")
            if kind == "batch":
                yield from filter(self._is_new, message.batch.events)
            elif kind == "gap":
                say(f"lost: {message.gap}")
            elif kind in ("started", "assignment"):
                say(describe(getattr(message, kind).assigned))
            if token := getattr(getattr(message, kind), "resume_token", ""):
                # Stands for everything before this message. A program that must lose nothing keeps
                # it where it keeps its results.
                self.resume_token = self._request.tail.start.resume_token = token

    def _is_new(self, event: ReceivedEvent) -> bool:
        if self._request.WhichOneof("reader") == "group":
            return True  # Kafka may give the same event to two members: event_id tells.
        partition = event.topic, event.partition
        if event.offset < self._next.get(partition, 0):
            return False
        self._next[partition] = event.offset + 1
        return True

    def _wait(self, error: grpc.RpcError) -> None:
        told = errors.of_call(error)
        if not told.HasField("retry_delay"):
            raise error
        # At random, lest all clients of a server come back in the same moment.
        delay = max(told.retry_delay.ToTimedelta().total_seconds(),
                    self._delay * random.uniform(0.5, 1))
        self._delay = min(2 * self._delay, LAST_DELAY)
        say(f"{told.message}; again in {delay:.1f} s")
        time.sleep(delay)


def subject(event: ReceivedEvent) -> str:
    """What the event is about, from the typed event."""
    family = event.event.WhichOneof("family")
    if family == "document":
        return event.event.document.document_id
    if family == "meeting":
        return event.event.meeting.meeting_id
    if family == "tutor_query":
        return event.event.tutor_query.session_id
    if family == "assessment":
        return event.event.assessment.exam_session_id
    if family == "analytics":
        return event.event.analytics.user_id
    return ""


def show(event: ReceivedEvent) -> None:
    """As a line of JSON."""
    line = {"topic": event.topic, "partition": event.partition, "offset": event.offset,
            "event_id": event.event_id, "event_type": event.event_type}
    if event.WhichOneof("body") == "undecodable":
        # A record that is no JSON object. It is shown, never skipped in silence.
        name = UndecodableReason.Name(event.undecodable.reason)
        line["undecodable"] = name.removeprefix("UNDECODABLE_REASON_")
    else:
        line["subject"] = subject(event)
    print(json.dumps(line), flush=True)


def describe(assigned: list) -> str:
    partitions = " ".join(f"{position.topic}[{position.partition}]@{position.offset}"
                          for position in assigned)
    return f"reading: {partitions}" if partitions else "on standby"


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def start(text: str) -> StartPosition:
    if text in ("earliest", "latest"):
        return StartPosition(**{text: empty_pb2.Empty()})
    return StartPosition(resume_token=text)


def request_of(arguments: argparse.Namespace) -> SubscribeRequest:
    request = SubscribeRequest(
        topics=arguments.topics, event_types=arguments.types, max_events=arguments.max_events,
        stop_at_end=arguments.stop_at_end, client_id="example-python")
    if arguments.tail:
        request.tail.CopyFrom(Tail(start=start(arguments.start or "latest")))
        return request
    # Delivered is what was written to the stream. An empty id is the server's own KAFKA_GROUP_ID.
    request.group.CopyFrom(Group(id=arguments.group, ack_mode=ACK_MODE_AUTO))
    if arguments.start:
        request.group.initial_position.CopyFrom(start(arguments.start))
    return request


def main() -> int:
    def words(text: str) -> list[str]:
        return text.split(",")

    parser = argparse.ArgumentParser(description="Prints events as they come, until Ctrl-C.")
    parser.add_argument("--address", default="127.0.0.1:50051", help="of the server, HOST:PORT or "
                        "unix:PATH (default: %(default)s)")
    reader = parser.add_mutually_exclusive_group(required=True)
    reader.add_argument("--tail", action="store_true", help="everything, independent of others")
    reader.add_argument("--group", metavar="ID", help="a share of what the consumer group gets")
    parser.add_argument("--from", dest="start", metavar="earliest|latest|TOKEN",
                        help="where a tail starts (default: latest), or a group without offsets")
    parser.add_argument("--max-events", type=int, default=0, metavar="N", help="end after so many")
    parser.add_argument("--stop-at-end", action="store_true", help="end when all that there is now "
                        "has been printed")
    parser.add_argument("--topics", type=words, default=[], metavar="A,B")
    parser.add_argument("--types", type=words, default=[], metavar="A,B",
                        help="such as document.uploaded or 'document.*'")
    arguments = parser.parse_args()

    # A server that restarts is back soon: do not wait up to two minutes for it.
    options = [("grpc.max_reconnect_backoff_ms", int(1000 * LAST_DELAY))]
    with grpc.insecure_channel(arguments.address, options) as channel:
        subscription = Subscription(Stub(channel), request_of(arguments))
        try:
            for event in subscription.events():
                show(event)
        except KeyboardInterrupt:
            pass
        except grpc.RpcError as error:
            told = errors.of_call(error)
            say("\n  ".join([f"{errors.reason(told)}: {told.message}", *(
                f"{violation.field}: {violation.description}"
                for violation in told.field_violations)]))
            return 1
    if subscription.resume_token:
        say(f"go on with --from {subscription.resume_token}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
