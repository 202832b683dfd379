"""What the tables of a home say of themselves: the settings that they were built with."""

import duckdb

#: The schema of the tables that are not for analysts.
INTERNAL = "main_internal"


def stored_settings(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the settings of the last complete build by name, as the macro `stored_settings` wrote them.

    Empty when no build has finished.
    """
    tables = connection.execute(
        "select 1 from duckdb_tables() where schema_name = ? and table_name = 'processed_batches'",
        [INTERNAL],
    ).fetchall()
    if not tables:
        return {}
    rows = connection.execute(f"select distinct settings from {INTERNAL}.processed_batches")
    found: dict[str, str] = {}
    for (settings,) in rows.fetchall():
        pairs = (pair.partition("=") for pair in settings.split("; "))
        found |= {name: value for name, _, value in pairs}
    return found
