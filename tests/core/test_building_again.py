"""What has to be built again, and nothing else: missing tables, changed settings, days that somebody asked for."""

import re
from datetime import date, datetime
from pathlib import Path

import pytest

from orchestration.database import connect
from orchestration.dbt_project import DbtError
from orchestration.rebuild import RequestError, rebuild, refresh
from orchestration.state import stored_settings
from tests.installation import Installation, call
from tests.nasty import history
from tests.warehouse import differences

SOURCES = "sources: {web: {format: segment}}"
HISTORIES = range(25)

#: What stands and falls together with the sessions.
REGIONS = {
    "event_links", "sessions", "page_views", "user_days", "users",
    "event_groups", "event_traits", "user_traits", "group_person_days", "groups", "person_groups",
}  # fmt: skip


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a home with nasty histories in three files, one of which came later."""
    home = Installation(tmp_path_factory.mktemp("untouched") / "home", SOURCES)
    lines = [line for seed in HISTORIES for line in history(seed)]
    for number in range(3):
        home.deliver("web", f"{number}.jsonl", lines[number::3])
    home.run()
    home.deliver("web", "late.jsonl", lines[::7] + history(77))
    home.deliver("web", "old.jsonl", [call(1, "2025-05-05T16:00:00Z")])
    home.deliver("web", "evening.jsonl", [call(2, "2025-06-01T23:50:00Z")])
    home.deliver("web", "morning.jsonl", [call(3, "2025-06-02T00:10:00Z")])
    home.run()
    return home


@pytest.fixture
def home(untouched: Installation, tmp_path: Path) -> Installation:
    """Return a copy of it, to be damaged."""
    copy = untouched.copy(tmp_path / "home")
    copy.settings.prepare()
    return copy


def damage(home: Installation, *statements: str) -> None:
    with connect(home.settings.warehouse) as connection:
        for statement in statements:
            assert connection.execute(statement).fetchall() != [(0,)], statement


def built_in_full(text: str) -> set[str]:
    """Return what a run said it builds in full."""
    found = re.findall(r"built in full: (.+)", text)
    return {name for line in found for name in line.split(", ")}


def remembered(home: Installation) -> dict[str, str]:
    with connect(home.settings.warehouse, read_only=True) as connection:
        return stored_settings(connection)


def kept_tables(home: Installation) -> list[str]:
    """Return the models whose tables a model reads as stored, or brings up to date."""
    nodes = [node for node in home.dbt.parse().nodes.values() if node.resource_type == "model"]
    return sorted(
        node.name
        for node in nodes
        if node.config.materialized == "incremental"
        and not node.name.startswith("touched_")
        and node.name not in ("rebuild_requests", "built_in_full")
    )


def assert_missing_table_comes_back(
    table: str, home: Installation, untouched: Installation, output: str
) -> None:
    found = differences(home, untouched, places=True)
    assert not found, {name: rows[:3] for name, rows in found.items()}
    counts = "select count(*) from main_internal.event_rows"
    assert home.query(counts) == untouched.query(counts)
    assert table in built_in_full(output)


def test_a_missing_table_is_built_again_with_what_follows_from_it_and_nothing_else(
    home: Installation, untouched: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(home, "drop table page_views", "drop table main_internal.batch_counts")
    home.build()
    output = capfd.readouterr().out
    assert_missing_table_comes_back("page_views", home, untouched, output)
    assert built_in_full(output) == REGIONS | {"batch_counts"}


def test_a_table_of_raw_rows_is_built_again_together_with_all_others(
    home: Installation, untouched: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(home, "drop table quarantined_events")
    home.build()
    output = capfd.readouterr().out
    assert_missing_table_comes_back("quarantined_events", home, untouched, output)
    assert set(kept_tables(home)) <= built_in_full(output)


@pytest.mark.long
def test_every_table_that_is_missing_comes_back_as_it_was(
    home: Installation, untouched: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    for table in kept_tables(home):
        ((schema,),) = home.query(
            f"select schema_name from duckdb_tables() where table_name = '{table}'"
        )
        damage(home, f"drop table {schema}.{table}")
        home.build()
        assert_missing_table_comes_back(table, home, untouched, capfd.readouterr().out)


def test_a_build_in_full_that_was_cut_off_is_done_again(
    home: Installation, untouched: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    # as it is when a full refresh was killed: the batches are entered at the end
    damage(
        home,
        "delete from main_internal.processed_batches",
        "delete from main_internal.event_links where event_at > timestamp '2026-02-10'",
        "drop table users",
    )
    home.build()
    assert_missing_table_comes_back("event_rows", home, untouched, capfd.readouterr().out)


def test_a_table_that_holds_the_rows_of_one_run_is_known_as_such(untouched: Installation) -> None:
    macro = Path("macros/core/state.sql").read_text()
    # Lists of what a run touches say too much rather than too little, so nothing is lost when they hold one run only.
    listed = re.search(r"macro touched_tables.*?macro partial_tables.*?endmacro", macro, re.DOTALL)
    assert listed
    nodes = [node for node in untouched.dbt.parse().nodes.values() if node.resource_type == "model"]
    for node in nodes:
        read = re.findall(r"footpath\.stored\('(\w+)'\)", getattr(node, "raw_code", ""))
        if node.config.materialized == "table" and node.package_name == "footpath" and read:
            assert f"'{node.name}'" in listed.group(), node.name


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [
        ("session_timeout", "make refresh MODEL=event_links. "),
        pytest.param("identity_strategy", "make refresh MODEL=", marks=pytest.mark.long),
        ("conversion_events", "make refresh MODEL=user_days. "),
        pytest.param(
            "traffic_source_categories", "make refresh MODEL=sessions. ", marks=pytest.mark.long
        ),
        ("future_tolerance", "make run FULL_REFRESH=1. That builds in full: every table."),
        pytest.param("rules", "make run FULL_REFRESH=1. ", marks=pytest.mark.long),
    ],
)
def test_a_changed_setting_stops_the_run_and_names_the_smallest_remedy(
    setting: str, remedy: str, untouched: Installation, home: Installation
) -> None:
    value = remembered(home)[setting]
    damage(
        home,
        "update main_internal.processed_batches"
        f" set settings = replace(settings, '{setting}={value}', '{setting}=other')",
    )
    with pytest.raises(DbtError) as error:
        home.build()
    assert f"Then: {setting}=other. Now: {setting}={value}. " in str(error.value)
    assert remedy in str(error.value)
    assert differences(home, untouched, places=True) == {}
    assert remembered(home)[setting] == "other"


def test_a_refresh_after_a_change_of_settings_mixes_nothing_even_when_it_is_cut_off(
    home: Installation, untouched: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    # built with another timeout: every session was one event long
    damage(
        home,
        "update main_internal.processed_batches"
        " set settings = replace(settings, 'session_timeout=1800', 'session_timeout=0')",
        "update main_internal.event_links set session_id = event_key, is_session_start = true",
        "update sessions set event_count = 1",
        # and the run that is to build them again dies on its way
        "alter table main_internal.touched_people add column broken integer",
    )
    refresh(home.settings, home.dbt, ["event_links"])
    with pytest.raises(DbtError, match="touched_people"):
        home.build()
    # Neither the old nor the new value describes what is there: setting it back does not let the next run go on as
    # if nothing had happened.
    assert remembered(home)["session_timeout"] == "(being changed)"
    assert capfd.readouterr().out.count("built in full: ") == 1

    damage(home, "alter table main_internal.touched_people drop column broken")
    home.build()
    assert built_in_full(capfd.readouterr().out) == REGIONS
    assert remembered(home) == remembered(untouched)
    found = differences(home, untouched, places=True)
    assert not found, {name: rows[:3] for name, rows in found.items()}


def test_days_that_are_rebuilt_are_as_if_nobody_had_damaged_them(
    home: Installation, untouched: Installation
) -> None:
    first, last = "2026-01-31", "2026-02-01"
    # Midnight of the first day lies in the middle of many sessions.
    days = f"between timestamp '{first}' and timestamp '{last} 23:59:59'"
    damage(
        home,
        # all rows of one in four events are gone, others have other contents, times, devices and places in them
        f"delete from main_internal.event_rows where event_at {days} and hash(event_key) % 4 = 0",
        "update main_internal.event_rows set event_name = 'Wrong', anonymous_id = 'nobody'"
        f" where event_at {days} and hash(event_key) % 4 = 1",
        "update main_internal.event_rows set event_at = event_at + interval 200 day"
        f" where event_at {days} and hash(event_key) % 8 = 2",
        f"delete from main_internal.event_links where event_at {days} and hash(event_key) % 2 = 0",
        "update main_internal.event_links set person_id = uuid(), session_id = uuid()"
        f" where event_at {days} and hash(event_key) % 5 = 1",
        "update main_internal.event_links set actor_key = uuid()"
        f" where event_at {days} and hash(event_key) % 11 = 3",
        f"delete from sessions where started_at {days} and hash(session_id) % 3 > 0",
        f"update sessions set channel = 'Wrong', ended_at = started_at where started_at {days}",
        f"delete from page_views where viewed_at {days}",
        f"update user_days set event_count = 99 where day between date '{first}' and date '{last}'",
        "insert into user_days select * replace (uuid() as person_id) from user_days"
        f" where day = date '{first}'",
        "delete from quarantined_events where file = '0.jsonl'",
    )
    said = rebuild(home.settings, home.dbt, date.fromisoformat(first), date.fromisoformat(last))
    assert said.startswith(f"Events from {first} to {last} (UTC): 4 batches are taken in again")
    home.build()
    found = differences(home, untouched, places=True)
    assert not found, {name: rows[:3] for name, rows in found.items()}
    for table in ("rebuild_requests", "touched_regions", "touched_people"):
        assert home.query(f"select count(*) from main_internal.{table}") == [(0,)]


def test_a_session_over_the_edge_of_the_days_is_found_although_nothing_stored_tells_of_it(
    home: Installation, untouched: Installation
) -> None:
    night = "between timestamp '2025-06-01' and timestamp '2025-06-02 12:00:00'"
    damage(
        home,
        f"delete from sessions where started_at {night}",
        "delete from main_internal.event_rows where file = 'morning.jsonl'",
        f"delete from main_internal.event_links where event_at {night} and event_at::date = '2025-06-02'",
        f"delete from page_views where viewed_at {night} and viewed_at::date = '2025-06-02'",
    )
    said = rebuild(home.settings, home.dbt, date(2025, 6, 2), date(2025, 6, 2))
    assert " 1 batches " in said
    home.build()
    found = differences(home, untouched, places=True)
    assert not found, {name: rows[:3] for name, rows in found.items()}


def test_only_batches_with_rows_in_the_days_are_taken_in_again(home: Installation) -> None:
    asked = (
        "select files.file, requests.from_at, requests.to_at from main_internal.rebuild_requests as requests"
        " join load_files as files on requests.batch_id = files.batch_id"
    )
    said = rebuild(home.settings, home.dbt, date(2030, 1, 1), date(2030, 1, 2))
    assert " 0 batches " in said
    assert home.query(asked) == []
    # Days are those of the reporting time zone, both included: 2025-05-06 begins at 15:00 UTC in Tokyo.
    damage(
        home,
        "update main_internal.processed_batches"
        " set settings = replace(settings, 'timezone=UTC', 'timezone=Asia/Tokyo')",
    )
    rebuild(home.settings, home.dbt, date(2025, 5, 6), date(2025, 5, 6))
    assert home.query(asked) == [
        ("old.jsonl", datetime(2025, 5, 5, 15), datetime(2025, 5, 6, 14, 59, 59, 999999))
    ]
    with pytest.raises(RequestError, match=r"FROM \(2026-02-01\) is after TO \(2026-01-01\)"):
        rebuild(home.settings, home.dbt, date(2026, 2, 1), date(2026, 1, 1))
