"""Conversion drivers, feature engagement and the catalogue are those of plain loops."""

import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pytest

from orchestration.database import connect
from tests.analyses import reference_attribution as reference
from tests.analyses.sql import CompilationError, compile_calls, create_events, rows
from tests.conftest import Built

START = datetime(2026, 1, 30, 22)
GAPS = (0, 0, 1, 60, 3599, 3600, 3601, 86400)
NAMES = ("Start", "Target", "a", "b", "c")
DRIVERS = [
    (start, target, window)
    for start, target in (("Start", "Target"), ("Start", "Start"))
    for window in (None, 0, 60, 3600)
]


@cache
def compiled() -> dict[str, str]:
    calls = {
        f"drivers {number}": "{{ footpath.conversion_drivers("
        f"'{start}', '{target}', window_seconds={window or (0 if window == 0 else 'none')}, events='case_events') }}}}"
        for number, (start, target, window) in enumerate(DRIVERS)
    }
    calls |= {
        "plans": "{{ footpath.conversion_drivers('Start', 'Target', driver=footpath.json_member('properties', 'plan'),"
        " events='case_events') }}",
        "uses": "{{ footpath.feature_engagement(interval='month', events='case_events') }}",
        "days": "{{ footpath.feature_engagement(measure='days', interval='month', events='case_events') }}",
        "named": "{{ footpath.feature_engagement(['a', {'event': 'b', 'where': \"session_id = 's'\", 'name': 'B'}],"
        " date_from='2026-01-30', date_to='2026-01-30', timezone='Europe/Berlin', events='case_events') }}",
        "sample": "{{ footpath.conversion_drivers('Signed Up', 'Subscription Started') }}",
        "sample, wide": "{{ footpath.conversion_drivers("
        "'Signed Up', {'event': 'Subscription Started', 'where': 'true'}) }}",
    }
    return compile_calls(calls)


def history(seed: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    events: list[dict[str, Any]] = []
    for person in range(rng.randrange(1, 12)):
        at = START
        for _ in range(rng.randrange(1, 10)):
            at += timedelta(seconds=rng.choice(GAPS))
            events.append(
                {
                    "event_key": f"{rng.randrange(100):02}-{len(events):03}",
                    "person_id": f"p{person}",
                    "event_name": rng.choice(NAMES),
                    "event_at": at,
                    "session_id": rng.choice(["s", None]),
                    "properties": {"plan": rng.choice(["team", "free"])},
                }
            )
    return events


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        yield connection


def test_drivers_are_those_of_plain_loops(memory: duckdb.DuckDBPyConnection) -> None:
    for seed in range(12):
        events = history(seed)
        create_events(memory, events)
        for number, (start, target, window) in enumerate(DRIVERS):
            found = rows(memory, compiled()[f"drivers {number}"])
            assert {
                row["driver"]: (
                    row["converters_with"],
                    row["droppers_with"],
                    row["converter_count"],
                    row["dropper_count"],
                )
                for row in found
            } == reference.drivers(events, start, target, window), (seed, start, target, window)
            for row in found:
                check_ratios(row)


def check_ratios(row: dict[str, Any]) -> None:
    did, dropped = row["converters_with"], row["droppers_with"]
    converters, droppers = row["converter_count"], row["dropper_count"]
    odds = ((did + 1) * (droppers - dropped + 1)) / ((converters - did + 1) * (dropped + 1))
    assert row["odds_ratio"] == pytest.approx(odds, abs=1e-12)
    without = converters - did + droppers - dropped
    if without == 0:
        assert row["risk_difference"] is row["risk_difference_low"] is None
        return
    with_rate, without_rate = did / (did + dropped), (converters - did) / without
    low_1, high_1 = wilson(did, did + dropped)
    low_0, high_0 = wilson(converters - did, without)
    difference = with_rate - without_rate
    low = difference - math.hypot(with_rate - low_1, high_0 - without_rate)
    high = difference + math.hypot(high_1 - with_rate, without_rate - low_0)
    assert row["risk_difference"] == pytest.approx(difference, abs=1e-9)
    assert row["risk_difference_low"] == pytest.approx(low, abs=1e-7)
    assert row["risk_difference_high"] == pytest.approx(high, abs=1e-7)
    assert -1 - 1e-7 <= row["risk_difference_low"] <= row["risk_difference_high"] <= 1 + 1e-7


def wilson(count: int, total: int) -> tuple[float, float]:
    """Solve (p - rate)^2 = z^2 p (1 - p) / n for p."""
    z, rate = 1.959963984540054, count / total
    a, b, c = 1 + z * z / total, -2 * rate - z * z / total, rate * rate
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def test_a_known_interval() -> None:
    # 56 of 70 against 48 of 80: Newcombe (1998), method 10, first example.
    low_1, high_1 = wilson(56, 70)
    low_0, high_0 = wilson(48, 80)
    assert 0.2 - math.hypot(0.8 - low_1, high_0 - 0.6) == pytest.approx(0.0524, abs=1e-4)
    assert 0.2 + math.hypot(high_1 - 0.8, 0.6 - low_0) == pytest.approx(0.3339, abs=1e-4)


def test_features_are_those_of_plain_loops(memory: duckdb.DuckDBPyConnection) -> None:
    for seed in range(6):
        events = history(seed)
        create_events(memory, events)
        for measure in ("uses", "days"):
            expected = reference.engagement(events, days=measure == "days")
            found = {
                ((row["interval_start"].year, row["interval_start"].month), row["feature"]): row
                for row in rows(memory, compiled()[measure])
            }
            assert found.keys() == expected.keys()
            for key, (active, people, uses, days, score) in expected.items():
                row = found[key]
                assert (row["active_person_count"], row["person_count"]) == (active, people)
                assert (row["use_count"], row["day_count"]) == (uses, days)
                assert row["engagement_score"] == pytest.approx(score)
                average = row["average_uses" if measure == "uses" else "average_days"]
                assert row["engagement_score"] == pytest.approx(row["usage_rate"] * average)


def test_features_may_be_named_and_ranges_are_of_local_days(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    # 30 January in Berlin ends at 23:00 UTC.
    story = [("p", "a", 22, "s"), ("p", "b", 22, None), ("q", "b", 22, "s"), ("q", "a", 23, "s")]
    create_events(
        memory,
        [
            {
                "person_id": person,
                "event_name": name,
                "session_id": session,
                "event_at": datetime(2026, 1, 30, hour),
            }
            for person, name, hour, session in story
        ],
    )
    found = rows(memory, compiled()["named"])
    assert {(row["feature"], row["use_count"], row["usage_rate"]) for row in found} == {
        ("a", 1, 0.5),
        ("B", 1, 0.5),
    }
    assert {row["interval_start"] for row in found} == {None}


def test_drivers_may_be_values(memory: duckdb.DuckDBPyConnection) -> None:
    create_events(memory, history(3))
    assert {row["driver"] for row in rows(memory, compiled()["plans"])} <= {"team", "free"}


@pytest.mark.parametrize(
    ("wrong", "allowed"),
    [
        ("footpath.feature_engagement(measure='hours')", "uses, days"),
        ("footpath.feature_engagement(interval='hour')", "day, week, month"),
        ("footpath.feature_engagement([{'where': 'true'}])", "needs a name"),
        ("footpath.conversion_drivers({'evnt': 'a'}, 'b')", "event, filter, where"),
    ],
)
def test_a_wrong_argument_says_what_is_allowed(wrong: str, allowed: str) -> None:
    with pytest.raises(CompilationError, match=allowed):
        compile_calls({"wrong": "{{ " + wrong + " }}"})


def test_the_numbers_of_the_sample_agree(built: Built) -> None:
    with connect(built.installation.settings.warehouse, read_only=True) as connection:
        events = rows(
            connection,
            "select event_key::text as event_key, person_id::text as person_id, event_name, event_at, event_type"
            " from events where is_counted and person_id is not null",
        )
        expected = reference.drivers(events, "Signed Up", "Subscription Started", None)
        for name in ("sample", "sample, wide"):
            assert (
                {
                    row["driver"]: (
                        row["converters_with"],
                        row["droppers_with"],
                        row["converter_count"],
                        row["dropper_count"],
                    )
                    for row in rows(connection, compiled()[name])
                }
                == expected
                != {}
            )
        used = [
            event
            for event in events
            if event["event_type"] not in ("identify", "group", "alias", "heartbeat")
        ]
        features = reference.engagement(used, days=False)
        found = rows(connection, "select * from feature_engagement")
        assert {
            ((row["month"].year, row["month"].month), row["event_name"]): row["use_count"]
            for row in found
        } == {key: uses for key, (_, _, uses, _, _) in features.items()}
        [sums] = connection.execute(
            "select (select sum(event_count) from event_catalog), (select count(*) from events),"
            " (select count(distinct event_name) from events), (select count(*) from event_catalog)"
        ).fetchall()
        assert sums[0] == sums[1]
        assert sums[2] == sums[3]
