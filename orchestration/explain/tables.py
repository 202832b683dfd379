"""The tables that explanations read: the published ones, and raw data where it is free."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from orchestration.database import connect, literal
from orchestration.settings import Settings
from orchestration.state import INTERNAL, stored_settings


class TablesError(Exception):
    """There is nothing to read; the message names the remedy."""


class Tables:
    """The published tables, opened for reading. `has_raw` says whether raw.duckdb could be opened too."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, has_raw: bool) -> None:
        self.connection = connection
        self.has_raw = has_raw
        self.settings = stored_settings(connection)
        self.present = {
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where not internal"
            ).fetchall()
        }

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return the rows of a query as dictionaries."""
        cursor = self.connection.execute(sql.format(internal=INTERNAL), list(parameters))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def setting(self, name: str) -> str | None:
        """Return what a setting was when the tables were built; None for one that is off."""
        value = self.settings.get(name)
        return None if value in (None, "None", "False") else value


@contextmanager
def open_tables(settings: Settings) -> Iterator[Tables]:
    """Open what readers have, which a run never locks, and raw.duckdb if no run is writing it.

    Raises `TablesError` when nothing is published yet.
    """
    if not settings.published.exists():
        raise TablesError(f"nothing is published yet ({settings.published}): `make run`")
    with connect(settings.published, read_only=True) as connection:
        has_raw = settings.raw.exists()
        if has_raw:
            try:
                connection.execute(
                    f"attach if not exists {literal(str(settings.raw))} as raw (read_only)"
                )
            except duckdb.IOException:
                has_raw = False
        tables = Tables(connection, has_raw=has_raw)
        if not {"event_rows", "event_links", "device_spans", "load_files"} <= tables.present:
            raise TablesError("no build has been published yet: `make run`")
        yield tables
