"""Run a suite on tables in DuckDB: one Great Expectations validation, one result per check."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.suite import Check, Severity, Suite, SuiteError, load_suites, qualified
from orchestration.database import quote

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext

__all__ = ["CheckResult", "SuiteError", "load_suites", "run_suite"]

#: Offending rows kept per check at gate 2, and batches named in the text at gate 1.
MAX_FAILING_ROWS = 20
MAX_NAMED_BATCHES = 3
#: Characters of `observed`, where it cites a row.
MAX_OBSERVED = 300

#: Arguments that name the columns whose values an expectation returns.
_COLUMN_KEYS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    `observed` is a short text ("3 of 1,204 rows"). `failing` holds offending rows, at most 20 (the
    values alone, for expectations about values); at gate 1 every failing batch, as
    {"batch_id": ..., "observed": ...}. `seconds` is the time of the whole suite's validation, which
    its checks share.
    """

    suite: str
    check_name: str
    relation: str
    severity: Severity
    success: bool
    observed: str
    failing: list[dict[str, Any]]
    description: str
    owner: str
    seconds: float


def run_suite(
    connection: duckdb.DuckDBPyConnection,
    suite: Suite,
    *,
    relation: str | None = None,
    schema: str | None = None,
    lists: str | None = None,
    found: dict[str, str] | None = None,
) -> list[CheckResult]:
    """Validate a relation and return one result per check, in the suite's order.

    `relation` replaces the suite's own (a temporary view, say); `schema` qualifies it and the other
    tables that queries name in braces, else the connection's search path does. A check that cannot
    run (no such table, a missing column, bad SQL) is a failed check that says why.

    `lists` is the schema of the lists of what runs touched since the last check: then only the rows
    that the suite's `touched` finds by them are looked at. Without it, or for a suite that does not
    say, all rows are; also when the relation has rows that no list can name, as their key is null.
    `found` has the temporary tables that earlier suites made on this connection, by their queries, and
    takes up new ones: several suites look at the same touched rows.

    The connection stays open and is only read. It should have no transaction open: in DuckDB a
    failing query would abort it.
    """
    relation = relation or suite.relation
    started = time.perf_counter()
    reports: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    tables = Tables(relation, schema)
    try:
        if lists is not None and not _keyless(connection, suite, tables):
            tables = _touched(connection, suite, tables, lists, {} if found is None else found)
        else:
            names = {name: spec.everything(name, schema) for name, spec in suite.touched.items()}
            tables = Tables(relation, schema, {**names, "batch": qualified(relation, schema)})
        connection.execute(f"describe {qualified(tables.relation, tables.schema)}").fetchall()
        reports, reasons = _validate(connection, suite, tables)
    except duckdb.Error as error:
        reasons = {check.name: _first_line(error) for check in suite.checks}
    seconds = time.perf_counter() - started

    results = []
    for check in suite.checks:
        report = reports.get(check.name)
        reason = reasons.get(check.name) or _exception(report)
        success = report is not None and not reason and bool(report.success)
        failing: list[dict[str, Any]] = []
        if reason:
            observed = f"could not be checked: {reason}"
        else:
            if not success:
                failing = _failing(connection, suite, check, report, tables)
            observed = _observed(suite, check, report, failing)
        results.append(
            CheckResult(
                suite=suite.name,
                check_name=check.name,
                relation=relation,
                severity=check.severity,
                success=success,
                observed=observed,
                failing=failing,
                description=check.description,
                owner=suite.owner,
                seconds=seconds,
            )
        )
    return results


@dataclass(frozen=True)
class Tables:
    """What a suite reads: the relation that it checks, and where the names in its queries lead."""

    relation: str
    schema: str | None
    names: Mapping[str, str] = field(default_factory=dict)
    others: str | None = None

    def query(self, check: Check) -> str:
        """Return the check's query."""
        return check.query(self.relation, self.others or self.schema, self.names)


def _keyless(connection: duckdb.DuckDBPyConnection, suite: Suite, tables: Tables) -> bool:
    """Say whether the checked relation has rows that no list can name."""
    spec = suite.touched.get(tables.relation)
    if spec is None or spec.by is None:
        return False
    query = f"{spec.keyless(tables.relation, tables.schema)} limit 1"
    return bool(connection.execute(query).fetchall())


def _touched(
    connection: duckdb.DuckDBPyConnection,
    suite: Suite,
    tables: Tables,
    lists: str,
    found: dict[str, str],
) -> Tables:
    """Put the touched rows of each relation that the suite names into a temporary table."""
    names = {"batch": qualified(tables.relation, tables.schema)}
    relation, schema = tables.relation, tables.schema
    for name, spec in suite.touched.items():
        query = spec.rows(name, tables.schema, lists)
        if spec.by is None:
            names[name] = f"({query})"
            continue
        if query not in found:
            table = f"touched_{name}_{len(found)}"
            connection.execute(f"create or replace temporary table {quote(table)} as {query}")
            found[query] = table
        table = found[query]
        names[name] = quote(table)
        if name == tables.relation:
            relation, schema, names["batch"] = table, None, quote(table)
    return Tables(relation, schema, names, others=tables.schema)


def _validate(
    connection: duckdb.DuckDBPyConnection, suite: Suite, tables: Tables
) -> tuple[dict[str, Any], dict[str, str]]:
    """Run all expectations at once; return results, and reasons for what could not be built."""
    context = _context()
    gx = importlib.import_module("great_expectations")
    dialect = importlib.import_module("expectations.duckdb_dialect")

    expectations, reasons = [], {}
    for check in suite.checks:
        try:
            if check.expectation is None:
                connection.execute(
                    f"create or replace temporary table {_unexpected(check)} as {tables.query(check)}"
                )
            expectations.append(_expectation(check))
        except duckdb.Error as error:
            reasons[check.name] = _first_line(error)
        except (AttributeError, TypeError, ValueError) as error:
            reasons[check.name] = " ".join(str(error).split())
    if not expectations:
        return {}, reasons

    source = dialect.datasource(context, connection)
    try:
        outcome = dialect.whole_table(source, tables.relation, tables.schema).validate(
            gx.ExpectationSuite(name=suite.name, expectations=expectations),
            # counts and at most 20 values: COMPLETE would fetch every offending row
            result_format={"result_format": "BASIC", "partial_unexpected_count": MAX_FAILING_ROWS},
        )
    finally:
        dialect.release(context, source)
    # results come back in an order of their own
    return {report.expectation_config.meta["check"]: report for report in outcome.results}, reasons


def _unexpected(check: Check) -> str:
    """Return the name of the temporary table of the rows that a query found.

    Great Expectations asks a query twice, for the number of rows and for the rows: so it is run once.
    """
    return quote(f"unexpected_{check.name}")


def _expectation(check: Check) -> Any:
    """Build the expectation; raises when the class is unknown or an argument is wrong."""
    gxe = importlib.import_module("great_expectations.expectations")
    kwargs = dict(check.kwargs)
    if check.expectation is None:
        # The {batch} that Great Expectations asks for stands in a comment.
        kwargs = {"unexpected_rows_query": f"select * from {_unexpected(check)} /* {{batch}} */"}
    expectation = getattr(gxe, check.class_name, None)
    if expectation is None:
        raise ValueError(
            f"Great Expectations has no {check.class_name}: correct the name in the suite"
        )
    return expectation(**kwargs, severity=check.severity, meta={"check": check.name})


@cache
def _context() -> EphemeralDataContext:
    """Import Great Expectations (seconds, once a process) and open a context that calls nobody."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    gx = importlib.import_module("great_expectations")
    base = importlib.import_module("great_expectations.data_context.types.base")
    context: EphemeralDataContext = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = base.ProgressBarsConfig(globally=False)
    return context


def _exception(report: Any) -> str:
    """Return why an expectation raised, or nothing."""
    if report is None:
        return "Great Expectations returned no result"
    info = report.exception_info or {}
    # one exception, or one per metric that raised
    problems = [info] if "raised_exception" in info else list(info.values())
    for problem in problems:
        if problem["raised_exception"]:
            return _first_line(problem["exception_message"])
    return ""


def _first_line(message: object) -> str:
    return str(message).strip().partition("\n")[0]


def _failing(
    connection: duckdb.DuckDBPyConnection,
    suite: Suite,
    check: Check,
    report: Any,
    tables: Tables,
) -> list[dict[str, Any]]:
    """Return the offending rows of a failed check."""
    if check.expectation is None:
        # all batches at gate 1: Great Expectations stops at 200 rows
        limit = None if suite.gate == 1 else MAX_FAILING_ROWS
        return _rows(connection, f"from {_unexpected(check)}", limit)
    columns = [check.kwargs[name] for name in _COLUMN_KEYS if name in check.kwargs]
    if check.class_name == "ExpectColumnValuesToNotBeNull":
        # its values would be a list of nulls
        condition = f"{quote(columns[0])} is null"
        query = f"select * from {qualified(tables.relation, tables.schema)} where {condition}"
        return _rows(connection, query, MAX_FAILING_ROWS)
    rows = []
    for value in report.result.get("partial_unexpected_list", []):
        if isinstance(value, dict):
            rows.append(value)
        else:
            values = value if isinstance(value, tuple | list) else [value]
            rows.append(dict(zip(columns, values, strict=False)))
    return rows


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, limit: int | None
) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _observed(suite: Suite, check: Check, report: Any, failing: list[dict[str, Any]]) -> str:
    """Say in a few words what a check found."""
    result = report.result
    if suite.gate == 1:
        if not failing:
            return "no batch"
        named = [f"{row['batch_id']}: {row['observed']}" for row in failing[:MAX_NAMED_BATCHES]]
        more = len(failing) - len(named)
        return "; ".join([*named, f"and {more:,} more batches"] if more else named)
    if "unexpected_count" in result:
        # None of an empty table
        return f"{result['unexpected_count'] or 0:,} of {_rows_text(result['element_count'] or 0)}"
    value = result.get("observed_value")
    if check.expectation is not None:
        return str(value)
    text = _rows_text(value)
    if failing:
        text += ": " + ", ".join(f"{name} {cell}" for name, cell in failing[0].items())
    return text if len(text) <= MAX_OBSERVED else text[: MAX_OBSERVED - 1] + "…"


def _rows_text(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
