"""Requests that many tests make, and the places where a stream starts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from google.protobuf.empty_pb2 import Empty

from tests.support.stubs import Event, document, v1

# Topic, partition, offset.
Place = tuple[str, int, int]

EARLIEST = v1.StartPosition(earliest=Empty())
LATEST = v1.StartPosition(latest=Empty())


def resume(token: str) -> v1.StartPosition:
    return v1.StartPosition(resume_token=token)


def offsets(places: Iterable[Place]) -> v1.StartPosition:
    """The first of `places` in each partition."""
    first: dict[tuple[str, int], int] = {}
    for topic, partition, offset in places:
        first[topic, partition] = min(offset, first.get((topic, partition), offset))
    return v1.StartPosition(offsets=v1.PartitionOffsets(positions=[
        v1.Position(topic=topic, partition=partition, offset=offset)
        for (topic, partition), offset in first.items()]))


def tail(start: v1.StartPosition, **fields: Any) -> v1.SubscribeRequest:
    return v1.SubscribeRequest(tail=v1.Tail(start=start), **fields)


def documents(start: v1.StartPosition, **fields: Any) -> v1.SubscribeRequest:
    """A tail of the documents alone."""
    return tail(start, topics=["document-events"], **fields)


def uploaded(event_id: str = "", filename: str = "notes.pdf") -> v1.PublishRequest:
    """A document.uploaded with no more than it needs; of a new document, so partitions vary."""
    return v1.PublishRequest(event=Event(document=document.DocumentEvent(
        event_id=event_id or str(uuid.uuid4()),
        event_type=document.DOCUMENT_EVENT_TYPE_UPLOADED,
        document_id=str(uuid.uuid4()), classroom_id=str(uuid.uuid4()), user_id=str(uuid.uuid4()),
        payload=document.DocumentPayload(filename=filename))))
