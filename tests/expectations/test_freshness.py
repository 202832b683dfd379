"""Freshness: a source with a limit is told of when its newest receipt is older, also by a run with nothing new."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations.freshness import check_freshness
from orchestration.database import connect
from orchestration.sources import SourcesError, parse_sources
from tests.installation import Installation, call

#: The latest receipt of tables.sql.
NEWEST = datetime(2026, 1, 2, 14)


def test_a_receipt_may_be_as_old_as_the_limit(warehouse: duckdb.DuckDBPyConnection) -> None:
    limits = {"web": timedelta(hours=26)}
    edge = NEWEST + timedelta(hours=26)
    (on_time,) = check_freshness(warehouse, limits, edge)
    (late,) = check_freshness(
        warehouse, limits, edge + timedelta(seconds=1), owners={"web": "shop"}
    )
    assert (on_time.success, late.success) == (True, False)
    assert (late.severity, late.owner, late.relation) == ("warning", "shop", "raw.web")
    assert late.observed == "the newest receipt is of 2026-01-02 14:00 UTC, 1 d 2 h ago"
    assert "within 1 d 2 h" in late.description


def test_a_receipt_that_lies_in_the_future_is_of_the_time_of_loading(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute("update event_rows set available_at = '2099-01-01' where event_id = 'e6'")
    at = datetime(2026, 1, 3)
    limits = {"web": timedelta(days=1)}
    assert check_freshness(warehouse, limits, at + timedelta(days=1))[0].success
    assert not check_freshness(warehouse, limits, at + timedelta(days=1, seconds=1))[0].success


def test_a_source_of_which_nothing_came_is_not_fresh_and_one_without_a_limit_not_asked(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    (result,) = check_freshness(warehouse, {"app": timedelta(days=1)}, NEWEST)
    assert (result.success, result.observed) == (False, "nothing was received yet")
    assert check_freshness(warehouse, {}, NEWEST) == []
    (broken,) = check_freshness(warehouse, {"web": timedelta(days=1)}, NEWEST, rows="nowhere")
    assert not broken.success
    assert broken.observed.startswith("could not be checked: ")


@pytest.mark.parametrize("value", ["26", "0h", "1.5h", "h", "26 hours", "-1d"])
def test_a_limit_that_is_no_span_is_an_error(value: str) -> None:
    text = f"sources:\n  web: {{format: segment, fresh_within: {value}}}\n"
    says = "line 2: source 'web', 'fresh_within': must be a span such as 90m, 26h or 3d"
    with pytest.raises(SourcesError, match=re.escape(says)):
        parse_sources(text, Path("sources.yml"))


def test_a_limit_changes_no_row() -> None:
    plain, limited = (
        parse_sources(f"sources: {{web: {{format: segment{more}}}}}", Path("sources.yml"))["web"]
        for more in ("", ", fresh_within: 90m")
    )
    assert limited.fresh_within == timedelta(minutes=90)
    assert plain.definition == limited.definition


@pytest.mark.long
def test_a_run_with_nothing_new_opens_and_resolves_the_incident(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    home = Installation(tmp_path / "home", "sources: {web: {format: segment}}")
    at = f"{now - timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"
    home.deliver("web", "a.jsonl", [call(1, at)])
    assert home.job().code == 0

    home.define("sources: {web: {format: segment, fresh_within: 3h, owner: shop}}")
    stale = home.job()
    assert stale.code == 0
    assert "Nothing new: no table was changed." in stale.output
    assert "warning: freshness.fresh on raw.web: the newest receipt is of" in stale.output
    assert stale.report["incidents"]["new"] == ["freshness.fresh.raw.web"]
    alert = "select state, owner, occurrences from alerts where suite = 'freshness'"
    assert home.read(alert) == [("open", "shop", 1)]
    with connect(home.settings.warehouse, read_only=True) as connection:
        assert connection.execute(alert).fetchall() == [("open", "shop", 1)]

    home.define("sources: {web: {format: segment, fresh_within: 3d}}")
    assert home.job().report["incidents"]["resolved"] == ["freshness.fresh.raw.web"]
    assert home.read(alert) == [("resolved", "shop", 1)]

    # and in a run that builds, where gate 2 asks
    home.define("sources: {web: {format: segment, fresh_within: 3h}}")
    home.deliver("web", "b.jsonl", [call(2, at)])
    again = home.job()
    assert again.report["incidents"]["new"] == ["freshness.fresh.raw.web"]
    assert sum(check["suite"] == "freshness" for check in again.report["checks"]) == 1
