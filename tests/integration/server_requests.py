"""Requests that the tests of the server share."""

from __future__ import annotations

import uuid

from support.stubs import document_pb2, service_pb2


def uploaded(event_id: str = "", filename: str = "notes.pdf") -> service_pb2.PublishRequest:
    """A document.uploaded of a new document, so that partitions vary."""
    request = service_pb2.PublishRequest()
    document = request.event.document
    document.event_id = event_id or str(uuid.uuid4())
    document.event_type = document_pb2.DOCUMENT_EVENT_TYPE_UPLOADED
    document.document_id = str(uuid.uuid4())
    document.classroom_id = str(uuid.uuid4())
    document.user_id = str(uuid.uuid4())
    document.payload.filename = filename
    return request


def tail(start: str, **fields: object) -> service_pb2.SubscribeRequest:
    """Of the documents, from `earliest` or `latest`."""
    request = service_pb2.SubscribeRequest(topics=["document-events"], **fields)
    getattr(request.tail.start, start).SetInParent()
    return request


def resume(token: str, **fields: object) -> service_pb2.SubscribeRequest:
    request = service_pb2.SubscribeRequest(topics=["document-events"], **fields)
    request.tail.start.resume_token = token
    return request
