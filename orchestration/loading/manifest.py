"""The states of batches in the manifest: pending, admitted, held, replaced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.database import quote, transaction


class BatchError(Exception):
    """A batch is unknown or in another state than asked for; the message says which."""


@dataclass(frozen=True)
class Entry:
    """One version of one file in the manifest."""

    file: str
    batch_id: str
    state: str
    #: Size, modification and change time (ns) when it was last seen.
    stat: tuple[int, int, int]
    #: The greatest one of a file is its current version.
    delivery: int


def entries_of(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, list[Entry]]:
    """Return the manifest entries of a source, by file name."""
    rows = connection.execute(
        "select file, batch_id, state, size_bytes, mtime_ns, ctime_ns, delivery from files"
        " where source = ?",
        [source],
    ).fetchall()
    entries: dict[str, list[Entry]] = {}
    for file, batch_id, state, size, mtime, ctime, delivery in rows:
        entry = Entry(file, batch_id, state, (size, mtime, ctime), delivery)
        entries.setdefault(file, []).append(entry)
    return entries


def delete_rows(connection: duckdb.DuckDBPyConnection, source: str, batch_ids: list[str]) -> None:
    """Delete the rows and unreadable lines of batches (the manifest keeps its entries)."""
    for table in (quote(f"rows_{source}"), "unreadable"):
        connection.execute(f"delete from {table} where list_contains(?, batch_id)", [batch_ids])


def admit(connection: duckdb.DuckDBPyConnection, batch_ids: Iterable[str]) -> None:
    """Let batches in; in the same transaction the older versions of their files go.

    Raises `BatchError` for a batch that is unknown or already replaced; then nothing changes.
    """
    wanted = list(dict.fromkeys(batch_ids))
    if not wanted:
        return
    with transaction(connection):
        _require(connection, wanted, ("pending", "held", "admitted"))
        replaced = connection.execute(
            "select old.source, list(old.batch_id) from files as old"
            " join files as new on new.source = old.source and new.file = old.file"
            " where list_contains(?, new.batch_id) and old.batch_id <> new.batch_id"
            " and old.state = 'admitted' group by old.source",
            [wanted],
        ).fetchall()
        for source, old in replaced:
            delete_rows(connection, source, old)
            connection.execute(
                "update files set state = 'replaced' where list_contains(?, batch_id)", [old]
            )
        connection.execute(
            "update files set state = 'admitted', held_reason = null"
            " where list_contains(?, batch_id)",
            [wanted],
        )


def hold(connection: duckdb.DuckDBPyConnection, reasons: Mapping[str, str]) -> None:
    """Hold pending batches, each with its reason; what was admitted of their files stays.

    Raises `BatchError` for a batch that is unknown or not pending (or held); then nothing changes.
    """
    if not reasons:
        return
    with transaction(connection):
        _require(connection, list(reasons), ("pending", "held"))
        for batch_id, reason in reasons.items():
            connection.execute(
                "update files set state = 'held', held_reason = ? where batch_id = ?",
                [reason, batch_id],
            )


def release(connection: duckdb.DuckDBPyConnection, batch_id: str) -> None:
    """Let a held batch in after someone has looked at it.

    Raises `BatchError` when it is unknown or not held.
    """
    _require(connection, [batch_id], ("held",))
    admit(connection, [batch_id])


def _require(
    connection: duckdb.DuckDBPyConnection, batch_ids: list[str], states: tuple[str, ...]
) -> None:
    found = dict(
        connection.execute(
            "select batch_id, state from files where list_contains(?, batch_id)", [batch_ids]
        ).fetchall()
    )
    for batch_id in batch_ids:
        if batch_id not in found:
            held = connection.execute(
                "select batch_id, source, file from files where state = 'held' order by all"
            ).fetchall()
            listed = "; ".join(f"{held_id} ({source}/{file})" for held_id, source, file in held)
            raise BatchError(f"there is no batch '{batch_id}'; held batches: {listed or 'none'}")
        if found[batch_id] not in states:
            raise BatchError(f"batch '{batch_id}' is {found[batch_id]}, not {' or '.join(states)}")
