"""One analysis by one tool: footpath's macro, SQL by hand on the same tables, ClickHouse on sorted ones.

    python -m benchmarks.analyses HOME prepare                                   the tables of ClickHouse
    python -m benchmarks.analyses HOME QUESTION footpath|by_hand|clickhouse SQL  one measurement

SQL is a file with the macro calls, compiled by `compile_questions`. Compiling, connecting and fetching the answer are
not measured: the answer goes into a table.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks import analyses_by_clickhouse as clickhouse
from benchmarks import analyses_by_hand as by_hand
from benchmarks.footpath_run import settings_of
from benchmarks.measuring import Clock, peak_memory
from orchestration.database import connect, literal


@dataclass(frozen=True)
class Question:
    """A question to all tools. `compared`: a select of what is compared, from footpath's `answer`."""

    footpath: str
    compared: str
    by_hand: str = ""
    clickhouse: str = ""
    #: What ClickHouse is asked instead, when it knows no such question; then its answer is not compared.
    clickhouse_asks: str = ""


def _funnel(order: str, *, breakdown: bool, times: bool = False) -> str:
    by = ", breakdown={'sql': 'browser'}" if breakdown else ""
    return (
        f"{{{{ footpath.funnel({list(by_hand.STEPS)}, {by_hand.WINDOW_SECONDS},"
        f" order='{order}', times={str(times).lower()}{by}) }}}}"
    )


def questions(last_week: int = 0) -> dict[str, Question]:
    """Return all questions. `last_week`: the week that data_until is in, counted from FIRST_MONDAY."""
    found = {}
    for breakdown in (False, True):
        more = ", by browser" if breakdown else ""
        compared = f"select {'breakdown, ' if breakdown else ''}step, person_count from answer where person_count > 0"
        for order, done, by_clickhouse, instead in (
            ("ordered", by_hand.ORDERED, clickhouse.funnel(breakdown=breakdown), ""),
            (
                "strict",
                by_hand.STRICT,
                clickhouse.funnel("strict_order", breakdown=breakdown),
                "strict_order, which means something else",
            ),
            ("unordered", by_hand.UNORDERED, clickhouse.unordered(breakdown=breakdown), ""),
        ):
            found[f"funnel, {order}{more}"] = Question(
                _funnel(order, breakdown=breakdown),
                compared,
                by_hand.funnel(done, breakdown=breakdown),
                by_clickhouse,
                instead,
            )
    for order in ("ordered", "strict", "unordered"):
        found[f"funnel, {order}, with times"] = Question(
            _funnel(order, breakdown=False, times=True), "select step, person_count from answer"
        )
    found["retention, weekly"] = Question(
        "{{ footpath.retention(period='week', intervals=none, timezone='UTC', week_start='monday') }}",
        "select cohort_start::date::varchar, period_number, cohort_size, person_count"
        " from answer where person_count > 0",
        by_hand.RETENTION,
        clickhouse.retention(last_week),
    )
    found["lifecycle, weekly"] = Question(
        "{{ footpath.lifecycle(interval='week', timezone='UTC', week_start='monday') }}",
        "select interval_start::date::varchar, status, person_count from answer where person_count > 0",
        by_hand.LIFECYCLE,
        clickhouse.lifecycle(last_week),
    )
    found["paths"] = Question(
        "{{ footpath.paths() }}",
        "select source, target, value, round(average_seconds * value * 1000)::bigint from answer",
        by_hand.PATHS,
        clickhouse.PATHS,
    )
    return found


def compile_questions(path: Path) -> None:
    """Write the SQL of footpath's macro calls, by the names of the questions."""
    from tests.analyses.sql import compile_calls

    path.write_text(
        json.dumps(compile_calls({name: asked.footpath for name, asked in questions().items()}))
    )


def prepare(home: Path) -> None:
    """Make ClickHouse's tables, once."""
    from chdb.session import Session

    ready = home / "clickhouse_is_ready"
    if ready.exists():
        return
    with connect(settings_of(home).warehouse, read_only=True) as connection:
        for name, (_, rows) in clickhouse.TABLES.items():
            connection.execute(
                f"copy ({rows}) to {literal(str(home / f'{name}.tmp'))} (format parquet)"
            )
    session = Session(str(home / "clickhouse"))
    session.query("drop database if exists bench")
    for name in clickhouse.TABLES:
        clickhouse.fill(session, name, home / f"{name}.tmp")
        (home / f"{name}.tmp").unlink()
    ready.touch()


def ask_duckdb(home: Path, sql: str, compared: str, clock: Clock) -> list[tuple[Any, ...]]:
    """Answer by DuckDB, with the memory that footpath's runs give it."""
    with connect(settings_of(home).warehouse, read_only=True) as connection:
        limit = os.environ.get("FOOTPATH_MEMORY_LIMIT", "2GB")
        connection.execute(f"set memory_limit = {literal(limit)}")
        with clock.span("all"):
            connection.execute(f"create temp table answer as {sql}")
        return connection.execute(compared).fetchall()


def ask_clickhouse(home: Path, sql: str, clock: Clock) -> list[tuple[Any, ...]]:
    """Answer by ClickHouse in process."""
    from chdb.session import Session

    session = Session(str(home / "clickhouse"))
    session.query("drop table if exists bench.answer")
    with clock.span("all"):
        session.query(f"create table bench.answer engine = Memory as {sql}")
    lines = str(session.query("select * from bench.answer", "JSONCompactEachRow")).splitlines()
    return [tuple(_number(value) for value in json.loads(line)) for line in lines]


def _number(value: Any) -> Any:
    # 64-bit numbers come as texts
    return int(value) if isinstance(value, str) and value.isdigit() else value


def last_week_of(home: Path) -> int:
    """Return the week that data_until is in, counted from FIRST_MONDAY."""
    with connect(settings_of(home).warehouse, read_only=True) as connection:
        [(day,)] = connection.execute("select data_until::date from data_until").fetchall()
    passed: timedelta = day - date.fromisoformat(by_hand.FIRST_MONDAY)
    return passed.days // 7


def measure(home: Path, name: str, tool: str, compiled: Mapping[str, str]) -> dict[str, Any]:
    """Ask one tool; return seconds, memory, and what its answer comes to."""
    question = questions(last_week_of(home))[name]
    clock = Clock()
    if tool == "clickhouse":
        rows = ask_clickhouse(home, question.clickhouse, clock)
    elif tool == "by_hand":
        rows = ask_duckdb(home, question.by_hand, "from answer", clock)
    else:
        rows = ask_duckdb(home, compiled[name], question.compared, clock)
    lines = sorted(json.dumps(row) for row in rows)
    return {
        **clock.spans["all"],
        "peak_memory": peak_memory(),
        "rows": len(lines),
        "checksum": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "first_rows": lines[:20],
    }


def main() -> None:
    """Prepare or measure, and print what came out as JSON."""
    home, what = Path(sys.argv[1]), sys.argv[2]
    if what == "prepare":
        prepare(home)
        print("{}")
        return
    tool, compiled = sys.argv[3], Path(sys.argv[4])
    print(json.dumps(measure(home, what, tool, json.loads(compiled.read_text()))))


if __name__ == "__main__":
    main()
