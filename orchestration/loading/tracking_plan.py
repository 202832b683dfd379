"""The tracking plan as tables of raw.duckdb, where the models read it."""

import json
from typing import Any

import duckdb

from expectations.plan import Event, Plan
from orchestration.database import insert, transaction

#: `plan` has one row: fingerprints of all that stands in the plan, and of what verdicts follow from ('' without one).
#: `plan_names` has every name under which an event comes, old ones too, with the source (null: any).
_TABLES = """
create table if not exists plan (content varchar not null, rules varchar not null);
create table if not exists plan_events (
    event_name varchar primary key,
    description varchar,
    owner varchar,
    status varchar not null,
    category varchar,
    sent_when varchar,
    since varchar,
    sources varchar,
    on_violation varchar not null,
    additional_properties boolean not null,
    example json
);
create table if not exists plan_names (
    name varchar not null,
    source varchar,
    event_name varchar not null,
    is_old_name boolean not null
);
create table if not exists plan_properties (
    event_name varchar not null,
    property varchar not null,
    description varchar,
    is_required boolean not null,
    types varchar,
    has_enum boolean not null,
    pattern varchar,
    minimum double,
    maximum double,
    exclusive_minimum double,
    exclusive_maximum double,
    min_length bigint,
    max_length bigint,
    expected_type varchar,
    expected_value varchar,
    primary key (event_name, property)
);
create table if not exists plan_values (
    event_name varchar not null,
    property varchar not null,
    value json not null
);
"""


def write_plan(connection: duckdb.DuckDBPyConnection, plan: Plan) -> bool:
    """Bring the tables of the plan up to date; true when they changed."""
    with transaction(connection):
        connection.execute(_TABLES)
        found = connection.execute("select content, rules from plan").fetchone()
        if found is None:
            connection.execute("insert into plan values ('', '')")
            found = ("", "")
        new = (plan.content, plan.rules) if plan.events else ("", "")
        if found == new:
            return False
        connection.execute("update plan set content = ?, rules = ?", list(new))
        for name, rows in _rows(plan).items():
            connection.execute(f"delete from {name}")
            insert(connection, name, _columns(connection, name), rows)
        return True


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [column[0] for column in connection.execute(f"describe {table}").fetchall()]


def _rows(plan: Plan) -> dict[str, list[list[Any]]]:
    """Return the rows of each table, columns in order."""
    return {
        "plan_events": [_event_row(event) for event in plan.events],
        "plan_names": [
            [name, source, event.event, name != event.event]
            for event in plan.events
            for name in (event.event, *event.aliases)
            for source in sorted(set(event.sources)) or (None,)
        ],
        "plan_properties": [row for event in plan.events for row in _property_rows(event)],
        "plan_values": [
            [event.event, name, json.dumps(value, ensure_ascii=False)]
            for event in plan.events
            for name, one in event.properties.items()
            for value in one.enum or ()
        ],
    }


def _event_row(event: Event) -> list[Any]:
    return [
        event.event, event.description or None, event.owner, event.status, event.category, event.trigger, event.since,
        ", ".join(sorted(event.sources)) or None, event.on_violation, event.additional_properties,
        None if event.example is None else json.dumps(event.example, ensure_ascii=False),
    ]  # fmt: skip


def _property_rows(event: Event) -> list[list[Any]]:
    return [
        [
            event.event, name, one.description or None, one.required,
            # with a bar on both sides of each, so that a type is found as a whole word
            f"|{'|'.join(one.types)}|" if one.types else None,
            one.enum is not None, one.pattern, one.minimum, one.maximum, one.exclusiveMinimum, one.exclusiveMaximum,
            one.minLength, one.maxLength, " or ".join(one.types) or None, one.expected_value,
        ]
        for name, one in event.properties.items()
    ]  # fmt: skip
