"""The error details of a failed call."""

from __future__ import annotations

from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

_Detail = TypeVar("_Detail", bound=Message)


def reason(error: grpc.Call) -> str:
    """The reason of its ErrorInfo; empty where there is none."""
    info = detail(error, error_details_pb2.ErrorInfo)
    return "" if info is None else info.reason


def detail(error: grpc.Call, kind: type[_Detail]) -> _Detail | None:
    """The detail of this type, or None. That there are two is a failure."""
    status = rpc_status.from_call(error)
    found = [any_detail for any_detail in (status.details if status else ())
             if any_detail.Is(kind.DESCRIPTOR)]
    assert len(found) <= 1, f"{len(found)} details of one type: {status}"
    if not found:
        return None
    unpacked = kind()
    assert found[0].Unpack(unpacked)
    return unpacked
