"""The core's tables by hand-written DuckDB statements (hand_written.sql), and whether they equal footpath's.

python -m benchmarks.hand_written HOME     builds HOME/hand_written.duckdb from HOME/var/raw.duckdb
python -m benchmarks.hand_written HOME --compare
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2

from benchmarks.footpath_run import settings_of
from benchmarks.measuring import PROJECT, Clock, peak_memory
from orchestration.database import connect, literal

#: Tables that both sides have, with the columns whose values must be the same: all that both have, but for those
#: that describe the delivery of one of several equal rows, or the text of a quarantined row.
TABLES: dict[str, tuple[str, ...]] = {
    "events": (),
    "quarantined_events": ("raw",),
    "load_files": (),
    "identities": (),
    "sessions": (),
    "page_views": (),
    "users": (),
    "user_days": (),
    "data_until": (),
}


def rules() -> SimpleNamespace:
    """Return footpath's macros that say what a value means, as functions that return SQL."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    found = SimpleNamespace()
    environment.globals |= {
        "footpath": found,
        "return": lambda value: value,
        "tojson": json.dumps,
        "adapter": SimpleNamespace(
            dispatch=lambda name, _: getattr(
                found, f"duckdb__{name}", getattr(found, f"default__{name}", None)
            )
        ),
    }
    for file in (
        "core/privacy",
        "core/traffic_source",
        "adapters/text",
        "adapters/time",
        "adapters/json",
    ):
        template = environment.from_string((PROJECT / "macros" / f"{file}.sql").read_text())
        for name, macro in vars(template.module).items():
            if callable(macro):
                setattr(found, name, macro)
    return found


def statements() -> list[str]:
    """Return the statements of hand_written.sql, with the rules filled in."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    text = Path(__file__).with_suffix(".sql").read_text()
    return [
        part.strip() for part in environment.from_string(text).render(rule=rules()).split(";\n")
    ]


def build(home: Path, memory_limit: str = "12GB") -> Clock:
    """Build the tables in a new file of the home; return the seconds of each statement."""
    settings = settings_of(home)
    target = home / "hand_written.duckdb"
    target.unlink(missing_ok=True)
    clock = Clock()
    with connect(target) as connection:
        connection.execute(f"set memory_limit = {literal(memory_limit)}")
        connection.execute(f"attach {literal(str(settings.raw))} as raw (read_only)")
        with clock.span("all"):
            for name in ("traffic_source_categories", "conversion_events"):
                connection.execute(
                    f"create table {name} as from read_csv({literal(str(PROJECT / 'seeds' / name))} || '.csv')"
                )
            for statement in statements():
                if "python: user_agents" in statement:
                    with clock.span("user_agents"):
                        _parse_user_agents(connection)
                name = statement.split("\n", 1)[0][:60]
                with clock.span(name):
                    connection.execute(statement)
            connection.execute("checkpoint")
    return clock


def _parse_user_agents(connection: duckdb.DuckDBPyConnection) -> None:
    path = PROJECT / "models/core/internal/user_agents.py"
    spec = importlib.util.spec_from_file_location("user_agents", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    texts = connection.execute(
        "select distinct user_agent from rows where user_agent is not null"
    ).fetchall()
    connection.execute(
        "create table user_agents (user_agent varchar, browser varchar, browser_version varchar,"
        " operating_system varchar, device varchar, device_type varchar, is_bot boolean)"
    )
    connection.executemany(
        "insert into user_agents values (?, ?, ?, ?, ?, ?, ?)",
        [
            (*module.take_apart(text), module.crawleruseragents.is_crawler(text))
            for (text,) in texts
        ],
    )


def compare(home: Path) -> dict[str, Any]:
    """Compare row counts and checksums over the columns that both sides have; return what differs."""
    different: dict[str, Any] = {}
    with connect() as connection:
        connection.execute(
            f"attach {literal(str(settings_of(home).warehouse))} as warehouse (read_only)"
        )
        connection.execute(
            f"attach {literal(str(home / 'hand_written.duckdb'))} as by_hand (read_only)"
        )
        for table, left_out in TABLES.items():
            columns = [
                name
                for (name,) in connection.execute(
                    "select column_name from duckdb_columns() where table_name = ? and schema_name = 'main'"
                    " and database_name in ('warehouse', 'by_hand') group by 1 having count(*) = 2 order by 1",
                    [table],
                ).fetchall()
                if name not in left_out
            ]
            assert columns, f"no table {table}"
            sums = {}
            for side in ("warehouse", "by_hand"):
                hashes = ", ".join(
                    f"sum(hash({'cast(' + name + ' as varchar)'})::hugeint) as {name}"
                    for name in columns
                )
                relation = connection.execute(
                    f"select count(*) as row_count, sum(hash({', '.join(f'cast({c} as varchar)' for c in columns)})"
                    f"::hugeint) as whole, {hashes} from {side}.main.{table}"
                )
                names = [column[0] for column in relation.description or []]
                sums[side] = dict(zip(names, relation.fetchall()[0], strict=True))
            wrong = [
                name for name in sums["by_hand"] if sums["by_hand"][name] != sums["warehouse"][name]
            ]
            if wrong:
                different[table] = {
                    "columns": wrong,
                    "rows": [sums[side]["row_count"] for side in ("warehouse", "by_hand")],
                }
    return different


def main(arguments: list[str] | None = None) -> int:
    """Build or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--compare", action="store_true")
    options = parser.parse_args(arguments)
    if options.compare:
        print(json.dumps({"different": compare(options.home)}))
    else:
        clock = build(options.home)
        print(json.dumps({"spans": clock.spans, "peak_memory": peak_memory()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
