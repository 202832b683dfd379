"""What gate 2 has to look at: lists that dbt's last step adds to, and that the gate empties when all is well.

A check of rows that no run touched would find what the last run found, at a cost that grows with the history. So the
lists (tables `unchecked_*` of the schema `main_internal`) collect what runs touched since the gate passed last. After a
build in full, and as long as there are no lists, everything is checked.
"""

import duckdb

#: Where the lists are.
SCHEMA = "main_internal"

#: rows: event_key. regions: source, actor_key, from_at, to_at. people: person_id, day.
#: groups: group_key. batches: batch_id. models: tables that were built in full.
LISTS = ("rows", "regions", "people", "groups", "batches", "models")


def lists(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the schema of the lists, or None when everything is to be checked."""
    if not _present(connection):
        return None
    everything = connection.execute(f"select 1 from {SCHEMA}.unchecked_models limit 1").fetchall()
    return None if everything else SCHEMA


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty the lists: what they name has passed."""
    if not _present(connection):
        return
    connection.execute("begin transaction")
    for name in LISTS:
        connection.execute(f"delete from {SCHEMA}.unchecked_{name}")
    connection.execute("commit")


def _present(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and list_contains(?, table_name)",
        [SCHEMA, [f"unchecked_{name}" for name in LISTS]],
    ).fetchall()
    return bool(found[0][0] == len(LISTS))
