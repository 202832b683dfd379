"""Funnels: the macros against plain loops, on random histories with ties, repeats and edges of the window."""

import datetime
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestration.database import connect
from tests.analyses import reference_funnel as reference
from tests.analyses.reference_funnel import Event, Funnel, Outcome
from tests.analyses.sql import CompilationError, compile_calls, create_events, literal, rows
from tests.analyses.sums import disagreements
from tests.conftest import Built

HOUR = 3600
FIRST = 400_000 * HOUR

A, B, C, D = "a", "b", "c", "d"
ANY = {"event": None}
B_RED = {"event": "b", "filter": {"colour": "red"}}
C_SOME = {"event": "c", "filter": {"colour": ["red", "blue"]}}
B_MAYBE = {"event": "b", "optional": True}
C_MAYBE = {"event": "c", "optional": True}
A_FIRST = {"event": "a", "first_time": True}
A_RED_FIRST = {"event": "a", "filter": {"colour": "red"}, "first_time": "event"}
B_RED_FIRST = {"event": "b", "filter": {"colour": "red"}, "first_time": "matching"}
X_FIRST_TWO = {"event": "x", "from_step": 1, "to_step": 2}
X_LAST_TWO = {"event": "x", "from_step": 2, "to_step": 3}
X_ALL = {"event": "x"}

STEPS: list[Sequence[Any]] = [
    [A, B, C],
    [A, B],
    [A, A],
    [A, B, A, C],
    [A, B_RED, B],
    [A, ANY, C],
    [A, B_MAYBE, C],
    [A, B_MAYBE, C_MAYBE, D],
    [A_FIRST, B],
    [A_RED_FIRST, B_RED_FIRST, C_SOME],
    [A],
    [B, B_RED, ANY],
    [A, B, C, D],
]


def draw(number: int) -> Funnel:
    """Return a funnel with options drawn at random, the same for the same number."""
    dice = random.Random(number)
    order = dice.choice(["ordered", "ordered", "ordered", "strict", "unordered"])
    steps = dice.choice(
        [s for s in STEPS if order == "ordered" or not any(map(reference._optional, s))]
    )
    exclusions: list[Mapping[str, Any]] = []
    if len(steps) > 1 and dice.random() < 0.3:
        exclusions = [dict(X_ALL, from_step=1, to_step=len(steps))]
        if order != "unordered":
            exclusions = [dice.choice([X_FIRST_TWO, *exclusions])]
            if len(steps) == 3:
                exclusions = dice.choice(
                    [exclusions, [X_LAST_TWO], [X_LAST_TWO, dict(X_FIRST_TWO, event="d")]]
                )
    is_ranged = dice.random() < 0.4
    breakdown = "colour" if dice.random() < 0.3 else None
    return Funnel(
        steps=steps,
        window=dice.choice([HOUR, HOUR, 1800, None]),
        order=order,
        reentry=dice.choice(["best_chain", "best_chain", "best_chain", "first_entry_only"]),
        anchor="first_step"
        if order == "unordered" or exclusions
        else dice.choice(["first_step", "first_step", "previous_step"]),
        ties="step_order"
        if order == "unordered"
        else dice.choice(["step_order", "step_order", "strict_increase"]),
        exclusions=exclusions,
        date_from=FIRST + 1800 if is_ranged else None,
        date_to=FIRST + 2 * HOUR if is_ranged else None,
        clip=is_ranged and dice.random() < 0.3,
        breakdown=breakdown,
        attribution=dice.choice(
            ["first_touch", "last_touch", "all_events", f"step_{len(steps)}", "step_1"]
        )
        if breakdown
        else "first_touch",
        interval=HOUR if dice.random() < 0.25 else None,
        times=dice.random() < 0.5,
    )


def call(funnel: Funnel) -> str:
    arguments = [
        list(funnel.steps),
        funnel.window,
        funnel.order,
        funnel.reentry,
        funnel.anchor,
        funnel.ties,
        "person",
        None if funnel.date_from is None else reference.timestamp(funnel.date_from),
        None if funnel.date_to is None else reference.timestamp(funnel.date_to),
        funnel.clip,
        list(funnel.exclusions),
        funnel.breakdown,
        funnel.attribution,
        None,
        None if funnel.interval is None else "hour",
        None,
        None,
        None,
        "case_events",
        funnel.times,
    ]
    return (
        "with {{ footpath.funnel_entities("
        + ", ".join(map(literal, arguments))
        + ") }} select * from entities"
    )


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        yield connection


def compiled(numbers: range) -> dict[int, tuple[Funnel, str]]:
    """Compile so many drawn funnels at once."""
    funnels = {number: draw(number) for number in numbers}
    sql = compile_calls({str(number): call(funnel) for number, funnel in funnels.items()})
    return {number: (funnel, sql[str(number)]) for number, funnel in funnels.items()}


@pytest.fixture(scope="module")
def few() -> dict[int, tuple[Funnel, str]]:
    return compiled(range(60))


@pytest.fixture(scope="module")
def many() -> dict[int, tuple[Funnel, str]]:
    return compiled(range(60, 360))


#: Steps between two events: none (a tie), less than the window, the window to the second, one second more.
GAPS = [0, 0, 0, 60, 600, 1799, 1800, 1801, HOUR - 1, HOUR, HOUR + 1]

events_of_a_person = st.lists(
    st.tuples(
        st.sampled_from(GAPS),
        st.sampled_from("aaabbbccdx"),
        st.sampled_from([None, None, "red", "blue"]),
    ),
    max_size=7,
)
histories = st.lists(events_of_a_person, min_size=40, max_size=40)


def history(drawn: Sequence[tuple[int, str, str | None]]) -> list[Event]:
    at = FIRST
    events = []
    for number, (gap, name, colour) in enumerate(drawn):
        at += gap
        # Keys are against the order of time: nothing may rely on it.
        key = f"{99 - number:02}"
        events.append(Event(at, name, {"colour": colour} if colour else {}, key=key))
    return events


def write(connection: duckdb.DuckDBPyConnection, people: Sequence[Sequence[Event]]) -> None:
    create_events(
        connection,
        [
            {
                "person_id": f"{person:03}",
                "event_key": f"{person:03}{event.key}",
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


def answers(
    connection: duckdb.DuckDBPyConnection, funnel: Funnel, sql: str
) -> dict[int, dict[tuple[Any, ...], Outcome]]:
    found: dict[int, dict[tuple[Any, ...], Outcome]] = {}
    size = len(funnel.steps)
    for row in rows(connection, sql):
        key = tuple(row[name] for name in ("breakdown", "entry_interval") if name in row)
        at = [row[f"at_{n}"] for n in range(1, size + 1)] if funnel.times else []
        found.setdefault(int(row["entity"]), {})[key] = Outcome(
            row["level"],
            tuple(row[f"done_{n}"] for n in range(1, size + 1)),
            tuple(
                None if one is None else int(one.replace(tzinfo=datetime.UTC).timestamp())
                for one in at
            ),
        )
    return found


def outcomes(events: Sequence[Event], funnel: Funnel) -> dict[tuple[Any, ...], Outcome]:
    """Return what the plain loops find, without times where the funnel has none."""
    found = reference.outcomes(events, funnel)
    return found if funnel.times else {key: replace(one, at=()) for key, one in found.items()}


def compare(
    connection: duckdb.DuckDBPyConnection,
    people: Sequence[Sequence[Event]],
    funnels: Mapping[int, tuple[Funnel, str]],
) -> None:
    write(connection, people)
    for number, (funnel, sql) in funnels.items():
        got = answers(connection, funnel, sql)
        for person, events in sorted(enumerate(people), key=lambda item: len(item[1])):
            if got.get(person, {}) != outcomes(events, funnel):
                pytest.fail(explain(connection, number, funnel, sql, list(events)))


def explain(
    connection: duckdb.DuckDBPyConnection,
    number: int,
    funnel: Funnel,
    sql: str,
    events: list[Event],
) -> str:
    """Leave out events as long as the answers differ, and show what is left."""

    def differ(some: list[Event]) -> bool:
        write(connection, [some])
        return answers(connection, funnel, sql).get(0, {}) != outcomes(some, funnel)

    smaller = True
    while smaller:
        smaller = False
        for left_out in range(len(events)):
            some = events[:left_out] + events[left_out + 1 :]
            if differ(some):
                events, smaller = some, True
                break
    write(connection, [events])
    lines = [f"funnel {number}: {funnel}", call(funnel)]
    lines += [f"  +{event.at - FIRST} {event.name} {dict(event.properties)}" for event in events]
    lines.append(f"expected {outcomes(events, funnel)}")
    lines.append(f"got      {answers(connection, funnel, sql).get(0, {})}")
    return "\n".join(lines)


once = settings(
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@settings(once, max_examples=4)
@given(drawn=histories)
def test_funnels_agree_with_plain_loops(
    connection: duckdb.DuckDBPyConnection, few: dict[int, tuple[Funnel, str]], drawn: Any
) -> None:
    compare(connection, [history(one) for one in drawn], few)


@pytest.mark.long
@settings(once, max_examples=4)
@given(drawn=histories)
def test_many_funnels_agree_with_plain_loops(
    connection: duckdb.DuckDBPyConnection, many: dict[int, tuple[Funnel, str]], drawn: Any
) -> None:
    compare(connection, [history(one) for one in drawn], many)


# What is counted.

VISITS = [
    # ann: a, then b after 10 s and again, c after a minute
    ("ann", "a", "2026-01-05 10:00:00", {"plan": "team"}, "s1"),
    ("ann", "b", "2026-01-05 10:00:10", {}, "s1"),
    ("ann", "b", "2026-01-05 10:00:30", {}, "s2"),
    ("ann", "c", "2026-01-05 10:01:00", {}, "s2"),
    # bob: the second start counts for the time
    ("bob", "a", "2026-01-05 10:00:00", {"plan": "solo"}, "s3"),
    ("bob", "a", "2026-01-05 10:00:50", {"plan": "team"}, "s3"),
    ("bob", "b", "2026-01-05 10:01:20", {}, "s3"),
    # cleo: on Sunday evening in New York, on Monday in UTC; too late for b
    ("cleo", "a", "2026-01-12 04:00:00", {"plan": "free"}, "s4"),
    ("cleo", "b", "2026-01-12 06:00:00", {}, "s4"),
    # dan: no start
    ("dan", "b", "2026-01-05 10:00:00", {}, "s5"),
]
OUTCOMES = {
    "steps": "{{ footpath.funnel(['a', 'b', 'c'], 3600, events='case_events') }}",
    "without times": "{{ footpath.funnel(['a', 'b', 'c'], 3600, times=false, events='case_events') }}",
    "sessions": "{{ footpath.funnel(['a', 'b', 'c'], 3600, per='session', events='case_events') }}",
    "first touch": "{{ footpath.funnel(['a', 'b'], 3600, breakdown='plan', events='case_events') }}",
    "limited": "{{ footpath.funnel(['a', 'b'], 3600, breakdown={'sql': \"upper(properties ->> 'plan')\"},"
    " breakdown_attribution='last_touch', breakdown_limit=1, events='case_events') }}",
    "some people": "{{ footpath.funnel(['a'], 3600, people=\"select 'bob' as person_id\", events='case_events') }}",
    "weeks": "{{ footpath.funnel_trend(['a', 'b'], 3600, interval='week', date_from='2026-01-01',"
    " date_to='2026-01-14', events='case_events') }}",
    "sundays": "{{ footpath.funnel_trend(['a', 'b'], 3600, interval='week', week_start='sunday',"
    " timezone='America/New_York', date_from='2026-01-01', date_to='2026-01-14', events='case_events') }}",
    "local days": "{{ footpath.funnel_trend(['a', 'b'], 3600, interval='day', timezone='America/New_York',"
    " date_from='2026-01-10', date_to='2026-01-11', events='case_events') }}",
    "times": "{{ footpath.funnel_times(['a', 'b'], 3600, events='case_events') }}",
    "three bins": "{{ footpath.funnel_times(['a', 'b'], none, bin_count=3, events='case_events') }}",
    "nobody": "{{ footpath.funnel(['x', 'y'], 3600, events='case_events') }}",
    "nobody's times": "{{ footpath.funnel_times(['x', 'y'], 3600, events='case_events') }}",
}


@pytest.fixture(scope="module")
def counted(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Return the sorted rows of each call above."""
    create_events(
        connection,
        [
            {"person_id": who, "event_name": name, "event_at": at, "properties": p, "session_id": s}
            for who, name, at, p, s in VISITS
        ],
    )
    return {
        name: sorted(
            connection.execute(sql).fetchall(), key=lambda row: [str(value) for value in row]
        )
        for name, sql in compile_calls(OUTCOMES).items()
    }


def days(*texts: str) -> list[datetime.datetime]:
    return [datetime.datetime.fromisoformat(text) for text in texts]


def test_people_and_times_of_steps(counted: dict[str, list[tuple[Any, ...]]]) -> None:
    assert counted["steps"] == [
        (1, "a", 3, None, None),
        (2, "b", 2, 20.0, 20.0),  # 10 and 30
        (3, "c", 1, 50.0, 50.0),  # the first b of the chain, not the last
    ]
    assert counted["without times"] == [
        (1, "a", 3, None, None),
        (2, "b", 2, None, None),
        (3, "c", 1, None, None),
    ]
    assert counted["nobody"] == [(1, "x", 0, None, None), (2, "y", 0, None, None)]
    assert counted["some people"] == [(1, "a", 1, None, None)]


def test_a_funnel_per_session(counted: dict[str, list[tuple[Any, ...]]]) -> None:
    assert [row[2] for row in counted["sessions"]] == [3, 2, 0]


def test_breakdowns_and_the_others(counted: dict[str, list[tuple[Any, ...]]]) -> None:
    assert [row[:4] for row in counted["first touch"]] == [
        ("free", 1, "a", 1),
        ("free", 2, "b", 0),
        ("solo", 1, "a", 1),
        ("solo", 2, "b", 1),
        ("team", 1, "a", 1),
        ("team", 2, "b", 1),
    ]
    # TEAM has two people, nobody's value and FREE one each
    assert [row[:4] for row in counted["limited"]] == [
        ("Other", 1, "a", 1),
        ("Other", 2, "b", 0),
        ("TEAM", 1, "a", 2),
        ("TEAM", 2, "b", 2),
    ]


def test_intervals_without_entries_are_there(counted: dict[str, list[tuple[Any, ...]]]) -> None:
    weeks = days("2025-12-29", "2026-01-05", "2026-01-12")
    assert counted["weeks"] == [
        (weeks[0], 0, 0, 0.0),
        (weeks[1], 2, 2, 100.0),
        (weeks[2], 1, 0, 0.0),
    ]
    sundays = days("2025-12-28", "2026-01-04", "2026-01-11")
    assert counted["sundays"] == [
        (sundays[0], 0, 0, 0.0),
        (sundays[1], 2, 2, 100.0),
        (sundays[2], 1, 0, 0.0),
    ]
    local = days("2026-01-10", "2026-01-11")
    assert counted["local days"] == [(local[0], 0, 0, 0.0), (local[1], 1, 0, 0.0)]


def test_the_histogram_of_times(counted: dict[str, list[tuple[Any, ...]]]) -> None:
    # 10 and 30 seconds: 2 bins (the cube root of 2, rounded up) of 10 seconds, and one for the end
    assert counted["times"] == [(10, 1, 20.0), (20, 0, 20.0), (30, 1, 20.0)]
    # 10, 30 and 7,200: bins of 2,397
    assert sorted(row[:2] for row in counted["three bins"]) == [
        (10, 2),
        (2407, 0),
        (4804, 1),
        (7201, 0),
    ]
    assert counted["nobody's times"] == []


def test_the_sums_of_the_sample_agree(built: Built) -> None:
    with connect(built.installation.settings.published, read_only=True) as connection:
        assert disagreements(connection) == {}
        checkouts = "from events where is_counted and event_name = 'Checkout Started'"
        assert connection.execute(
            "select person_count from checkout_funnel where step = 1"
        ).fetchall() == (
            connection.execute(f"select count(distinct person_id) {checkouts}").fetchall()
        )
        assert connection.execute(
            "select sum(signed_up_count) from signup_funnel_weekly"
        ).fetchall() == (
            connection.execute(
                "select count(distinct (person_id, date_trunc('week', event_at))) from events"
                " where is_counted and event_name = 'Signed Up'"
            ).fetchall()
        )


WRONG = {
    "order is 'sideways'. Allowed: ordered, strict, unordered": "['a', 'b'], 60, order='sideways'",
    "steps is a list": "'a', 60",
    "window_seconds is 'soon'": "['a'], 'soon'",
    "an event has no 'filters'. Allowed: event, filter, where": "[{'event': 'a', 'filters': {}}], 60",
    "step 1 is optional": "[{'event': 'a', 'optional': true}], 60",
    "an exclusion lies between two steps": "['a', 'b'], 60, exclusions=[{'event': 'x', 'from_step': 2}]",
    "Allowed: exclusions of the whole funnel": "['a', 'b', 'c'], 60, order='unordered',"
    " exclusions=[{'event': 'x', 'from_step': 2}]",
    "breakdown_attribution is 'step_9'. Allowed: first_touch, last_touch, all_events, step_1": "['a'], 60,"
    " breakdown='p', breakdown_attribution='step_9'",
    "may be filled by the same event. Allowed: 6": str(
        [{"event": "a", "filter": {"p": str(number)}} for number in range(7)]
    )
    + ", 60",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_argument_says_what_is_allowed(words: str) -> None:
    with pytest.raises(CompilationError) as error:
        compile_calls(
            {"wrong": "{{ footpath.funnel(" + WRONG[words] + ", events='case_events') }}"}
        )
    assert words in str(error.value)


@settings(once, max_examples=20)
@given(drawn=histories)
def test_engines_find_the_same_row_before_and_the_same_first_value(
    connection: duckdb.DuckDBPyConnection, twins: dict[str, str], drawn: Any
) -> None:
    write(connection, [history(one) for one in drawn])
    connection.execute(
        "create or replace view starts as select person_id, event_at, event_at as started_at"
        " from case_events where event_name = 'a'"
    )
    connection.execute(
        "create or replace view coloured as select *, properties ->> 'colour' as colour from case_events"
    )
    for anchor in ANCHORS:
        by_join, by_window = (
            sorted(connection.execute(twins[f"{kind}{anchor}"]).fetchall())
            for kind in ("duckdb", "default")
        )
        assert by_join == by_window
    for direction in DIRECTIONS:
        by_aggregate, by_window = (
            sorted(connection.execute(twins[f"{kind}{direction}"]).fetchall())
            for kind in ("duckdb", "default")
        )
        assert by_aggregate == by_window
        assert {person for person, _ in by_window} == {
            f"{person:03}" for person, events in enumerate(drawn) if events
        }


ANCHORS = ("first_step", "previous_step")
DIRECTIONS = ("asc", "desc")


@pytest.fixture(scope="module")
def twins() -> dict[str, str]:
    call = (
        "{{{{ footpath.{}__latest_before('case_events', \"event_name = 'b'\", 'starts', ['person_id'],"
        " 3600, '{}') }}}}"
    )
    value = (
        "{{{{ footpath.{}__value_by_place('coloured', 'person_id', 'colour', ['event_at', 'event_key'],"
        " '{}') }}}}"
    )
    return compile_calls(
        {
            kind + argument: text.format(kind, argument)
            for kind in ("duckdb", "default")
            for text, arguments in ((call, ANCHORS), (value, DIRECTIONS))
            for argument in arguments
        }
    )
