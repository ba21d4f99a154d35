"""Members of consumer groups, of both kinds: streams of Subscribe, and kafka-python consumers."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Protocol

import grpc
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from tests.support import legacy
from tests.support.broker import TOPICS, bootstrap
from tests.support.patience import PROGRAM_SECONDS, SECONDS, wait_until
from tests.support.requests import LATEST
from tests.support.stubs import ErrorReason, EventBusServiceStub, v1

TOPIC = "document-events"
PARTITIONS = frozenset(range(TOPICS[TOPIC]))


def new_group() -> str:
    return f"shared-{uuid.uuid4()}"


def request(group: str, ack_mode: v1.AckMode = v1.ACK_MODE_AUTO,
            **fields: Any) -> v1.SubscribeRequest:
    """A member that begins at `latest` where the group has no offset."""
    member = v1.Group(id=group, ack_mode=ack_mode, initial_position=LATEST)
    return v1.SubscribeRequest(group=member, **{"topics": [TOPIC], **fields})


def write(count: int, event_type: str, partition: int | None = None) -> list[str]:
    """By kafka-python, which may write what no schema has; their ids."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with legacy.json_producer() as producer:
        sent = [producer.send(TOPIC, key=event_id.encode(), partition=partition,
                              value={"event_id": event_id, "event_type": event_type})
                for event_id in ids]
        for future in sent:
            future.get(timeout=SECONDS)
    return ids


class Member(Protocol):
    def assigned(self) -> set[int]:
        """Its partitions now."""

    def ids(self) -> list[str]:
        """Of the events it has had."""


class Stream:
    """A gRPC member, read by a thread of its own to its end. It leaves at the end of a `with`."""

    def __init__(self, stub: EventBusServiceStub, of: v1.SubscribeRequest) -> None:
        self.call = self._begin(stub, of)
        self.messages: list[v1.SubscribeResponse] = []
        self.error: grpc.RpcError | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.leave()

    def _begin(self, stub: EventBusServiceStub, of: v1.SubscribeRequest) -> Any:
        return stub.Subscribe(of)

    def _take(self, message: Any) -> None:
        self.messages.append(message)

    def _read(self) -> None:
        try:
            for message in self.call:
                self._take(message)
        except grpc.RpcError as error:
            self.error = error

    def all(self, kind: str) -> list[Any]:
        """Its messages of this kind so far."""
        return [getattr(message, kind) for message in list(self.messages)
                if message.WhichOneof("message") == kind]

    def assigned(self) -> set[int]:
        for message in reversed(list(self.messages)):
            if message.WhichOneof("message") in ("started", "assignment"):
                told = getattr(message, message.WhichOneof("message"))
                return {position.partition for position in told.assigned}
        return set()

    def started(self) -> v1.Started:
        """Waits for it; raises what the stream failed with instead."""
        def found() -> list[v1.Started]:
            if self.error is not None:
                raise self.error
            return self.all("started")

        return wait_until(found, "the stream has started", PROGRAM_SECONDS)[0]

    def events(self) -> list[v1.ReceivedEvent]:
        return [event for batch in self.all("batch") for event in batch.events]

    def ids(self) -> list[str]:
        return [event.event_id for event in self.events()]

    def tokens(self, ids: Iterable[str]) -> list[str]:
        """Of the last delivery of each of these, which have come."""
        last = {event.event_id: event.ack_token for event in self.events()}
        return [last[event_id] for event_id in ids]

    def leave(self) -> None:
        """As a client that goes away."""
        self.call.cancel()
        self._thread.join(PROGRAM_SECONDS)

    def wait_for_end(self) -> grpc.RpcError | None:
        """None where it ended with OK."""
        self._thread.join(PROGRAM_SECONDS)
        assert not self._thread.is_alive(), "the stream goes on"
        return self.error


class Legacy:
    """A kafka-python member with its defaults: it commits by itself. It leaves at the end of a
    `with`."""

    def __init__(self, group: str, **settings: Any) -> None:
        self._group, self._settings = group, settings
        self._records: list[Any] = []
        self._assigned: set[int] = set()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Legacy:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.leave()

    def _read(self) -> None:
        # One thread for all that it does: it is not thread-safe.
        consumer = legacy.member(self._group, [TOPIC], **self._settings)
        try:
            while not self._over.is_set():
                for records in consumer.poll(timeout_ms=100).values():
                    self._records += records
                self._assigned = {partition.partition for partition in consumer.assignment()}
        except BaseException as failure:  # pylint: disable=broad-except
            self._failure = failure
        finally:
            consumer.close()  # Commits, and leaves.

    def assigned(self) -> set[int]:
        assert self._failure is None, self._failure
        return self._assigned

    def ids(self) -> list[str]:
        return [_event_id(record) for record in list(self._records)]

    def leave(self) -> None:
        self._over.set()
        self._thread.join(PROGRAM_SECONDS)
        assert not self._thread.is_alive(), "kafka-python does not leave"
        self._assigned = set()


def _event_id(record: Any) -> str:
    """Without reading the JSON, which need not be any: the only member our events begin with."""
    head = (record.value or b"")[:60].split(b'"')
    return head[3].decode("utf-8", "replace") if len(head) > 3 and head[1] == b"event_id" else ""


def wait_until_shared(*members: Member) -> None:
    """Until every partition has one of these, and each of these a partition."""
    def shared() -> bool:
        parts = [member.assigned() for member in members]
        return all(parts) and sorted(number for part in parts for number in part) == sorted(
            PARTITIONS)

    wait_until(shared, "the partitions are shared by all", PROGRAM_SECONDS)


def counts(ids: Iterable[str], *members: Member) -> dict[str, int]:
    """How often each of `ids` has come to these together."""
    found = Counter(event_id for member in members for event_id in member.ids())
    return {event_id: found[event_id] for event_id in ids}


def wait_for_all(ids: Iterable[str], *members: Member) -> None:
    """Until each of `ids` has come to one of these."""
    wanted = set(ids)

    def missing() -> set[str]:
        return wanted - {event_id for member in members for event_id in member.ids()}

    wait_until(lambda: not missing(), f"all {len(wanted)} events come", PROGRAM_SECONDS)


def acknowledge(stub: EventBusServiceStub, tokens: Iterable[str]) -> dict[str, str]:
    """In one call; the reasons of those that failed, by token."""
    return reasons(stub.Acknowledge(v1.AcknowledgeRequest(ack_tokens=tokens), timeout=SECONDS))


def reasons(answer: v1.AcknowledgeResponse) -> dict[str, str]:
    """Why tokens failed, by token."""
    return {error.ack_token: ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
            for error in answer.errors}


def committed(group: str) -> dict[int, int | None]:
    """As kafka-python sees it, by partition; None where there is nothing."""
    consumer = KafkaConsumer(group_id=group, bootstrap_servers=bootstrap(),
                             enable_auto_commit=False)
    try:
        return {number: consumer.committed(TopicPartition(TOPIC, number))
                for number in sorted(PARTITIONS)}
    finally:
        consumer.close()


def commits(group: str) -> dict[int, OffsetAndMetadata]:
    """As kafka-python's admin client sees them, with their metadata; where there are any."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap())
    try:
        found = admin.list_group_offsets(group)[group]
        return {place.partition: commit for place, commit in found.items() if place.topic == TOPIC}
    finally:
        admin.close()


def wait_until_committed(group: str, stream: Stream) -> None:
    """Until the group has an offset past all that this member has had."""
    ends: dict[int, int] = {}
    for event in stream.events():
        ends[event.partition] = event.offset + 1

    def reached() -> bool:
        there = committed(group)
        return all((there[number] or 0) >= end for number, end in ends.items())

    wait_until(reached, f"{group} has committed {ends}")
