"""Lifecycle, stickiness, trends, cohorts and daily activity are those of plain loops on random histories."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.database import connect
from tests.analyses import histories, reference_activity
from tests.analyses.sql import EVENTS, CompilationError, call, compile_calls, create_events, rows
from tests.conftest import Built

AMOUNT = "cast(amount as decimal(18, 2))"
FORMULAS: dict[str, Callable[..., float]] = {
    "A / B": lambda a, b, _: a / b,
    "100 * (A - B) / (C + 1)": lambda a, b, c: 100 * (a - b) / (c + 1),
    "A / (B - C) + 0.5": lambda a, b, c: a / (b - c) + 0.5,
    "A / B / C": lambda a, b, c: a / b / c,
}
EVENT_CHOICES: list[Any] = [None, "a", {"event": "b", "filter": {"plan": ["x"]}}]


def ranges(rng: random.Random, scene: tuple[str, str], interval: str) -> dict[str, Any]:
    """Draw a calendar and a range of it."""
    return {
        "interval": interval,
        "timezone": scene[0],
        "week_start": rng.choice(["monday", "sunday"]),
        "date_from": rng.choice([None, scene[1], histories.day_of_range(rng, scene, interval)]),
        "date_to": rng.choice([None, histories.day_of_range(rng, scene, interval)]),
        "data_until": histories.moment(rng, scene, interval),
    }


def series(rng: random.Random) -> dict[str, Any]:
    """Draw one series of a trend."""
    kind = rng.choice(["count", "people", "sum", "average", "median", "percentile"])
    drawn: dict[str, Any] = {"event": rng.choice(["a", "b", None]), "aggregate": kind}
    if kind not in ("count", "people"):
        drawn["value"] = AMOUNT
    if kind == "percentile":
        drawn["percentile"] = rng.choice([0, 0.1, 0.9, 1])
    return drawn


def sampled(count: int = 64) -> list[tuple[tuple[str, str], str, dict[str, Any]]]:
    """Draw calls of each macro with every option."""
    rng = random.Random(11)
    found = []
    for number in range(count):
        scene = histories.SCENES[(number // 4) % len(histories.SCENES)]
        macro = ("lifecycle", "stickiness", "trend", "cohort")[number % 4]
        interval = rng.choice(["hour", "day", "day", "week", "month"])
        options = ranges(rng, scene, interval)
        event = rng.choice(EVENT_CHOICES)
        if macro == "lifecycle":
            options |= {"event": event, "new_by": rng.choice(["any_event", "matching_event"])}
        elif macro == "stickiness":
            options |= {
                "event": event,
                "criterion": rng.choice(["at_least", "at_most", "exactly"]),
                "criterion_value": rng.choice([1, 1, 2]),
                "cumulative": rng.choice([True, False]),
            }
        elif macro == "trend":
            options |= {
                "event": [series(rng) for _ in range(3)],
                "rolling": rng.choice([1, 2, 7]),
                "breakdown": rng.choice([True, False]),
                "breakdown_limit": rng.choice([1, 2, None]),
                "formula": rng.choice([None, *FORMULAS]),
            }
        else:
            options = {name: options[name] for name in ("date_from", "date_to", "timezone")}
            options |= {
                "event": event,
                "criterion": rng.choice(["at_least", "at_most", "exactly", "never", "first"]),
                "criterion_value": rng.choice([0, 1, 2, 3]),
            }
        found.append((scene, interval, {"macro": macro, **options}))
    return found


OPTIONS = sampled()


@cache
def compiled() -> dict[str, str]:
    """Return the SQL of every sampled call, by its number."""
    calls = {}
    for number, (_, _, options) in enumerate(OPTIONS):
        arguments = dict(options, events=EVENTS)
        macro = arguments.pop("macro")
        if "breakdown" in arguments:
            plan = "json_extract_string(properties, '$.plan')"
            arguments["breakdown"] = plan if arguments["breakdown"] else None
        calls[str(number)] = call(macro, **arguments)
    return compile_calls(calls)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    return connection


def check(
    connection: duckdb.DuckDBPyConnection, number: int, drawn: list[histories.Choice]
) -> None:
    """Compare one call on one history."""
    scene, interval, options = OPTIONS[number]
    arguments = dict(options)
    macro = arguments.pop("macro")
    events = histories.history(drawn, scene, interval)
    create_events(connection, events, columns=["amount"])
    found = rows(connection, compiled()[str(number)])
    expected: Iterable[tuple[Any, ...]]
    names: tuple[str, ...]
    if macro == "trend":
        arguments["series"] = arguments.pop("event")
        arguments["formula"] = FORMULAS.get(arguments["formula"])
        expected = reference_activity.trend(events, **arguments)
        names = ("interval_start", "series", "breakdown", "value", "rolling_average")
        for row in found:
            row.setdefault("breakdown", "")
            if options["formula"] is not None:
                assert row["series"] == options["formula"]
                row["series"] = "formula"
    elif macro == "lifecycle":
        expected = reference_activity.lifecycle(events, **arguments)
        names = ("interval_start", "status", "person_count")
    elif macro == "stickiness":
        expected = reference_activity.stickiness(events, **arguments).items()
        names = ("interval_count", "person_count")
    else:
        expected = [(person,) for person in reference_activity.cohort(events, **arguments)]
        names = ("person_id",)
    found_rows = in_order([row[name] for name in names] for row in found)
    expected_rows = in_order(expected)
    assert len(found_rows) == len(expected_rows), options
    for one, other in zip(found_rows, expected_rows, strict=True):
        # a rolling average is of values with six places
        assert one == pytest.approx(other, abs=1e-6), options


def in_order(found: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    """Sort rows, numbers as floats; those of an hour that comes twice by their numbers."""
    plain = [
        tuple(float(one) if isinstance(one, int | float | Decimal) else str(one) for one in row)
        for row in found
    ]
    return sorted(
        plain, key=lambda row: [round(one, 2) + 0 if isinstance(one, float) else one for one in row]
    )


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(st.integers(0, len(OPTIONS) - 1), histories.choices())
def test_activity_is_that_of_plain_loops(
    connection: duckdb.DuckDBPyConnection, number: int, drawn: list[histories.Choice]
) -> None:
    check(connection, number, drawn)


@pytest.mark.long
@settings(max_examples=3000, deadline=None, database=None)
@given(st.integers(0, len(OPTIONS) - 1), histories.choices())
def test_activity_is_that_of_plain_loops_on_many_histories(
    connection: duckdb.DuckDBPyConnection, number: int, drawn: list[histories.Choice]
) -> None:
    check(connection, number, drawn)


def test_each_option_on_a_full_history(connection: duckdb.DuckDBPyConnection) -> None:
    rng = random.Random(12)
    for number in range(len(OPTIONS)):
        check(connection, number, histories.random_choices(rng, 80))


def test_days_weeks_and_months_are_those_of_the_calendar(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """One event an hour for a year: a number of events is a number of hours."""
    range_of = {"events": EVENTS, "timezone": "Europe/Berlin", "date_to": "2026-12-31"}
    days = {
        ("Europe/Berlin", "2026-03-29"): 23,
        ("Europe/Berlin", "2026-10-25"): 25,
        ("Africa/Cairo", "2026-04-24"): 23,  # midnight is left out
        ("Atlantic/Azores", "2026-10-25"): 25,  # midnight comes twice
    }
    calls = {
        "day": call("trend", interval="day", date_from="2025-12-31", **range_of),
        "month": call("trend", interval="month", date_from="2026-01-15", **range_of),
        "monday": call(
            "trend", interval="week", date_from="2026-01-01", week_start="monday", **range_of
        ),
        "sunday": call(
            "trend", interval="week", date_from="2026-01-01", week_start="sunday", **range_of
        ),
    }
    calls |= {
        f"{zone} {day}": call(
            "trend", interval="day", events=EVENTS, timezone=zone, date_from=day, date_to=day
        )
        for zone, day in days
    }
    sql = compile_calls(calls)
    first = datetime(2025, 12, 20)
    create_events(
        connection,
        [
            {"person_id": "p", "event_name": "a", "event_at": first + n * timedelta(hours=1)}
            for n in range(380 * 24)
        ],
    )
    found = {
        name: {row["interval_start"].date(): row["value"] for row in rows(connection, sql[name])}
        for name in calls
    }
    clock_changes = {date(2026, 3, 29): 23, date(2026, 10, 25): 25}
    assert found["day"] == {
        day: clock_changes.get(day, 24)
        for day in (date(2025, 12, 31) + timedelta(days=n) for n in range(366))
    }
    for (zone, day), hours in days.items():
        assert found[f"{zone} {day}"] == {date.fromisoformat(day): hours}
    assert min(found["month"]) == date(2026, 1, 1)
    assert [found["month"][date(2026, n, 1)] / 24 for n in (1, 2, 4)] == [31, 28, 30]
    assert [found["month"][date(2026, n, 1)] for n in (3, 10)] == [31 * 24 - 1, 31 * 24 + 1]
    for name, start in (("monday", date(2025, 12, 29)), ("sunday", date(2025, 12, 28))):
        assert min(found[name]) == start
        assert found[name][start] == 7 * 24
        assert found[name][start + timedelta(days=7)] == 7 * 24


def test_cohorts_combine_and_filter_the_other_analyses(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    a, b = (f"footpath.cohort('{name}', events='{EVENTS}')" for name in "ab")
    calls = {
        "a": f"{{{{ {a} }}}}",
        "b": f"{{{{ {b} }}}}",
        "and": f"{{{{ footpath.cohort_and([{a}, {b}]) }}}}",
        "or": f"{{{{ footpath.cohort_or([{a}, {b}]) }}}}",
        "not": f"{{{{ footpath.cohort_not({a}, events='{EVENTS}') }}}}",
        "b without a": f"{{{{ footpath.cohort_not({a}, people={b}) }}}}",
        "trend": f"{{{{ footpath.trend(aggregate='people', interval='month', people={a}, events='{EVENTS}',"
        " data_until='timestamp \\'2026-01-01 00:00:00\\'') }}",
    }
    sql = compile_calls(calls)
    drawn = histories.random_choices(random.Random(3), 12)
    events = histories.history(drawn, histories.SCENES[0], "hour")
    create_events(connection, events)
    found = {
        name: {row["person_id"] for row in rows(connection, sql[name])}
        for name in calls
        if name != "trend"
    }
    everybody = {event["person_id"] for event in events}
    assert found["a"] == reference_activity.cohort(events, event="a")
    assert (
        found["a"]
        and found["b"] - found["a"]
        and found["a"] & found["b"]
        and everybody - found["b"]
    )
    assert found["and"] == found["a"] & found["b"]
    assert found["or"] == found["a"] | found["b"]
    assert found["not"] == everybody - found["a"]
    assert found["b without a"] == found["b"] - found["a"]
    kept = [event for event in events if event["person_id"] in found["a"]]
    months = {
        event["event_at"].replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        for event in kept
    }
    assert {
        row["interval_start"]: row["value"]
        for row in rows(connection, sql["trend"])
        if row["value"]
    } == {
        month: len({event["person_id"] for event in kept if event["event_at"].month == month.month})
        for month in months
    }


def test_the_marts_are_those_of_plain_loops_on_the_sample(built: Built) -> None:
    with connect(built.installation.settings.published, read_only=True) as connection:
        events = rows(
            connection,
            "select person_id::text as person_id, event_name, event_at from events"
            " where person_id is not null and not is_bot",
        )
        [(data_until,)] = connection.execute("select data_until from data_until").fetchall()
        lifecycle = rows(connection, "from lifecycle_weekly")
        days = rows(connection, "from daily_activity order by day")
        sums = connection.execute(
            "select sum(event_count), sum(session_count) from user_days"
        ).fetchone()
    expected = reference_activity.lifecycle(events, data_until=data_until)
    assert sorted((row["week"], row["status"], row["person_count"]) for row in lifecycle) == sorted(
        (start.date(), status, count) for start, status, count in expected
    )
    assert {row["week"] for row in lifecycle if not row["is_mature"]} == {
        row["week"] for row in lifecycle if row["week"] + timedelta(days=7) > data_until.date()
    }

    active: dict[str, set[date]] = defaultdict(set)
    for event in events:
        active[event["person_id"]].add(event["event_at"].date())
    first = min(day for own in active.values() for day in own)
    assert [row["day"] for row in days] == [first + timedelta(days=n) for n in range(len(days))]
    assert days[-1]["day"] >= data_until.date()
    for row in days:
        people, new, week, month = reference_activity.activity(active, row["day"])
        assert (row["active_person_count"], row["new_person_count"]) == (people, new)
        assert (row["weekly_active_person_count"], row["monthly_active_person_count"]) == (
            week,
            month,
        )
        assert row["stickiness"] == people / month
        assert row["is_mature"] == (row["day"] < data_until.date())
    assert sums == (
        sum(row["event_count"] for row in days),
        sum(row["session_count"] for row in days),
    )


def test_new_returning_and_resurrecting_people_are_the_active_ones(built: Built) -> None:
    with connect(built.installation.settings.published, read_only=True) as connection:
        of_statuses = connection.execute(
            "select week, sum(person_count) from lifecycle_weekly where status <> 'dormant' group by all order by all"
        ).fetchall()
        of_days = connection.execute(
            "select date_trunc('week', day)::date, count(distinct person_id) from user_days group by all order by all"
        ).fetchall()
        of_next_week = connection.execute(
            "select week - 7, sum(person_count) from lifecycle_weekly where status in ('returning', 'dormant')"
            " group by all order by all"
        ).fetchall()
    assert of_statuses == of_days
    # who was there in one week comes again in the next one, or is dormant
    assert of_next_week[1:] == of_statuses[:-1]


@pytest.mark.parametrize(
    ("macro", "wrong", "said"),
    [
        ("lifecycle", {"interval": "year"}, "interval is 'year'. Allowed: hour, day, week, month"),
        ("lifecycle", {"new_by": "record"}, "new_by is 'record'. Allowed: any_event, matching_event"),
        ("stickiness", {"criterion": "most"}, "criterion is 'most'. Allowed: at_least, at_most, exactly"),
        ("stickiness", {"criterion_value": 0}, "criterion_value takes whole numbers from 1 on; got 0"),
        ("cohort", {"criterion": "did"}, "criterion is 'did'. Allowed: at_least, at_most, exactly, never, first"),
        ("cohort", {"criterion_value": -1}, "criterion_value takes whole numbers from 0 on; got -1"),
        ("trend", {"aggregate": "mode"}, "aggregate is 'mode'. Allowed: count, people, sum, average, median, perc"),
        ("trend", {"aggregate": "sum"}, "aggregate sum needs a value"),
        ("trend", {"aggregate": "percentile", "value": "1", "percentile": 90}, "is a number from 0 to 1; got 90"),
        ("trend", {"formula": "A / B"}, "the formula is 'A / B'. Allowed: A, numbers and + - * / ( )"),
        ("trend", {"formula": "A; drop"}, "the formula is 'A; drop'. Allowed: A, numbers"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_an_error_that_says_what_is_allowed(
    macro: str, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(CompilationError) as error:
        compile_calls({"wrong": call(macro, **{"events": EVENTS, **wrong})})
    assert said in str(error.value)
