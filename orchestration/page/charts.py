"""Small charts as SVG text. Colours come from the style sheet; what a chart says also stands in its label."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from markupsafe import Markup, escape

#: Sizes in units of the drawing.
SPARK = (96, 22)
CHART = (340, 150)
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 6, 10, 20

#: What a check did in a run.
PASS, FAIL, NOT_RUN = "pass", "fail", "none"


class Mark(NamedTuple):
    """A span of days of a chart, in places from 0 (end exclusive, parts of a day count), with its words."""

    start: float
    end: float
    words: str


def sparkline(values: Sequence[float], label: str) -> Markup:
    """Draw a line from 0 up to the greatest value; `label` is read aloud. Empty without a value."""
    if not values:
        return Markup("")
    width, height = SPARK
    top = max(*values, 1e-9) if len(values) > 1 else max(values[0], 1e-9)
    step = (width - 4) / max(len(values) - 1, 1)
    points = [
        (2 + step * place, 2 + (height - 4) * (1 - value / top))
        for place, value in enumerate(values)
    ]
    x, y = points[-1]
    return _svg(
        "spark",
        SPARK,
        label,
        f'<path class="line" d="{_path(points)}"/><circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="1.8"/>',
    )


def history(states: Sequence[str], label: str) -> Markup:
    """Draw one mark a run, the oldest first: low for a pass, high for a failure, a dot for not run."""
    width, height = max(len(states) * 5, 5), SPARK[1]
    paths = {PASS: "", FAIL: "", NOT_RUN: ""}
    for place, state in enumerate(states):
        x = place * 5
        size = {PASS: 8, FAIL: height - 2, NOT_RUN: 2}[state]
        paths[state] += f"M{x} {height - 1}v-{size}h4v{size}z"
    drawn = "".join(f'<path class="{state}" d="{path}"/>' for state, path in paths.items() if path)
    return _svg("runs", (width, height), label, drawn)


def bar(share: float, label: str) -> Markup:
    """Draw a horizontal bar; `share` is 0 to 1."""
    width = 100 * min(max(share, 0.0), 1.0)
    return _svg(
        "bar",
        (100, 6),
        label,
        f'<rect class="whole" width="100" height="6"/><rect class="part" width="{width:.1f}" height="6"/>',
        stretch=True,
    )


def days(
    first_day: date,
    observed: Sequence[float],
    expected: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    settled: int,
    marks: Sequence[Mark],
    label: str,
) -> Markup:
    """Draw counts by day over the band in which they were usual.

    Bands have gaps where they are NaN. Days from `settled` on may be incomplete: their points are hollow. `marks` are
    spans that are off.
    """
    width, height = CHART
    known = [value for value in (*observed, *upper) if math.isfinite(value)]
    top, steps = _scale(max(known, default=1))
    floor = height - _BOTTOM
    across = (width - _LEFT - _RIGHT) / max(len(observed), 1)

    def x(place: float) -> float:
        return _LEFT + across * (place + 0.5)

    def y(value: float) -> float:
        return _TOP + (floor - _TOP) * (1 - min(value, top) / top)

    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text class="axis" x="{_LEFT - 4}" y="{y(value) + 3.5:.1f}" text-anchor="end">{short(value)}</text>'
        for value in steps
    ]
    for place in range(len(observed) - 1, -1, -7):
        day = first_day + timedelta(days=place)
        anchor = "end" if place > len(observed) - 3 else "middle"
        at = width - _RIGHT if anchor == "end" else x(place)
        parts.append(
            f'<text class="axis" x="{at:.1f}" y="{height - 6}" text-anchor="{anchor}">{day.day} {day:%b}</text>'
        )
    for mark in marks:
        left, right = (
            _LEFT + across * min(max(place, 0), len(observed)) for place in (mark.start, mark.end)
        )
        middle, wide = (left + right) / 2, max(right - left, 4)
        parts.append(
            f'<g class="off"><title>{escape(mark.words)}</title>'
            f'<rect x="{middle - wide / 2:.1f}" y="{_TOP}" width="{wide:.1f}" height="{floor - _TOP}"/>'
            f'<path d="M{middle - 4:.1f} 1h8l-4 7z"/></g>'
        )
    for run in _runs(lower, upper):
        points = [(x(place), y(upper[place])) for place in run]
        points += [(x(place), y(lower[place])) for place in reversed(run)]
        if len(run) == 1:  # one day alone is as wide as a day
            points = [
                (x(run[0]) + shift, y(edge[run[0]]))
                for edge, shift in (
                    (upper, -across / 2),
                    (upper, across / 2),
                    (lower, across / 2),
                    (lower, -across / 2),
                )
            ]
        parts.append(f'<path class="band" d="{_path(points)}z"/>')
        parts.append(
            f'<path class="expected" d="{_path([(x(place), y(expected[place])) for place in run])}"/>'
        )
    whole = [(x(place), y(observed[place])) for place in range(min(settled, len(observed)))]
    if whole:
        parts.append(f'<path class="line" d="{_path(whole)}"/>')
    for place, value in enumerate(observed):
        usual = (
            f", usual {number(lower[place])} to {number(upper[place])}"
            if math.isfinite(lower[place])
            else ""
        )
        day = first_day + timedelta(days=place)
        part = " so far" if place >= settled else ""
        kind = "hollow" if place >= settled else "dot"
        parts.append(
            f'<g class="day"><title>{day:%a} {day.day} {day:%b}: {number(value)}{part}{usual}</title>'
            f'<rect x="{x(place) - across / 2:.1f}" y="{_TOP}" width="{across:.1f}" height="{floor - _TOP}"/>'
            f'<circle class="{kind}" cx="{x(place):.1f}" cy="{y(value):.1f}" r="2.2"/></g>'
        )
    return _svg("days", CHART, label, "".join(parts))


def number(value: float) -> str:
    """Return a count with separators; a fraction below 10 keeps a place."""
    if value and abs(value) < 10 and value != int(value):
        return f"{value:.1f}"
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Return a count that fits an axis: 950, 1.2k, 20M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _scale(highest: float) -> tuple[float, list[float]]:
    """Return the top of an axis from 0, a round number, and where it has lines."""
    power = 10.0 ** math.floor(math.log10(max(highest, 1)))
    top = next(
        power * step for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if power * step >= highest
    )
    return top, [0, top / 2, top]


def _runs(lower: Sequence[float], upper: Sequence[float]) -> list[list[int]]:
    """Return the places with a band, those beside each other together."""
    found: list[list[int]] = []
    for place, edges in enumerate(zip(lower, upper, strict=True)):
        if all(math.isfinite(edge) for edge in edges):
            if found and found[-1][-1] == place - 1:
                found[-1].append(place)
            else:
                found.append([place])
    return found


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _svg(
    kind: str, size: tuple[int, int], label: str, drawn: str, *, stretch: bool = False
) -> Markup:
    """Wrap what was drawn, which holds no text from outside that is not escaped."""
    fit = ' preserveAspectRatio="none"' if stretch else ""
    return Markup(  # noqa: S704 - our own numbers; texts are escaped
        f'<svg class="{kind}" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}"{fit} role="img"'
        f' aria-label="{escape(label)}">{drawn}</svg>'
    )
