"""The picture of a run: rates, faults, duplicates and lag over time, as SVG. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape

from tests.fault.view import View

_WIDTH, _LEFT, _RIGHT = 1100, 100, 20
_PANEL, _GAP, _BAR = 110, 34, 13
_COLOURS = {"broker": "#c0392b", "leader": "#c0392b", "coordinator": "#c0392b",
            "server": "#8e44ad", "client": "#2980b9", "net": "#d68910"}
_LINES = ("#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b")


def draw(view: View) -> str:
    seconds = max(1.0, view.end - view.begin)
    made = _Drawing(seconds)
    made.bars([(fault.name, fault.begin - view.begin, min(fault.end - view.begin, seconds))
               for fault in view.faults])
    made.panel("events/s", {
        "published": _rate(view, (sent.at for sent in view.sent.values() if sent.outcome == "ok")),
        **{reader.name: _rate(view, (each.t for got in reader.deliveries.values() for each in got))
           for reader in view.readers.values()}})
    made.panel("duplicates/s", {
        reader.name: _rate(view, (each.t for got in reader.deliveries.values() for each in got[1:]))
        for reader in view.readers.values()})
    made.panel("not committed", {reader.name: _lag(view, reader.name) for reader in view.groups()})
    return made.text()


def _rate(view: View, times: Iterable[float]) -> list[tuple[float, float]]:
    counts = Counter(int(t - view.begin) for t in times)
    return [(second + 0.5, counts[second]) for second in range(int(view.end - view.begin) + 1)]


def _lag(view: View, group: str) -> list[tuple[float, float]]:
    """Records past the committed offsets, whenever the watcher looked."""
    found, ends = [], iter([*view.ends, None])
    upcoming, latest = next(ends), {}
    for commit in view.commits[group]:
        while upcoming and upcoming[0] <= commit.t:
            latest, upcoming = upcoming[1], next(ends)
        found.append((commit.t - view.begin, sum(
            max(0, end - commit.offsets.get(name, 0)) for name, end in latest.items())))
    return found


class _Drawing:
    def __init__(self, seconds: float) -> None:
        self._seconds, self._y, self._parts = seconds, 24, []

    def text(self) -> str:
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{self._y}" '
                f'font-family="sans-serif" font-size="11">'
                f'<rect width="100%" height="100%" fill="white"/>')
        return "\n".join([head, *self._parts, "</svg>\n"])

    def bars(self, faults: list[tuple[str, float, float]]) -> None:
        """A row for each kind of fault."""
        for name in dict.fromkeys(name for name, *_ in faults):
            colour = _COLOURS.get(name.split("_")[0], "#16a085")
            for begin, end in ((b, e) for each, b, e in faults if each == name):
                width = max(2.0, self._x(end) - self._x(begin))
                self._parts.append(f'<rect x="{self._x(begin):.1f}" y="{self._y}" '
                                   f'width="{width:.1f}" height="{_BAR - 3}" fill="{colour}" '
                                   f'opacity="0.75"/>')
            self._label(4, self._y + 9, name, size=9)
            self._y += _BAR
        self._y += _GAP

    def panel(self, title: str, series: dict[str, list[tuple[float, float]]]) -> None:
        top = max((value for points in series.values() for _, value in points), default=0) or 1
        bottom = self._y + _PANEL
        self._label(_LEFT, self._y - 6, title)
        for value, y in ((top, self._y), (0, bottom)):
            self._label(4, y + 4, f"{value:,.0f}")
            self._parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" '
                               f'stroke="#ccc"/>')
        for index, (name, points) in enumerate(series.items()):
            colour = _LINES[index % len(_LINES)]
            path = " ".join(f"{self._x(t):.1f},{bottom - _PANEL * value / top:.1f}"
                            for t, value in points)
            self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
            self._label(_LEFT + 110 + 120 * index, self._y - 6, name, colour)
        self._axis(bottom)
        self._y = bottom + _GAP

    def _axis(self, y: float) -> None:
        step = next(s for s in (5, 10, 30, 60, 300, 600, 1800, 10**9) if self._seconds / s <= 14)
        for second in range(0, int(self._seconds) + 1, step):
            self._label(self._x(second) - 6, y + 13, f"{second} s", "#777")

    def _label(self, x: float, y: float, text: str, colour: str = "#222", size: int = 11) -> None:
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" '
                           f'font-size="{size}">{escape(text)}</text>')

    def _x(self, second: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * second / self._seconds
