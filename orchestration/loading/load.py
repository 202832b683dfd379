"""Loading the files of a source: each once, in one transaction with its entry in the manifest."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import duckdb

from orchestration.database import quote
from orchestration.loading import salvage
from orchestration.loading.catalog import (
    add_columns,
    create_tables,
    file_columns,
    temporary_parent,
    transaction,
)
from orchestration.loading.landing import LandingFile, split_compression
from orchestration.loading.manifest import Entry, delete_rows, entries_of
from orchestration.loading.reading import Reading, drop_temporary_tables, read_file
from orchestration.loading.views import create_mapped_view, create_views
from orchestration.sources import Source, Sources

Outcome = Literal["new", "replaced", "unchanged", "empty", "skipped"]


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    `rows` are the readable ones. `new` and `replaced` (a new content under a known name) and
    `empty` (no line at all) left a pending batch; `unchanged` and `skipped` loaded nothing.
    """

    file: str
    outcome: Outcome
    batch_id: str | None
    rows: int = 0
    unreadable_rows: int = 0
    seconds: float = 0.0
    note: str = ""


@dataclass
class LoadResult:
    """What became of the files of one source, in the order they were given."""

    source: str
    files: list[FileResult] = field(default_factory=list)

    @property
    def loaded(self) -> list[FileResult]:
        """The files that left a pending batch in this run."""
        return [file for file in self.files if file.outcome in ("new", "replaced", "empty")]

    @property
    def rows(self) -> int:
        """The readable rows that this run loaded."""
        return sum(file.rows for file in self.loaded)

    @property
    def unreadable_rows(self) -> int:
        """The unreadable lines that this run found."""
        return sum(file.unreadable_rows for file in self.loaded)


def prepare(connection: duckdb.DuckDBPyConnection, sources: Sources) -> None:
    """Make raw.duckdb ready for a run: tables, the table `sources`, the views.

    Raises `SourcesError` when sources.yml does not fit what was loaded or a mapping is wrong.
    """
    create_tables(connection, sources)
    create_views(connection, sources)


def utc_now() -> datetime:
    """Return the time now, in UTC, without a zone: as the manifest keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def batch_id_of(source: str, file: str, sha256: str) -> str:
    """Return the id of one version of one file: the same in every run and on every machine."""
    text = "\x1f".join((source, file, sha256))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:16]


def load_source(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    files: Sequence[LandingFile],
    *,
    loaded_at: Callable[[], datetime] = utc_now,
    progress: Callable[[FileResult, int, int], None] | None = None,
) -> LoadResult:
    """Load what is new among the files of one source (after `prepare`).

    `progress` is called after each file with its result, its number and how many there are.
    A file that cannot be read does not stop the others: it becomes an unreadable row.
    """
    result = LoadResult(source.name)
    known = entries_of(connection, source.name)
    for number, file in enumerate(files, start=1):
        started = time.perf_counter()
        try:
            done = _load_file(connection, source, file, known.get(file.name, []), loaded_at)
        except OSError as error:
            # Gone or locked away since the scan; what it held before stays as it is.
            done = FileResult(file.name, "skipped", None, note=f"it cannot be opened: {error}")
        done = FileResult(**{**vars(done), "seconds": time.perf_counter() - started})
        result.files.append(done)
        if progress is not None:
            progress(done, number, len(files))
    return result


def _load_file(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    file: LandingFile,
    entries: list[Entry],
    loaded_at: Callable[[], datetime],
) -> FileResult:
    """Load one file, unless its content is the one that was delivered last."""
    stat = file.path.stat()
    current = max(entries, key=lambda entry: entry.delivery, default=None)
    if current is not None and current.stat == _stat(stat):
        return FileResult(file.name, "unchanged", current.batch_id)
    _, compression = split_compression(file.name)
    fingerprint = salvage.fingerprint(file.path, compression)
    batch_id = batch_id_of(source.name, file.name, fingerprint.sha256)
    if current is not None and current.batch_id == batch_id:
        _note_stat(connection, batch_id, stat)
        return FileResult(file.name, "unchanged", batch_id)
    same = next((entry for entry in entries if entry.batch_id == batch_id), None)
    waiting = [entry.batch_id for entry in entries if entry.state in ("pending", "held")]
    if same is not None and same.state == "admitted":
        with transaction(connection):
            _replace(connection, source, waiting)
            _deliver_again(connection, batch_id, stat)
        return FileResult(
            file.name,
            "unchanged",
            batch_id,
            note="its admitted content was delivered again; the version that waited is dropped",
        )
    try:
        reading = read_file(
            connection,
            source,
            file.path,
            complete=fingerprint.complete,
            stored=file_columns(connection, source),
            temporary=temporary_parent(connection),
        )
        if _stat(file.path.stat()) != _stat(stat):
            return FileResult(
                file.name, "skipped", None, note="it changed while it was read: left for next time"
            )
        if source.format in ("csv", "parquet") and add_columns(connection, source, reading.columns):
            create_mapped_view(connection, source)
        with transaction(connection):
            _replace(connection, source, waiting)
            _insert(connection, source, file, batch_id, reading)
            if same is None:
                _enter(connection, source, file, fingerprint.sha256, loaded_at(), reading, stat)
            else:
                _deliver_again(connection, batch_id, stat, pending=True)
    finally:
        drop_temporary_tables(connection)
    outcome: Outcome = "replaced" if entries else "new"
    if reading.rows + reading.unreadable == 0:
        outcome = "empty"
    return FileResult(
        file.name, outcome, batch_id, reading.rows, reading.unreadable, note=reading.note
    )


def _stat(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _replace(connection: duckdb.DuckDBPyConnection, source: Source, batch_ids: list[str]) -> None:
    """Take back batches that a newer delivery has overtaken before they were admitted."""
    if batch_ids:
        delete_rows(connection, source.name, batch_ids)
        connection.execute(
            "update files set state = 'replaced' where list_contains(?, batch_id)", [batch_ids]
        )


def _insert(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    file: LandingFile,
    batch_id: str,
    reading: Reading,
) -> None:
    if reading.rows:
        columns = "".join(f", {quote(name)}" for name in reading.columns)
        connection.execute(
            f"insert into {quote(source.table)} (batch_id, line{columns})"
            f" select ?, {reading.line}{columns} from temp.loading_rows",
            [batch_id],
        )
    if reading.unreadable:
        connection.execute(
            "insert into unreadable select ?, ?, ?, line, reason, raw"
            " from temp.loading_unreadable order by line",
            [source.name, batch_id, file.name],
        )


_NEXT_DELIVERY = "(select coalesce(max(delivery), 0) + 1 from files)"


def _enter(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    file: LandingFile,
    sha256: str,
    loaded_at: datetime,
    reading: Reading,
    stat: os.stat_result,
) -> None:
    connection.execute(
        f"insert into files select ?, ?, ?, ?, ?, 'pending', null, ?, ?, ?, ?, ?, {_NEXT_DELIVERY}",
        [
            source.name,
            file.name,
            sha256,
            batch_id_of(source.name, file.name, sha256),
            loaded_at,
            reading.rows + reading.unreadable,
            reading.unreadable,
            *_stat(stat),
        ],
    )


def _note_stat(connection: duckdb.DuckDBPyConnection, batch_id: str, stat: os.stat_result) -> None:
    connection.execute(
        "update files set size_bytes = ?, mtime_ns = ?, ctime_ns = ? where batch_id = ?",
        [*_stat(stat), batch_id],
    )


def _deliver_again(
    connection: duckdb.DuckDBPyConnection,
    batch_id: str,
    stat: os.stat_result,
    *,
    pending: bool = False,
) -> None:
    """Make a known batch the current version of its file; its recorded load time stays."""
    _note_stat(connection, batch_id, stat)
    connection.execute(
        f"update files set delivery = {_NEXT_DELIVERY} where batch_id = ?", [batch_id]
    )
    if pending:
        connection.execute(
            "update files set state = 'pending', held_reason = null where batch_id = ?", [batch_id]
        )
