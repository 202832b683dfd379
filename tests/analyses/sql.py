"""SQL of macro calls, for tests: a batch is compiled at once, and run on events that a test writes itself."""

import datetime
import json
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect
from orchestration.dbt_project import DbtProject
from orchestration.settings import Settings

#: The relation that calls name as `events` and `create_events` makes.
EVENTS = "case_events"

_MARK = "-- one of the calls: "


class Jinja(str):
    """An expression of Jinja that stands in a call as it is, not as a literal."""


def call(macro: str, *values: Any, **arguments: Any) -> str:
    """Write a call of a macro: `call("trend", "Signed Up", rolling=7)`."""
    given = [*map(literal, values), *(f"{name}={literal(arguments[name])}" for name in arguments)]
    return f"{{{{ footpath.{macro}({', '.join(given)}) }}}}"


def literal(value: Any) -> str:
    """Write a value as Jinja reads it; of a time the SQL, as a text."""
    if isinstance(value, Jinja):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(value[key])}" for key in value) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, datetime.datetime):
        return literal(f"timestamp '{value.isoformat(' ')}'")
    return ascii(value)  # Python's literals are Jinja's


def compile_calls(
    calls: Mapping[str, str],
    footpath: Mapping[str, Any] | None = None,
    project: DbtProject | None = None,
) -> dict[str, str]:
    """Return the SQL of each call, by its name: `{"weekly": "{{ footpath.retention(...) }}"}`.

    All of them are compiled as one query, so a batch costs little more than one call. `footpath` are settings
    other than the project's; they make dbt parse once more. `project`: the one of a home that is built, where the
    macros find tables. Raises `CompilationError` with what dbt said.
    """
    text = "".join(f"{_MARK}{name}\n{call}\n" for name, call in calls.items())
    project = project or _project(tuple(sorted((footpath or {}).items())))
    project.settings.prepare()  # the environment names the last home that somebody prepared
    outcome = project._invoke(["--log-level", "none", "compile", "--inline", text], lambda _: None)
    # dbt leaves the query in the parsed project, also one that it could not compile.
    nodes = project._manifest.nodes
    for node in [node for node in nodes if nodes[node].resource_type == "sql_operation"]:
        del nodes[node]
    if not outcome.success:
        # What is wrong is the context of dbt's own exception.
        said = outcome.exception and (outcome.exception.__context__ or outcome.exception)
        raise CompilationError(str(said or [result.message for result in outcome.result]))
    [result] = outcome.result
    _, *parts = result.node.compiled_code.split(_MARK)
    return {name: sql.strip() for name, _, sql in (part.partition("\n") for part in parts)}


class CompilationError(Exception):
    """dbt could not compile a call; the message is dbt's."""


@cache
def _project(footpath: tuple[tuple[str, Any], ...]) -> DbtProject:
    # Compiling needs a home with the files that the profile attaches, and nothing in them.
    folder = Path(tempfile.mkdtemp(prefix="footpath-compile-"))
    settings = Settings(
        landing=folder / "landing", sources=folder / "sources.yml", home=folder / "var"
    )
    settings.prepare()
    with connect(settings.raw):
        pass
    project = DbtProject(settings, dict(footpath) or None)
    project.parse()
    return project


def create_events(
    connection: duckdb.DuckDBPyConnection,
    events: Iterable[Mapping[str, Any]],
    relation: str = EVENTS,
    columns: Iterable[str] = (),
) -> None:
    """Make a table that the analyses read as `events`.

    An event has person_id, event_name, event_at (UTC) and, if wanted, event_key, session_id and properties (a
    mapping). Further keys of the first event, and `columns`, are further columns, as texts.
    """
    rows = list(events)
    known = ("event_key", "person_id", "session_id", "event_name", "event_at", "properties")
    further = [
        name
        for name in {**dict.fromkeys(columns), **(rows[0] if rows else {})}
        if name not in known
    ]
    connection.execute(
        f"create or replace table {relation} (event_key varchar, person_id varchar, session_id varchar,"
        " event_name varchar, event_at timestamp, properties json"
        + "".join(f', "{name}" varchar' for name in further)
        + ")"
    )
    # One JSON text and one statement: executemany takes a second for some thousand rows.
    texts = [
        {
            "event_key": f"{number:09}",
            **event,
            "properties": json.dumps(event.get("properties") or {}),
        }
        for number, event in enumerate(rows)
    ]
    structure = dict.fromkeys((*known, *further), "VARCHAR")
    structure["event_at"] = "TIMESTAMP"
    connection.execute(
        f"insert into {relation} select row.* from (select unnest(from_json(?::json, ?)) as row)",
        [json.dumps(texts, default=_text), json.dumps([structure])],
    )


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return str(value)


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Run a query; return its rows as mappings."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
