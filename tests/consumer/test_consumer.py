"""Another dbt project installs footpath and feeds it from a table of its own: no loader, no Dagster."""

import datetime
import re
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from orchestration.database import connect
from tests.consumer.shop import FOOTPATH, Outcome, Shop

#: What a run leaves that follows from the rows alone, in the schema that the shop chose.
TABLES = (
    "events",
    "sessions",
    "page_views",
    "users",
    "identities",
    "user_days",
    "quarantined_events",
    "load_files",
    "retention_weekly",
    "checkout_funnel",
    "event_rows",
    "event_links",
    "processed_batches",
)

SECOND_RUN = (
    # an event between two sessions of v1 joins them
    "10,run-2,2026-03-03 12:00:00+00,2026-03-02 09:01:40+00,v1,,page view,https://shop.test/checkout,,,",
    # v2's order, delivered again
    "6,run-2,2026-03-03 12:00:00+00,2026-03-02 10:02:01+00,v2,u2,Order Placed,,,,basic",
    # u2 on another device, v3 for the first time
    "11,run-2,2026-03-03 12:00:00+00,2026-03-03 08:00:00+00,v4,u2,page view,https://shop.test/,,,",
    "12,run-2,2026-03-03 12:00:00+00,2026-03-03 08:30:00+00,v3,,Checkout Started,,,,pro",
)


def content(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: shop.query(f"select * from dev_analytics.{table} order by all") for table in TABLES
    }


@pytest.fixture(scope="module")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Outcome]:
    """Return the shop after `dbt deps` and its first `dbt build`, data tests included."""
    shop = Shop(tmp_path_factory.mktemp("consumer") / "shop")
    installed = shop.dbt("deps")
    assert installed.success, installed.text
    return shop, shop.dbt("build")


@pytest.fixture(scope="module")
def installed(first_build: tuple[Shop, Outcome]) -> Shop:
    """Return the shop as its first build left it; a test that changes it takes a copy."""
    shop, outcome = first_build
    assert outcome.success, outcome.text
    return shop


def test_installing_from_a_folder_calls_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> NoReturn:
        raise AssertionError("dbt deps opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    shop = Shop(tmp_path / "shop")
    outcome = shop.dbt("deps")
    assert outcome.success, outcome.text
    assert (shop.folder / "dbt_packages" / "footpath" / "dbt_project.yml").exists()


def test_a_build_runs_the_models_tests_seeds_and_hooks_of_the_package(
    first_build: tuple[Shop, Outcome],
) -> None:
    shop, outcome = first_build
    statuses = outcome.statuses
    # an exposure is nothing to run
    assert statuses.pop("exposure.shop.weekly_board") == "no-op"
    assert set(statuses.values()) == {"success", "pass"}
    assert statuses["seed.footpath.traffic_source_categories"] == "success"
    assert statuses["operation.footpath.footpath-on-run-start-0"] == "success"
    assert statuses["operation.footpath.footpath-on-run-end-0"] == "success"
    assert any(name.startswith("test.footpath.unique_sessions_session_id") for name in statuses)
    assert not any(name.startswith("unit_test.") for name in statuses)
    # the end of the run entered the batch
    assert shop.query("select batch_id from dev_analytics.processed_batches") == [("run-1",)]


def test_staging_models_and_raw_sources_of_the_package_are_not_there(installed: Shop) -> None:
    outcome = installed.dbt("ls", "--resource-type", "all")
    assert outcome.success, outcome.text
    names = outcome.text.split()
    assert "footpath.core.sessions" in names
    assert not [name for name in names if "stg_" in name or name.startswith("source:")]


def test_footpaths_tables_are_in_the_schema_that_the_project_chose(installed: Shop) -> None:
    tables = installed.tables()
    assert {schema for schema, _ in tables} == {"dev", "dev_analytics"}
    assert {name for schema, name in tables if schema == "dev"} == {
        "app_log",
        "conversion_events",
        "app_events",
        "sessions_by_channel",
        "longest_session",
        "order_funnel",
        "orders_board",
        "user_days",
    }
    assert {("dev_analytics", table) for table in TABLES} <= tables


def test_models_of_the_project_stand_on_footpaths_tables_and_settings(installed: Shop) -> None:
    # v1: 09:00:00, 09:00:50 | 09:02:30; v2: 10:00:00, 10:01:00 | 10:02:01. The timeout is 60 seconds.
    assert installed.query("from dev.sessions_by_channel order by channel nulls last") == [
        ("Email", 1, 2, 60),
        ("Organic Search", 1, 2, 60),
        (None, 2, 2, 60),
    ]
    assert installed.query("select cast(seconds as integer) from dev.longest_session") == [(60,)]
    assert installed.query("from dev.order_funnel order by step") == [
        (1, "Checkout Started", 2, None, None),
        (2, "Order Placed", 1, 61.0, 61.0),
    ]


def test_times_with_a_zone_arrive_as_utc_whatever_the_session_says(installed: Shop) -> None:
    assert installed.query(
        "select min(event_at), max(event_at) from dev_analytics.events where not is_bot"
    ) == [
        (datetime.datetime(2026, 3, 2, 9), datetime.datetime(2026, 3, 2, 10, 2, 1)),
    ]


def test_the_catalog_knows_what_the_project_uses_and_of_no_plan(installed: Shop) -> None:
    assert installed.query(
        "select * from dev_analytics.event_uses where event_name <> 'page' and used_by_type <> 'watched_funnel'"
        " order by all"
    ) == [
        ("Checkout Started", "conversion", "conversion_events", None),
        ("Checkout Started", "exposure", "weekly_board", "order_funnel"),
        ("Checkout Started", "funnel", "checkout_funnel", None),
        ("Checkout Started", "funnel", "order_funnel", None),
        ("Order Placed", "conversion", "conversion_events", None),
        ("Order Placed", "exposure", "weekly_board", "order_funnel, orders_board"),
        ("Order Placed", "funnel", "order_funnel", None),
        ("Order Placed", "model", "orders_board", None),
    ]
    assert installed.query(
        "select event_name, is_planned, owner, plan_status, verdicts from dev_analytics.event_catalog order by 1"
    ) == [
        ("Checkout Started", None, None, None, None),
        ("Order Placed", None, None, None, None),
        ("page", None, None, None, None),
    ]
    assert installed.query(
        "select event_name, property, frequent_values, is_planned from dev_analytics.event_properties"
        " order by event_name"
    ) == [
        ("Checkout Started", "plan", "basic, pro", None),
        ("Order Placed", "plan", "basic", None),
    ]


def test_every_row_is_accounted_for_without_files_and_lines(installed: Shop) -> None:
    assert installed.query(
        "select file, raw_rows, event_rows, duplicate_rows, quarantined_rows"
        " from dev_analytics.load_files"
    ) == [("run-1", 9, 7, 0, 2)]
    # two rows that tell no time are two rows, each with a number of its own
    quarantined = installed.query(
        "select reason, json_extract_string(raw, '$.id'), line"
        " from dev_analytics.quarantined_events order by 2"
    )
    assert [row[:2] for row in quarantined] == [("missing_time", "8"), ("missing_time", "9")]
    assert quarantined[0][2] != quarantined[1][2]


def test_user_agents_are_taken_apart(installed: Shop) -> None:
    assert installed.query(
        "select user_agent like '%Googlebot%', is_bot from dev_analytics.user_agents"
    ) == [(True, True)]
    assert installed.query("select count(*) from dev_analytics.events where is_bot") == [(1,)]


def test_a_new_batch_and_a_batch_that_grew_leave_what_a_full_refresh_leaves(
    installed: Shop, tmp_path: Path
) -> None:
    shop = installed.copy(tmp_path / "shop")
    shop.log(SECOND_RUN)
    # also one more row of a batch that is there already
    shop.log(["13,run-1,2026-03-02 12:00:00+00,2026-03-02 10:02:30+00,v2,u2,Order Placed,,,,pro"])
    shop.build()
    incremental = content(shop)
    assert len(incremental["sessions"]) == 5
    assert shop.query(
        "select event_count from dev_analytics.sessions where entry_page_path = '/pricing'"
    ) == [(4,)]
    assert shop.query(
        "select batch_id, raw_rows, event_rows, duplicate_rows, quarantined_rows"
        " from dev_analytics.load_files order by all"
    ) == [("run-1", 10, 8, 0, 2), ("run-2", 4, 3, 1, 0)]
    assert shop.query("select sum(session_count) from dev.sessions_by_channel") == [(5,)]
    # orders (u2 has two), and checkouts of the plan pro only (u1, v3)
    assert shop.query(
        "select day::text, event_count, conversion_count from dev_analytics.user_days order by all"
    ) == [
        ("2026-03-02", 4, 1),
        ("2026-03-02", 4, 2),
        ("2026-03-03", 1, 0),
        ("2026-03-03", 1, 1),
    ]
    assert {schema for schema, _ in shop.tables()} == {"dev", "dev_analytics"}

    shop.build("--full-refresh")
    assert content(shop) == incremental


def test_settings_change_only_with_a_full_refresh_and_switch_models_off(
    installed: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = installed.copy(tmp_path / "shop")
    shop.change(
        "dbt_project.yml",
        "session_timeout: 60",
        "session_timeout: 1800\n    parse_user_agents: false",
    )
    shop.change(
        "dbt_project.yml",
        "+schema: analytics # a schema of its own: <target schema>_analytics\n",
        "+schema: analytics\n    marts:\n      funnels:\n        checkout_funnel:\n          +enabled: false\n",
    )
    before = content(shop)
    refused = shop.dbt("build", "--exclude-resource-type", "test")
    assert not refused.success
    assert "session_timeout=60" in refused.text
    assert "session_timeout=1800" in refused.text
    assert "--full-refresh" in refused.text
    assert content(shop) == before

    # Without the libraries for user agents, which are needed only to take them apart.
    monkeypatch.setitem(sys.modules, "ua_parser", None)
    monkeypatch.setitem(sys.modules, "crawleruseragents", None)
    statuses = shop.build("--full-refresh").statuses
    assert "model.footpath.user_agents" not in statuses
    assert "model.footpath.checkout_funnel" not in statuses
    assert statuses.pop("exposure.shop.weekly_board") == "no-op"
    assert set(statuses.values()) == {"success"}
    assert shop.query(
        "select sum(session_count), max(session_timeout) from dev.sessions_by_channel"
    ) == [(3, 1800)]
    assert shop.query("select count(*) from dev_analytics.events where is_bot") == [(0,)]


def test_a_model_does_not_run_without_what_feeds_it(installed: Shop) -> None:
    before = content(installed)
    for arguments in (["sessions"], ["sessions", "--full-refresh"], ["staged_rows+"]):
        outcome = installed.dbt("run", "--select", *arguments)
        assert not outcome.success
        assert "Select all of footpath (--select package:footpath)" in outcome.text
    assert content(installed) == before
    # Models of the project run alone, and so does what is rebuilt as a whole.
    outcome = installed.dbt("run", "--select", "sessions_by_channel", "retention_weekly")
    assert outcome.success, outcome.text
    assert content(installed) == before


def test_a_full_refresh_that_did_not_finish_is_done_again(installed: Shop, tmp_path: Path) -> None:
    shop = installed.copy(tmp_path / "shop")
    before = content(shop)
    # as it is when the build was killed after event_rows: the batches are entered at the end
    with connect(shop.folder / "shop.duckdb") as connection:
        connection.execute("delete from dev_analytics.processed_batches")
        connection.execute("delete from dev_analytics.sessions")
    shop.build()
    assert content(shop) == before


def test_a_changed_setting_needs_no_more_than_the_tables_that_it_decides(
    installed: Shop, tmp_path: Path
) -> None:
    shop = installed.copy(tmp_path / "shop")
    before = content(shop)
    shop.change("dbt_project.yml", "session_timeout: 60", "session_timeout: 1800")
    refused = shop.dbt("build", "--exclude-resource-type", "test")
    assert not refused.success
    assert "Then: session_timeout=60. Now: session_timeout=1800. " in refused.text
    assert 'drop table "shop"."dev_analytics"."event_links" and run again' in refused.text
    assert content(shop) == before
    with connect(shop.folder / "shop.duckdb") as connection:
        connection.execute("drop table dev_analytics.event_links")
    shop.build()
    changed = content(shop)
    assert changed["sessions"] != before["sessions"]
    assert changed["event_rows"] == before["event_rows"]
    shop.build("--full-refresh")
    assert content(shop) == changed


@pytest.mark.parametrize(
    ("setting", "error", "allowed"),
    [
        ("sesion_timeout: 60", "footpath has no setting 'sesion_timeout'", "session_timeout"),
        ("session_timeout: 1 h", "footpath setting session_timeout is '1 h'", "numbers from 0 on"),
        ("attribution_lookback: -1", "setting attribution_lookback is '-1'", "numbers from 0 on"),
        ("max_session_length: 0", "setting max_session_length is '0'", "null for no limit"),
        ("week_start: friday", "setting week_start is 'friday'", "monday, sunday"),
    ],
)
def test_a_wrong_setting_is_an_error_that_says_what_is_allowed(
    installed: Shop, tmp_path: Path, setting: str, error: str, allowed: str
) -> None:
    shop = installed.copy(tmp_path / "shop")
    shop.change("dbt_project.yml", "session_timeout: 60", setting)
    outcome = shop.dbt("parse")
    assert not outcome.success
    assert error in outcome.text
    assert allowed in outcome.text.split("Allowed: ")[1]


def test_a_model_of_the_project_never_takes_the_place_of_footpaths(
    installed: Shop, tmp_path: Path
) -> None:
    # The shop has a model user_days, as footpath has, and the flag that keeps them apart.
    assert installed.query("select count(*) from dev.user_days") == [(2,)]
    assert installed.query("select count(*) from dev_analytics.user_days") == [(2,)]
    shop = installed.copy(tmp_path / "shop")
    shop.change(
        "dbt_project.yml",
        "require_ref_searches_node_package_before_root: true",
        "require_ref_searches_node_package_before_root: false",
    )
    outcome = shop.dbt("build", "--select", "app_events")
    assert not outcome.success
    assert "found shop's model user_days under the name of footpath's own" in outcome.text
    assert "require_ref_searches_node_package_before_root: true" in outcome.text


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("        'batch_id': 'load_run',\n", "A staged row needs batch_id"),
        ("        'source': \"'app'\",\n", "A staged row needs source"),
    ],
)
def test_events_without_a_batch_or_a_source_are_an_error(
    installed: Shop, tmp_path: Path, line: str, error: str
) -> None:
    shop = installed.copy(tmp_path / "shop")
    shop.change("models/app_events.sql", line, "")
    outcome = shop.dbt("parse")
    assert not outcome.success
    assert error in outcome.text


def test_the_page_about_the_package_names_every_column_and_setting() -> None:
    page = (FOOTPATH / "docs" / "package.md").read_text()
    macros = FOOTPATH / "macros" / "core"
    columns = re.findall(
        r"'(\w+)': '(?:varchar|bigint|timestamp|boolean|json)'",
        (macros / "canonical.sql").read_text(),
    )
    settings = re.findall(r"^ +'(\w+)': ", (macros / "settings.sql").read_text(), re.MULTILINE)
    assert "utm_source" in columns
    assert "session_timeout" in settings
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    assert set(columns) | set(settings) <= named
