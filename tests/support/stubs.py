"""Python stubs of proto/, generated once for each state of the .proto files.

    from support.stubs import events_pb2, service_pb2, service_pb2_grpc
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
# Set by ctest: the build folder of the tests that run.
BUILD = Path(os.environ.get("EVENTBUS_BUILD_DIR", ROOT / "build"))


def generate() -> Path:
    """The folder of the stubs; several processes may ask at once."""
    files = sorted(PROTO.rglob("*.proto"))
    state = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = BUILD / "python-stubs" / state
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = tempfile.mkdtemp(dir=folder.parent)
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    code = protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={new}",
                        f"--grpc_python_out={new}", *map(str, files)])
    if code != 0:
        raise RuntimeError(f"protoc of {PROTO} ended with {code}")
    with contextlib.suppress(OSError):  # Another process was first.
        os.rename(new, folder)
    return folder


sys.path.insert(0, str(generate()))
events_pb2 = import_module("eventbus.events.v1.event_pb2")
document_pb2 = import_module("eventbus.events.v1.document_pb2")
service_pb2 = import_module("eventbus.v1.event_bus_service_pb2")
service_pb2_grpc = import_module("eventbus.v1.event_bus_service_pb2_grpc")
