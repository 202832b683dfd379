import socket
from typing import Any

import duckdb
import pytest

from expectations.runner import CheckResult, run_suite
from expectations.suite import Suite


def run(connection: duckdb.DuckDBPyConnection, *checks: dict[str, Any]) -> list[CheckResult]:
    common = {"severity": "warning", "description": "A check."}
    suite = Suite.model_validate(
        {
            "name": "test",
            "gate": 2,
            "relation": "users",
            "owner": "me",
            "checks": [{**common, "name": f"check_{n}", **check} for n, check in enumerate(checks)],
        }
    )
    return run_suite(connection, suite)


def test_a_value_check_counts_rows_and_shows_values(warehouse: duckdb.DuckDBPyConnection) -> None:
    (result,) = run(
        warehouse,
        {
            "expectation": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "event_count", "value_set": [3]},
        },
    )
    assert not result.success
    assert result.observed == "1 of 2 rows"
    assert result.failing == [{"event_count": 1}]
    assert (result.suite, result.owner, result.severity) == ("test", "me", "warning")
    assert result.seconds > 0


def test_mostly_forgives_a_share(warehouse: duckdb.DuckDBPyConnection) -> None:
    check = {"expectation": "ExpectColumnValuesToNotBeNull"}
    strict, lenient = run(
        warehouse,
        {**check, "kwargs": {"column": "user_id"}},
        {**check, "kwargs": {"column": "user_id", "mostly": 0.5}},
    )
    assert (strict.success, lenient.success) == (False, True)
    assert strict.failing[0]["event_count"] == 1
    assert lenient.failing == []


def test_failing_rows_are_counted_in_full_and_shown_up_to_twenty(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute("insert into users (user_id) select 'x' from range(1000)")
    rows, nulls, values = run(
        warehouse,
        {"unexpected_rows": "select user_id from {batch} where person_id is null"},
        {
            "expectation": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "person_id"},
        },
        {
            "expectation": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "user_id", "value_set": ["ann"]},
        },
    )
    assert rows.observed == "1,000 rows: user_id x"
    assert nulls.observed == "1,000 of 1,002 rows"
    assert values.observed == "1,000 of 1,002 rows"
    assert [len(result.failing) for result in (rows, nulls, values)] == [20, 20, 20]


def test_a_query_may_hold_what_great_expectations_reads_as_its_own(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    (result,) = run(
        warehouse,
        {
            "unexpected_rows": """
            select ':ab:c' as colon, '{}' as braces, '100 %s' as percent, e'\\\\:b' as slash,
                format('{:,}', 1000::bigint) as thousand, user_id::varchar as id
            from {batch} as person join {sessions} as session using (person_id)
            where regexp_matches(user_id, '^[a-z]{3}$') -- a comment
            """
        },
    )
    assert result.failing[0] == {
        "colon": ":ab:c",
        "braces": "{}",
        "percent": "100 %s",
        "slash": "\\:b",
        "thousand": "1,000",
        "id": "ann",
    }
    assert result.observed.startswith("2 rows: colon :ab:c, braces {}, percent 100 %s")


def test_a_check_that_cannot_run_fails_with_the_reason_and_spoils_no_other(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    results = run(
        warehouse,
        {"expectation": "expect_column_values_to_not_be_null", "kwargs": {"column": "nobody"}},
        {"unexpected_rows": "select nothing from {batch}"},
        {"expectation": "expect_good_luck"},
        {"expectation": "expect_column_values_to_not_be_null", "kwargs": {"colum": "person_id"}},
        {"expectation": "expect_column_values_to_not_be_null", "kwargs": {"column": "person_id"}},
    )
    assert [result.success for result in results] == [False, False, False, False, True]
    column, query, name, argument, _ = (result.observed for result in results)
    assert column.startswith("could not be checked: ")
    assert "nobody" in column
    assert "nothing" in query
    assert "correct the name in the suite" in name
    assert "colum" in argument


def test_a_missing_table_fails_every_check(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("drop table users")
    (result,) = run(
        warehouse,
        {"expectation": "expect_column_values_to_not_be_null", "kwargs": {"column": "person_id"}},
    )
    assert not result.success
    assert "users does not exist" in result.observed


def test_a_run_opens_no_network_connection(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: calls.append(arguments))
    (result,) = run(warehouse, {"unexpected_rows": "select 1 from {batch} where false"})
    assert result.success
    assert calls == []


def test_a_run_prints_nothing(
    warehouse: duckdb.DuckDBPyConnection, capfd: pytest.CaptureFixture[str]
) -> None:
    run(warehouse, {"unexpected_rows": "select 1 from {batch}"})
    assert capfd.readouterr() == ("", "")
