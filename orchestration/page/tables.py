"""The tables that the page is made from, as far as they are there."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import duckdb

from orchestration.database import connect
from orchestration.settings import Settings


class Tables:
    """The schema main of a file, read-only; without a file there is no table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | None) -> None:
        self.connection = connection
        self._columns: dict[str, list[str]] = {}
        if connection is not None:
            for table, column in connection.execute(
                "select table_name, column_name from duckdb_columns()"
                " where database_name = current_database() and schema_name = 'main' order by column_index"
            ).fetchall():
                self._columns.setdefault(table, []).append(column)

    def has(self, *names: str) -> bool:
        """Whether all of these tables are there."""
        return all(name in self._columns for name in names)

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table; none where there is no such table."""
        return self._columns.get(name, [])

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return the rows of a query by column."""
        if self.connection is None:
            return []
        found = self.connection.execute(sql, list(parameters))
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextmanager
def open_tables(settings: Settings) -> Iterator[tuple[Tables, Tables]]:
    """Open what readers have, and where check results and incidents are.

    These two stand in the warehouse first, and a run that ends early does not publish them. While somebody else
    writes the warehouse, the published ones serve.
    """
    with ExitStack() as stack:
        published = Tables(
            stack.enter_context(connect(settings.published, read_only=True))
            if settings.published.exists()
            else None
        )
        status = published
        if settings.warehouse.exists():
            try:
                status = Tables(stack.enter_context(connect(settings.warehouse, read_only=True)))
            except duckdb.IOException:
                status = published
        yield published, status
