"""Paths and next events by plain loops, written from the definitions and not from the SQL.

An event is a mapping of `person_id`, `event_key`, `event_at` (datetime), `event_name` and `page_path` (or None).
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]
Step = tuple[str, datetime]


def by_person(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Events of each person in their order."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event["event_at"], event["event_key"])):
        found[event["person_id"]].append(event)
    return found


def stripped(item: str) -> str:
    """Strip the slash at the end of an item, unless it is all of it."""
    return item[:-1] if len(item) > 1 and item.endswith("/") else item


def paths_of_person(
    events: Iterable[Event], column: str, gap: int, exclude: Iterable[str]
) -> list[list[Step]]:
    """Return the paths of one person, whose events are given in order."""
    found: list[list[Step]] = []
    before: datetime | None = None
    left_out = {stripped(item) for item in exclude}
    for event in events:
        if event[column] is None or stripped(event[column]) in left_out:
            continue
        item, at = stripped(event[column]), event["event_at"]
        if before is None or (at - before).total_seconds() >= gap:
            found.append([])
        if found[-1] and found[-1][-1][0] == item:
            found[-1].pop()
        found[-1].append((item, at))
        before = at
    return found


def cut(
    path: list[Step], limit: int, start: str | None, end: str | None, anchor: str | None
) -> tuple[int, list[Step]]:
    """Cut a path as the points and the limit say. Returns the number of its first place, and its steps."""
    items = [item for item, _ in path]
    if anchor is not None:
        if stripped(anchor) not in items:
            return 0, []
        place = items.index(stripped(anchor))
        first = max(0, place - limit + 1)
        return first - place, path[first : place + limit]
    if start is not None:
        if stripped(start) not in items:
            return 1, []
        path = path[items.index(stripped(start)) :]
        items = [item for item, _ in path]
    if end is not None:
        if stripped(end) not in items:
            return 1, []
        path = path[: items.index(stripped(end)) + 1]
    if len(path) <= limit:
        return 1, path
    if start is not None and end is not None:
        half = limit // 2
        return 1, [*path[:half], ("...", path[half][1]), *path[len(path) - half :]]
    return 1, path[-limit:] if end is not None else path[:limit]


def edges(
    events: Iterable[Event],
    *,
    item: str,
    gap: int,
    limit: int,
    start: str | None = None,
    end: str | None = None,
    anchor: str | None = None,
    exclude: Iterable[str] = (),
    edge_limit: int | None = None,
) -> list[tuple[str | None, str | None, int, float, int]]:
    """Return (source, target, value, average seconds, edge count) in the order of their places."""
    count: Counter[tuple[str, str]] = Counter()
    seconds: Counter[tuple[str, str]] = Counter()
    for person_events in by_person(events).values():
        for path in paths_of_person(person_events, item, gap, exclude):
            place, steps = cut(path, limit, start, end, anchor)
            for (one, left), (other, reached) in itertools.pairwise(steps):
                edge = (f"{place}_{one}", f"{place + 1}_{other}")
                count[edge] += 1
                seconds[edge] += int((reached - left).total_seconds())
                place += 1
    order = sorted(count, key=lambda edge: (-count[edge], *edge))
    shown = order if edge_limit is None else order[:edge_limit]
    found: list[tuple[str | None, str | None, int, float, int]] = [
        (*edge, count[edge], seconds[edge] / count[edge], 1) for edge in shown
    ]
    rest = order[len(shown) :]
    if rest:
        total = sum(count[edge] for edge in rest)
        found.append(
            (None, None, total, sum(seconds[edge] for edge in rest) / total, len(rest)),
        )
    return found


def next_events(
    events: Iterable[Event],
    pattern: list[str | None],
    direction: str,
    match: str,
    base: str | None,
) -> dict[str, str | None]:
    """Return what follows (backward: precedes) the pattern, of each person; None in a pattern is any event."""
    found: dict[str, str | None] = {}
    for person, person_events in by_person(events).items():
        names = [event["event_name"] for event in person_events]
        found[person] = _next_name(names, pattern, direction, match, base)
    return found


def _next_name(
    names: list[str], pattern: list[str | None], direction: str, match: str, base: str | None
) -> str | None:
    def fits(name: str, wanted: str | None) -> bool:
        return wanted is None or name == wanted

    places = {"head": [0], "tail": [len(names) - 1]}.get(
        match,
        [p for p, name in enumerate(names) if fits(name, pattern[0]) and fits(name, base)],
    )
    if not places:
        return None
    place = places[-1] if match == "last_match" else places[0]
    if not fits(names[place], base):
        return None
    forward = names[place:] if direction == "forward" else names[place::-1]
    if len(forward) <= len(pattern):
        return None
    if all(fits(name, wanted) for name, wanted in zip(forward, pattern, strict=False)):
        return forward[len(pattern)]
    return None
