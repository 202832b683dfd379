"""From tables to check results: one failed result a cause, one that succeeds when it is gone."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pytest

from expectations.anomalies import AnomalySettings, check_anomalies, load_settings, read_history
from expectations.anomalies.checks import JUDGED
from expectations.suite import SuiteError
from orchestration import results
from orchestration.database import connect

START = datetime(2026, 1, 5)
HOURS = 10 * 168


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Make the tables of models/marts/quality, for ten weeks of one source with three events."""
    connection = connect()
    connection.execute(
        """
        create table data_until as select timestamp '2026-03-16 00:00:00' as data_until;
        create table event_hours (
            source varchar, event_name varchar, hour timestamp, day date, event_count bigint, actor_count bigint,
            bot_event_count bigint
        );
        create table property_days (
            source varchar, event_name varchar, day date, is_in_properties boolean, property varchar,
            event_count bigint, filled_count bigint
        );
        create table received_hours (
            source varchar, hour timestamp, event_count bigint, duplicate_count bigint, quarantined_count bigint
        );
        create table funnel_days (
            funnel varchar, day date, entered_count bigint, converted_count bigint, is_mature boolean
        );
        """
    )
    rng = np.random.default_rng(5)
    hours = [START + timedelta(hours=hour) for hour in range(HOURS)]
    rows = [
        ("web", name, hour, hour.date(), int(count), int(count), 0)
        for name in ("page", "opened", "saved")
        for hour, count in zip(hours, rng.poisson(60, HOURS), strict=True)
    ]
    connection.executemany("insert into event_hours values (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute(
        """
        insert into received_hours select source, hour, sum(event_count), 0, 0 from event_hours group by all;
        insert into property_days
        select source, event_name, day, true, 'plan', sum(event_count), sum(event_count) from event_hours group by all;
        insert into funnel_days select 'checkout', day, 100, 50, true from event_hours group by day;
        """
    )
    yield connection
    connection.close()


def lose_pages(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create table kept as select * from event_hours")
    connection.execute(
        "delete from event_hours where event_name = 'page' and hour between '2026-03-12' and '2026-03-14'"
    )


def test_usual_counts_leave_one_result_and_an_empty_table(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    (result,) = check_anomalies(warehouse)
    assert (result.suite, result.check_name, result.success) == ("anomalies", JUDGED, True)
    assert result.observed == "0 anomalies of 0 causes"
    assert warehouse.execute("select count(*) from anomalies").fetchall() == [(0,)]


def test_a_cause_is_one_failed_warning_that_says_what_was_expected(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    lose_pages(warehouse)
    judged, result = check_anomalies(warehouse, owners={"web": "growth"})
    assert judged.success
    assert (result.check_name, result.relation, result.severity) == (
        "web/page",
        "anomalies",
        "warning",
    )
    assert not result.success
    assert result.owner == "growth"
    assert result.observed.startswith("page: ")
    assert "events from 2026-03-1" in result.observed
    assert ", expected " in result.observed
    rows = warehouse.execute("select distinct source, cause_key from anomalies").fetchall()
    assert rows == [("web", "web/page")]
    ((low, seen, high),) = warehouse.execute(
        "select lower, observed, upper from anomalies where metric = 'volume' order by score desc limit 1"
    ).fetchall()
    assert seen < low < high


def test_a_cause_that_is_gone_succeeds_once_so_that_its_alert_resolves(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    lose_pages(warehouse)
    results.record(warehouse, "1", check_anomalies(warehouse), datetime(2026, 3, 16))
    state = "select state from alerts where alert_key = 'anomalies.web/page.anomalies'"
    assert warehouse.execute(state).fetchall() == [("open",)]
    # the hours are filled by a late file
    warehouse.execute("create or replace table event_hours as select * from kept")
    found = check_anomalies(warehouse)
    assert [(one.check_name, one.success) for one in found] == [(JUDGED, True), ("web/page", True)]
    results.record(warehouse, "2", found, datetime(2026, 3, 17))
    assert warehouse.execute(state).fetchall() == [("resolved",)]
    assert [one.check_name for one in check_anomalies(warehouse)] == [JUDGED]


def test_tables_that_cannot_be_read_are_a_failed_check_that_says_why(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute("drop table event_hours")
    (result,) = check_anomalies(warehouse)
    assert not result.success
    assert "event_hours" in result.observed


def test_the_order_of_the_rows_changes_nothing(warehouse: duckdb.DuckDBPyConnection) -> None:
    lose_pages(warehouse)
    first = [one.observed for one in check_anomalies(warehouse)]
    for table in ("event_hours", "property_days", "received_hours"):
        warehouse.execute(
            f"create or replace table {table} as select * from {table} order by hash({table})"
        )
    assert [one.observed for one in check_anomalies(warehouse)] == first


def test_without_events_nothing_is_judged(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("update data_until set data_until = null")
    assert read_history(warehouse, "main", 10) is None
    assert [one.success for one in check_anomalies(warehouse)] == [True]


def test_the_shipped_settings_are_the_defaults_and_a_wrong_key_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert load_settings() == AnomalySettings()
    path = tmp_path / "anomalies.yml"
    path.write_text("scoer: 4\n")
    with pytest.raises(
        SuiteError, match=r"anomalies.yml: scoer: unknown key: .*did you mean .score"
    ):
        load_settings(path)
