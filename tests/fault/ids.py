"""Numbered events: an event's id says its number, its key says which of the run's keys it is."""

from __future__ import annotations

import uuid

from tests.support.stubs import Event, document, meeting, v1

# The topics that runs write to, with their partitions.
TOPICS = {"document-events": 3, "meeting-events": 6}
PARTITIONS = tuple(f"{topic}/{number}" for topic, count in TOPICS.items()
                   for number in range(count))
# Marks the ids of runs, so that anything else is a phantom.
_MARK = 0xFA17 << 112
_KEY_MARK = 0xFA18 << 112
# Events from this number on kill the consumers that they may kill.
KILLERS = 1 << 40


def event_id(number: int) -> str:
    return str(uuid.UUID(int=_MARK | number))


def number(text: str) -> int:
    """Of an event's id; -1 where no run made it."""
    return _unmarked(text, _MARK)


def key(text: str) -> int:
    """Of a record's key; -1 where no run made it."""
    return _unmarked(text, _KEY_MARK)


def key_text(index: int) -> str:
    return str(uuid.UUID(int=_KEY_MARK | index))


def topic(key_index: int) -> str:
    """A key belongs to one topic."""
    return ("document-events", "meeting-events")[key_index % 2]


def request(event_number: int, key_index: int) -> v1.PublishRequest:
    """The event of this number, in the family of its key's topic."""
    name, same = event_id(event_number), key_text(key_index)
    if topic(key_index) == "document-events":
        return v1.PublishRequest(event=Event(document=document.DocumentEvent(
            event_id=name, event_type=document.DOCUMENT_EVENT_TYPE_UPLOADED, document_id=same,
            classroom_id=same, user_id=same)))
    return v1.PublishRequest(event=Event(meeting=meeting.MeetingEvent(
        event_id=name, event_type=meeting.MEETING_EVENT_TYPE_STARTED, meeting_id=same)))


def _unmarked(text: str, mark: int) -> int:
    try:
        value = uuid.UUID(text).int
    except ValueError:
        return -1
    return value & ((1 << 112) - 1) if value >> 112 == mark >> 112 else -1
