"""Homes for tests: built without Dagster and without gates, compared table by table."""

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from expectations.plan import read_plan
from orchestration import loading
from orchestration.database import connect, quote
from orchestration.dbt_project import DbtProject
from orchestration.settings import Settings
from orchestration.sources import read_sources

#: One load time for every file: comparisons reuse recorded load times.
LOADED_AT = datetime.datetime(2026, 6, 1)

#: Tables of schema main that describe runs, not data, or that gate 2 makes of others: homes without gates have none.
ABOUT_RUNS = ("check_results", "alerts", "anomalies")

#: Tables that count what was delivered: the same where the same files came, however often rows repeat in others.
ABOUT_DELIVERIES = ("load_files", "received_hours")

#: Internal tables that later runs reckon with. What is wrong here comes to light one run later.
INTERNAL = (
    "event_rows", "event_links", "device_spans", "merged_users", "alias_events",
    "event_traits", "event_groups", "group_person_days",
)  # fmt: skip

#: Columns that describe a run, in any table.
RUN_COLUMNS = ("batch_id", "loaded_at")

#: Columns that say where a row was delivered: left out where the same rows came in other files.
PLACE_COLUMNS = ("file", "line", "is_repeat_in_file")

_parsed: dict[str, Any] = {}


class Home:
    """One installation in a temporary folder; `footpath` are settings other than the project's."""

    def __init__(
        self, folder: Path, sources: str, footpath: Mapping[str, Any] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(
            landing=folder / "landing",
            sources=folder / "sources.yml",
            home=folder / "var",
            tracking_plan=folder / "tracking_plan",
        )
        self.settings.landing.mkdir(exist_ok=True)
        self.settings.prepare()
        self.define(sources)
        self.dbt = DbtProject(self.settings, footpath)
        # One parse serves every home of these settings: nothing in it depends on the home.
        variables = json.dumps(footpath, sort_keys=True)
        self.dbt._manifest = _parsed.get(variables)
        _parsed[variables] = self.dbt.parse()

    def define(self, sources: str) -> None:
        """Write sources.yml, at first or with mended definitions."""
        self.settings.sources.write_text(sources)
        self.sources = read_sources(self.settings.sources)

    def deliver(self, source: str, name: str, lines: Iterable[str]) -> None:
        """Put a file into the landing folder."""
        path = self.settings.landing / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))

    def load(self) -> None:
        """Load and admit what lies in the landing folder."""
        with connect(self.settings.raw) as connection:
            plan = read_plan(self.settings.tracking_plan)
            loading.prepare(connection, self.sources, plan)
            scan = loading.scan(self.settings.landing, self.sources)
            for name, source in self.sources.items():
                loading.load_source(
                    connection, source, scan.files.get(name, []), loaded_at=lambda: LOADED_AT
                )
            loading.prepare(connection, self.sources, plan)
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


def differences(
    one: Home, other: Home, *, places: bool = False, repeats: bool = False
) -> dict[str, list[Any]]:
    """Rows that only one of two homes has, per table, as `(side, row)`; empty when they are equal.

    Every table and view of schema main is compared, but for what describes runs. `places`: both homes got the
    same files, so it is also compared where each row was delivered, what became of the rows of each file, and what
    the next run will start from. `repeats`: one of them got rows more often, so each unusable row counts once.
    """
    found: dict[str, list[Any]] = {}
    with connect() as connection:
        connection.execute(f"attach '{one.settings.warehouse}' as one (read_only)")
        connection.execute(f"attach '{other.settings.warehouse}' as other (read_only)")
        tables = _compared(connection, "one", places)
        missing = set(tables) ^ set(_compared(connection, "other", places))
        assert not missing, f"tables of one home only: {missing}"
        assert ("main", "events") in tables
        for schema, table in tables:
            names = _columns(connection, schema, table, places)
            rows = [
                (side, dict(zip(names, row, strict=True)))
                for side, first, second in (("one", "one", "other"), ("other", "other", "one"))
                for row in connection.execute(
                    f"{_rows(first, schema, table, names, repeats)} except all"
                    f" {_rows(second, schema, table, names, repeats)} order by all"
                ).fetchall()
            ]
            if rows:
                found[table] = rows
    return found


def _compared(
    connection: duckdb.DuckDBPyConnection, database: str, places: bool
) -> list[tuple[str, str]]:
    tables = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog = ?"
        " order by all",
        [database],
    ).fetchall()
    return [
        (schema, table)
        for schema, table in tables
        if (
            schema == "main"
            and table not in ABOUT_RUNS
            and (places or table not in ABOUT_DELIVERIES)
        )
        or (places and schema.endswith("internal") and table in INTERNAL)
    ]


def _columns(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, places: bool
) -> list[str]:
    names = connection.execute(
        "select column_name from duckdb_columns() where database_name = 'one'"
        " and schema_name = ? and table_name = ? order by column_index",
        [schema, table],
    ).fetchall()
    left_out = set(RUN_COLUMNS)
    if not places:
        left_out.update(PLACE_COLUMNS)
        if table == "quarantined_events":
            left_out.add("event_key")  # made from file and line: such a row has no other identity
    return [name for (name,) in names if name not in left_out]


def _rows(database: str, schema: str, table: str, names: list[str], repeats: bool) -> str:
    once = "distinct " if repeats and table == "quarantined_events" else ""
    columns = ", ".join(quote(name) for name in names)
    # A version that was replaced is known only where it was ever delivered.
    where = " where state = 'admitted'" if table == "load_files" else ""
    return f"select {once}{columns} from {database}.{quote(schema)}.{quote(table)}{where}"
