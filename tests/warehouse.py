"""Homes for tests: built without Dagster and without gates, compared table by table."""

import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestration import loading
from orchestration.database import connect
from orchestration.dbt_project import DbtProject
from orchestration.settings import Settings
from orchestration.sources import read_sources

#: One load time for every file: comparisons reuse recorded load times.
LOADED_AT = datetime.datetime(2026, 6, 1)

#: Every table that the law of the core is about, with the columns that describe the delivery.
TABLES: Mapping[str, tuple[str, ...]] = {
    "events": ("file", "line"),
    "quarantined_events": ("event_key", "batch_id", "file", "line"),
    "identities": (),
    "sessions": (),
    "page_views": (),
    "users": (),
    "user_days": (),
    "checkout_funnel": (),
    "retention_weekly": (),
    "data_until": (),
}

_parsed: dict[str, Any] = {}


class Home:
    """One installation in a temporary folder."""

    def __init__(self, folder: Path, sources: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sources.yml").write_text(sources)
        self.settings = Settings(
            landing=folder / "landing", sources=folder / "sources.yml", home=folder / "var"
        )
        self.settings.landing.mkdir(exist_ok=True)
        self.settings.prepare()
        self.sources = read_sources(self.settings.sources)
        self.dbt = DbtProject(self.settings)
        # One parse serves every home of a test session: nothing in it depends on the home.
        self.dbt._manifest = _parsed.get("manifest")
        _parsed["manifest"] = self.dbt.parse()

    def deliver(self, source: str, name: str, lines: Iterable[str]) -> None:
        """Put a file into the landing folder."""
        path = self.settings.landing / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))

    def load(self) -> None:
        """Load and admit what lies in the landing folder."""
        with connect(self.settings.raw) as connection:
            loading.prepare(connection, self.sources)
            scan = loading.scan(self.settings.landing, self.sources)
            for name, source in self.sources.items():
                loading.load_source(
                    connection, source, scan.files.get(name, []), loaded_at=lambda: LOADED_AT
                )
            loading.prepare(connection, self.sources)
            pending = connection.execute(
                "select batch_id from files where state = 'pending' order by all"
            ).fetchall()
            loading.admit(connection, [batch for (batch,) in pending])

    def build(self, *, full_refresh: bool = False) -> None:
        """Run dbt."""
        self.dbt.build(full_refresh=full_refresh)

    def run(self) -> None:
        """Load, admit and model what is new."""
        self.load()
        self.build()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with connect(self.settings.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()


def differences(one: Home, other: Home, *, places: bool = False) -> dict[str, list[Any]]:
    """Rows that only one of two homes has, per table, as `(side, row)`; empty when they are equal.

    Without `places`, the columns that say where a row was delivered are left out.
    """
    found: dict[str, list[Any]] = {}
    with connect() as connection:
        connection.execute(f"attach '{one.settings.warehouse}' as one (read_only)")
        connection.execute(f"attach '{other.settings.warehouse}' as other (read_only)")
        for table, delivery in TABLES.items():
            names = [
                name
                for (name,) in connection.execute(
                    "select column_name from duckdb_columns() where database_name = 'one'"
                    " and schema_name = 'main' and table_name = ? order by column_index",
                    [table],
                ).fetchall()
                if places or name not in delivery
            ]
            assert names, f"no table {table}"
            columns = ", ".join(f'"{name}"' for name in names)
            rows = [
                (side, dict(zip(names, row, strict=True)))
                for side, first, second in (("one", "one", "other"), ("other", "other", "one"))
                for row in connection.execute(
                    f"select {columns} from {first}.main.{table} except all"
                    f" select {columns} from {second}.main.{table} order by all"
                ).fetchall()
            ]
            if rows:
                found[table] = rows
    return found
