"""`make docs`: dbt's documentation, from the tables of the last run, with a page for each planned event."""

import dataclasses
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from expectations.plan import Event, PlanError, read_plan
from expectations.plan.plan import Property
from orchestration.database import connect, quote
from orchestration.dbt_project import DbtError, DbtProject
from orchestration.lock import run_lock
from orchestration.settings import Settings

#: The source of the planned events, and the schema of scratch.duckdb in which they are tables for as long as dbt looks.
SOURCE = "tracking_plan"
#: What the copy of the project leaves out.
NOT_LINKED = ("dbt_project.yml", "target", "logs", "var")

_TYPES = {
    "string": "varchar",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "array": "json",
    "object": "json",
}


def main() -> int:
    """Write the documentation as one page and say where it is. Returns 0, or 1 after an error."""
    settings = Settings.from_environment()
    settings.prepare()
    if not settings.warehouse.exists():
        print(f"error: {settings.warehouse} does not exist: run `make demo` or `make run` first")
        return 1
    try:
        with run_lock(settings.lock, on_wait=print):
            page = write_docs(settings)
    except (DbtError, PlanError) as error:
        print(f"error: {error}")
        return 1
    print(f"open: {page}")
    return 0


def write_docs(settings: Settings) -> Path:
    """Write the documentation below `target/docs`; return its page.

    dbt documents what it knows, so for these minutes it is given a project in which each planned event is a table of a
    source: the project's own files by links, and one more of sources. Neither the project nor what runs read of it
    changes. The caller holds the lock of the home. Raises `DbtError`, `PlanError`.
    """
    events = read_plan(settings.tracking_plan).events
    folder = settings.target / "docs_project"
    shutil.rmtree(folder, ignore_errors=True)
    _link(settings.project, folder)
    (folder / SOURCE).mkdir()
    (folder / SOURCE / "events.yml").write_text(
        yaml.safe_dump(sources_of(events), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    target = settings.target / "docs"
    _make_tables(settings.scratch, events)
    try:
        project = DbtProject(dataclasses.replace(settings, project=folder), target=target)
        return Path(project.write_docs())
    finally:
        _make_tables(settings.scratch, [])
        shutil.rmtree(folder, ignore_errors=True)


def _link(project: Path, folder: Path) -> None:
    """Make a project that is another one, by links, with one more folder of models."""
    folder.mkdir(parents=True)
    for path in project.iterdir():
        if path.name not in NOT_LINKED and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    definition = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    definition["model-paths"] = [*definition.get("model-paths", ["models"]), SOURCE]
    (folder / "dbt_project.yml").write_text(
        yaml.safe_dump(definition, sort_keys=False), encoding="utf-8"
    )


def sources_of(events: Sequence[Event]) -> dict[str, Any]:
    """Return the contents of dbt's file of sources: one source, each event a table of it, each property a column."""
    if not events:
        return {"version": 2}
    return {
        "version": 2,
        "sources": [
            {
                "name": SOURCE,
                "description": "The tracking plan: one table an event, one column a property. What comes of it: the "
                "models planned_events, event_catalog and event_properties.",
                "database": "scratch",
                "schema": SOURCE,
                "tables": [_table(event) for event in events],
            }
        ],
    }


def _table(event: Event) -> dict[str, Any]:
    meta = {
        "owner": event.owner,
        "status": event.status,
        "category": event.category,
        "trigger": event.trigger,
        "since": event.since,
        "aliases": list(event.aliases) or None,
        "sources": list(event.sources) or None,
        "on_violation": event.on_violation,
        "additional_properties": event.additional_properties,
        "example": event.example,
    }
    return {
        "name": event.event,
        "description": _escaped(event.description),
        "config": {"meta": {name: value for name, value in meta.items() if value is not None}},
        "columns": [
            {
                "name": name,
                "data_type": " or ".join(one.types) or "any",
                "description": _escaped(words_of(one)),
            }
            for name, one in event.properties.items()
        ],
    }


def words_of(one: Property) -> str:
    """Return what the plan says of a property, its type and limits included."""
    parts = [" or ".join(one.types) or "any type", "required" if one.required else "optional"]
    if one.expected_value:
        parts.append(one.expected_value)
    return f"{', '.join(parts)}. {one.description}".strip()


def _escaped(text: str) -> str:
    """Return a text that dbt takes as it is: it would read braces as Jinja."""
    return text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")


def _make_tables(scratch: Path, events: Sequence[Event]) -> None:
    """Make an empty table for each event, which dbt finds when it lists what there is; without events, none."""
    with connect(scratch) as connection:
        connection.execute(f"drop schema if exists {SOURCE} cascade")
        if not events:
            return
        connection.execute(f"create schema {SOURCE}")
        for event in events:
            columns: dict[str, str] = {}
            for name, one in event.properties.items():
                # DuckDB takes two names that differ by case for one
                columns.setdefault(name.lower(), f"{quote(name)} {_type(one)}")
            if not columns:
                columns[""] = f"{quote('(no properties)')} varchar"
            connection.execute(
                f"create table if not exists {SOURCE}.{quote(event.event)} ({', '.join(columns.values())})"
            )


def _type(one: Property) -> str:
    kinds = [kind for kind in one.types if kind != "null"]
    return _TYPES.get(kinds[0], "varchar") if len(kinds) == 1 else "json"


if __name__ == "__main__":
    sys.exit(main())
