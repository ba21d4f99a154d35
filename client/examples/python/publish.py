#!/usr/bin/env python3
"""Publishes one document event with nothing but the generated stub.

    python publish.py --address 127.0.0.1:50051
"""

import argparse
import sys
import uuid

import grpc
from eventbus.events.v1 import document_pb2, event_pb2
from eventbus.v1 import event_bus_service_pb2, event_bus_service_pb2_grpc

import errors


def document_uploaded(document_id: str, filename: str) -> event_pb2.Event:
    return event_pb2.Event(document=document_pb2.DocumentEvent(
        # Readers deduplicate by event_id: with one of your own, the event can be sent again.
        event_id=str(uuid.uuid4()),
        event_type=document_pb2.DOCUMENT_EVENT_TYPE_UPLOADED,
        document_id=document_id,
        classroom_id=str(uuid.uuid4()),
        user_id=str(uuid.uuid4()),
        payload=document_pb2.DocumentPayload(filename=filename, file_size=1024000,
                                             status="uploaded"),
    ))


def main() -> int:
    parser = argparse.ArgumentParser(description="Publishes one document event.")
    parser.add_argument("--address", default="127.0.0.1:50051", help="of the server, host:port or "
                        "unix:path (default: %(default)s)")
    parser.add_argument("--document-id", default=str(uuid.uuid4()), help="a UUID; events of one "
                        "document are in one partition, in order (default: a new one)")
    parser.add_argument("--filename", default="notes.pdf", help="(default: %(default)s)")
    arguments = parser.parse_args()

    with grpc.insecure_channel(arguments.address) as channel:
        stub = event_bus_service_pb2_grpc.EventBusServiceStub(channel)
        request = event_bus_service_pb2.PublishRequest(
            event=document_uploaded(arguments.document_id, arguments.filename))
        try:
            # OK means that Kafka has it. Always give a deadline.
            written = stub.Publish(request, timeout=10)
        except grpc.RpcError as error:
            print(errors.describe(error), file=sys.stderr)
            return 1
    print(f"{written.event_id} is in {written.topic}[{written.partition}] at {written.offset}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
