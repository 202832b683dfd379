"""The outbox: what is to be told, kept in the warehouse until it is sent."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Literal

import duckdb

from orchestration.database import insert, transaction

Kind = Literal["opened", "repeated", "escalated", "resolved"]

#: A message that failed as often as this, and is as old as this, is given up.
MAX_ATTEMPTS = 5
MAX_AGE = timedelta(days=3)

#: Characters of an error that are kept.
MAX_ERROR = 300

TABLE = """
create schema if not exists main_internal;
create table if not exists main_internal.alert_outbox (
    notice_id varchar, alert_key varchar, first_seen_at timestamp, kind varchar, run_id varchar,
    created_at timestamp, address varchar, attempts bigint, error varchar, sent_at timestamp,
    given_up_at timestamp
);
"""

_WAITING = "sent_at is null and given_up_at is null"


@dataclass(frozen=True)
class Notice:
    """Something to be told of the incident with this key and first failure.

    `address` names an address of the routing file; None as long as nobody looked who is to be told.
    """

    notice_id: str
    alert_key: str
    first_seen_at: datetime
    kind: Kind
    run_id: str | None
    created_at: datetime
    address: str | None
    attempts: int

    @property
    def incident(self) -> tuple[str, datetime]:
        """Which incident it tells of."""
        return self.alert_key, self.first_seen_at


COLUMNS = tuple(field.name for field in fields(Notice))


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table."""
    connection.execute(TABLE)


def add(
    connection: duckdb.DuckDBPyConnection,
    notices: Sequence[tuple[str, datetime, Kind, str | None]],
    at: datetime,
) -> None:
    """Keep notices of alert key, first failure, kind and run. In the transaction that changes the incidents."""
    rows = [(uuid.uuid4().hex, *notice, at, None, 0) for notice in notices]
    insert(connection, "main_internal.alert_outbox", COLUMNS, rows)


def waiting(connection: duckdb.DuckDBPyConnection) -> list[Notice]:
    """Return what is not sent yet, in the order in which it came about; nothing where there is no outbox."""
    if not connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'main_internal' and table_name = 'alert_outbox'"
    ).fetchall():
        return []
    rows = connection.execute(
        f"select {', '.join(COLUMNS)} from main_internal.alert_outbox where {_WAITING}"
        " order by created_at, alert_key, kind, address"
    )
    return [Notice(*row) for row in rows.fetchall()]


def address(connection: duckdb.DuckDBPyConnection, find: Callable[[Notice], Iterable[str]]) -> None:
    """Put one row for each address in the place of every notice that has none yet; `find` names the addresses."""
    new = [notice for notice in waiting(connection) if notice.address is None]
    if not new:
        return
    rows = [astuple(replace(notice, address=name)) for notice in new for name in find(notice)]
    with transaction(connection):
        connection.execute(
            "delete from main_internal.alert_outbox where address is null and list_contains(?, notice_id)",
            [[notice.notice_id for notice in new]],
        )
        insert(connection, "main_internal.alert_outbox", COLUMNS, rows)


def mark_sent(
    connection: duckdb.DuckDBPyConnection, notices: Sequence[Notice], at: datetime
) -> None:
    """Note that notices to one address are with it."""
    connection.execute(
        "update main_internal.alert_outbox set sent_at = ?, attempts = attempts + 1, error = null"
        " where address = ? and list_contains(?, notice_id)",
        [at, notices[0].address, [notice.notice_id for notice in notices]],
    )


def mark_failed(
    connection: duckdb.DuckDBPyConnection, notices: Sequence[Notice], error: str, at: datetime
) -> int:
    """Note that notices to one address could not be sent; return how many of them are given up now."""
    connection.execute(
        "update main_internal.alert_outbox set attempts = attempts + 1, error = ?"
        " where address = ? and list_contains(?, notice_id)",
        [error[:MAX_ERROR], notices[0].address, [notice.notice_id for notice in notices]],
    )
    given_up = connection.execute(
        "update main_internal.alert_outbox set given_up_at = ?"
        f" where {_WAITING} and address = ? and list_contains(?, notice_id) and attempts >= ? and created_at <= ?"
        " returning notice_id",
        [at, notices[0].address, [one.notice_id for one in notices], MAX_ATTEMPTS, at - MAX_AGE],
    )
    return len(given_up.fetchall())


def history(connection: duckdb.DuckDBPyConnection, alert_key: str, since: datetime) -> list[str]:
    """Return in words what was told of an incident, and what waits."""
    rows = connection.execute(
        "select kind, address, created_at, attempts, error, sent_at, given_up_at"
        " from main_internal.alert_outbox where alert_key = ? and first_seen_at = ? order by created_at, address",
        [alert_key, since],
    ).fetchall()
    words = []
    for kind, name, created_at, attempts, error, sent_at, given_up_at in rows:
        what = f"{kind} ({created_at:%Y-%m-%d %H:%M}) to {name or 'nobody yet'}"
        if sent_at is not None:
            words.append(f"{what}: sent {sent_at:%Y-%m-%d %H:%M}")
        else:
            state = "given up" if given_up_at is not None else "waits"
            words.append(f"{what}: {state}, {attempts} attempts{f': {error}' if error else ''}")
    return words
