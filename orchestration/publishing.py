"""Publishing: readers get a whole new file, or keep the one they have."""

import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from orchestration.database import connect, literal, quote

#: What tells how a run went; readers get it even when the data did not pass its gate.
STATUS_TABLES = ("load_files", "quarantined_events", "discarded_events", "check_results", "alerts")

#: Rewritten regions leave dead space in a DuckDB file. Past this share the file is written anew.
COMPACT_ABOVE = 0.30


def publish(
    warehouse: Path, published: Path, known: Collection[tuple[str, str]] | None = None
) -> list[str]:
    """Replace the published file by a copy of the warehouse, at once.

    `known` names the relations of the project by schema and name: readers get these and the status tables. What a
    model that is gone has left behind stays in the warehouse. None: readers get everything.
    Returns the names of views that readers do not get, because they read raw data.

    A copy of the file, not of its rows: the cheapest whole swap. A reader that has the old file open keeps
    reading it; whoever opens it next sees the new one.
    """
    new = published.with_name(published.name + ".new")
    _remove(new)
    _copy(warehouse, new)
    with connect(new) as connection:
        if known is not None:
            _drop_unknown(connection, {*known, *(("main", table) for table in STATUS_TABLES)})
        dropped = _keep_only_what_stands_alone(connection)
    _replace(new, published)
    return dropped


def publish_status(warehouse: Path, published: Path, tables: Sequence[str] = STATUS_TABLES) -> None:
    """Publish the tables that describe the run, and leave the data as readers have it."""
    new = published.with_name(published.name + ".new")
    _remove(new)
    if published.exists():
        _copy(published, new)
    with connect(new) as connection:
        connection.execute(f"attach {literal(str(warehouse))} as warehouse (read_only)")
        present = {
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where database_name = 'warehouse' and schema_name = 'main'"
            ).fetchall()
        }
        for table in tables:
            if table in present:
                connection.execute(
                    f"create or replace table {quote(table)} as select * from warehouse.main.{quote(table)}"
                )
        connection.execute("detach warehouse")
        connection.execute("checkpoint")
    _replace(new, published)


def compact(path: Path) -> bool:
    """Write the file anew when more than `COMPACT_ABOVE` of it is dead space. Says whether it did."""
    with connect(path, read_only=True) as connection:
        total, free = connection.execute(
            "select total_blocks, free_blocks from pragma_database_size()"
        ).fetchall()[0]
    if total < 64 or free / total <= COMPACT_ABOVE:
        return False
    rewrite(path)
    return True


def rewrite(path: Path) -> None:
    """Write a DuckDB file anew: what was deleted is in no page of it any more."""
    new = path.with_name(path.name + ".compact")
    _remove(new)
    with connect() as connection:
        connection.execute(f"attach {literal(str(path))} as old (read_only)")
        connection.execute(f"attach {literal(str(new))} as new (storage_version 'v1.4.0')")
        connection.execute("copy from database old to new")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'old'"
        ).fetchall()
        for schema, table in tables:
            name = f"{quote(schema)}.{quote(table)}"
            ((same,),) = connection.execute(
                f"select (select count(*) from old.{name}) = (select count(*) from new.{name})"
            ).fetchall()
            if not same:
                raise RuntimeError(
                    f"{path} could not be written anew: {name} lost rows. Nothing was changed"
                )
    _replace(new, path)


def _drop_unknown(
    connection: duckdb.DuckDBPyConnection, known: Collection[tuple[str, str]]
) -> None:
    """Drop every table and view that is not among the known ones."""
    found = connection.execute(
        "select schema_name, view_name, 'view' from duckdb_views() where not internal"
        " union all select schema_name, table_name, 'table' from duckdb_tables() where not internal"
        " order by all"
    ).fetchall()
    for schema, name, kind in found:
        if (schema, name) not in known:
            connection.execute(f"drop {kind} {quote(schema)}.{quote(name)}")


def _keep_only_what_stands_alone(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Drop the views that read raw.duckdb, and the views over those; return their names."""
    dropped: list[str] = []
    while broken := _broken_views(connection):
        for schema, name in broken:
            connection.execute(f"drop view {quote(schema)}.{quote(name)}")
            dropped.append(f"{schema}.{name}")
    connection.execute("checkpoint")
    return sorted(dropped)


def _broken_views(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    views = connection.execute(
        "select schema_name, view_name from duckdb_views() where not internal order by all"
    ).fetchall()
    broken = []
    for schema, name in views:
        try:
            connection.execute(f"describe select * from {quote(schema)}.{quote(name)}").fetchall()
        except duckdb.Error:
            broken.append((schema, name))
    return broken


def _copy(source: Path, target: Path) -> None:
    """Copy a file inside the kernel, by reference where the file system can (Python 3.14's shutil does the same)."""
    if hasattr(os, "copy_file_range"):
        with source.open("rb") as read, target.open("wb") as write:
            left = os.fstat(read.fileno()).st_size
            try:
                while left > 0 and (
                    copied := os.copy_file_range(read.fileno(), write.fileno(), left)
                ):
                    left -= copied
            except OSError:
                pass  # not on this file system: the whole file is copied below
            if left == 0:
                return
    shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def _replace(new: Path, path: Path) -> None:
    """Put `new` in the place of `path`, so that after a power cut one of the two is there, whole."""
    with new.open("rb") as handle:
        os.fsync(handle.fileno())
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
    new.replace(path)
