"""Funnels by plain loops over all chains, written from the definitions: what the macros have to agree with."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Chain = list[tuple[int, int]]


@dataclass(frozen=True)
class Event:
    """One event of a person; `at` in seconds since 1970."""

    at: int
    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    session: str = "s"
    key: str = ""


@dataclass(frozen=True)
class Funnel:
    """What the macro is called with."""

    steps: Sequence[Any]
    window: int | None = 3600
    order: str = "ordered"
    reentry: str = "best_chain"
    anchor: str = "first_step"
    ties: str = "step_order"
    exclusions: Sequence[Mapping[str, Any]] = ()
    date_from: int | None = None
    date_to: int | None = None
    clip: bool = False
    breakdown: str | None = None
    attribution: str = "first_touch"
    interval: int | None = None
    times: bool = True


@dataclass(frozen=True)
class Outcome:
    """How far an entity came; `at` is empty when nobody asks for times."""

    level: int
    done: tuple[int, ...]
    at: tuple[int | None, ...]


def is_event(event: Event, definition: Any) -> bool:
    """Say whether an event is what a step or an exclusion asks for."""
    if not isinstance(definition, Mapping):
        return definition is None or event.name == definition
    if definition.get("event") is not None and event.name != definition["event"]:
        return False
    wanted = definition.get("filter", {})
    return all(
        event.properties.get(name) in (value if isinstance(value, list) else [value])
        for name, value in wanted.items()
    )


def outcomes(events: Sequence[Event], funnel: Funnel) -> dict[tuple[Any, ...], Outcome]:
    """Return the outcome of each entity of one person: by value of the breakdown and interval of the entry."""
    matches = [
        [_fills(events, number, step) for number in range(len(events))] for step in funnel.steps
    ]
    # The events that some chain may use.
    links = 1 if funnel.anchor == "first_step" else len(funnel.steps) - 1
    reach = None if funnel.window is None else funnel.window * links
    last = None if funnel.date_to is None or reach is None else funnel.date_to + reach
    if funnel.clip:
        last = funnel.date_to
    kept = [
        number
        for number, event in enumerate(events)
        if (funnel.date_from is None or event.at >= funnel.date_from)
        and (last is None or event.at <= last)
    ]
    voids = [{n for n in kept if is_event(events[n], exclusion)} for exclusion in funnel.exclusions]
    some = [n for n in kept if any(row[n] for row in matches) or any(n in void for void in voids)]
    found: dict[tuple[Any, ...], Outcome] = {}
    for value in _values(events, funnel, matches, some):
        members, of_value = kept, matches
        if funnel.breakdown is not None and funnel.attribution == "all_events":
            members = [n for n in kept if _value(events[n], funnel) == value]
        if funnel.breakdown is not None and funnel.attribution.startswith("step_"):
            step = int(funnel.attribution[5:]) - 1
            of_value = [list(row) for row in matches]
            of_value[step] = [
                fills and _value(events[n], funnel) == value
                for n, fills in enumerate(matches[step])
            ]
        may_start = {n for n in members if funnel.date_to is None or events[n].at <= funnel.date_to}
        intervals: set[int | None] = {None}
        if funnel.interval is not None:
            intervals = {events[n].at // funnel.interval for n in may_start if of_value[0][n]}
        for interval in intervals:
            inside = members
            starts = may_start
            if interval is not None and funnel.interval is not None:
                inside = [n for n in members if events[n].at >= interval * funnel.interval]
                starts = {n for n in may_start if events[n].at // funnel.interval == interval}
            count = _unordered if funnel.order == "unordered" else _ordered
            outcome = count(events, funnel, inside, of_value, voids, starts)
            if outcome is not None:
                key = () if funnel.breakdown is None else (value,)
                found[key if interval is None else (*key, interval)] = outcome
    return found


def _fills(events: Sequence[Event], number: int, step: Any) -> bool:
    if not is_event(events[number], step):
        return False
    first_time = step.get("first_time") if isinstance(step, Mapping) else None
    if not first_time:
        return True
    among = {"event": step["event"]} if first_time in (True, "event") else step
    earliest = min((e for e in events if is_event(e, among)), key=lambda e: (e.at, e.key))
    return earliest is events[number]


def _value(event: Event, funnel: Funnel) -> str:
    return event.properties.get(funnel.breakdown or "", "")


def _values(
    events: Sequence[Event], funnel: Funnel, matches: list[list[bool]], some: list[int]
) -> set[str | None]:
    if funnel.breakdown is None:
        return {None}
    if funnel.attribution in ("first_touch", "last_touch"):
        carrying = sorted(
            (n for n in some if funnel.breakdown in events[n].properties),
            key=lambda n: (events[n].at, events[n].key),
        )
        if not some:
            return set()
        if not carrying:
            return {""}
        return {_value(events[carrying[0 if funnel.attribution == "first_touch" else -1]], funnel)}
    if funnel.attribution == "all_events":
        return {_value(events[n], funnel) for n in some}
    step = int(funnel.attribution[5:]) - 1
    return {_value(events[n], funnel) for n in some if matches[step][n]}


def _optional(step: Any) -> bool:
    return isinstance(step, Mapping) and bool(step.get("optional"))


def _chains(
    events: Sequence[Event],
    funnel: Funnel,
    inside: Sequence[int],
    matches: list[list[bool]],
    voids: list[set[int]],
    starts: set[int],
) -> Iterator[Chain]:
    """Yield every chain that no exclusion voids between two of its events, also those that could go on."""
    entries = [n for n in inside if n in starts and matches[0][n]]
    if funnel.reentry == "first_entry_only" and entries:
        first = min(events[n].at for n in entries)
        entries = [n for n in entries if events[n].at == first]

    def longer(chain: Chain) -> Iterator[Chain]:
        yield chain
        step, last = chain[-1]
        origin = events[chain[0][1] if funnel.anchor == "first_step" else last].at
        for later in range(step + 1, len(funnel.steps)):
            for n in inside:
                gap = events[n].at - events[last].at
                if (
                    matches[later][n]
                    and all(n != used for _, used in chain)
                    and (gap > 0 or (gap == 0 and funnel.ties == "step_order"))
                    and (funnel.window is None or events[n].at - origin <= funnel.window)
                    and not any(
                        exclusion["from_step"] - 1 <= step < exclusion["to_step"] - 1
                        and events[last].at < events[x].at < events[n].at
                        for exclusion, void in zip(funnel.exclusions, voids, strict=True)
                        for x in void
                        if x in inside
                    )
                ):
                    yield from longer([*chain, (later, n)])
            if not _optional(funnel.steps[later]):
                break

    for n in entries:
        for chain in longer([(0, n)]):
            if funnel.order != "strict" or _nothing_between(events, inside, chain):
                yield chain


def _nothing_between(events: Sequence[Event], inside: Sequence[int], chain: Chain) -> bool:
    """Say whether some order of simultaneous events leaves no other event between those of the chain."""
    used = {n for _, n in chain}
    first, last = events[chain[0][1]].at, events[chain[-1][1]].at
    return all(n in used for n in inside if first < events[n].at < last)


def _ordered(
    events: Sequence[Event],
    funnel: Funnel,
    inside: Sequence[int],
    matches: list[list[bool]],
    voids: list[set[int]],
    starts: set[int],
) -> Outcome | None:
    chains = list(_chains(events, funnel, inside, matches, voids, starts))
    if not chains:
        return None
    #: by step and instant of its end: the latest start of a chain
    latest: dict[tuple[int, int], int] = {}
    for chain in chains:
        step, last = chain[-1]
        start = events[chain[0][1] if funnel.anchor == "first_step" else last].at
        place = (step, events[last].at)
        latest[place] = max(latest.get(place, start), start)
    deepest = max(step for step, _ in latest)
    done = {step for step, _ in latest}

    def is_void(end: int, start: int) -> bool:
        return any(
            exclusion["from_step"] - 1 <= deepest < exclusion["to_step"] - 1
            and any(
                end < events[x].at
                and (funnel.window is None or events[x].at <= start + funnel.window)
                for x in void
                if x in inside
            )
            for exclusion, void in zip(funnel.exclusions, voids, strict=True)
        )

    ends = [
        end for (step, end), start in latest.items() if step == deepest and not is_void(end, start)
    ]
    size = len(funnel.steps)
    if not ends:
        return Outcome(0, (0,) * size, (None,) * size)
    completed = min(ends)
    started = latest[deepest, completed]
    at = [
        min(
            (
                end
                for (step, end), start in latest.items()
                if step == number and started <= start and started <= end <= completed
            ),
            default=None,
        )
        if number <= deepest
        else None
        for number in range(size)
    ]
    if funnel.anchor == "previous_step":
        at = [None] * size
    return Outcome(deepest + 1, tuple(int(n in done) for n in range(size)), tuple(at))


def _most(matches: list[list[bool]], members: Sequence[int]) -> int:
    """Return how many different steps these events fill, one each: the largest matching, by augmenting paths."""
    taken: dict[int, int] = {}

    def place(step: int, tried: set[int]) -> bool:
        for n in members:
            if matches[step][n] and n not in tried:
                tried.add(n)
                if n not in taken or place(taken[n], tried):
                    taken[n] = step
                    return True
        return False

    return sum(place(step, set()) for step in range(len(matches)))


def _unordered(
    events: Sequence[Event],
    funnel: Funnel,
    inside: Sequence[int],
    matches: list[list[bool]],
    voids: list[set[int]],
    starts: set[int],
) -> Outcome | None:
    excluded = set().union(*voids)
    size = len(funnel.steps)

    def between(start: int, end: int | None) -> list[int]:
        return [n for n in inside if events[n].at >= start and (end is None or events[n].at <= end)]

    levels: dict[int, int] = {}
    for n in inside:
        if n in starts and any(row[n] for row in matches):
            start = events[n].at
            end = None if funnel.window is None else start + funnel.window
            level = _most(matches, between(start, end))
            later = [events[x].at for x in excluded if x in inside and events[x].at > start]
            if (
                later
                and (end is None or min(later) <= end)
                and _most(matches, between(start, min(later))) < size
            ):
                level = 1
            levels[start] = level
    if not levels:
        return None
    if funnel.reentry == "first_entry_only":
        levels = {min(levels): levels[min(levels)]}
    level = max(levels.values())
    entered = min(start for start, found in levels.items() if found == level)
    instants = sorted({events[n].at for n in inside if events[n].at >= entered})
    reaches: Callable[[int, int, int], bool] = lambda a, b, k: _most(matches, between(a, b)) >= k  # noqa: E731
    completed = next(end for end in instants if reaches(entered, end, level))
    entries = [events[n].at for n in starts if any(row[n] for row in matches)]
    started = max(a for a in entries if a <= completed and reaches(a, completed, level))
    at = [
        next((end for end in instants if end >= started and reaches(started, end, k)), None)
        if k <= level
        else None
        for k in range(1, size + 1)
    ]
    return Outcome(level, tuple(int(k <= level) for k in range(1, size + 1)), tuple(at))


def timestamp(seconds: int) -> str:
    """Write a time as the macros take it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
