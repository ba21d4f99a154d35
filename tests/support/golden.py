"""tests/golden: the vectors, and how an event is held against one."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from json.decoder import JSONDecoder, scanstring
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from tests.support.environment import ROOT
from tests.support.stubs import Event

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = JSONDecoder(strict=False)


@dataclass(frozen=True)
class Vector:
    """`event` is None where the value is undecodable, `value` where it is null."""

    name: str
    topic: str
    value: bytes | None
    event: Event | None
    undecodable: str | None


def vectors(*files: str) -> list[Vector]:
    """Those of the named files; of all, where none is named."""
    paths = sorted((ROOT / "tests" / "golden").glob("*.jsonl"))
    return [_vector(json.loads(line)) for path in paths if not files or path.stem in files
            for line in path.read_text("utf-8").split("\n") if line]


def _vector(line: dict[str, Any]) -> Vector:
    if "value" in line:
        value = line["value"].encode("utf-8")
    else:
        value = None if line["value_base64"] is None else base64.b64decode(line["value_base64"])
    event = json_format.ParseDict(line["event"], Event()) if "event" in line else None
    return Vector(line["name"], line["topic"], value, event, line.get("undecodable"))


def comparable(event: Event, to_the_letter: bool = True) -> tuple[bytes, list[Any]]:
    """Equal for events that say the same: the order of `extra_json`'s members is free, and the
    space between them; of their values too, unless `to_the_letter`."""
    copy = Event()
    copy.CopyFrom(event)
    extras: list[Any] = []
    _take_extra_json(copy, "event", to_the_letter, extras)
    return copy.SerializeToString(deterministic=True), extras


def _take_extra_json(message: Message, path: str, to_the_letter: bool, extras: list[Any]) -> None:
    for field, value in message.ListFields():
        if field.name == "extra_json":
            extras.append((path, members(value) if to_the_letter else json.loads(value)))
            message.ClearField("extra_json")
        elif field.message_type and field.message_type.full_name.startswith("eventbus."):
            _take_extra_json(value, f"{path}.{field.name}", to_the_letter, extras)


def members(text: str) -> dict[str, str]:
    """The members of a JSON object, names and values as they stand in `text`."""
    found: dict[str, str] = {}
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        _, end = scanstring(text, at + 1, False)
        name = text[at:end]
        at = _skip(text, _skip(text, end) + 1)
        _, end = _DECODER.raw_decode(text, at)
        found[name] = text[at:end]
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()
