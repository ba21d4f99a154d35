"""Python stubs, generated once for each state of proto/, and then imported."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

from tests.support.environment import BUILD, PROTO


def generate() -> Path:
    """A folder with the stubs of proto/ as it is now. Several processes may ask at once."""
    files = sorted(PROTO.rglob("*.proto"))
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    folder = BUILD / "python-stubs" / digest[:16]
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    _run_protoc(made, files)
    try:
        made.rename(folder)
    except OSError:  # Another process was faster.
        shutil.rmtree(made)
    return folder


def _run_protoc(folder: Path, files: list[Path]) -> None:
    well_known = resources.files("grpc_tools") / "_proto"
    arguments = ["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={folder}",
                 f"--grpc_python_out={folder}", *map(str, files)]
    if protoc.main(arguments) != 0:
        raise AssertionError(f"failed: {' '.join(arguments)}")


sys.path.insert(0, str(generate()))

from eventbus.events.v1 import analytics_pb2 as analytics  # noqa: E402
from eventbus.events.v1 import assessment_pb2 as assessment  # noqa: E402
from eventbus.events.v1 import document_pb2 as document  # noqa: E402
from eventbus.events.v1 import meeting_pb2 as meeting  # noqa: E402
from eventbus.events.v1 import tutor_query_pb2 as tutor_query  # noqa: E402
from eventbus.events.v1.event_pb2 import Event  # noqa: E402
from eventbus.v1 import event_bus_admin_service_pb2 as admin  # noqa: E402
from eventbus.v1 import event_bus_service_pb2 as v1  # noqa: E402
from eventbus.v1.errors_pb2 import ErrorReason  # noqa: E402
from eventbus.v1.event_bus_admin_service_pb2_grpc import EventBusAdminServiceStub  # noqa: E402
from eventbus.v1.event_bus_service_pb2_grpc import EventBusServiceStub  # noqa: E402

__all__ = ["ErrorReason", "Event", "EventBusAdminServiceStub", "EventBusServiceStub", "admin",
           "analytics", "assessment", "document", "generate", "meeting", "tutor_query", "v1"]
