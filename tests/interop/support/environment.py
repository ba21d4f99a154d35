"""Where things are, as ctest says; the defaults are for a test that is run by hand."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DEPS = ROOT / "build" / "deps"
GRPCURL = DEPS / "bin" / "grpcurl"
SERVER = Path(os.environ.get("EVENTBUS_SERVER", ROOT / "build/release/bin/eventbus-server"))
# For what tests generate; stays for the next run.
OUTPUT = Path(os.environ.get("EVENTBUS_INTEROP_OUTPUT", ROOT / "build" / "interop"))

# How long a test waits for what must come; nothing takes this long on a machine that works.
PATIENCE_SECONDS = 60


def bootstrap() -> str:
    """The real broker's address. That there is none is a failure, never a skip."""
    address = os.environ.get("EVENTBUS_TEST_KAFKA")
    if not address:
        raise AssertionError("EVENTBUS_TEST_KAFKA is not set: run this beside a broker, with "
                             "tests/kafka/kafka.py run -- COMMAND...")
    return address


def clean() -> dict[str, str]:
    """The environment without variables that configure a server."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("EVENTBUS_", "KAFKA_"))}
