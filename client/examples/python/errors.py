"""What a failed call says, beyond its code and message."""

from __future__ import annotations

import grpc
from eventbus.v1 import errors_pb2, event_bus_service_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def of_call(error: grpc.RpcError) -> event_bus_service_pb2.PublishError:
    """A failed call in the words that a batch has for one event: reason, fields, when to try again.

    The reason is unset where the call did not reach the server, or another than this one answered.
    """
    told = event_bus_service_pb2.PublishError(message=f"{error.code().name}: {error.details()}")
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else []:
        info, bad, retry = (error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(),
                            error_details_pb2.RetryInfo())
        if detail.Unpack(info):
            name = f"ERROR_REASON_{info.reason}"
            # A newer server may have reasons that this stub does not know.
            if name in errors_pb2.ErrorReason.keys():
                told.reason = errors_pb2.ErrorReason.Value(name)
        elif detail.Unpack(bad):
            for violation in bad.field_violations:
                told.field_violations.add(field=violation.field, description=violation.description)
        elif detail.Unpack(retry):
            told.retry_delay.CopyFrom(retry.retry_delay)
    # No server at all says nothing about when; one in its last moment may cut a call off bare.
    if not told.reason and error.code() in (grpc.StatusCode.UNAVAILABLE,
                                            grpc.StatusCode.CANCELLED):
        told.retry_delay.FromMilliseconds(100)
    return told


def is_worth_another_try(error: event_bus_service_pb2.PublishError) -> bool:
    # Not knowing is worth one, too: the event keeps its event_id, by which readers tell.
    return (error.HasField("retry_delay")
            or error.reason == errors_pb2.ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN)


def reason(error: event_bus_service_pb2.PublishError) -> str:
    """The reason as documentation and logs have it, such as EVENT_INVALID."""
    if not error.reason:
        return error.message.split(":")[0]
    return errors_pb2.ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
