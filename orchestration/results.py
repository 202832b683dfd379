"""What a run found: check results kept in the warehouse, and the alerts that follow from them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

from expectations.runner import CheckResult

TABLES = """
create table if not exists main.check_results (
    run_id varchar, suite varchar, check_name varchar, relation varchar, severity varchar, success boolean,
    observed varchar, checked_at timestamp
);
create table if not exists main.alerts (
    alert_key varchar, severity varchar, relation varchar, message varchar, first_seen_at timestamp,
    last_seen_at timestamp, occurrences bigint, state varchar, resolved_at timestamp
);
"""


def record(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    results: Sequence[CheckResult],
    checked_at: datetime,
    *,
    still_open: Iterable[str] = (),
) -> None:
    """Enter results and bring the alerts up to date, in one transaction.

    One alert per check and relation: a failing check opens it, or counts one more occurrence; the same check
    without a failure resolves it. Keys in `still_open` stay open although their check passed now: the check of a
    batch that is held is not made again.
    """
    connection.execute(TABLES)
    connection.execute("begin")
    try:
        for result in results:
            connection.execute(
                "insert into main.check_results values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    run_id,
                    result.suite,
                    result.check_name,
                    result.relation,
                    result.severity,
                    result.success,
                    result.observed,
                    checked_at,
                ],
            )
        kept = set(still_open)
        for result in results:
            key = alert_key(result)
            if not result.success:
                _raise_alert(connection, key, result, checked_at)
            elif key not in kept:
                connection.execute(
                    "update main.alerts set state = 'resolved', resolved_at = ?"
                    " where alert_key = ? and state = 'open'",
                    [checked_at, key],
                )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def resolve_released(
    connection: duckdb.DuckDBPyConnection, relations: Iterable[str], at: datetime
) -> None:
    """Resolve the critical alerts of relations that have no held batch any more: one was released."""
    connection.execute(
        "update main.alerts set state = 'resolved', resolved_at = ?"
        " where state = 'open' and severity = 'critical' and list_contains(?, relation)",
        [at, list(relations)],
    )


def alert_key(result: CheckResult) -> str:
    """Return what one alert is about: suite, check and relation."""
    return f"{result.suite}.{result.check_name}.{result.relation}"


def _raise_alert(
    connection: duckdb.DuckDBPyConnection, key: str, result: CheckResult, at: datetime
) -> None:
    message = f"{result.description} Observed: {result.observed}"
    known = connection.execute(
        "update main.alerts set last_seen_at = ?, occurrences = occurrences + 1, message = ?"
        " where alert_key = ? and state = 'open' returning alert_key",
        [at, message, key],
    ).fetchall()
    if not known:
        connection.execute(
            "insert into main.alerts values (?, ?, ?, ?, ?, ?, 1, 'open', null)",
            [key, result.severity, result.relation, message, at, at],
        )
