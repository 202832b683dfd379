"""Publishing: readers have one whole state or the next one, never a lock and never a mixture."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.database import connect
from orchestration.publishing import STATUS_TABLES, compact, publish, publish_status
from orchestration.settings import PROJECT
from tests.conftest import Built
from tests.installation import Installation

SUMS = """
select
    (select sum(event_count) from users),
    (select sum(event_count) from user_days),
    (select max(state) from marker),
    (select min(state) from marker)
"""


def write_state(warehouse: Path, state: int) -> None:
    """Leave a warehouse whose tables all belong to one state: their sums tell which."""
    with connect(warehouse) as connection:
        connection.execute(
            f"""
            create or replace table marker as select {state} as state from range(50000);
            create or replace table users as
                select person_id, {state} as event_count from range(20000) as people (person_id);
            create or replace table user_days as
                select person_id, day, {state} as event_count
                from range(10000) as people (person_id), range(2) as days (day);
            """
        )


#: A reader in a process of its own: opens, asks, closes, until its input ends; prints what went wrong.
READER = f"""
import select, sys
from pathlib import Path
from orchestration.database import connect
sums = '''{SUMS}'''
wrong, opened = [], 0
while not select.select([sys.stdin], [], [], 0)[0]:
    try:
        with connect(Path(sys.argv[1]), read_only=True) as connection:
            users, days, newest, oldest = connection.execute(sums).fetchall()[0]
            again = connection.execute("select sum(event_count) from users").fetchall()[0][0]
        if not users == days == again == 20000 * newest == 20000 * oldest:
            wrong.append((users, days, again, newest, oldest))
    except Exception as error:
        wrong.append(repr(error))
    opened += 1
    if opened == 1:
        print("reading", flush=True)
print(wrong)
"""


def test_readers_in_other_processes_see_no_error_and_no_mixture_during_publishes(
    tmp_path: Path,
) -> None:
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb"
    write_state(warehouse, 1)
    publish(warehouse, published)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(published)],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reading\n"
        for state in range(2, 10):
            write_state(warehouse, state)
            if state % 3 == 0:
                publish_status(warehouse, published, tables=("alerts",))
            publish(warehouse, published)
        found = [reader.communicate(timeout=120)[0] for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
    assert found == ["[]\n"] * len(readers)


def test_a_reader_that_has_the_old_file_open_reads_it_to_its_end(tmp_path: Path) -> None:
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb"
    write_state(warehouse, 1)
    publish(warehouse, published)
    reader = connect(published, read_only=True)
    cursor = reader.execute("select person_id, event_count from users order by person_id")
    first = cursor.fetchmany(10)
    write_state(warehouse, 2)
    publish(warehouse, published)
    assert {count for _, count in first + cursor.fetchall()} == {1}
    assert reader.execute(SUMS).fetchall() == [(20000, 20000, 1, 1)]
    reader.close()
    with connect(published, read_only=True) as later:
        assert later.execute(SUMS).fetchall() == [(40000, 40000, 2, 2)]


def test_a_publish_that_dies_before_the_swap_leaves_the_old_file_and_does_not_block_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb"
    write_state(warehouse, 1)
    publish(warehouse, published)
    write_state(warehouse, 2)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orchestration.publishing._replace", dies)
        with pytest.raises(KeyboardInterrupt):
            publish(warehouse, published)
    (tmp_path / "published.duckdb.new").write_bytes(b"half a file")
    with connect(published, read_only=True) as connection:
        assert connection.execute(SUMS).fetchall() == [(20000, 20000, 1, 1)]
    publish(warehouse, published)
    with connect(published, read_only=True) as connection:
        assert connection.execute(SUMS).fetchall() == [(40000, 40000, 2, 2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "published.duckdb",
        "warehouse.duckdb",
    ]


def test_the_published_file_stands_alone_under_any_name(built: Built, tmp_path: Path) -> None:
    elsewhere = tmp_path / "renamed.db"
    shutil.copyfile(built.installation.settings.published, elsewhere)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{elsewhere}' as readers (read_only)")
        tables = connection.execute(
            "select schema_name || '.' || view_name from duckdb_views()"
            " where database_name = 'readers' and not internal"
            " union all select schema_name || '.' || table_name from duckdb_tables()"
            " where database_name = 'readers'"
        ).fetchall()
        assert ("main.events",) in tables
        for (table,) in tables:
            connection.execute(f"select * from readers.{table} limit 1").fetchall()
        counts = connection.execute(
            "select count(*), count(person_id) from readers.main.events"
        ).fetchall()
    assert counts == built.installation.read("select count(*), count(person_id) from events")


def test_the_published_file_has_no_raw_rows_and_no_view_that_reads_them(built: Built) -> None:
    published = built.installation.settings.published
    with connect(published, read_only=True) as connection:
        views = connection.execute(
            "select schema_name, view_name, sql from duckdb_views() where not internal"
        ).fetchall()
        tables = {
            name
            for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
        }
    assert {name for _, name, _ in views} == {"events", "identities"}
    assert not any("raw." in sql or schema.endswith("staging") for schema, _, sql in views)
    assert not {name for name in tables if name.startswith("rows_")} | tables & {
        "files",
        "unreadable",
    }


def test_readers_do_not_get_what_the_project_does_not_make(tmp_path: Path) -> None:
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb"
    write_state(warehouse, 1)
    with connect(warehouse) as connection:
        connection.execute("create schema main_internal")
        connection.execute("create table main_internal.user_days as select 1 as day")
        connection.execute("create view old_view as select * from marker")
        connection.execute("create table alerts as select 'new' as said")
    publish(warehouse, published, {("main", "users"), ("main", "user_days")})
    with connect(published, read_only=True) as connection:
        found = connection.execute(
            "select table_schema, table_name from information_schema.tables order by all"
        ).fetchall()
    assert found == [("main", "alerts"), ("main", "user_days"), ("main", "users")]
    with connect(warehouse, read_only=True) as connection:
        assert connection.execute("select count(*) from old_view").fetchall() == [(50000,)]


@pytest.mark.long
def test_a_table_of_a_model_that_is_gone_is_not_published_again(copied: Installation) -> None:
    with connect(copied.settings.warehouse) as connection:
        connection.execute("create table old_mart as select 1 as left_behind")
    assert copied.job("--full-refresh").code == 0
    tables = set(copied.tables())
    assert "old_mart" not in tables
    assert {"events", "users", "load_files", "check_results", "alerts"} <= tables


def test_an_old_reader_can_open_what_is_published(built: Built) -> None:
    with connect(built.installation.settings.published, read_only=True) as connection:
        ((tags,),) = connection.execute(
            "select tags from duckdb_databases() where database_name = 'published'"
        ).fetchall()
    assert tags["storage_version"].startswith(("v1.", "v0.10.2")), tags


def test_the_status_is_published_beside_the_data_that_readers_have(tmp_path: Path) -> None:
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb"
    write_state(warehouse, 1)
    publish(warehouse, published)
    write_state(warehouse, 2)
    with connect(warehouse) as connection:
        for table in STATUS_TABLES:
            connection.execute(f"create table {table} as select 'new' as said")
    publish_status(warehouse, published)
    with connect(published, read_only=True) as connection:
        assert connection.execute(SUMS).fetchall() == [(20000, 20000, 1, 1)]
        for table in STATUS_TABLES:
            assert connection.execute(f"select said from {table}").fetchall() == [("new",)]


def test_a_first_run_that_fails_publishes_its_status_alone(tmp_path: Path) -> None:
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb"
    write_state(warehouse, 1)
    with connect(warehouse) as connection:
        connection.execute("create table alerts as select 'new' as said")
    publish_status(warehouse, published)
    with connect(published, read_only=True) as connection:
        assert connection.execute("show tables").fetchall() == [("alerts",)]


def test_compacting_shrinks_a_bloated_file_and_keeps_every_row_and_view(
    built: Built, tmp_path: Path
) -> None:
    folder = tmp_path / "bloated"
    installation: Installation = built.installation.copy(folder)
    warehouse = installation.settings.published
    before = installation.tables()
    assert compact(warehouse) is False
    with connect(warehouse) as connection:
        connection.execute(
            "create table bloat as select random() as a, random() as b from range(2000000)"
        )
        connection.execute("checkpoint")
        connection.execute(
            "create table main_internal.kept as select range as a from range(100000)"
        )
        connection.execute("checkpoint")
        connection.execute("drop table bloat")
    size = warehouse.stat().st_size
    assert compact(warehouse) is True
    assert warehouse.stat().st_size < size / 2
    assert installation.tables() == before
    assert compact(warehouse) is False


def test_a_file_is_copied_whole_also_where_the_kernel_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb"
    write_state(warehouse, 1)
    publish(warehouse, published)
    write_state(warehouse, 2)
    copy = getattr(os, "copy_file_range", None)
    calls = []

    def breaks_off(source: int, target: int, count: int) -> int:
        calls.append(count)
        if copy is None or len(calls) > 1:
            raise OSError
        return int(copy(source, target, 4096))

    monkeypatch.setattr(os, "copy_file_range", breaks_off, raising=False)
    publish(warehouse, published)
    assert calls
    with connect(published, read_only=True) as connection:
        assert connection.execute(SUMS).fetchall() == [(40000, 40000, 2, 2)]
