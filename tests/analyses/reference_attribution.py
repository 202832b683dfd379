"""Attribution by plain loops with exact fractions, written from the definitions and not from the SQL.

A conversion is a mapping of `event_key`, `person_id`, `event_name`, `value` (Decimal or None) and `converted_at`; a
session one of `session_id`, `person_id`, `channel` (or None) and `started_at`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

Row = Mapping[str, Any]
MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "markov")


def touches_of(conversion: Row, sessions: Iterable[Row], lookback: int) -> list[Row]:
    """Return the touches of a conversion, in order."""
    found = [
        session
        for session in sessions
        if session["person_id"] == conversion["person_id"]
        and session["channel"] is not None
        and session["started_at"] <= conversion["converted_at"]
        and conversion["converted_at"] - session["started_at"] <= timedelta(seconds=lookback)
    ]
    return sorted(found, key=lambda session: (session["started_at"], session["session_id"]))


def shares(
    model: str, conversion: Row, touches: list[Row], half_life: int, effects: Mapping[Any, Fraction]
) -> list[Fraction]:
    """Return what part of a conversion each of its touches gets, before rounding."""
    count = len(touches)
    channels = [touch["channel"] for touch in touches]
    if model == "last_non_direct":
        wanted = max(
            (place for place, name in enumerate(channels) if name != "Direct"), default=count - 1
        )
        return [Fraction(place == wanted) for place in range(count)]
    if model in ("first", "last"):
        wanted = 0 if model == "first" else count - 1
        return [Fraction(place == wanted) for place in range(count)]
    if model == "linear":
        return [Fraction(1, count)] * count
    if model == "position":
        if count <= 2:
            return [Fraction(1, count)] * count
        middle = Fraction(20, 100) / (count - 2)
        return [Fraction(40, 100), *[middle] * (count - 2), Fraction(40, 100)]
    if model == "time_decay":
        ages = [
            (conversion["converted_at"] - touch["started_at"]).total_seconds() for touch in touches
        ]
        weights = [Fraction(0.5 ** (age / half_life)) for age in ages]
    else:
        weights = [effects[conversion["event_name"], name] for name in channels]
    return [weight / sum(weights) for weight in weights]


def removal_effects(
    conversions: Iterable[Row], sessions: Iterable[Row], lookback: int
) -> dict[tuple[str, str], Fraction]:
    """Return the probability of a conversion that goes away with each channel, by name of conversion and channel."""
    conversions, sessions = list(conversions), list(sessions)
    effects: dict[tuple[str, str], Fraction] = {}
    for name in {conversion["event_name"] for conversion in conversions}:
        journeys: list[tuple[list[str], str]] = []
        used = set()
        for conversion in conversions:
            if conversion["event_name"] == name:
                touches = touches_of(conversion, sessions, lookback)
                used |= {touch["session_id"] for touch in touches}
                journeys.append(([touch["channel"] for touch in touches], "conversion"))
        lost: dict[str, list[str]] = defaultdict(list)
        for session in sorted(sessions, key=lambda row: (row["started_at"], row["session_id"])):
            if session["channel"] is not None and session["session_id"] not in used:
                lost[session["person_id"]].append(session["channel"])
        journeys += [(channels, "nothing") for channels in lost.values()]
        moves: dict[str, Counter[str]] = defaultdict(Counter)
        for channels, end in journeys:
            if channels:
                for one, other in pairwise(["beginning", *channels, end]):
                    moves[one][other] += 1
        whole = _success(moves, None)
        for channel in moves:
            if channel != "beginning":
                effects[name, channel] = whole - _success(moves, channel)
    return effects


def _success(moves: Mapping[str, Counter[str]], removed: str | None) -> Fraction:
    """Return the probability of reaching the conversion: the states are eliminated one after the other."""
    chances = {
        state: {
            target: Fraction(number, sum(counter.values()))
            for target, number in counter.items()
            if target not in ("nothing", removed)
        }
        for state, counter in moves.items()
        if state != removed
    }
    for state in [state for state in chances if state != "beginning"]:
        leaving = chances.pop(state)
        staying = leaving.pop(state, Fraction(0))
        for targets in chances.values():
            chance = targets.pop(state, Fraction(0))
            for target, further in leaving.items():
                # Who never leaves a state does not convert.
                targets[target] = targets.get(target, Fraction(0)) + chance * further / (
                    1 - staying
                )
    return chances.get("beginning", {}).get("conversion", Fraction(0))


def drivers(
    events: Iterable[Row], start: str, target: str, window: int | None
) -> dict[str, tuple[int, int, int, int]]:
    """Return per event name how many converters and droppers did it, and how many of both there are.

    An event is a mapping of `event_key`, `person_id`, `event_name` and `event_at`.
    """
    histories: dict[str, list[Row]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event["event_at"], event["event_key"])):
        histories[event["person_id"]].append(event)
    people = {True: 0, False: 0}
    did: dict[str, Counter[bool]] = defaultdict(Counter)
    for history in histories.values():
        starts = [event for event in history if event["event_name"] == start]
        if not starts:
            continue
        began = starts[0]["event_at"]
        later = [
            event
            for event in history
            if event is not starts[0]
            and event["event_at"] >= began
            and (window is None or event["event_at"] - began <= timedelta(seconds=window))
        ]
        ends = [event["event_at"] for event in later if event["event_name"] == target]
        people[bool(ends)] += 1
        for name in {
            event["event_name"]
            for event in later
            if event["event_at"] > began and (not ends or event["event_at"] < ends[0])
        } - {start, target}:
            did[name][bool(ends)] += 1
    return {
        name: (counts[True], counts[False], people[True], people[False])
        for name, counts in did.items()
    }


def engagement(
    events: Iterable[Row], days: bool
) -> dict[tuple[Any, str], tuple[int, int, int, int, float]]:
    """Return per (year, month) and event name: active people, people, uses, days, and the score."""
    active: dict[Any, set[str]] = defaultdict(set)
    uses: dict[tuple[Any, str], list[tuple[str, Any]]] = defaultdict(list)
    for event in events:
        month = (event["event_at"].year, event["event_at"].month)
        active[month].add(event["person_id"])
        uses[month, event["event_name"]].append((event["person_id"], event["event_at"].date()))
    found = {}
    for (month, name), pairs in uses.items():
        people, person_days = {person for person, _ in pairs}, set(pairs)
        average = (len(person_days) if days else len(pairs)) / len(people)
        score = len(people) / len(active[month]) * average
        found[month, name] = (
            len(active[month]),
            len(people),
            len(pairs),
            len(person_days),
            score,
        )
    return found
