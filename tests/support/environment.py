"""Where things are, as ctest says; the defaults are for a test that is run by hand."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
# What ./dev setup test installs.
DEPS = ROOT / "build" / "deps"
GRPCURL = DEPS / "bin" / "grpcurl"
SERVER = Path(os.environ.get("EVENTBUS_SERVER", ROOT / "build/release/bin/eventbus-server"))
# The build folder of the tests that run. What they generate stays there for the next run.
BUILD = Path(os.environ.get("EVENTBUS_BUILD_DIR", ROOT / "build"))

_READ_BY_THE_SERVER = re.compile(r"KAFKA_|EVENTBUS_")


def for_server(**variables: str) -> dict[str, str]:
    """Our environment without what a server reads from it, and with `variables`."""
    return {name: value for name, value in os.environ.items()
            if not _READ_BY_THE_SERVER.match(name)} | variables
