"""A small SQLAlchemy dialect over the `duckdb` driver, so that Great Expectations pushes SQL down.

To be deleted once Great Expectations has a DuckDB engine of its own: fivetran/great_expectations
#12084 is the open pull request. The runner uses its functions only: `datasource`, `whole_table` and
`release`.

The usual way (`add_sql` with duckdb-engine) fails on every expectation with `list index out of
range`: Great Expectations fetches a result after it gave the connection back, and DuckDB drops
results on rollback. Reflection would also ask PostgreSQL's catalogue for `pg_collation`. Here

- the connection is one that the caller opened and closes; the dialect borrows it and never closes,
  commits or rolls back, so temporary views and the session's settings are seen by the checks, and
  the file handle is released exactly when the caller closes it;
- a result stays readable until the next statement;
- columns come from `describe`.

Regular-expression expectations do not compile on this dialect: write `unexpected_rows` with
`regexp_matches`.
"""

from __future__ import annotations

import warnings
from itertools import count
from typing import TYPE_CHECKING, Any

import duckdb
from sqlalchemy import types
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import NoSuchTableError

from expectations.suite import qualified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent import SQLDatasource
    from great_expectations.datasource.fluent.interfaces import Batch

#: Borrowed connections by the number that stands in the SQLAlchemy address (`duckdb:///7`): Great
#: Expectations copies and serialises the settings of a data source, which an object would not bear.
_borrowed: dict[str, duckdb.DuckDBPyConnection] = {}
_numbers = count(1)


class Cursor:
    """One statement on the borrowed connection, with the DB-API calls that SQLAlchemy makes."""

    arraysize = 1
    rowcount = -1

    def __init__(self, owner: Connection) -> None:
        self._owner = owner
        self.description: Sequence[tuple[Any, ...]] | None = None

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement; results of earlier cursors of the connection end here."""
        self._owner.current = self
        result = self._owner.borrowed.execute(statement, list(parameters))
        self.description = result.description

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        row: tuple[Any, ...] | None = self._result().fetchone()
        return row

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """Return at most `size` more rows."""
        return self._result().fetchmany(size)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all other rows."""
        return self._result().fetchall()

    def close(self) -> None:
        """Do nothing: Great Expectations reads results after it closed what gave them."""

    def _result(self) -> duckdb.DuckDBPyConnection:
        if self._owner.current is not self:
            raise duckdb.ProgrammingError("another statement ran since: this result is gone")
        return self._owner.borrowed


class Connection:
    """A DB-API connection around one that somebody else owns: nothing here ends anything."""

    def __init__(self, borrowed: duckdb.DuckDBPyConnection) -> None:
        self.borrowed = borrowed
        self.current: Cursor | None = None

    def cursor(self) -> Cursor:
        """Return a cursor on the same connection (DuckDB's own would not see temporary views)."""
        return Cursor(self)

    def commit(self) -> None:
        """Do nothing: transactions are the owner's."""

    def rollback(self) -> None:
        """Do nothing: DuckDB would drop the results that are still to be read."""

    def close(self) -> None:
        """Do nothing: the owner closes."""


class DuckDBDialect(PGDialect):
    """PostgreSQL's SQL with DuckDB's placeholders and without PostgreSQL's catalogue."""

    name = "duckdb"
    driver = "duckdb"
    default_paramstyle = "qmark"
    supports_statement_cache = False

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the driver's module: its exceptions and its parameter style."""
        return duckdb

    def create_connect_args(self, url: Any) -> tuple[list[Any], dict[str, Any]]:
        """Turn `duckdb:///7` into the number that `connect` looks up."""
        return [url.database], {}

    def connect(self, *arguments: Any, **_: Any) -> Any:
        """Wrap the borrowed connection of that number."""
        return Connection(_borrowed[arguments[0]])

    def initialize(self, connection: Any) -> None:
        """Ask nothing: the stock dialect would query PostgreSQL's settings."""
        self.default_schema_name = "main"

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Return true: a borrowed connection is open or it is the owner's mistake."""
        return True

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[Any]:
        """Return names and types of a table's or view's columns.

        Raises `NoSuchTableError` when there is no such relation.
        """
        relation = qualified(table_name, schema)
        try:
            rows = connection.exec_driver_sql(f"describe {relation}").fetchall()
        except Exception as error:
            raise NoSuchTableError(relation) from error
        return [
            {
                "name": row[0],
                "type": _type(row[1]),
                "nullable": row[2] == "YES",
                "default": None,
            }
            for row in rows
        ]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> Any:
        """Return no key: footpath's tables declare none, and checks state theirs."""
        return {"constrained_columns": [], "name": None}


def _type(name: str) -> types.TypeEngine[Any]:
    """Return the SQLAlchemy type for DuckDB's name of it (unknown ones: null type)."""
    known: dict[str, types.TypeEngine[Any]] = {
        "BOOLEAN": types.Boolean(),
        "TINYINT": types.SmallInteger(),
        "SMALLINT": types.SmallInteger(),
        "INTEGER": types.Integer(),
        "BIGINT": types.BigInteger(),
        "HUGEINT": types.Numeric(38, 0),
        "FLOAT": types.Float(),
        "DOUBLE": types.Double(),
        "VARCHAR": types.String(),
        "JSON": types.JSON(),
        "UUID": types.Uuid(),
        "DATE": types.Date(),
        "TIME": types.Time(),
        "TIMESTAMP": types.DateTime(),
        "TIMESTAMP WITH TIME ZONE": types.DateTime(timezone=True),
    }
    base = name.partition("(")[0]
    return types.Numeric() if base == "DECIMAL" else known.get(base, types.NullType())


registry.register("duckdb", __name__, DuckDBDialect.__name__)


def datasource(
    context: EphemeralDataContext, connection: duckdb.DuckDBPyConnection
) -> SQLDatasource:
    """Add a data source over an open connection; give it to `release` when done.

    The caller keeps the connection, and must not use it while a validation runs.
    """
    number = str(next(_numbers))
    _borrowed[number] = connection
    return context.data_sources.add_sql(
        name=f"duckdb {number}",
        connection_string=f"duckdb:///{number}",
        # the pool must not roll back what is still to be read
        kwargs={"pool_reset_on_return": None},
        create_temp_table=False,
    )


def whole_table(source: SQLDatasource, relation: str, schema: str | None) -> Batch:
    """Return a table or view of the data source as one batch."""
    schema_argument = {} if schema is None else {"schema_name": schema}
    with warnings.catch_warnings():
        # deprecated in favour of data sources with a schema, which a plain SQL one cannot have
        warnings.filterwarnings("ignore", message="`schema_name`", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*schema_name", category=DeprecationWarning)
        asset = source.add_table_asset(relation, table_name=relation, **schema_argument)
    return asset.add_batch_definition_whole_table("whole table").get_batch()


def release(context: EphemeralDataContext, source: SQLDatasource) -> None:
    """Forget a data source and its connection, which stays open."""
    number = source.name.removeprefix("duckdb ")
    source.get_engine().dispose()
    context.data_sources.delete(source.name)
    _borrowed.pop(number, None)
