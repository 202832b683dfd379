"""What an erased person leaves in files beside the tables: texts of checks and errors, free pages of databases."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from orchestration import publishing
from orchestration.database import connect, quote
from orchestration.page import remove_pages
from orchestration.settings import Settings

ERASED = "[erased]"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Redaction:
    """Replaces identifiers in texts by `[erased]`.

    `words` are whole words, `keys` uuids. In a text of one word (a time, a name, a number) only the word itself is
    replaced, so that nothing that programs read is broken by a user id such as 42.
    """

    def __init__(self, words: Iterable[str], keys: Iterable[str]) -> None:
        self.words = sorted(set(words), key=len, reverse=True)
        self.keys = set(keys)
        choice = "|".join(re.escape(word) for word in self.words) or r"(?!)"
        self._pattern = re.compile(rf"(?<![\w-])(?:{choice})(?![\w-])")

    def text(self, text: str) -> str:
        """Return a text without the identifiers."""
        if text in self.words:
            return ERASED
        if " " in text:
            text = self._pattern.sub(ERASED, text)
        return _UUID.sub(lambda found: ERASED if found[0] in self.keys else found[0], text)

    def value(self, value: Any) -> Any:
        """Return a JSON value without the identifiers in its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(name): self.value(item) for name, item in value.items()}
        return value

    def document(self, text: str) -> str:
        """Return a text that may be JSON without the identifiers."""
        if not self._may_hold(text):
            return text
        try:
            value = json.loads(text)
        except ValueError:
            return self.text(text)
        cleaned = self.value(value)
        return text if cleaned == value else json.dumps(cleaned)

    def _may_hold(self, text: str) -> bool:
        return any(word in text for word in self.words) or any(
            found in self.keys for found in _UUID.findall(text)
        )


def redact(
    settings: Settings, warehouse: duckdb.DuckDBPyConnection, redaction: Redaction
) -> list[str]:
    """Take identifiers out of what runs wrote down: reports, check results, alerts, Dagster's events, dbt's results.

    The pages of runs go as a whole, since they show rows; the run that follows writes its own. Returns the names of the
    files that held some.
    """
    found = [f"reports/{name}" for name in remove_pages(settings)]
    for table, columns in (
        ("check_results", ("observed",)),
        ("alerts", ("message", "observed", "sample")),
    ):
        for column in columns:
            if _redact_column(warehouse, table, column, redaction):
                found.append(f"{settings.warehouse.name}: {table}")
    for path in sorted(settings.reports.glob("*.json")):
        if _redact_file(path, redaction):
            found.append(f"reports/{path.name}")
    results = settings.target / "run_results.json"
    if results.exists() and _redact_file(results, redaction):
        found.append(f"target/{results.name}")
    for path in sorted(settings.dagster.rglob("*")):
        if not path.is_file() or path.name == "dagster.yaml":
            continue
        with path.open("rb") as file:
            is_database = file.read(16).startswith(b"SQLite format 3")
        if path.suffix in (".db-wal", ".db-shm"):
            continue
        if _redact_sqlite(path, redaction) if is_database else _redact_file(path, redaction):
            found.append(str(path.relative_to(settings.home)))
    return found


def _redact_column(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, redaction: Redaction
) -> bool:
    if not connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database() and schema_name = 'main'"
        " and table_name = ?",
        [table],
    ).fetchall():
        return False
    changed = False
    for (text,) in connection.execute(
        f"select distinct {column} from main.{table} where {column} is not null"
    ).fetchall():
        cleaned = redaction.text(text)
        if cleaned != text:
            connection.execute(
                f"update main.{table} set {column} = ? where {column} = ?", [cleaned, text]
            )
            changed = True
    return changed


def _redact_file(path: Path, redaction: Redaction) -> bool:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return False
    cleaned = redaction.document(text)
    if cleaned == text:
        return False
    new = path.with_name(path.name + ".new")
    new.write_text(cleaned)
    new.replace(path)
    return True


def _redact_sqlite(path: Path, redaction: Redaction) -> bool:
    changed = False
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
        connection.execute("pragma secure_delete = on")
        tables = connection.execute(
            "select name from sqlite_master where type = 'table'"
        ).fetchall()
        for (table,) in tables:
            columns = [row[1] for row in connection.execute(f"pragma table_info({quote(table)})")]
            for column in columns:
                for rowid, text in connection.execute(
                    f"select rowid, {quote(column)} from {quote(table)}"
                    f" where typeof({quote(column)}) = 'text'"
                ).fetchall():
                    cleaned = redaction.document(text)
                    if cleaned != text:
                        connection.execute(
                            f"update {quote(table)} set {quote(column)} = ? where rowid = ?",
                            [cleaned, rowid],
                        )
                        changed = True
        connection.commit()
        if changed:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
    return changed


def open_requests(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the requests whose rows are gone, but not yet from the published file and from free pages."""
    return [
        request
        for (request,) in connection.execute(
            "select request_id from erasure_requests where completed_at is null order by requested_at, request_id"
        ).fetchall()
    ]


@contextlib.contextmanager
def finish_requests(settings: Settings) -> Iterator[None]:
    """Around publishing: write the databases anew, so that no free page keeps erased rows; then close the requests."""
    with connect(settings.raw, read_only=True) as connection:
        requests = open_requests(connection)
    if requests:
        with connect(settings.warehouse) as connection:
            _forget_user_agents(connection)
        publishing.rewrite(settings.warehouse)
        publishing.rewrite(settings.raw)
    yield
    if requests:
        # A run in between, if it failed, has shown once more what readers had.
        remove_pages(settings)
        with connect(settings.raw) as connection:
            connection.execute(
                "update erasure_requests set completed_at = now() at time zone 'UTC'"
                " where list_contains(?, request_id)",
                [requests],
            )


def _forget_user_agents(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop user agents that no row has any more: that table only grows."""
    schemas = dict(
        connection.execute("select table_name, schema_name from duckdb_tables()").fetchall()
    )
    if {"user_agents", "event_rows"} <= schemas.keys():
        connection.execute(
            f"delete from {quote(schemas['user_agents'])}.user_agents as known where not exists"
            f" (select 1 from {quote(schemas['event_rows'])}.event_rows as events"
            " where events.user_agent = known.user_agent)"
        )
