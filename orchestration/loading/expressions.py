"""The SQL expressions of `sources.yml`: which columns they name, and how they are typed."""

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

#: The typings that a text column is tried with, in order.
#:
#: Text files have no types, and guessing them from the data would let a late file change what an
#: early one meant (tables must not depend on the order of arrival). So the expression decides: a
#: column is text unless the expression does not bind with it, and then a number, and so on. This
#: depends on sources.yml only. DOUBLE comes before BIGINT because it holds both `2` and `2.55`;
#: BIGINT is left for functions that take nothing else, such as epoch_ms.
TEXT_TYPES = ("VARCHAR", "DOUBLE", "BIGINT", "BOOLEAN")

#: Above this the typings of a long expression are not all tried; `columns` can declare them.
_MAX_TRIES = 500

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONSTANTS = ("null", "true", "false")
#: Functions whose value is not decided by the row.
_CHANGING = {
    "now", "today", "random", "rand", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "nextval",
    "currval", "get_current_time", "get_current_timestamp", "transaction_timestamp", "txid_current",
    "current_localtime", "current_localtimestamp", "setseed", "age",
}  # fmt: skip


class ExpressionError(Exception):
    """An expression that cannot be used; the message says why."""


@dataclass(frozen=True)
class Reference:
    """A column in an expression: its place in the text and its path (`actor.id`: two names)."""

    start: int
    end: int
    path: tuple[str, ...]


def references(expression: str) -> list[Reference]:
    """Return the columns that an expression names, in the order of the text.

    Raises `ExpressionError` when it is not one SQL expression over the columns of one row.
    """
    stripped = expression.strip()
    # Words such as user, comment or desc are columns when nothing stands beside them.
    if _BARE.fullmatch(stripped) and stripped.lower() not in _CONSTANTS:
        start = expression.index(stripped)
        return [Reference(start, start + len(stripped), (stripped,))]
    try:
        # As a select list, so that no word is taken for a statement.
        prefix = "select "
        tree = sqlglot.parse_one(prefix + expression, dialect="duckdb")
    except SqlglotError as error:
        raise ExpressionError(f"this is not an SQL expression: {_plain(str(error))}") from None
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or _clauses(tree):
        raise ExpressionError("this must be one SQL expression")
    node = tree.expressions[0]
    if node.find(exp.Query, exp.Alias, exp.Star) or isinstance(node, exp.Query):
        raise ExpressionError("an expression reads one row: no subquery, alias or star")
    for function in node.find_all(exp.Func):
        name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        if name.lower() in _CHANGING or name.lower().startswith("current_"):
            raise ExpressionError(
                f"{name.lower()} changes from run to run; the same file must always give the same"
                " rows (received_at may be left out: the load time stands in for it)"
            )
    found = []
    for column in node.find_all(exp.Column):
        identifiers = [part for part in column.parts if isinstance(part, exp.Identifier)]
        outer: exp.Expression = column
        while (
            isinstance(outer.parent, exp.Dot)
            and outer.parent.this is outer
            and isinstance(outer.parent.expression, exp.Identifier)
        ):
            outer = outer.parent
            identifiers.append(outer.expression)
        if not identifiers or any("start" not in part.meta for part in identifiers):
            raise ExpressionError(f"the column {column.sql('duckdb')} is not understood here")
        found.append(
            Reference(
                min(part.meta["start"] for part in identifiers) - len(prefix),
                max(part.meta["end"] for part in identifiers) + 1 - len(prefix),
                tuple(part.name for part in identifiers),
            )
        )
    return sorted(found, key=lambda reference: reference.start)


def _clauses(tree: exp.Select) -> bool:
    return any(value for key, value in tree.args.items() if key not in ("expressions", "kind"))


def _plain(message: str) -> str:
    """Return a parser's message without terminal colours, in one line."""
    return re.sub(r"\x1b\[[0-9;]*m", "", message).replace("\n", " ").strip()


def substitute(expression: str, columns: dict[tuple[str, ...], str]) -> str:
    """Return the expression with each column replaced by SQL; the rest stays as written."""
    parts = []
    position = 0
    for reference in references(expression):
        parts += [expression[position : reference.start], columns[reference.path]]
        position = reference.end
    parts.append(expression[position:])
    # The line break ends a comment that may stand at the end.
    return "(" + "".join(parts) + "\n)"


@dataclass(frozen=True)
class Bound:
    """An expression as SQL over the raw table, and the type of its result."""

    sql: str
    type: str


def bind(
    connection: duckdb.DuckDBPyConnection,
    expression: str,
    relation: str,
    types: Callable[[tuple[str, ...]], Iterable[str]],
    access: Callable[[tuple[str, ...], str], str],
) -> Bound:
    """Find the first typing of an expression's columns with which DuckDB takes it.

    `types` gives the types to try for a column, `access` its SQL over `relation` in such a type.
    Typings with fewer changes from the first type come first. Raises `ExpressionError` with
    DuckDB's reason for the first typing when none is taken.
    """
    paths = list(dict.fromkeys(reference.path for reference in references(expression)))
    choices = [list(enumerate(types(path))) for path in paths]
    typings = sorted(
        itertools.islice(itertools.product(*choices), 100_000),
        key=lambda typing: (sum(rank > 0 for rank, _ in typing), sum(rank for rank, _ in typing)),
    )
    reason = None
    for typing in typings[:_MAX_TRIES]:
        columns = {path: access(path, kind) for path, (_, kind) in zip(paths, typing, strict=True)}
        sql = substitute(expression, columns)
        try:
            described = connection.execute(f"describe select try({sql}) as x from {relation}")
        except duckdb.Error as error:
            reason = reason or str(error).strip().split("\n", maxsplit=1)[0]
            continue
        row = described.fetchone()
        assert row is not None
        return Bound(sql, str(row[1]))
    raise ExpressionError(reason or "no typing of its columns is taken")


def to_canonical(bound: Bound, canonical: str, *, is_id: bool = False) -> str:
    """Return SQL for a result in a canonical type; what cannot be turned into it is null.

    Times: with a zone or an offset they become UTC, without one they are UTC; numbers are seconds,
    milliseconds, microseconds or nanoseconds since 1970, by their size.
    """
    sql, kind = bound.sql, bound.type
    if canonical == "JSON":
        result = _json(sql, kind)
    else:
        if kind == "JSON":
            sql, kind = f"({sql} ->> '$')", "VARCHAR"
        if canonical == "TIMESTAMP":
            result = _timestamp(sql, kind)
        elif canonical == "VARCHAR":
            result = _text(sql, kind)
            if is_id:
                result = f"nullif(trim({result}), '')"
        else:
            result = f"try_cast({sql} as {canonical})"
    return f"try(cast({result} as {canonical}))"


def _text(sql: str, kind: str) -> str:
    if kind in ("DOUBLE", "FLOAT"):
        # 17850.0 is the number 17850, as an id or as text: how it was computed should not show.
        return (
            f"case when {sql} = trunc({sql}) and abs({sql}) < 1e15"
            f" then cast(cast({sql} as bigint) as varchar) else cast({sql} as varchar) end"
        )
    return f"cast({sql} as varchar)"


def _json(sql: str, kind: str) -> str:
    return f"to_json({sql})" if kind not in ("JSON", "VARCHAR") else sql


def _timestamp(sql: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        time = f"({sql} at time zone 'UTC')"
    elif kind == "VARCHAR":
        number = f"try_cast({sql} as decimal(38, 9))"
        time = f"coalesce(try_cast({sql} as timestamptz) at time zone 'UTC', {_epoch(number)})"
    elif kind.startswith(("TIMESTAMP", "DATE")):
        time = f"cast({sql} as timestamp)"
    elif kind == "BOOLEAN" or (kind.endswith(("]", ")")) and not kind.startswith("DECIMAL")):
        time = "cast(null as timestamp)"
    else:
        time = _epoch(f"try_cast({sql} as decimal(38, 9))")
    return f"case when isfinite({time}) then {time} end"


def _epoch(number: str) -> str:
    """Return a time from a number since 1970, whose size tells its unit."""
    return (
        "make_timestamp(try_cast(case"
        f" when abs({number}) < 1e11 then {number} * 1000000"  # seconds, to the year 5138
        f" when abs({number}) < 1e14 then {number} * 1000"  # milliseconds, from 1973
        f" when abs({number}) < 1e17 then {number}"  # microseconds
        f" else floor({number} / 1000) end as bigint))"  # nanoseconds
    )
