"""One full event of each documented type: as the document shows it, and typed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.stubs import Event, analytics, assessment, document, meeting, tutor_query

TIME = "2024-01-01T10:00:00Z"


@dataclass(frozen=True)
class Sample:
    """`documented`: the JSON object, its members in the documented order."""

    topic: str
    key: str
    documented: dict[str, Any]
    event: Event

    @property
    def event_id(self) -> str:
        return self.documented["event_id"]


def samples() -> list[Sample]:
    """All 19 types, with ids that nobody else has."""
    return [make(name, value) for make, types in _FAMILIES for name, value in types.items()]


def document_sample(name: str = "document.uploaded") -> Sample:
    return _document(name, _DOCUMENT[name])


def analytics_sample(name: str = "page.view") -> Sample:
    return _analytics(name, _ANALYTICS[name])


def _id() -> str:
    return str(uuid.uuid4())


def _time() -> Timestamp:
    time = Timestamp()
    time.FromJsonString(TIME)
    return time


def _document(name: str, event_type: int) -> Sample:
    event_id, document_id, classroom_id, user_id = _id(), _id(), _id(), _id()
    return Sample("document-events", document_id, {
        "event_id": event_id,
        "event_type": name,
        "timestamp": TIME,
        "document_id": document_id,
        "classroom_id": classroom_id,
        "user_id": user_id,
        "payload": {"filename": "notes.pdf", "file_size": 1024000, "status": "uploaded"},
    }, Event(document=document.DocumentEvent(
        event_id=event_id, event_type=event_type, timestamp=_time(), document_id=document_id,
        classroom_id=classroom_id, user_id=user_id,
        payload=document.DocumentPayload(filename="notes.pdf", file_size=1024000,
                                         status="uploaded"))))


def _meeting(name: str, event_type: int) -> Sample:
    event_id, meeting_id, participant_id = _id(), _id(), _id()
    return Sample("meeting-events", meeting_id, {
        "event_id": event_id,
        "event_type": name,
        "timestamp": TIME,
        "meeting_id": meeting_id,
        "payload": {"participant_id": participant_id, "participant_name": "Zoë ☃ \"Doe\""},
    }, Event(meeting=meeting.MeetingEvent(
        event_id=event_id, event_type=event_type, timestamp=_time(), meeting_id=meeting_id,
        payload=meeting.MeetingPayload(participant_id=participant_id,
                                       participant_name="Zoë ☃ \"Doe\""))))


def _tutor_query(name: str, event_type: int) -> Sample:
    event_id, session_id, user_id = _id(), _id(), _id()
    return Sample("tutor-queries", session_id, {
        "event_id": event_id,
        "event_type": name,
        "timestamp": TIME,
        "session_id": session_id,
        "user_id": user_id,
        "payload": {"question": "What is photosynthesis?", "answer_latency_ms": 1250,
                    "sources_count": 3, "related_to_previous": True},
    }, Event(tutor_query=tutor_query.TutorQueryEvent(
        event_id=event_id, event_type=event_type, timestamp=_time(), session_id=session_id,
        user_id=user_id,
        payload=tutor_query.TutorQueryPayload(
            question="What is photosynthesis?", answer_latency_ms=1250, sources_count=3,
            related_to_previous=True))))


def _assessment(name: str, event_type: int) -> Sample:
    event_id, exam_session_id, user_id, exam_id = _id(), _id(), _id(), _id()
    return Sample("assessment-events", exam_session_id, {
        "event_id": event_id,
        "event_type": name,
        "timestamp": TIME,
        "exam_session_id": exam_session_id,
        "user_id": user_id,
        "payload": {"exam_id": exam_id, "score": 85.5, "violations": ["phone"]},
    }, Event(assessment=assessment.AssessmentEvent(
        event_id=event_id, event_type=event_type, timestamp=_time(),
        exam_session_id=exam_session_id, user_id=user_id,
        payload=assessment.AssessmentPayload(exam_id=exam_id, score=85.5,
                                             violations=[Value(string_value="phone")]))))


def _analytics(name: str, event_type: int) -> Sample:
    event_id, user_id = _id(), _id()
    metadata = Struct()
    metadata.update({"theme": {"steps": [1, 2.5, None]}})  # One member: a map has no order.
    return Sample("analytics-events", user_id, {
        "event_id": event_id,
        "event_type": name,
        "timestamp": TIME,
        "user_id": user_id,
        "payload": {"page": "/dashboard", "duration_ms": 5000,
                    "metadata": {"theme": {"steps": [1, 2.5, None]}}},
    }, Event(analytics=analytics.AnalyticsEvent(
        event_id=event_id, event_type=event_type, timestamp=_time(), user_id=user_id,
        payload=analytics.AnalyticsPayload(page="/dashboard", duration_ms=5000,
                                           metadata=metadata))))


_DOCUMENT = {
    "document.uploaded": document.DOCUMENT_EVENT_TYPE_UPLOADED,
    "document.processing": document.DOCUMENT_EVENT_TYPE_PROCESSING,
    "document.indexed": document.DOCUMENT_EVENT_TYPE_INDEXED,
    "document.error": document.DOCUMENT_EVENT_TYPE_ERROR,
}
_MEETING = {
    "meeting.started": meeting.MEETING_EVENT_TYPE_STARTED,
    "meeting.ended": meeting.MEETING_EVENT_TYPE_ENDED,
    "participant.joined": meeting.MEETING_EVENT_TYPE_PARTICIPANT_JOINED,
    "participant.left": meeting.MEETING_EVENT_TYPE_PARTICIPANT_LEFT,
    "recording.started": meeting.MEETING_EVENT_TYPE_RECORDING_STARTED,
}
_TUTOR_QUERY = {
    "query.submitted": tutor_query.TUTOR_QUERY_EVENT_TYPE_SUBMITTED,
    "query.answered": tutor_query.TUTOR_QUERY_EVENT_TYPE_ANSWERED,
    "query.error": tutor_query.TUTOR_QUERY_EVENT_TYPE_ERROR,
}
_ASSESSMENT = {
    "exam.started": assessment.ASSESSMENT_EVENT_TYPE_EXAM_STARTED,
    "exam.submitted": assessment.ASSESSMENT_EVENT_TYPE_EXAM_SUBMITTED,
    "exam.graded": assessment.ASSESSMENT_EVENT_TYPE_EXAM_GRADED,
    "proctor.violation": assessment.ASSESSMENT_EVENT_TYPE_PROCTOR_VIOLATION,
}
_ANALYTICS = {
    "page.view": analytics.ANALYTICS_EVENT_TYPE_PAGE_VIEW,
    "feature.used": analytics.ANALYTICS_EVENT_TYPE_FEATURE_USED,
    "error.occurred": analytics.ANALYTICS_EVENT_TYPE_ERROR_OCCURRED,
}
_FAMILIES: tuple[tuple[Callable[[str, int], Sample], dict[str, int]], ...] = (
    (_document, _DOCUMENT),
    (_meeting, _MEETING),
    (_tutor_query, _TUTOR_QUERY),
    (_assessment, _ASSESSMENT),
    (_analytics, _ANALYTICS),
)
