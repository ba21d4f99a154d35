#!/usr/bin/env python3
"""Fails on an #include against the direction of dependencies.

    app -> rpc -> bus -> {event, wire, kafka} -> base        wire may include event
    app -> rdkafka -> {kafka, base}
    client -> the generated stubs alone; nothing includes tests/

gRPC is known to rpc and app only, librdkafka to rdkafka only, the generated event classes to rpc and
app at most (what is below reads descriptors). string_view is Abseil's: in Debian's build std's is
another type, and they meet only where simdjson takes or hands one out.

    dependencies.py [ROOT]      prints `file:line: what, why` for each violation
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What each folder of server/ may include besides itself.
_BELOW = {
    "base": set(),
    "event": {"base"},
    "kafka": {"base"},
    "wire": {"event", "base"},
    "bus": {"event", "wire", "kafka", "base"},
    "rdkafka": {"kafka", "base"},
    "rpc": {"bus", "event", "wire", "kafka", "base"},
    "app": {"rpc", "rdkafka", "bus", "event", "wire", "kafka", "base"},
}
_KNOWS_GRPC = {"rpc", "app"}
_KNOWS_EVENT_CLASSES = {"rpc", "app"}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^">]+)[">]', re.MULTILINE)
_GRPC = re.compile(r"^(grpc|grpc\+\+|grpcpp)/|\.grpc\.pb\.h$")
_RDKAFKA = re.compile(r"^(librdkafka/|rdkafka\w*\.h$)")
_EVENT_CLASSES = re.compile(r"^eventbus/events/")
_STD_STRING_VIEW = re.compile(r"\bstd\s*::\s*(?:basic_)?string_view\b")
# Comments, and literals: what they say is not code.
_NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"', re.DOTALL)


@dataclass(frozen=True)
class Violation:
    """A line that breaks a rule."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def violations(path: str, text: str) -> list[Violation]:
    """What is wrong with the source `text` of the file at `path`, relative to the root."""
    found = [
        Violation(path, _line(text, match.start(1)), f"includes {match[1]}: {why}")
        for match in _INCLUDE.finditer(text)
        if (why := _objection(path, match[1]))
    ]
    if not _may_use_std_string_view(path, text):
        code = _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        found += [
            Violation(path, _line(code, match.start()), "std::string_view: use absl::string_view")
            for match in _STD_STRING_VIEW.finditer(code)
        ]
    return found


def _objection(path: str, header: str) -> str | None:
    """Why the file at `path` must not include `header`; None if it may."""
    area, *folders, _ = path.split("/")
    folder = folders[0] if folders else "app"  # server/main.cc is app's.
    if area == "tests":
        return _objection_of_test(folder, header)
    if header.startswith("tests/"):
        return "only tests include tests/"
    if area == "client":
        return _objection_of_client(header)
    return _objection_of_server(folder, header)


def _objection_of_test(folder: str, header: str) -> str | None:
    if folder == "reference" and header.startswith("server/wire/"):
        return "the reference codec must share nothing with the one it judges"
    return None


def _objection_of_client(header: str) -> str | None:
    if header.startswith("server/"):
        return "client/ knows the server by its stubs alone"
    return "client/ does not know Kafka" if _RDKAFKA.search(header) else None


def _objection_of_server(folder: str, header: str) -> str | None:
    parts = header.split("/")
    if parts[0] == "client":
        return "server/ does not know client/"
    if parts[0] == "server" and parts[1] != folder and parts[1] not in _BELOW.get(folder, set()):
        allowed = ", ".join(sorted(_BELOW.get(folder, set()))) or "no other folder"
        return f"{folder} may include {allowed}"
    if _GRPC.search(header) and folder not in _KNOWS_GRPC:
        return "only rpc and app know gRPC"
    if _RDKAFKA.search(header) and folder != "rdkafka":
        return "only rdkafka knows librdkafka"
    if _EVENT_CLASSES.search(header) and folder not in _KNOWS_EVENT_CLASSES:
        return "below rpc the schema is read from descriptors"
    return None


def _may_use_std_string_view(path: str, text: str) -> bool:
    if path.startswith("tests/"):
        return True
    return path.startswith("server/wire/") and "simdjson.h" in _INCLUDE.findall(text)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _sources(root: Path) -> Iterator[Path]:
    for area in ("server", "client", "tests"):
        yield from sorted(p for p in (root / area).rglob("*") if p.suffix in (".h", ".cc"))


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    checked, found = 0, []
    for source in _sources(root):
        checked += 1
        found += violations(source.relative_to(root).as_posix(), source.read_text("utf-8"))
    print(*found, f"{checked} files, {len(found)} violations", sep="\n")
    return 1 if found or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
