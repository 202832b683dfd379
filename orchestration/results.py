"""What a run found: check results kept in the warehouse, and the incidents that follow from them."""

from collections.abc import Collection, Sequence
from datetime import datetime

import duckdb

from expectations.runner import CheckResult
from orchestration.alerts import incidents
from orchestration.alerts.routes import Rules
from orchestration.database import insert, transaction

TABLE = """
create table if not exists main.check_results (
    run_id varchar, suite varchar, check_name varchar, relation varchar, severity varchar, success boolean,
    observed varchar, checked_at timestamp
)
"""

#: What of a result stands in the table.
COLUMNS = ("suite", "check_name", "relation", "severity", "success", "observed")


def record(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    results: Sequence[CheckResult],
    checked_at: datetime,
    *,
    still_open: Collection[str] = (),
    rules: Rules | None = None,
) -> None:
    """Enter results, bring the incidents up to date and note what is to be told, in one transaction.

    Keys in `still_open` stay unresolved although their check passed now: the check of a batch that is held is not
    made again.
    """
    connection.execute(TABLE)
    incidents.prepare(connection)
    rows = [
        (run_id, *(getattr(result, name) for name in COLUMNS), checked_at) for result in results
    ]
    with transaction(connection):
        insert(connection, "main.check_results", ("run_id", *COLUMNS, "checked_at"), rows)
        incidents.follow(connection, run_id, results, checked_at, rules or Rules(), still_open)
