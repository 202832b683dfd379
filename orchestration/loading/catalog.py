"""The tables of raw.duckdb that the loader owns."""

import shutil
import string
from pathlib import Path

import duckdb

from expectations.plan import Plan
from orchestration.database import insert, literal, quote, transaction
from orchestration.sources import Source, Sources

#: The declared columns of a Segment call, in order, with their types.
SEGMENT_COLUMNS: dict[str, str] = dict.fromkeys(
    (
        "messageId", "type", "event", "name", "category", "userId", "anonymousId", "previousId",
        "groupId", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "channel", "version",
    ),
    "VARCHAR",
) | dict.fromkeys(("properties", "traits", "context", "integrations"), "JSON")  # fmt: skip

#: The loader's own columns of every raw table.
OWN_COLUMNS = ("batch_id", "line")

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

#: Folders for temporary copies stand beside raw.duckdb under this name.
TEMPORARY_PREFIX = ".loading-"

_TABLES = """
create table if not exists files (
    source varchar not null,
    file varchar not null,
    sha256 varchar not null,
    batch_id varchar not null primary key,
    loaded_at timestamp not null,
    state varchar not null check (state in ('pending', 'admitted', 'held', 'replaced')),
    held_reason varchar,
    raw_rows bigint not null,
    unreadable_rows bigint not null,
    size_bytes bigint not null,
    mtime_ns bigint not null,
    ctime_ns bigint not null,
    -- Counts deliveries over all files: the current version of a file is its greatest one.
    delivery bigint not null,
    erased_rows bigint default 0
);
alter table files add column if not exists erased_rows bigint default 0;
create table if not exists unreadable (
    source varchar not null,
    batch_id varchar not null,
    file varchar not null,
    line bigint not null,
    reason varchar not null,
    raw varchar
);
create table if not exists erasures (
    -- user, span (of a device), event: keyed hashes of their keys; word: of an id as text; request: of what was asked
    kind varchar not null check (kind in ('user', 'span', 'event', 'word', 'request')),
    hash varchar not null,
    valid_from timestamp,
    valid_to timestamp,
    request_id varchar not null
);
create table if not exists erasure_requests (
    request_id varchar not null primary key,
    -- Tells a wrong key.
    key_check varchar not null,
    requested_at timestamp not null,
    completed_at timestamp
);
-- Which batches were searched for rows of erased people, and under which definition of their source.
create table if not exists searched_batches (
    batch_id varchar not null,
    definition varchar not null
);
-- Rows in quarantine that somebody has given up: no later definition makes events of them.
create table if not exists discards (
    batch_id varchar not null,
    line bigint not null,
    note varchar not null,
    discarded_at timestamp not null,
    primary key (batch_id, line)
);
create or replace table sources (
    source varchar primary key,
    format varchar not null,
    identity_namespace varchar,
    owner varchar,
    makes_sessions boolean not null,
    time_is_corrected boolean,
    definition varchar not null
);
"""


def create_tables(connection: duckdb.DuckDBPyConnection, sources: Sources, plan: Plan) -> None:
    """Create what is missing and rewrite the table `sources`.

    Raises `SourcesError` when a source's rows were loaded in another format.
    """
    with transaction(connection):
        connection.execute(_TABLES)
        insert(
            connection,
            "sources",
            (
                "source", "format", "identity_namespace", "owner", "makes_sessions", "time_is_corrected", "definition",
            ),
            [
                (
                    source.name, source.format, source.identity_namespace, source.owner, source.makes_sessions,
                    source.time_is_corrected, _definition(source, plan),
                )
                for source in sources.values()
            ],
        )  # fmt: skip
        for source in sources.values():
            _create_rows(connection, source)
    remove_temporary_files(connection)


def _definition(source: Source, plan: Plan) -> str:
    """Return a fingerprint of what a source's rows become: when it changes, its batches are taken in again."""
    changes = plan.changes(source.name)
    return f"{source.definition} plan {changes}" if changes else source.definition


def _create_rows(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    found = connection.execute(
        "select comment from duckdb_tables() where database_name = current_database()"
        " and schema_name = current_schema() and table_name = ?",
        [source.table],
    ).fetchone()
    if found is not None:
        if found[0] != source.format:
            raise source.error(
                "format",
                f"its files were loaded as {found[0]} before; give the source a new name (and"
                " folder), or delete the state folder (FOOTPATH_HOME) to load everything again",
            )
        return
    columns: dict[str, str] = {"batch_id": "VARCHAR", "line": "BIGINT"}
    if source.format == "segment":
        columns |= SEGMENT_COLUMNS
    elif source.format == "jsonl":
        columns["record"] = "JSON"
    definition = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"create table {quote(source.table)} ({definition})")
    connection.execute(f"comment on table {quote(source.table)} is {literal(source.format)}")


def file_columns(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[str, str]:
    """Return the columns of a source's raw table that its files brought, with their types.

    A file's own column named `batch_id` or `line` is kept as `batch_id_` or `line_`.
    """
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns()"
        " where database_name = current_database() and schema_name = current_schema()"
        " and table_name = ? order by column_index",
        [source.table],
    ).fetchall()
    return {name: kind for name, kind in rows if name not in OWN_COLUMNS}


def stored_name(column: str) -> str:
    """Return the name under which a file's column stands in the raw table."""
    return f"{column}_" if fold(column) in OWN_COLUMNS else column


def fold(name: str) -> str:
    """Return a column name without case, as DuckDB compares names: ASCII letters only."""
    return name.translate(_LOWER)


def add_columns(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    wanted: dict[str, str],
    present: dict[str, str],
) -> bool:
    """Add the wanted columns that are not present (names ignore case); true when there were any."""
    names = {fold(name) for name in present}
    missing = {}
    for name, kind in wanted.items():
        if fold(name) not in names:
            missing[name] = kind
            names.add(fold(name))
    for name, kind in missing.items():
        connection.execute(f"alter table {quote(source.table)} add column {quote(name)} {kind}")
    return bool(missing)


def temporary_parent(connection: duckdb.DuckDBPyConnection) -> Path | None:
    """Return where copies may stand: beside the database file; None when it is in memory."""
    row = connection.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchone()
    return Path(row[0]).absolute().parent if row and row[0] else None


def remove_temporary_files(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove what a killed run left: only one process at a time has this database open."""
    parent = temporary_parent(connection)
    if parent is not None:
        for leftover in parent.glob(f"{TEMPORARY_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
