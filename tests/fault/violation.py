"""What the judge finds wrong."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fault.view import Place


@dataclass(frozen=True)
class Violation:
    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.check}: {self.text}"


def at(place: Place) -> str:
    return f"{place[0]}@{place[1]}"
