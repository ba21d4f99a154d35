"""The metadata of the event bus's commits, read as docs/wire-format.md describes it."""

from __future__ import annotations

import zlib

# Of the 2,048 characters that it may have: a later one may be without what is farthest.
NEARLY_FULL = 1800
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}


def spans(text: str, offset: int) -> list[tuple[int, int]]:
    """The settled offsets [begin, end) past `offset`; none where the text is of others."""
    body, _, check = text.rpartition(";")
    if not body.startswith("eb1;") or check != _check(body, offset):
        return []
    parts = dict(part.split("=", 1) for part in body.split(";")[1:])
    found: list[tuple[int, int]] = []
    digits = iter(parts.get("s", ""))
    at = offset
    for head in digits:
        gap, length = divmod(_VALUE[head], 8)
        gap = gap + 1 if gap < 7 else 8 + _number(digits)
        length = length + 1 if length < 7 else 8 + _number(digits)
        found.append((at + gap, at + gap + length))
        at += gap + length
    return found


def _number(digits) -> int:
    value = shift = 0
    for digit in digits:
        value |= (_VALUE[digit] & 31) << shift
        shift += 5
        if _VALUE[digit] < 32:
            break
    return value


def _check(body: str, offset: int) -> str:
    crc = zlib.crc32(f"{offset}{body}".encode())
    return "".join(_DIGITS[crc >> 6 * index & 63] for index in range(6))
