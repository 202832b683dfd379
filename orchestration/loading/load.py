"""Loading the files of a source: each once, in one transaction with its entry in the manifest."""

import errno
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from expectations.plan import NO_PLAN, Plan
from orchestration.database import literal, quote, transaction
from orchestration.loading import salvage
from orchestration.loading.catalog import (
    add_columns,
    create_tables,
    file_columns,
    temporary_parent,
)
from orchestration.loading.landing import LandingFile, split_compression
from orchestration.loading.manifest import Entry, delete_rows, entries_of
from orchestration.loading.reading import Reading, drop_temporary_tables, read_file
from orchestration.loading.tracking_plan import write_plan
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


def prepare(connection: duckdb.DuckDBPyConnection, sources: Sources, plan: Plan = NO_PLAN) -> None:
    """Make raw.duckdb ready for a run: tables, the table `sources`, the views, the tracking plan.

    Raises `SourcesError` when sources.yml does not fit what was loaded or a mapping is wrong.
    """
    create_tables(connection, sources, plan)
    create_views(connection, sources)
    write_plan(connection, plan)


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
    loader = _Loader(connection, source, loaded_at)
    for number, file in enumerate(files, start=1):
        started = time.perf_counter()
        try:
            done = loader.load(file, known.get(file.name, []))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE):
                raise
            # Gone or locked away since the scan; what it held before stays as it is.
            done = FileResult(file.name, "skipped", None, note=f"it cannot be opened: {error}")
        done = replace(done, seconds=time.perf_counter() - started)
        result.files.append(done)
        if progress is not None:
            progress(done, number, len(files))
    return result


class _Loader:
    """Loads the files of one source, one after the other."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: Source,
        loaded_at: Callable[[], datetime],
    ) -> None:
        self.connection = connection
        self.source = source
        self.loaded_at = loaded_at
        self.temporary = temporary_parent(connection)
        self.stored = file_columns(connection, source)
        row = connection.execute("select coalesce(max(delivery), 0) from files").fetchone()
        self.deliveries = int(row[0]) if row else 0

    def load(self, file: LandingFile, entries: list[Entry]) -> FileResult:
        """Load one file, unless its content is the one that was delivered last."""
        connection, source = self.connection, self.source
        stat = _stat(file.path)
        current = max(entries, key=lambda entry: entry.delivery, default=None)
        if current is not None and current.stat == stat:
            return FileResult(file.name, "unchanged", current.batch_id)
        fingerprint = salvage.fingerprint(file.path, split_compression(file.name)[1])
        batch_id = batch_id_of(source.name, file.name, fingerprint.sha256)
        if current is not None and current.batch_id == batch_id:
            self._note_stat(batch_id, stat)
            return FileResult(file.name, "unchanged", batch_id)
        same = next((entry for entry in entries if entry.batch_id == batch_id), None)
        waiting = [entry.batch_id for entry in entries if entry.state in ("pending", "held")]
        if same is not None and same.state == "admitted":
            with transaction(connection):
                self._take_back(waiting)
                self._deliver_again(batch_id, stat, "admitted")
            return FileResult(
                file.name,
                "unchanged",
                batch_id,
                note="its admitted content came again; the version that waited is dropped",
            )
        try:
            reading = read_file(
                connection,
                source,
                file.path,
                complete=fingerprint.complete,
                stored=self.stored,
                temporary=self.temporary,
            )
            if _stat(file.path) != stat:
                return FileResult(
                    file.name, "skipped", None, note="it changed while it was read: next time"
                )
            self._widen(reading.columns)
            with transaction(connection):
                self._take_back(waiting)
                self._insert(file, batch_id, reading)
                if same is None:
                    self._enter(file, fingerprint.sha256, reading, stat)
                else:
                    self._deliver_again(batch_id, stat, "pending")
        finally:
            drop_temporary_tables(connection)
        outcome: Outcome = "replaced" if entries else "new"
        if reading.rows + reading.unreadable == 0:
            outcome = "empty"
        return FileResult(
            file.name, outcome, batch_id, reading.rows, reading.unreadable, note=reading.note
        )

    def _widen(self, columns: dict[str, str]) -> None:
        """Give the raw table the columns that a csv or parquet file brings for the first time."""
        if self.source.format in ("csv", "parquet"):
            with transaction(self.connection):
                added = add_columns(self.connection, self.source, columns, self.stored)
            if added:
                self.stored = file_columns(self.connection, self.source)
                create_mapped_view(self.connection, self.source)

    def _take_back(self, batch_ids: list[str]) -> None:
        """Drop batches that a newer delivery has overtaken before they were admitted."""
        if batch_ids:
            delete_rows(self.connection, self.source.name, batch_ids)
            self.connection.execute(
                "update files set state = 'replaced' where list_contains(?, batch_id)",
                [batch_ids],
            )

    def _insert(self, file: LandingFile, batch_id: str, reading: Reading) -> None:
        if reading.rows:
            columns = "".join(f", {quote(name)}" for name in reading.columns)
            self.connection.execute(
                f"insert into {quote(self.source.table)} (batch_id, line{columns})"
                f" select {literal(batch_id)}, {reading.line}{columns} from temp.{reading.table}"
            )
        if reading.unreadable:
            self.connection.execute(
                "insert into unreadable select ?, ?, ?, line, reason, raw"
                " from temp.loading_unreadable order by line",
                [self.source.name, batch_id, file.name],
            )

    def _enter(
        self, file: LandingFile, sha256: str, reading: Reading, stat: tuple[int, int, int]
    ) -> None:
        self.deliveries += 1
        self.connection.execute(
            "insert into files values (?, ?, ?, ?, ?, 'pending', null, ?, ?, ?, ?, ?, ?, 0)",
            [
                self.source.name,
                file.name,
                sha256,
                batch_id_of(self.source.name, file.name, sha256),
                self.loaded_at(),
                reading.rows + reading.unreadable,
                reading.unreadable,
                *stat,
                self.deliveries,
            ],
        )

    def _note_stat(self, batch_id: str, stat: tuple[int, int, int]) -> None:
        self.connection.execute(
            "update files set size_bytes = ?, mtime_ns = ?, ctime_ns = ? where batch_id = ?",
            [*stat, batch_id],
        )

    def _deliver_again(self, batch_id: str, stat: tuple[int, int, int], state: str) -> None:
        """Make a known batch the current version of its file; its recorded load time stays."""
        self.deliveries += 1
        self._note_stat(batch_id, stat)
        self.connection.execute(
            "update files set delivery = ?, state = ?, held_reason = null where batch_id = ?",
            [self.deliveries, state, batch_id],
        )
        if state == "pending":
            # All its rows are back: those of erased people are searched for again.
            self.connection.execute(
                "update files set erased_rows = 0 where batch_id = ?", [batch_id]
            )
            self.connection.execute("delete from searched_batches where batch_id = ?", [batch_id])


def _stat(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
