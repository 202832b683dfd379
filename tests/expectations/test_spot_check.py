"""The spot check finds what breaks the law of the core, and nothing where all is well."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations import spot_check
from expectations.spot_check import Event, Rules, check_sample, sessions_of
from orchestration import unchecked
from orchestration.database import connect
from orchestration.state import stored_settings
from tests.exactness.scenarios.options import GRAPH_AND_CLIENT, LAST_USER_AND_CUTS
from tests.nasty import history
from tests.warehouse import Home

SOURCES = "sources: {web: {format: segment}}"
#: Other settings, which the sample has to follow.
SETTINGS = {
    "default": None,
    "last_user-and-cuts": LAST_USER_AND_CUTS,
    "graph-and-client": GRAPH_AND_CLIENT,
}


def filled(folder: Path, settings: str) -> Home:
    """Return a home with nasty histories, the last of which came in a run of its own."""
    home = Home(folder, SOURCES, SETTINGS[settings])
    lines = [line for seed in range(20) for line in history(seed)]
    home.deliver("web", "a.jsonl", lines[::2])
    home.run()
    with connect(home.settings.warehouse) as connection:
        unchecked.clear(connection)
    home.deliver("web", "b.jsonl", lines[1::2])
    home.run()
    return home


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("default"), "default")


@pytest.fixture
def warehouse(default: Home, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """Return its warehouse, to be spoilt."""
    copy = tmp_path / "warehouse.duckdb"
    shutil.copyfile(default.settings.warehouse, copy)
    return connect(copy)


def failed(
    connection: duckdb.DuckDBPyConnection,
    salt: str = "run",
    lists: str | None = unchecked.SCHEMA,
) -> set[str]:
    results = check_sample(
        connection, salt, lists=lists, rules=Rules.of(stored_settings(connection))
    )
    assert [result.check_name for result in results] == list(spot_check.CHECKS)
    assert not any(result.observed.startswith("could not") for result in results)
    assert {result.severity for result in results} == {"critical"}
    assert all(bool(result.failing) != result.success for result in results)
    return {result.check_name for result in results if not result.success}


def all_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sample be everybody."""
    monkeypatch.setattr(spot_check, "SAMPLE", 10_000)


@pytest.mark.parametrize(
    "settings",
    [pytest.param(name, marks=[] if name == "default" else pytest.mark.long) for name in SETTINGS],
)
def test_nobody_fails_where_all_is_well(
    settings: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = request.getfixturevalue("default") if settings == "default" else filled(tmp_path, settings)  # fmt: skip
    with connect(home.settings.warehouse) as connection:
        for salt in ("one", "two"):
            assert failed(connection, salt) == set()
            assert failed(connection, salt, lists=None) == set()
        all_actors(monkeypatch)
        assert failed(connection) == set()
        ((count,),) = connection.execute("select count(*) from sampled_actors").fetchall()
        assert count > 20


#: A device with two sessions or more, as its source and key, in braces below.
SOME = (
    "(select min(actor_key) from (select actor_key from sessions group by all having count(*) > 1))"
)
ITS_FIRST = f"(select arg_min(session_id, started_at) from sessions where actor_key = {SOME})"
#: What a broken run would leave behind, and who says so.
BREAKS = {
    "a ghost session": (
        f"insert into sessions by name select * replace (md5('ghost')::uuid as session_id)"
        f" from sessions where session_id = {ITS_FIRST}",
        {"sessions_anew", "users_anew"},
    ),
    "two sessions that a late event should have joined": (
        "update sessions set ended_at = ended_at - interval 1 second, event_count = event_count - 1"
        " where session_id = (select arg_max(session_id, event_count) from sessions)",
        {"sessions_anew"},
    ),
    "a link that kept an old time": (
        "update event_links set event_at = event_at - interval 1 hour where event_key ="
        " (select min(event_key) from event_links)",
        {"events_linked"},
    ),
    "a link without its event": (
        "delete from event_rows where event_key = (select min(event_key) from event_links)",
        {"events_linked"},
    ),
    "a link that kept an old person": (
        "update event_links set person_id = md5('old')::uuid where event_key ="
        " (select min(event_key) from event_links where person_id is not null and is_counted)",
        {"people_anew", "users_anew"},
    ),
    "an event that counts twice": (
        "insert into event_links from event_links where event_key ="
        " (select min(event_key) from event_links where is_counted)",
        {"events_linked", "users_anew"},
    ),
    "a late event that got no further": (
        "delete from event_links where event_key ="
        " (select min(event_key) from event_links where session_id is not null and is_counted)",
        {"events_linked", "sessions_anew", "users_anew"},
    ),
    "a day that was not counted again": (
        "update user_days set event_count = event_count - 1 where rowid = (select min(rowid) from user_days)",
        {"users_anew"},
    ),
    "a person who was not made anew": (
        "update users set first_seen_at = first_seen_at + interval 1 second"
        " where rowid = (select min(rowid) from users)",
        {"users_anew"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKS)
def test_a_break_is_found(
    what: str, warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, expected = BREAKS[what]
    warehouse.execute("set search_path = 'main,main_internal'")
    assert warehouse.execute(statement).fetchall() == [(1,)]
    all_actors(monkeypatch)
    assert failed(warehouse) >= expected


def test_a_touched_row_is_looked_at_although_no_region_names_its_device(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute("set search_path = 'main,main_internal'")
    (key, actor), *_ = warehouse.execute(
        "select event_key, actor_key from event_links semi join unchecked_rows using (event_key)"
        " where is_counted order by event_key"
    ).fetchall()
    warehouse.execute("delete from event_links where event_key = ?", [key])
    warehouse.execute("delete from unchecked_regions where true")
    warehouse.execute("delete from unchecked_rows where event_key <> ?", [key])
    assert "events_linked" in failed(warehouse)
    assert (("web", actor),) == tuple(
        warehouse.execute("select source, actor_key from failed_actors where actor_key = ?", [actor]).fetchall()
    )  # fmt: skip


def test_who_failed_is_looked_at_again_until_all_is_well(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.execute("set search_path = 'main,main_internal'")
    warehouse.execute("create table kept as from event_links")
    warehouse.execute(BREAKS["an event that counts twice"][0])
    with monkeypatch.context() as patch:
        patch.setattr(spot_check, "SAMPLE", 10_000)
        assert failed(warehouse)
    # nobody else is drawn any more
    monkeypatch.setattr(spot_check, "SAMPLE", 0)
    unchecked.clear(warehouse)
    assert failed(warehouse, "another run")
    warehouse.execute("create or replace table main_internal.event_links as from kept")
    assert failed(warehouse, "mended") == set()
    assert warehouse.execute("select count(*) from failed_actors").fetchall() == [(0,)]


def test_another_run_draws_others_and_the_same_run_the_same(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spot_check, "SAMPLE", 3)

    def drawn(salt: str) -> list[tuple[str, str]]:
        check_sample(warehouse, salt, lists=None)
        return warehouse.execute("from sampled_actors order by all").fetchall()

    assert drawn("a") == drawn("a")
    assert len({tuple(drawn(salt)) for salt in "abcdef"}) > 3


def test_an_actor_with_very_many_events_is_left_out(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_actors(monkeypatch)
    monkeypatch.setattr(spot_check, "MOST_EVENTS", 2)
    check_sample(warehouse, "run", lists=None)
    counts = warehouse.execute(
        "select max(n) from (select count(*) as n from main_internal.event_rows join sampled_actors"
        " on coalesce(device_key, user_key) = actor_key group by actor_key)"
    ).fetchall()
    assert counts[0][0] <= 2


def test_tables_that_cannot_be_read_fail_all_checks() -> None:
    with connect() as connection:
        results = check_sample(connection, "run")
    assert len(results) == len(spot_check.CHECKS)
    assert not any(result.success for result in results)
    assert all(result.observed.startswith("could not be checked: ") for result in results)


AT = datetime(2026, 1, 5, 23, 50)


def event(number: int, seconds: float, campaign: str | None = None) -> Event:
    at = AT + timedelta(seconds=seconds)
    return Event(number, "web", "d1", None, None, "page", "page", at, None, campaign, False, True)


@pytest.mark.parametrize(
    ("rules", "events", "sizes"),
    [
        (Rules(), [(0, None), (1800, None), (3600.001, None)], [2, 1]),
        (Rules(max_session_length=timedelta(seconds=9)), [(0, None), (9, None), (10, None), (19, None)], [2, 2]),
        (Rules(split_at_midnight=True), [(0, None), (599, None), (600, None)], [2, 1]),
        (Rules(split_at_midnight=True, timezone="Asia/Tokyo"), [(0, None), (599, None), (600, None)], [3]),
        (Rules(split_on_campaign=True), [(0, "a"), (2000, None), (2001, "a")], [1, 1, 1]),
        (Rules(split_on_campaign=True), [(0, None), (1, "a"), (2, None), (3, "a"), (4, "b")], [1, 3, 1]),
    ],
)  # fmt: skip
def test_sessions_are_cut_as_the_settings_say(
    rules: Rules, events: list[tuple[float, str | None]], sizes: list[int]
) -> None:
    made = sessions_of((event(number, *one) for number, one in enumerate(events)), rules)
    assert [len(session) for session in made] == sizes
