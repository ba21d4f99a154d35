#!/usr/bin/env python3
"""Publishes events with nothing but the generated stub: one by one, in batches, or in a pipeline.

    python publish.py --address 127.0.0.1:50051 --mode stream events.jsonl
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator

import grpc
from eventbus.events.v1 import document_pb2, event_pb2
from eventbus.v1 import event_bus_service_pb2_grpc
from eventbus.v1.event_bus_service_pb2 import (PublishBatchRequest, PublishError, PublishRequest,
                                               PublishResult, PublishStreamRequest)

import errors

Stub = event_bus_service_pb2_grpc.EventBusServiceStub
# OK means that Kafka has it. Always give a deadline.
SECONDS = 10
ATTEMPTS = 5
BATCH = 100
# Messages of a stream that have no answer yet: enough to keep the pipeline full, and all that is in
# doubt when the stream breaks.
WINDOW = 256


def document_uploaded(document_id: str) -> event_pb2.Event:
    """A typed event. The field that its topic is keyed by is the document: one document's events
    are in one partition, in order."""
    return event_pb2.Event(document=document_pb2.DocumentEvent(
        # Readers deduplicate by event_id: with one of your own, the event can be sent again.
        event_id=str(uuid.uuid4()),
        event_type=document_pb2.DOCUMENT_EVENT_TYPE_UPLOADED,
        document_id=document_id,
        classroom_id=str(uuid.uuid4()),
        user_id=str(uuid.uuid4()),
        payload=document_pb2.DocumentPayload(filename="notes.pdf", file_size=1024000,
                                             status="uploaded"),
    ))


def send_one(stub: Stub, requests: list[PublishRequest]) -> list[PublishResult]:
    try:
        return [PublishResult(published=stub.Publish(requests[0], timeout=SECONDS))]
    except grpc.RpcError as error:
        return [PublishResult(error=errors.of_call(error))]


def send_batch(stub: Stub, requests: list[PublishRequest]) -> list[PublishResult]:
    """OK of the call says only that each request has its result: each has to be looked at."""
    try:
        return list(stub.PublishBatch(PublishBatchRequest(requests=requests),
                                      timeout=SECONDS).results)
    except grpc.RpcError as error:
        return [PublishResult(error=errors.of_call(error))] * len(requests)


def publish_in_parts(send: Callable[[Stub, list[PublishRequest]], list[PublishResult]], size: int,
                     stub: Stub, requests: Iterator[PublishRequest]) -> Iterator[PublishResult]:
    """The results, in the order of the requests."""
    while part := list(itertools.islice(requests, size)):
        results = send(stub, part)
        for attempt in range(1, ATTEMPTS):
            # Only what failed, and can be helped. It lands behind what was written meanwhile: who
            # needs strict order has one request of a key under way at a time.
            again = [number for number, result in enumerate(results)
                     if errors.is_worth_another_try(result.error)]
            if not again:
                break
            asked = max(results[number].error.retry_delay.ToTimedelta().total_seconds()
                        for number in again)
            time.sleep(max(asked, 0.1 * 2 ** attempt))
            for number, result in zip(again, send(stub, [part[number] for number in again])):
                results[number] = result
        yield from results


def publish_stream(stub: Stub, requests: Iterator[PublishRequest]) -> Iterator[PublishResult]:
    """The results, in the order of the requests: each message is answered by one, in order.

    gRPC takes the next message when the server has room for it, from a thread of its own.
    """
    room = threading.Semaphore(WINDOW)
    unanswered: collections.deque[PublishRequest] = collections.deque()

    def messages() -> Iterator[PublishStreamRequest]:
        for request in requests:
            room.acquire()
            unanswered.append(request)
            yield PublishStreamRequest(requests=[request])

    try:
        for answer in stub.PublishStream(messages()):
            unanswered.popleft()
            room.release()
            yield from answer.results
    except grpc.RpcError as error:
        # Whether these were written nobody says. With event_ids of their own they can go again.
        told = errors.of_call(error)
        for _ in range(len(unanswered)):
            yield PublishResult(error=PublishError(
                reason="ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN", message=told.message))
        raise


def show(number: int, result: PublishResult) -> None:
    """As a line of JSON."""
    if result.WhichOneof("result") == "published":
        written = result.published
        line = {"line": number, "event_id": written.event_id, "topic": written.topic,
                "partition": written.partition, "offset": written.offset}
    else:
        line = {"line": number, "error": errors.reason(result.error),
                "message": result.error.message,
                "fields": {violation.field: violation.description
                           for violation in result.error.field_violations}}
    print(json.dumps(line), flush=True)


def read(path: str) -> Iterator[PublishRequest]:
    """Each line is an event as JSON; the server checks and completes it as it does a typed one."""
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as lines:
        for line in lines:
            yield PublishRequest(json=line)


def publish(stub: Stub, mode: str, requests: Iterable[PublishRequest]) -> bool:
    """Whether all were written."""
    requests = iter(requests)
    if mode == "stream":
        results = publish_stream(stub, requests)
    elif mode == "batch":
        results = publish_in_parts(send_batch, BATCH, stub, requests)
    else:
        results = publish_in_parts(send_one, 1, stub, requests)
    failed = 0
    try:
        for number, result in enumerate(results, 1):
            show(number, result)
            failed += result.WhichOneof("result") == "error"
    except grpc.RpcError as error:
        print(f"the stream ended, later lines were not sent: {errors.of_call(error).message}",
              file=sys.stderr)
        return False
    return failed == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Publishes events, and prints for each where it is or why it is not.")
    parser.add_argument("--address", default="127.0.0.1:50051", help="of the server, HOST:PORT or "
                        "unix:PATH (default: %(default)s)")
    parser.add_argument("--mode", choices=["unary", "batch", "stream"], default="unary")
    parser.add_argument("--document-id", default=str(uuid.uuid4()), help="of the typed event")
    parser.add_argument("file", nargs="?", metavar="FILE", help="an event a line, as JSON; - is "
                        "standard input; without one, a typed document event is published")
    arguments = parser.parse_args()
    requests = (read(arguments.file) if arguments.file else
                [PublishRequest(event=document_uploaded(arguments.document_id))])
    with grpc.insecure_channel(arguments.address) as channel:
        return 0 if publish(Stub(channel), arguments.mode, requests) else 1


if __name__ == "__main__":
    sys.exit(main())
