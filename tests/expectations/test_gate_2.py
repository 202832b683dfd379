"""Every check of gate 2 passes on good tables and fails on a planted fault."""

import duckdb
import pytest

from expectations.runner import CheckResult, load_suites, run_suite
from orchestration import unchecked

SUITES = {suite.name: suite for suite in load_suites() if suite.gate == 2}

#: One fault per check. Tables are in tables.sql.
FAULTS = {
    (
        "events",
        "event_key_not_null",
    ): "update event_rows set event_key = null where event_id = 'e6'",
    ("events", "event_key_unique"): "insert into event_rows from event_rows where event_id = 'e6'",
    (
        "events",
        "linked_once",
    ): "insert into event_links from event_links where person_id is not null limit 1",
    ("events", "event_complete"): "update event_rows set is_bot = null where event_id = 'e6'",
    ("events", "person_in_users"): "delete from users where user_id = 'ann'",
    ("events", "session_in_sessions"): "delete from sessions where anonymous_id = 'd2'",
    ("sessions", "session_id_not_null"): "update sessions set session_id = null",
    ("sessions", "session_id_unique"): "insert into sessions from sessions limit 1",
    ("sessions", "person_id_not_null"): "update sessions set person_id = null",
    ("sessions", "person_in_users"): "delete from users where user_id = 'ann'",
    ("sessions", "starts_before_it_ends"): "update sessions set ended_at = '2000-01-01'",
    ("sessions", "times_not_null"): "update sessions set ended_at = null",
    ("sessions", "actor_not_null"): "update sessions set actor_key = null",
    ("sessions", "has_events"): "update sessions set event_count = 0",
    ("sessions", "event_count_adds_up"): "update sessions set event_count = event_count + 1",
    ("sessions", "page_view_count_adds_up"): "delete from page_views where page_path = '/cart'",
    ("page_views", "event_key_not_null"): "update page_views set event_key = null",
    ("page_views", "event_key_unique"): "insert into page_views from page_views limit 1",
    ("page_views", "session_in_sessions"): "delete from sessions where anonymous_id = 'd2'",
    ("page_views", "number_in_session_unique"): "update page_views set number_in_session = 1",
    ("page_views", "viewed_at_not_null"): "update page_views set viewed_at = null",
    ("page_views", "actor_not_null"): "update page_views set source = null",
    ("page_views", "seconds_not_negative"): "update page_views set seconds_on_page = -1",
    ("page_views", "events_add_up"): "delete from page_views where page_path = '/cart'",
    ("users", "person_id_not_null"): "update users set person_id = null where user_id = 'ann'",
    ("users", "person_id_unique"): "insert into users from users limit 1",
    ("users", "seen_in_order"): "update users set last_seen_at = '2000-01-01'",
    ("users", "identified_has_user_id"): "update users set user_id = null",
    ("users", "event_count_adds_up"): "update users set event_count = event_count + 1",
    ("users", "session_count_adds_up"): "delete from user_days where day = '2026-01-01'",
    ("user_traits", "complete"): "update user_traits set value = null where trait = 'name'",
    ("user_traits", "key_unique"): "insert into user_traits from user_traits",
    (
        "user_traits",
        "spans_meet",
    ): "update user_traits set valid_to = '2026-01-03' where trait = 'name'",
    ("user_traits", "person_in_users"): "delete from users where user_id = 'ann'",
    ("groups", "group_key_not_null"): "update groups set group_key = null where group_id = 'g1'",
    ("groups", "group_key_unique"): "insert into groups from groups limit 1",
    ("groups", "seen_in_order"): "update groups set last_seen_at = '2000-01-01'",
    ("groups", "event_count_adds_up"): "update groups set event_count = event_count + 1",
    ("groups", "person_count_adds_up"): "delete from person_groups where group_id = 'g1'",
    ("person_groups", "key_not_null"): "update person_groups set group_key = null",
    ("person_groups", "key_unique"): "insert into person_groups from person_groups limit 1",
    ("person_groups", "one_latest"): "update person_groups set is_latest = true",
    ("person_groups", "person_in_users"): "delete from users where user_id = 'ann'",
    ("person_groups", "group_in_groups"): "delete from groups where group_id = 'g1'",
    (
        "person_groups",
        "event_count_adds_up",
    ): "update person_groups set event_count = event_count + 1",
    ("shared_devices", "device_key_unique"): "insert into shared_devices from shared_devices",
    ("shared_devices", "shared_by_several"): "update shared_devices set user_count = 1",
    ("people_with_many_identifiers", "person_id_unique"): (
        "insert into people_with_many_identifiers from people_with_many_identifiers"
    ),
    ("people_with_many_identifiers", "over_the_limit"): (
        "update people_with_many_identifiers set linked_identifier_count = 100 where identifier_count = 2"
    ),
    ("merges_by_day", "key_not_null"): "update merges_by_day set day = null where kind = 'alias'",
    ("merges_by_day", "key_unique"): "update merges_by_day set kind = 'alias'",
    ("identities", "identifier_complete"): "update identities set person_id = null",
    ("identities", "identifier_type_known"): "update identities set identifier_type = 'cookie'",
    ("identities", "valid_in_order"): "update identities set valid_from = '2026-02-01'",
    ("identities", "spans_do_not_overlap"): (
        "update identities set valid_to = '2026-02-02' where valid_to = '2026-02-01'"
    ),
    ("user_days", "key_not_null"): "update user_days set day = null",
    ("user_days", "key_unique"): "update user_days set day = '2026-01-01'",
    ("user_days", "person_in_users"): "delete from users where user_id = 'ann'",
    ("user_days", "event_count_adds_up"): "update user_days set event_count = event_count + 1",
    ("user_days", "session_count_adds_up"): "delete from sessions where anonymous_id = 'd2'",
    ("user_days", "page_view_count_adds_up"): "update user_days set page_view_count = 0",
    ("load_files", "key_not_null"): "update load_files set batch_id = null",
    ("load_files", "key_unique"): "insert into load_files from load_files limit 1",
    ("load_files", "one_admitted_version"): (
        "update load_files set state = 'admitted' where file = 'two.jsonl'"
    ),
    ("load_files", "state_known"): "update load_files set state = 'pending'",
    ("load_files", "rows_accounted_for"): "update load_files set erased_rows = null",
    ("load_files", "events_add_up"): "update load_files set event_rows = 5",
    ("load_files", "quarantine_adds_up"): "delete from quarantined_events",
    ("load_files", "little_quarantined"): "update load_files set quarantined_rows = 6",
    ("load_files", "few_repeats_without_id"): "update load_files set repeated_rows_without_id = 1",
    (
        "tracking_plan",
        "all_events_planned",
    ): "update plan_conformity set verdict = 'unplanned_event'",
    (
        "tracking_plan",
        "required_properties_there",
    ): "update plan_conformity set violation_count = 2 where verdict = 'missing_property'",
    (
        "tracking_plan",
        "values_as_planned",
    ): "update plan_conformity set violation_count = 2 where verdict = 'wrong_type'",
    (
        "tracking_plan",
        "planned_events_come",
    ): "update plan_conformity set verdict = 'not_seen', days = 30",
    (
        "users",
        "page_view_count_adds_up",
    ): "update user_days set page_view_count = 1 where day = '2026-01-01'",
    ("users", "conversion_count_adds_up"): "update users set conversion_count = 0",
    ("reconciliation", "stored_as_delivered"): (
        "delete from event_rows where rowid = (select max(rowid) from event_rows where row_state = 'duplicate')"
    ),
    ("reconciliation", "nothing_left_behind"): (
        "update load_files set state = 'replaced' where file = 'one.jsonl'"
    ),
    (
        "daily_activity",
        "active_people_add_up",
    ): "delete from daily_activity where day = '2026-01-01'",
    (
        "daily_activity",
        "new_people_add_up",
    ): "update daily_activity set new_person_count = 1 + new_person_count",
    (
        "retention_weekly",
        "cohorts_add_up",
    ): "update retention_weekly set cohort_size = 3, returned_person_count = 3",
    (
        "retention_weekly",
        "nobody_returns_twice",
    ): "update retention_weekly set returned_person_count = 3",
    ("lifecycle_weekly", "new_people_add_up"): "delete from lifecycle_weekly where status = 'new'",
    ("event_hours", "events_add_up"): "delete from event_hours where event_name = 'ping'",
    (
        "property_days",
        "days_add_up",
    ): "update property_days set event_count = 3 where event_name = 'buy'",
    (
        "received_hours",
        "rows_add_up",
    ): "update received_hours set duplicate_count = 92 where event_count = 5",
    ("event_catalog", "events_add_up"): "delete from event_catalog where event_name = 'ping'",
    ("event_catalog", "within_people_and_sessions"): "update event_catalog set person_count = 3",
    ("conversions", "event_key_unique"): "insert into conversions from conversions",
    ("conversions", "days_add_up"): "update user_days set conversion_count = 1",
    ("channel_attribution", "credits_add_up"): (
        "update channel_attribution set value_credit = 5.0001 where channel = 'Direct'"
    ),
    ("funnel_days", "converted_entered"): "update funnel_days set converted_count = 3",
    ("quarantined_events", "reason_not_null"): "update quarantined_events set reason = null",
    ("quarantined_events", "place_known"): "update quarantined_events set file = null",
    ("quarantined_events", "key_unique"): "insert into quarantined_events from quarantined_events",
}


def test_every_check_has_a_planted_fault() -> None:
    checks = {(name, check.name) for name, suite in SUITES.items() for check in suite.checks}
    assert set(FAULTS) == checks


#: Everything, or what the lists name.
LISTS = [None, unchecked.SCHEMA]


@pytest.mark.parametrize(
    ("schema", "lists"), [(None, None), ("main", None), ("main", unchecked.SCHEMA)]
)
@pytest.mark.parametrize("name", SUITES)
def test_all_checks_pass_on_good_tables(
    warehouse: duckdb.DuckDBPyConnection, name: str, schema: str | None, lists: str | None
) -> None:
    results = run_suite(warehouse, SUITES[name], schema=schema, lists=lists)
    assert [result.observed for result in results if not result.success] == []
    assert [result.check_name for result in results] == [c.name for c in SUITES[name].checks]


@pytest.mark.parametrize("name", SUITES)
def test_all_checks_pass_on_empty_tables(warehouse: duckdb.DuckDBPyConnection, name: str) -> None:
    tables = [
        "event_rows",
        "event_links",
        *({suite.relation for suite in SUITES.values()} - {"events"}),
    ]
    for table in tables:
        warehouse.execute(f"delete from {table}")
    failed = [result for result in run_suite(warehouse, SUITES[name]) if not result.success]
    assert failed == []


@pytest.mark.parametrize("lists", LISTS)
@pytest.mark.parametrize(("suite", "check"), FAULTS)
def test_a_planted_fault_fails_its_check(
    warehouse: duckdb.DuckDBPyConnection, suite: str, check: str, lists: str | None
) -> None:
    warehouse.execute(FAULTS[suite, check])
    result = outcomes(warehouse, suite, lists)[check]
    assert not result.success
    assert result.failing
    assert not result.observed.startswith("could not be checked")


@pytest.mark.parametrize(
    "fault",
    [
        "update load_files set raw_rows = 101",
        "update load_files set erased_rows = 1",
        "update load_files set duplicate_rows = 92, event_rows = 7",
        "update load_files set duplicate_rows = 94, quarantined_rows = 0",
        "update event_rows set row_state = 'event' where row_state = 'quarantined'",
        "delete from event_rows",
    ],
)
@pytest.mark.parametrize("lists", LISTS)
def test_a_file_is_compared_with_its_rows_in_each_count(
    warehouse: duckdb.DuckDBPyConnection, fault: str, lists: str | None
) -> None:
    warehouse.execute(fault)
    assert not outcomes(warehouse, "reconciliation", lists)["stored_as_delivered"].success


#: A row that cannot be found by its key, in each column by which touched rows are found.
NULLS = [
    (name, column)
    for name, suite in SUITES.items()
    if name in suite.touched
    for column in (*suite.touched[name].columns, suite.touched[name].between)
    if column
]


@pytest.mark.parametrize(("suite", "column"), NULLS)
def test_a_row_without_its_key_is_found(
    warehouse: duckdb.DuckDBPyConnection, suite: str, column: str
) -> None:
    table = "event_rows" if suite == "events" else suite
    row = f"select min(rowid) from {table}"
    warehouse.execute(f"update {table} set {column} = null where rowid in ({row})")
    results = outcomes(warehouse, suite, unchecked.SCHEMA)
    assert not all(result.success for result in results.values())


def test_a_touched_span_is_compared_with_those_of_other_people(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute(FAULTS["identities", "spans_do_not_overlap"])
    warehouse.execute("delete from unchecked_people where person_id <> id('person', 'eve')")
    results = outcomes(warehouse, "identities", unchecked.SCHEMA)
    assert not results["spans_do_not_overlap"].success


def outcomes(
    connection: duckdb.DuckDBPyConnection, suite: str, lists: str | None
) -> dict[str, CheckResult]:
    results = run_suite(connection, SUITES[suite], schema="main", lists=lists)
    return {result.check_name: result for result in results}
