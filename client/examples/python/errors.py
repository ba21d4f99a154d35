"""What a failed call says, beyond its code and message."""

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def describe(error: grpc.RpcError) -> str:
    lines = [f"{error.code().name}: {error.details()}"]
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else []:
        info, bad, retry = (error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(),
                            error_details_pb2.RetryInfo())
        if detail.Unpack(info):
            lines.append(f"  reason: {info.reason}")
        elif detail.Unpack(bad):
            lines += [f"  {violation.field}: {violation.description}"
                      for violation in bad.field_violations]
        elif detail.Unpack(retry):
            lines.append(f"  try again in {retry.retry_delay.ToTimedelta()}")
    return "\n".join(lines)
