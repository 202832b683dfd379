"""`make suite-init TABLE=name`: a first suite for a published table, from the data at hand."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml

from expectations.suite import SUITES, Suite, SuiteError, load_suites
from orchestration.database import connect, quote
from orchestration.settings import Settings

#: A text with at most so many values, each of which is there this often on average, is a list of values.
MOST_VALUES = 20
TIMES_EACH = 10
#: Columns that are tried together as a key, and how many of them.
KEY_CANDIDATES = 6
MOST_KEY_COLUMNS = 3

_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)
_TIMES = ("DATE", "TIMESTAMP")


class StarterError(ValueError):
    """No suite can be written; the message says why."""


@dataclass(frozen=True)
class Column:
    """A column and what is in it: least and greatest value of numbers and times, values of a text with few."""

    name: str
    type: str
    is_filled: bool
    is_unique: bool
    least: Any = None
    greatest: Any = None
    values: tuple[str, ...] = ()


def starter_suite(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    *,
    owner: str,
    existing: Sequence[Suite] = (),
    schema: str = "main",
) -> str:
    """Return the text of a suite of warnings on which the table, as it is, passes.

    Checks that `existing` suites have under the same name are left out. Raises `StarterError` for a table that is not
    there or is empty.
    """
    relation = f"{quote(schema)}.{quote(table)}"
    tables = connection.execute(
        "select table_name from information_schema.tables where table_schema = ? order by 1",
        [schema],
    ).fetchall()
    if (table,) not in tables:
        there = ", ".join(name for (name,) in tables)
        raise StarterError(f"there is no published table '{table}'; there are: {there}")
    ((rows,),) = connection.execute(f"select count(*) from {relation}").fetchall()
    if not rows:
        raise StarterError(f"{table} is empty: there is nothing to learn from")
    columns = _columns(connection, relation, rows)
    taken = {check.name for suite in existing if suite.relation == table for check in suite.checks}
    name = table if all(suite.name != table for suite in existing) else f"{table}_starter"
    has_end = ("data_until",) in tables and table != "data_until"
    checks = [
        check
        for check in _checks(connection, relation, columns, rows, has_end)
        if check["name"] not in taken
    ]
    if not checks:
        raise StarterError(f"the suites on {table} have all of it already")
    head = {"name": name, "gate": 2, "relation": table, "owner": owner}
    return "\n".join(
        [
            f"# Written by `make suite-init TABLE={table}` from {rows:,} rows, all of which look right to it: read it.",
            "# Take out what need not be so, and raise to `critical` what must (docs/extending.md).",
            yaml.safe_dump(head, sort_keys=False).rstrip(),
            "checks:",
            *(_entry(check) for check in checks),
        ]
    )


def _entry(check: dict[str, Any]) -> str:
    lines = []
    for key, value in check.items():
        if key == "kwargs":
            text = yaml.safe_dump(
                value, default_flow_style=True, width=10_000, allow_unicode=True
            ).strip()
        elif key == "unexpected_rows":
            text = f"|\n      {value}"
        else:
            text = (
                yaml.safe_dump(value, width=10_000, allow_unicode=True)
                .strip()
                .removesuffix("...")
                .strip()
            )
        lines.append(f"    {key}: {text}")
    return "  - " + "\n".join(lines).lstrip() + "\n"


def _checks(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[Column],
    rows: int,
    has_end: bool,
) -> Iterator[dict[str, Any]]:
    yield {
        "name": "not_much_smaller",
        "severity": "warning",
        "description": f"There are at least half of the {rows:,} rows that there were.",
        "expectation": "expect_table_row_count_to_be_between",
        "kwargs": {"min_value": math.ceil(rows / 2)},
    }
    key = _key(connection, relation, columns, rows)
    if len(key) == 1:
        yield {
            "name": f"{key[0]}_unique",
            "severity": "warning",
            "description": f"One row per {key[0]}.",
            "expectation": "expect_column_values_to_be_unique",
            "kwargs": {"column": key[0]},
        }
    elif key:
        yield {
            "name": "key_unique",
            "severity": "warning",
            "description": f"One row per {', '.join(key)}.",
            "expectation": "expect_compound_columns_to_be_unique",
            "kwargs": {"column_list": list(key)},
        }
    for column in columns:
        if column.is_filled:
            yield {
                "name": f"{column.name}_not_null",
                "severity": "warning",
                "description": f"{column.name} is never null.",
                "expectation": "expect_column_values_to_not_be_null",
                "kwargs": {"column": column.name},
            }
        if column.values:
            yield {
                "name": f"{column.name}_known",
                "severity": "warning",
                "description": f"{column.name} has no value that was not seen before.",
                "expectation": "expect_column_values_to_be_in_set",
                "kwargs": {"column": column.name, "value_set": list(column.values)},
            }
        elif column.type in _TIMES and column.least is not None:
            yield _time_check(column, has_end)
        elif column.type in _NUMBERS and column.least is not None:
            least, greatest = _with_slack(column.least, column.greatest)
            yield {
                "name": f"{column.name}_in_range",
                "severity": "warning",
                "description": f"{column.name} was {column.least} to {column.greatest}, and stays near that.",
                "expectation": "expect_column_values_to_be_between",
                "kwargs": {"column": column.name, "min_value": least, "max_value": greatest},
            }


def _time_check(column: Column, has_end: bool) -> dict[str, Any]:
    first = _date(column.least) - timedelta(days=365)
    name = quote(column.name)
    late = (
        f" or {name} > (select data_until from {{data_until}}) + interval 1 day" if has_end else ""
    )
    until = " nor more than a day after data_until" if has_end else ""
    return {
        "name": f"{column.name}_in_range",
        "severity": "warning",
        "description": f"{column.name} is not a year before the first one, {_date(column.least)},{until or ' by now'}.",
        "unexpected_rows": f"select * from {{batch}} where {name} < date '{first}'{late}",
    }


def _date(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def _with_slack(least: Any, greatest: Any) -> tuple[int | float, int | float]:
    """Return a range that is wider by half of its width on each side; shares stay shares, counts are not negative."""
    low, high = float(least), float(greatest)
    if not isinstance(least, int) and low >= 0 and high <= 1:
        return 0, 1
    half = max((high - low) / 2, 1)
    wide = (math.floor(low - half), math.ceil(high + half))
    return (max(wide[0], 0) if low >= 0 else wide[0], wide[1])


def _columns(connection: duckdb.DuckDBPyConnection, relation: str, rows: int) -> list[Column]:
    described = connection.execute(f"describe {relation}").fetchall()
    kinds = {name: str(kind).partition("(")[0].partition(" ")[0] for name, kind, *_ in described}
    parts = []
    for name, kind in kinds.items():
        one = quote(name)
        ordered = kind in (*_NUMBERS, *_TIMES)
        parts += [
            f"count({one})",
            # numbers and times are seldom a key, and many different ones take time to count
            f"count(distinct {one})" if kind in ("UUID", "VARCHAR", "DATE") else "null",
            f"min({one})" if ordered else "null",
            f"max({one})" if ordered else "null",
        ]
    (found,) = connection.execute(f"select {', '.join(parts)} from {relation}").fetchall()
    columns = []
    for number, (name, kind) in enumerate(kinds.items()):
        count, distinct, least, greatest = found[4 * number : 4 * number + 4]
        if isinstance(least, float) and not (math.isfinite(least) and math.isfinite(greatest)):
            least = greatest = None
        few = kind == "VARCHAR" and distinct and distinct <= min(MOST_VALUES, count / TIMES_EACH)
        values = (
            connection.execute(
                f"select distinct {quote(name)} from {relation} where {quote(name)} is not null order by 1"
            ).fetchall()
            if few
            else []
        )
        columns.append(
            Column(
                name, kind, count == rows, distinct == rows, least, greatest,
                tuple(value for (value,) in values),
            )
        )  # fmt: skip
    return columns


def _key(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[Column], rows: int
) -> tuple[str, ...]:
    """Return the first column that is unique, else the fewest columns that are so together; () when none are."""
    for column in columns:
        if column.is_unique and column.is_filled:
            return (column.name,)
    tried = [
        column.name
        for column in columns
        if column.is_filled and column.type not in ("DOUBLE", "FLOAT", "JSON")
    ]
    for number in range(2, MOST_KEY_COLUMNS + 1):
        for some in itertools.combinations(tried[:KEY_CANDIDATES], number):
            names = ", ".join(quote(name) for name in some)
            ((groups,),) = connection.execute(
                f"select count(*) from (select distinct {names} from {relation})"
            ).fetchall()
            if groups == rows:
                return some
    return ()


def main(arguments: list[str] | None = None) -> int:
    """Write the suite where suites are read. Returns 0, or 1 after an error."""
    parser = argparse.ArgumentParser(prog="make suite-init", description=__doc__)
    parser.add_argument("table", help="a published table")
    parser.add_argument(
        "--owner", default="data-platform", help="who is told (default: data-platform)"
    )
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    try:
        path, text = _written(settings, options.table, options.owner)
    except (StarterError, SuiteError) as error:
        print(f"error: {error}")
        return 1
    checks = len(yaml.safe_load(text)["checks"])
    print(f"{checks} checks written to {path}. Read them; the next `make run` makes them.")
    return 0


def _written(settings: Settings, table: str, owner: str) -> tuple[Path, str]:
    if not settings.published.exists():
        raise StarterError(f"{settings.published} does not exist: run `make run` first")
    folder = settings.expectations or SUITES
    folder.mkdir(parents=True, exist_ok=True)
    existing = load_suites(*settings.suites)
    with connect(settings.published, read_only=True) as connection:
        text = starter_suite(connection, table, owner=owner, existing=existing)
    path = folder / f"{yaml.safe_load(text)['name']}.yml"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise StarterError(
            f"{path} is there already, and is not overwritten: rename or delete it"
        ) from None
    return path, text


if __name__ == "__main__":
    sys.exit(main())
