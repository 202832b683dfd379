"""Retention is that of plain loops on random histories, with every option and their combinations."""

import random
from collections.abc import Iterable
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

FIRST: dict[str, list[Any]] = {
    "cohort": ["recurring", "first_time", "first_ever"],
    "clock": ["calendar", "rolling"],
    "returned": ["on", "on_or_after", "on_or_before", [1, 3, 2]],
}
WEIGHTINGS = ("pooled", "double", None)
PAIRS: list[dict[str, Any]] = [
    {"start": "a"},
    {"start": "a", "returning": "b"},
    {"start": {"event": "a", "filter": {"plan": ["x"]}}, "returning": {}},
]


def sampled(count: int = 72) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    """Each cohort, clock and return rule with each other; the further options at random."""
    rng = random.Random(5)
    found = []
    for number in range(count):
        scene = histories.SCENES[number % len(histories.SCENES)]
        period = rng.choice(["hour", "day", "day", "week", "month"])
        options: dict[str, Any] = {
            **rng.choice(PAIRS),
            "period": period,
            "timezone": scene[0],
            "week_start": rng.choice(["monday", "sunday"]),
            "intervals": rng.choice([3, 5, 5, None]),
            "date_from": rng.choice([None, scene[1], histories.day_of_range(rng, scene, period)]),
            "date_to": rng.choice([None, None, histories.day_of_range(rng, scene, period)]),
            "min_occurrences": rng.choice([1, 1, 2]),
            "data_until": histories.moment(rng, scene, period),
            "clip_to_range": rng.choice([None, None, True, False]),
        }
        if rng.random() < 0.8:
            step = number
            for name, values in FIRST.items():
                options[name] = values[step % len(values)]
                step //= len(values)
        else:
            options["preset"] = rng.choice(["posthog", "mixpanel", "amplitude"])
            if rng.random() < 0.5:
                name = rng.choice(list(FIRST))
                options[name] = rng.choice(FIRST[name])
        if rng.random() < 0.4:
            options |= {"value": True, "value_aggregation": rng.choice(["sum", "average"])}
        if rng.random() < 0.2:
            options["floor_to_hour"] = rng.choice([True, False])
        found.append((scene, options))
    return found


OPTIONS = sampled()


@cache
def compiled() -> dict[str, str]:
    """Return the SQL of every sampled call by its number, and of the averages over `cells`."""
    calls = {}
    for number, (_, options) in enumerate(OPTIONS):
        arguments = dict(options, events=EVENTS)
        if arguments.pop("value", False):
            arguments["value"] = "cast(amount as decimal(18, 2))"
        calls[str(number)] = call("retention", **arguments)
    for weighting in WEIGHTINGS:
        calls[f"average {weighting}"] = call(
            "retention_average", retention="cells", weighting=weighting
        )
    return compile_calls(calls)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    return connection


def check(
    connection: duckdb.DuckDBPyConnection, number: int, drawn: list[histories.Choice]
) -> list[reference_activity.Row]:
    """Compare one call on one history; return what plain loops say."""
    scene, options = OPTIONS[number]
    events = histories.history(drawn, scene, options["period"])
    create_events(connection, events, columns=["amount"])
    found = rows(connection, compiled()[str(number)])
    expected = reference_activity.retention(events, **options)
    assert in_order(
        (
            row["cohort_start"], row["period_number"], row["cohort_size"], row["person_count"],
            row["is_mature"], row.get("value"), row["retention_rate"],
        )
        for row in found
    ) == in_order((*row, rate(row[2], row[3])) for row in expected), options  # fmt: skip
    return expected


def rate(size: int, people: int | None) -> float | None:
    return people / size if size and people is not None else None


def in_order(found: Iterable[tuple[Any, ...]]) -> list[str]:
    """Rows as texts: with a null in some, they have no order; an hour that comes twice is two equal starts."""
    return sorted(
        str([float(one) if isinstance(one, Decimal) else one for one in row]) for row in found
    )


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(st.integers(0, len(OPTIONS) - 1), histories.choices())
def test_retention_is_that_of_plain_loops(
    connection: duckdb.DuckDBPyConnection, number: int, drawn: list[histories.Choice]
) -> None:
    check(connection, number, drawn)


@pytest.mark.long
@settings(max_examples=3000, deadline=None, database=None)
@given(st.integers(0, len(OPTIONS) - 1), histories.choices())
def test_retention_is_that_of_plain_loops_on_many_histories(
    connection: duckdb.DuckDBPyConnection, number: int, drawn: list[histories.Choice]
) -> None:
    check(connection, number, drawn)


def test_each_option_on_a_full_history_and_its_averages(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rng = random.Random(6)
    averaged = 0
    for number in range(len(OPTIONS)):
        expected = check(connection, number, histories.random_choices(rng, 80))
        if number % 4 == 0:
            connection.execute(f"create or replace table cells as {compiled()[str(number)]}")
            for weighting in WEIGHTINGS:
                found = rows(connection, compiled()[f"average {weighting}"])
                averages = reference_activity.average(expected, weighting)
                assert {row["period_number"]: row["retention_rate"] for row in found} == (
                    pytest.approx(averages, abs=1e-9)
                )
                averaged += len(averages)
    assert averaged


def test_the_sample_gives_the_same_through_the_models(built: Built) -> None:
    with connect(built.installation.settings.published, read_only=True) as connection:
        events = rows(
            connection,
            "select person_id::text as person_id, event_name, event_at from events"
            " where person_id is not null and not is_bot",
        )
        [(data_until,)] = connection.execute("select data_until from data_until").fetchall()
        found = rows(connection, "from retention_weekly")
    expected = reference_activity.retention(
        events, start=None, data_until=data_until, intervals=None
    )
    assert in_order(
        (
            row["cohort_week"], row["week_number"], row["cohort_size"], row["returned_person_count"],
            row["is_mature"], row["retention_rate"],
        )
        for row in found
    ) == in_order(
        (start.date(), week, size, people, mature, rate(size, people))
        for start, week, size, people, mature, _ in expected
        if size
    )  # fmt: skip


def test_column_0_is_the_cohort_whatever_the_options(built: Built) -> None:
    """On the sample: the people of a recurring cohort are those of the trend, first_ever adds up to everybody."""
    calls = {
        f"{cohort} {clock} {returned}": call(
            "retention", start="page", cohort=cohort, clock=clock, returned=returned, intervals=None
        )
        for cohort in FIRST["cohort"]
        for clock in FIRST["clock"]
        for returned in ("on", "on_or_after")
    }
    compiled_calls = compile_calls(calls)
    with connect(built.installation.settings.warehouse, read_only=True) as connection:
        people = dict(
            connection.execute(
                "select date_trunc('week', event_at), count(distinct person_id) from main_internal.event_links"
                " where event_name = 'page' and is_counted group by all"
            ).fetchall()
        )
        [(everybody,)] = connection.execute(
            "select count(distinct person_id) from main_internal.event_links"
            " where event_name = 'page' and is_counted"
        ).fetchall()
        for name, sql in compiled_calls.items():
            first = [row for row in rows(connection, sql) if row["period_number"] == 0]
            assert all(row["cohort_size"] == row["person_count"] for row in first)
            if name.startswith("recurring"):
                assert {row["cohort_start"]: row["cohort_size"] for row in first} == people
            else:
                assert sum(row["cohort_size"] for row in first) == everybody


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cohort": "weekly"}, "cohort is 'weekly'. Allowed: recurring, first_time, first_ever"),
        ({"clock": "lunar"}, "clock is 'lunar'. Allowed: calendar, rolling"),
        ({"returned": "later"}, "returned is 'later'. Allowed: on, on_or_after, on_or_before"),
        ({"returned": [1, 0]}, "returned takes whole numbers from 1 on; got 0"),
        ({"period": "year"}, "period is 'year'. Allowed: hour, day, week, month"),
        ({"preset": "heap"}, "preset is 'heap'. Allowed: None, posthog, mixpanel, amplitude"),
        ({"min_occurrences": 0}, "min_occurrences takes whole numbers from 1 on; got 0"),
        ({"value_aggregation": "max"}, "value_aggregation is 'max'. Allowed: sum, average"),
        ({"start": {"evnt": "a"}}, "an event has no 'evnt'"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_what_is_allowed(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(CompilationError) as error:
        compile_calls({"wrong": call("retention", **{"events": EVENTS, **wrong})})
    assert said in str(error.value)
