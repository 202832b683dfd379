"""Levels of window_funnel against plain loops, written from what ClickHouse says of windowFunnel and its modes.

https://clickhouse.com/docs/sql-reference/aggregate-functions/parametric-functions#windowfunnel
"""

import datetime
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestration.database import connect
from tests.analyses.reference_funnel import Event, is_event, timestamp
from tests.analyses.sql import EVENTS, CompilationError, call, compile_calls, create_events, rows

FIRST = 1_767_225_600  # 2026-01-01
MODES = (
    (),
    ("strict_order",),
    ("strict_deduplication",),
    ("strict_increase",),
    ("strict_once",),
    ("deduplication",),
    ("strict_order", "strict_increase"),
    ("strict_order", "strict_deduplication"),
    ("strict_deduplication", "strict_increase"),
    ("strict_order", "strict_deduplication", "strict_increase"),
    ("strict_once", "strict_increase"),
)
ANY = {"event": None}
B_RED = {"event": "b", "filter": {"colour": "red"}}
STEPS: Sequence[Sequence[Any]] = (
    ["a", "b", "c"],
    ["a", "b"],
    ["a", "b", "c", "d"],
    ["a", "a", "b"],
    ["a", "b", "a"],
    ["a", B_RED, "b"],
    ["a", ANY, "c"],
    ["b", B_RED, ANY],
    ["a"],
)


@dataclass(frozen=True)
class Asked:
    """What the macro is called with."""

    modes: Sequence[str]
    steps: Sequence[Any]
    window: int | None
    per: str
    date_from: int | None
    date_to: int | None


def draw(number: int) -> Asked:
    """Return a call with options drawn at random, the same for the same number; modes and steps in turn."""
    dice = random.Random(number)
    is_ranged = dice.random() < 0.3
    return Asked(
        modes=MODES[number % len(MODES)],
        steps=STEPS[number % len(STEPS)],
        window=dice.choice([10, 10, 3, None]),
        per=dice.choice(["person", "person", "session"]),
        date_from=FIRST + 5 if is_ranged else None,
        date_to=FIRST + 15 if is_ranged else None,
    )


@pytest.fixture(scope="module")
def asked() -> list[tuple[Asked, str]]:
    """Return five calls of every set of modes, with the SQL."""
    drawn = [draw(number) for number in range(5 * len(MODES))]
    compiled = compile_calls(
        {
            str(number): call(
                "window_funnel",
                list(one.steps),
                one.window,
                modes=list(one.modes),
                per=one.per,
                date_from=None if one.date_from is None else timestamp(one.date_from),
                date_to=None if one.date_to is None else timestamp(one.date_to),
                events=EVENTS,
            )
            for number, one in enumerate(drawn)
        }
    )
    return [(one, compiled[str(number)]) for number, one in enumerate(drawn)]


def level(events: Sequence[Event], asked: Asked) -> int:
    """Read the events in order of time, at one instant in order of the steps, and remember how each step was filled."""
    rows = []
    for event in events:
        fits = [number for number, step in enumerate(asked.steps, 1) if is_event(event, step)]
        rows += [(event.at, number) for number in fits or [0]]
    filled: dict[int, tuple[int, int]] = {}  # by step: when its chain began, when it was filled
    best = 0
    for at, step in sorted(rows):
        if "strict_order" in asked.modes and 1 in filled and step != 1 and step - 1 not in filled:
            break  # "Don't allow interventions of other events"
        if "strict_deduplication" in asked.modes and step > 1 and step in filled:
            break  # "such repeating event interrupts further processing"
        if "deduplication" in asked.modes and step in filled:
            filled = {}
        if step == 1:
            filled[1] = (at, at)
        elif step - 1 in filled:
            started, before = filled[step - 1]
            is_in_window = asked.window is None or at <= started + asked.window
            # "Apply conditions only to events with strictly increasing timestamps"
            if is_in_window and ("strict_increase" not in asked.modes or at > before):
                filled[step] = (started, at)
        best = max([best, *filled])
    return best


def level_once(events: Sequence[Event], asked: Asked) -> int:
    """Try every chain of different events: "Count each event only once in the chain"."""
    chains: list[list[Event]] = [[]]
    for done, step in enumerate(asked.steps):
        chains = [
            [*chain, event]
            for chain in chains
            for event in events
            if is_event(event, step) and event not in chain and _may_follow(chain, event, asked)
        ]
        if not chains:
            return done
    return len(asked.steps)


def _may_follow(chain: Sequence[Event], event: Event, asked: Asked) -> bool:
    if not chain:
        return True
    if asked.window is not None and event.at > chain[0].at + asked.window:
        return False
    return event.at > chain[-1].at or (
        event.at == chain[-1].at and "strict_increase" not in asked.modes
    )


def levels(people: Sequence[Sequence[Event]], asked: Asked) -> dict[str, int]:
    """Return the level of each person, or session, that has one."""
    of_entities: dict[str, list[Event]] = {}
    for person, event in ((n, event) for n, events in enumerate(people) for event in events):
        entity = f"{person:03}" if asked.per == "person" else event.session
        is_in_range = (asked.date_from is None or event.at >= asked.date_from) and (
            asked.date_to is None or event.at <= asked.date_to
        )
        if entity and is_in_range:
            of_entities.setdefault(entity, []).append(event)
    count = level_once if "strict_once" in asked.modes else level
    found = {entity: count(events, asked) for entity, events in of_entities.items()}
    return {entity: level for entity, level in found.items() if level}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        yield connection


#: Seconds between two events: none (a tie), less than the window, the window, one more.
GAPS = [0, 0, 0, 1, 2, 3, 4, 5, 9, 10, 11]

events_of_a_person = st.lists(
    st.tuples(
        st.sampled_from(GAPS),
        st.sampled_from("aaabbbccdx"),
        st.sampled_from([None, "red"]),
        st.sampled_from(["first", "first", "second", ""]),
    ),
    max_size=7,
)


def history(person: int, drawn: Sequence[tuple[int, str, str | None, str]]) -> list[Event]:
    times = itertools.accumulate(gap for gap, *_ in drawn)
    return [
        Event(
            FIRST + at,
            name,
            {"colour": colour} if colour else {},
            session=session and f"{person:03} {session}",
            # Keys are against the order of time: nothing may rely on it.
            key=f"{person:03}{99 - number:02}",
        )
        for number, (at, (_, name, colour, session)) in enumerate(zip(times, drawn, strict=True))
    ]


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=st.lists(events_of_a_person, min_size=60, max_size=60))
def test_levels_are_those_of_plain_loops(
    connection: duckdb.DuckDBPyConnection, asked: list[tuple[Asked, str]], drawn: Any
) -> None:
    people = [history(person, events) for person, events in enumerate(drawn)]
    create_events(
        connection,
        [
            {
                "person_id": f"{person:03}",
                "session_id": event.session or None,
                "event_key": event.key,
                "event_name": event.name,
                "event_at": datetime.datetime.fromtimestamp(event.at, datetime.UTC).replace(
                    tzinfo=None
                ),
                "properties": dict(event.properties),
            }
            for person, events in enumerate(people)
            for event in events
        ],
    )
    for one, sql in asked:
        found = {row["person_id"]: row["level"] for row in rows(connection, sql) if row["level"]}
        expected = levels(people, one)
        if found != expected:
            wrong = min(
                (who for who in found | expected if found.get(who) != expected.get(who)),
                key=lambda who: len(people[int(who[:3])]),
            )
            lines = [f"  +{event.at - FIRST} {event}" for event in people[int(wrong[:3])]]
            pytest.fail(
                f"{one}: {wrong} has {found.get(wrong, 0)}, expected {expected.get(wrong, 0)}\n"
                + "\n".join(lines)
            )


@pytest.mark.parametrize(
    ("modes", "words"),
    [
        (["lenient"], "a mode is 'lenient'. Allowed: deduplication, strict_deduplication, "),
        (["strict_once", "strict_order"], "Allowed beside it: strict_increase"),
    ],
)
def test_a_wrong_mode_says_what_is_allowed(modes: list[str], words: str) -> None:
    with pytest.raises(CompilationError) as error:
        compile_calls({"wrong": call("window_funnel", ["a", "b"], 60, modes=modes, events=EVENTS)})
    assert words in str(error.value)
