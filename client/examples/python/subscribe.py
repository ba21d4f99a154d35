#!/usr/bin/env python3
"""Prints events as they come, and goes on where it was when the server goes away.

    python subscribe.py --address 127.0.0.1:50051 --earliest --type 'document.*'
"""

import argparse
import sys
import time

import grpc
from eventbus.v1 import event_bus_service_pb2, event_bus_service_pb2_grpc
from google.protobuf import empty_pb2

import errors


# The server, or Kafka, is away for now: worth another try. A call that reaches a gRPC server in its
# last moment is CANCELLED by it.
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def show(received: event_bus_service_pb2.ReceivedEvent) -> None:
    where = f"{received.topic}[{received.partition}] at {received.offset}"
    if received.WhichOneof("body") == "undecodable":
        # A record that is no JSON object. It is shown, never skipped in silence.
        print(f"{where}: undecodable, {received.undecodable.detail}", flush=True)
        return
    # One of document, meeting, tutor_query, assessment and analytics is set: the typed event.
    event = getattr(received.event, received.event.WhichOneof("family"))
    text = f"{where}: {received.event_type} {received.event_id} {event.payload}"
    print(text.rstrip(), flush=True)


def subscribe(stub: event_bus_service_pb2_grpc.EventBusServiceStub,
              request: event_bus_service_pb2.SubscribeRequest) -> None:
    """Reads the stream to its end; moves request's start along, so that it can be sent again."""
    for message in stub.Subscribe(request, wait_for_ready=True):
        kind = message.WhichOneof("message")
        if kind == "batch":
            for received in message.batch.events:
                show(received)
        elif kind in ("started", "heartbeat", "caught_up"):
            # Stands for everything printed so far; what came after the last one comes again. A
            # program that must lose nothing keeps it where it keeps its results.
            request.tail.start.resume_token = getattr(message, kind).resume_token


def main() -> int:
    parser = argparse.ArgumentParser(description="Prints events as they come, until Ctrl-C.")
    parser.add_argument("--address", default="127.0.0.1:50051", help="of the server, host:port or "
                        "unix:path (default: %(default)s)")
    parser.add_argument("--earliest", action="store_true",
                        help="begin at the oldest event that Kafka has, not at the next one")
    parser.add_argument("--stop-at-end", action="store_true",
                        help="end when all that is there has been printed")
    parser.add_argument("--type", action="append", default=[], metavar="TYPE",
                        help="only events of this type, such as document.uploaded or 'document.*'; "
                             "may be given several times")
    arguments = parser.parse_args()

    start = event_bus_service_pb2.StartPosition(
        **{"earliest" if arguments.earliest else "latest": empty_pb2.Empty()})
    request = event_bus_service_pb2.SubscribeRequest(
        tail=event_bus_service_pb2.Tail(start=start), event_types=arguments.type,
        stop_at_end=arguments.stop_at_end, client_id="subscribe.py")
    with grpc.insecure_channel(arguments.address) as channel:
        stub = event_bus_service_pb2_grpc.EventBusServiceStub(channel)
        while True:
            try:
                subscribe(stub, request)
                return 0
            except grpc.RpcError as error:
                print(errors.describe(error), file=sys.stderr)
                if error.code() not in AWAY:
                    return 1
            except KeyboardInterrupt:
                return 0
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
