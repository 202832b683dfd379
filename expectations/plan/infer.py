"""A first plan from the data at hand: which events there are, with which properties, types and values.

A value gets into the plan only as one of a few that many events share: a plan is for everybody to read.
"""

from dataclasses import dataclass
from typing import Any

import duckdb

from expectations.plan.plan import Event, parse_event

#: Fewer events than this say little: of them nothing is required, and no list of values is complete.
ENOUGH = 20

#: A text is a list of values when there are at most so many, each this often on average.
MOST_VALUES = 10
TIMES_EACH = 10
LONGEST_VALUE = 40

#: JSON Schema's words for what DuckDB finds; DOUBLE is looked at closer.
_KINDS = {
    "VARCHAR": "string", "BIGINT": "integer", "UBIGINT": "integer", "HUGEINT": "integer", "UHUGEINT": "integer",
    "DOUBLE": "number", "BOOLEAN": "boolean", "ARRAY": "array", "OBJECT": "object", "NULL": "null",
}  # fmt: skip

_EVENTS = """
create temporary table inferred_events as
select
    source, coalesce(sent_event_name, event_name) as event_name,
    coalesce(sent_properties, case when event_type in ('identify', 'group') then traits else properties end)
        as properties
from {rows}
where row_state = 'event'
"""

_MEMBERS = """
create temporary table inferred_members as
select
    event_name, name, kind, text, count(*) as event_count
from (
    select event_name, name, json_type(value) as kind,
        case when json_type(value) = 'VARCHAR' then left(json_extract_string(value, '$'), $longest + 1) end as text
    from (
        select event_name, name,
            json_extract(properties, '/' || replace(replace(name, '~', '~0'), '/', '~1')) as value
        from (
            select event_name, properties, unnest(list_distinct(json_keys(properties))) as name
            from inferred_events
            where json_type(properties) = 'OBJECT'
        )
    )
    where name <> ''
)
group by all
"""


@dataclass(frozen=True)
class Options:
    """How the plan is drawn up: the share of events above which a property is required (0 to 1)."""

    required_rate: float = 1.0


def infer(
    connection: duckdb.DuckDBPyConnection,
    rows: str = "main_internal.event_rows",
    options: Options | None = None,
) -> list[Event]:
    """Return an event of the plan for each name of events, in the order of names.

    `rows` is the relation of stored events. With the default options no event breaks the plan.
    """
    options = options or Options()
    connection.execute(_EVENTS.format(rows=rows))
    connection.execute(_MEMBERS, {"longest": LONGEST_VALUE})
    try:
        events = connection.execute(
            "select event_name, count(*), list_sort(list_distinct(list(source))) from inferred_events"
            " group by event_name order by event_name"
        ).fetchall()
        return [
            parse_event(
                {
                    "event": name,
                    "sources": sources,
                    "properties": _properties(connection, name, count, options),
                },
                f"event '{name}'",
            )
            for name, count, sources in events
        ]
    finally:
        connection.execute("drop table inferred_members")
        connection.execute("drop table inferred_events")


def _properties(
    connection: duckdb.DuckDBPyConnection, event: str, event_count: int, options: Options
) -> dict[str, dict[str, Any]]:
    """Return the schema of each property of an event, those that are always there first."""
    rows = connection.execute(
        """
        select name, list_sort(list_distinct(list(kind))), sum(event_count),
            count(distinct text), max(length(text)), sum(event_count) filter (where kind = 'VARCHAR'),
            case when count(distinct text) <= $most
                then list_sort(list_distinct(list(text) filter (where text is not null))) end
        from inferred_members
        where event_name = $event
        group by name
        order by sum(event_count) desc, name
        """,
        {"event": event, "most": MOST_VALUES},
    ).fetchall()
    found = {}
    for name, kinds, count, distinct, longest, texts, values in rows:
        schema: dict[str, Any] = {}
        if event_count >= ENOUGH and count >= options.required_rate * event_count:
            schema["required"] = True
        types = sorted({_KINDS[kind] for kind in kinds})
        if "number" in types:
            types = [kind for kind in types if kind != "integer"]
        schema["type"] = types[0] if len(types) == 1 else types
        if (
            types == ["string"]
            and values
            and longest <= LONGEST_VALUE
            and texts >= max(ENOUGH, TIMES_EACH * distinct)
            # what is masked was somebody's own
            and not any("[email]" in value for value in values)
        ):
            schema["enum"] = values
        found[name] = schema
    return found
