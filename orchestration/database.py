"""One way to open a DuckDB file, so that every process and library uses the same settings."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

#: Written by DuckDB 2.0, readable by 1.4 and later: many BI tools ship an older reader.
STORAGE_COMPATIBILITY = "v1.4.0"


def connect(path: Path | str = ":memory:", *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file with footpath's settings: session time zone UTC, old readers can follow.

    Raises `duckdb.IOException` when another process holds the file.
    """
    connection = duckdb.connect(
        str(path),
        read_only=read_only,
        config={"storage_compatibility_version": STORAGE_COMPATIBILITY},
    )
    connection.execute("set TimeZone = 'UTC'")
    return connection


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done in the block, or nothing of it when it raises."""
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        # A fatal error has already ended the transaction; the first error is the one to show.
        with suppress(duckdb.Error):
            connection.execute("rollback")
        raise


def insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    """Insert rows in one statement: a list a column. Row by row DuckDB takes milliseconds for each."""
    if rows:
        values = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(
            f"insert into {table} ({', '.join(columns)}) select {', '.join(['unnest(?)'] * len(columns))}",
            values,
        )


def quote(identifier: str) -> str:
    """Quote an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"
