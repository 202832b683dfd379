"""Credits are those of plain loops with fractions, and add up to exactly the conversions and their value."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.database import connect
from tests.analyses import reference_attribution as reference
from tests.analyses.sql import CompilationError, call, compile_calls, rows
from tests.conftest import Built

END = datetime(2026, 3, 1, 12)
LOOKBACK = 30 * 86400
WEEK = 7 * 86400
AGES = (-1, 0, 0, 1, 3600, WEEK, 2 * WEEK, LOOKBACK - 1, LOOKBACK, LOOKBACK + 1, 3 * LOOKBACK)
CHANNELS = ("Direct", "Email", "Organic Search", "Paid Search", None)
VALUES = (None, "0", "100", "99.99", "0.0001", "-20.5", "1234567.8901")
SHORT = {"lookback_seconds": 2 * WEEK, "half_life_seconds": 3600, "scale": 2}


def attribution(**options: Any) -> str:
    """Write a call that reads the two tables of these tests."""
    return call(
        "attribution", conversions="given_conversions", sessions="given_sessions", **options
    )


@cache
def compiled() -> dict[str, str]:
    return compile_calls(
        {
            "default": attribution(),
            "short": attribution(**SHORT),
            "linear": attribution(models=["linear"], channel="upper(channel)"),
            "range": attribution(date_from="2026-03-01", date_to="2026-03-01T12:00:00Z"),
            "people": attribution(people="select 'p0' as person_id"),
            "sample": call("attribution"),
        }
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Conversions and sessions of some people, at the edges of the lookback and with ties."""
    conversions: list[dict[str, Any]] = []
    sessions: list[dict[str, Any]] = []
    for person in range(draw(st.integers(1, 3))):
        for name, later, value in draw(
            st.lists(
                st.tuples(
                    st.sampled_from(["Paid", "Signed Up"]),
                    st.sampled_from([0, 0, 60, WEEK]),
                    st.sampled_from(VALUES),
                ),
                max_size=3,
            )
        ):
            conversions.append(
                {
                    "event_key": f"e{len(conversions)}",
                    "person_id": f"p{person}",
                    "event_name": name,
                    "value": None if value is None else Decimal(value),
                    "converted_at": END + timedelta(seconds=later),
                }
            )
        for age, channel in draw(
            st.lists(st.tuples(st.sampled_from(AGES), st.sampled_from(CHANNELS)), max_size=7)
        ):
            sessions.append(
                {
                    "session_id": f"s{draw(st.integers(0, 9))}-{len(sessions)}",
                    "person_id": f"p{person}",
                    "channel": channel,
                    "started_at": END - timedelta(seconds=age),
                }
            )
    return conversions, sessions


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        connection.execute(
            "create table given_conversions (event_key varchar, person_id varchar, event_name varchar,"
            " value decimal(28, 4), converted_at timestamp)"
        )
        connection.execute(
            "create table given_sessions (session_id varchar, person_id varchar, channel varchar, started_at timestamp)"
        )
        yield connection


def fill(connection: duckdb.DuckDBPyConnection, table: str, given: list[dict[str, Any]]) -> None:
    connection.execute(f"delete from {table}")
    if given:
        places = ", ".join("(" + ", ".join("?" * len(given[0])) + ")" for _ in given)
        connection.execute(
            f"insert into {table} values {places}",
            [value for row in given for value in row.values()],
        )


def compare(
    found: list[dict[str, Any]],
    conversions: list[dict[str, Any]],
    sessions: list[dict[str, Any]],
    lookback: int,
    half_life: int,
    scale: int,
) -> None:
    unit = Decimal(1).scaleb(-scale)
    effects = reference.removal_effects(conversions, sessions, lookback)
    by_conversion: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        by_conversion[row["model"], row["event_key"]].append(row)
    assert set(by_conversion) == {
        (model, conversion["event_key"]) for model in reference.MODELS for conversion in conversions
    }
    for conversion in conversions:
        touches = reference.touches_of(conversion, sessions, lookback)
        value = conversion["value"]
        for model in reference.MODELS:
            credits = by_conversion[model, conversion["event_key"]]
            assert sum(row["conversion_credit"] for row in credits) == 1, credits
            if value is None:
                assert {row["value_credit"] for row in credits} == {None}
            else:
                assert sum(row["value_credit"] for row in credits) == value.quantize(unit), credits
            if not touches:
                assert [row["channel"] for row in credits] == ["unattributed"]
                continue
            by_session = {row["session_id"]: row for row in credits}
            parts = reference.shares(model, conversion, touches, half_life, effects)
            for number, (touch, part) in enumerate(zip(touches, parts, strict=True), 1):
                # Half a unit by rounding; the last touch has what all roundings left.
                allowed = unit * (len(touches) if number == len(touches) else 1)
                session = touch["session_id"]
                credit_row = by_session.pop(session) if session in by_session else None
                expected = [part, part * Fraction(value or 0)]
                got = [Decimal(0), Decimal(0)]
                if credit_row:
                    got = [
                        credit_row["conversion_credit"],
                        credit_row["value_credit"] or Decimal(0),
                    ]
                    place = (credit_row["channel"], credit_row["touch_number"])
                    assert place == (touch["channel"], number)
                for credit, exact in zip(got, expected, strict=True):
                    assert abs(Fraction(credit) - exact) <= Fraction(allowed) + abs(exact) / 10**8
            assert not by_session


@settings(max_examples=40, deadline=None, database=None)
@given(history=histories())
def test_credits_are_those_of_plain_loops(
    memory: duckdb.DuckDBPyConnection, history: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    conversions, sessions = history
    fill(memory, "given_conversions", conversions)
    fill(memory, "given_sessions", sessions)
    compare(rows(memory, compiled()["default"]), conversions, sessions, LOOKBACK, WEEK, 4)
    compare(rows(memory, compiled()["short"]), conversions, sessions, 2 * WEEK, 3600, 2)


def story(memory: duckdb.DuckDBPyConnection, channels: str, *ages: int) -> None:
    """One conversion of 100 and sessions so many days before it, named by letters; D is a direct visit."""
    paid = {
        "event_key": "e",
        "person_id": "p0",
        "event_name": "Paid",
        "value": 100,
        "converted_at": END,
    }
    other = {"event_key": "f", "person_id": "p1", "value": 7, "converted_at": datetime(2026, 2, 1)}
    fill(memory, "given_conversions", [paid, {**paid, **other}])
    fill(
        memory,
        "given_sessions",
        [
            {
                "session_id": f"s{place}",
                "person_id": "p0",
                "channel": "Direct" if letter == "D" else letter,
                "started_at": END - timedelta(days=age),
            }
            for place, (letter, age) in enumerate(zip(channels, ages, strict=True))
        ],
    )


def last_non_direct(found: list[dict[str, Any]]) -> dict[str, Any]:
    [only] = [row for row in found if row["model"] == "last_non_direct" and row["event_key"] == "e"]
    return only


def credits(found: list[dict[str, Any]], model: str) -> list[Decimal]:
    own = [row for row in found if row["model"] == model and row["event_key"] == "e"]
    return [row["value_credit"] for row in sorted(own, key=lambda row: row["touch_number"])]


def test_the_models_in_one_example(memory: duckdb.DuckDBPyConnection) -> None:
    story(memory, "ABCD", 21, 14, 7, 0)
    found = rows(memory, compiled()["default"])
    assert credits(found, "first") == [100]
    assert credits(found, "last") == [100]
    assert last_non_direct(found)["channel"] == "C"
    assert credits(found, "linear") == [25, 25, 25, 25]
    assert credits(found, "position") == [40, 10, 10, 40]
    assert credits(found, "time_decay") == [
        Decimal(text) for text in ("6.6667", "13.3333", "26.6667", "53.3333")
    ]
    story(memory, "ABC", 3, 2, 1)
    found = rows(memory, compiled()["default"])
    assert credits(found, "linear") == [Decimal(text) for text in ("33.3333", "33.3333", "33.3334")]
    story(memory, "DD", 3, 2)
    found = rows(memory, compiled()["default"])
    assert credits(found, "position") == [50, 50]
    assert last_non_direct(found)["touch_number"] == 2


def test_a_range_and_a_cohort_choose_conversions(memory: duckdb.DuckDBPyConnection) -> None:
    story(memory, "AB", 3, 1)
    assert {row["event_key"] for row in rows(memory, compiled()["default"])} == {"e", "f"}
    assert {row["event_key"] for row in rows(memory, compiled()["range"])} == {"e"}
    assert {row["event_key"] for row in rows(memory, compiled()["people"])} == {"e"}
    story(memory, "ab", 3, 1)
    assert {row["channel"] for row in rows(memory, compiled()["linear"])} == {
        "A",
        "B",
        "unattributed",
    }


def test_a_wrong_model_is_an_error() -> None:
    with pytest.raises(CompilationError, match="last_non_direct, linear, position"):
        compile_calls({"wrong": "{{ footpath.attribution(models=['best']) }}"})
    with pytest.raises(CompilationError, match="a list of first, last"):
        compile_calls({"wrong": "{{ footpath.attribution(models='last') }}"})


@pytest.mark.parametrize("lookback", ["30 days", -1])
def test_a_wrong_lookback_is_an_error(lookback: object) -> None:
    with pytest.raises(CompilationError, match=rf"lookback_seconds is '{lookback}'\. Allowed: sec"):
        compile_calls({"wrong": attribution(lookback_seconds=lookback)})


def test_the_sums_of_the_sample_agree(built: Built) -> None:
    with connect(built.installation.settings.warehouse, read_only=True) as connection:
        conversions = rows(
            connection,
            "select event_key::text as event_key, person_id::text as person_id, event_name, value, converted_at"
            " from conversions",
        )
        [(counted, in_days)] = connection.execute(
            "select (select sum(conversion_count) from users), (select sum(conversion_count) from user_days)"
        ).fetchall()
        assert len(conversions) == counted == in_days > 0
        [(value,)] = connection.execute("select sum(value) from conversions").fetchall()
        assert value > 0
        sums = connection.execute(
            "select model, sum(conversion_credit), sum(value_credit) from channel_attribution group by model"
        ).fetchall()
        assert {model for model, _, _ in sums} == set(reference.MODELS)
        assert all(row[1:] == (counted, value) for row in sums), sums

        sessions = rows(
            connection,
            "select session_id::text as session_id, person_id::text as person_id, channel, started_at from sessions",
        )
        found = rows(connection, compiled()["sample"])
        for row in found:
            row["event_key"] = str(row["event_key"])
            row["session_id"] = row["session_id"] and str(row["session_id"])
        compare(found, conversions, sessions, LOOKBACK, WEEK, 4)
        again = [sorted(map(str, rows(connection, compiled()["sample"]))) for _ in range(2)]
        assert again[0] == again[1]
