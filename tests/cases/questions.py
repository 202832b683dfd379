"""What a case asks, as calls of the analysis macros. Only words are translated here: the macros work out the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.analyses.sql import EVENTS, Jinja, call, literal
from tests.cases.answers import AVERAGES
from tests.cases.file import Case, InexpressibleError

Rows = list[dict[str, Any]]
Value = TypeVar("Value")

#: Whose funnels end with the range: a later step past its end does not count.
CLIPS_TO_RANGE = ("posthog",)

#: Who shows 0 where there is nothing to take the average of.
SHOWS_ZERO = ("posthog",)

#: Whose windowFunnel the macro knows by name.
WINDOW_FUNNELS = ("clickhouse", "doris", "duckdb-behavioral", "starrocks")

STEP_MEASURES = {
    "step_counts": "person_count",
    "avg_seconds_from_previous_step": "average_seconds",
    "median_seconds_from_previous_step": "median_seconds",
    "rate_of_all_users": "rate_of_all_users",
    "rate_of_first_step": "rate_of_first_step",
    "rate_of_previous_step": "rate_of_previous_step",
}


@dataclass(frozen=True)
class Question:
    """Calls to compile and run, by a name, and how their rows become the answer: expected key to value."""

    calls: dict[str, str]
    answer: Callable[[Mapping[str, Rows]], dict[str, Any]]


def question(case: Case) -> Question:
    """Return the question of a case. Raises `InexpressibleError` with the reason when there is none."""
    kinds = {
        "funnel": _funnel,
        "retention": _retention,
        "lifecycle": _lifecycle,
        "stickiness": _stickiness,
        "paths": _paths,
    }
    if case.kind not in kinds:
        raise InexpressibleError(f"unknown kind '{case.kind}'")
    if not case.expected:
        raise InexpressibleError("nothing is expected")
    return kinds[case.kind](case)


# Funnels

STEP_KEYS = (
    "type", "steps", "order", "window_seconds", "date_from", "date_to", "timezone", "aggregate_by",
    "exclusions", "reentry", "breakdown", "breakdown_attribution",
)  # fmt: skip


def _funnel(case: Case) -> Question:
    kinds: dict[str, Callable[[Case], Question]] = {
        "steps": _funnel_steps,
        "trends": _funnel_trends,
        "time_to_convert": _funnel_times,
        "window_funnel_level": _window_funnel,
    }
    kind = case.query.get("type", "steps")
    return _one_of("type", kind, kinds)(case)


def _funnel_steps(case: Case) -> Question:
    _known(case.query, STEP_KEYS)
    split = [f"{name}_by_breakdown" for name in STEP_MEASURES]
    _known_expectations(case, [*STEP_MEASURES, *split])
    arguments = _funnel_arguments(case)
    calls = {}
    if set(case.expected) & set(STEP_MEASURES):
        calls["all"] = _with_rates(call("funnel", **arguments), arguments["per"], split=False)
    if set(case.expected) & set(split):
        calls["split"] = _with_rates(
            call("funnel", **arguments, **_breakdown(case.query)), arguments["per"], split=True
        )

    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, column in STEP_MEASURES.items():
            found[name] = [row[column] for row in rows.get("all", [])]
            values: dict[str, list[Any]] = {}
            for row in rows.get("split", []):
                values.setdefault(row["breakdown"] or "", []).append(row[column])
            found[f"{name}_by_breakdown"] = values
        return found

    return Question(calls, answer)


def _with_rates(funnel: str, per: str, *, split: bool) -> str:
    breakdown = "breakdown" if split else "null"
    return f"""
with funnel as (

{funnel}

),

everybody as (

    select count(distinct {_entity(per)}) as all_count from {EVENTS}

)

select
    {breakdown} as breakdown,
    step,
    person_count,
    average_seconds,
    median_seconds,
    person_count / nullif(all_count, 0) as rate_of_all_users,
    person_count / nullif(first_value(person_count) over steps, 0) as rate_of_first_step,
    person_count / nullif(coalesce(lag(person_count) over steps, all_count), 0) as rate_of_previous_step
from funnel
cross join everybody
window steps as (partition by {breakdown} order by step)
order by 1, step"""


def _funnel_trends(case: Case) -> Question:
    _known(case.query, (*STEP_KEYS, "interval", "week_start", "from_step", "to_step"))
    columns = {
        "bucket_starts_local": "interval_start",
        "from_counts": "from_count",
        "to_counts": "to_count",
        "conversion_rate_pct": "conversion_rate",
    }
    _known_expectations(case, columns)
    interval = case.query.get("interval", "day")
    arguments = _funnel_arguments(case) | {
        "interval": _one_of("interval", interval, {name: name for name in ("day", "week", "month")})
    }
    arguments |= _step_range(case.query) | _week_start(case.query)
    trend = _ordered(call("funnel_trend", **arguments), "interval_start")
    return Question({"trend": trend}, _columns("trend", columns))


def _funnel_times(case: Case) -> Question:
    # A histogram is over everybody: a breakdown changes nothing in it.
    _known(case.query, (*STEP_KEYS, "interval", "week_start", "from_step", "to_step", "bin_count"))
    _known_expectations(case, ("bins", "average_seconds"))
    arguments = _funnel_arguments(case) | _step_range(case.query)
    if case.query.get("bin_count") is not None:
        arguments["bin_count"] = case.query["bin_count"]

    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        bins = rows["times"]
        return {
            "bins": [[row["bin_start"], row["person_count"]] for row in bins],
            "average_seconds": bins[0]["average_seconds"] if bins else None,
        }

    return Question({"times": _ordered(call("funnel_times", **arguments), "bin_start")}, answer)


def _window_funnel(case: Case) -> Question:
    query = case.query
    _known(
        query,
        ("type", "steps", "window_seconds", "modes", "order", "date_from", "date_to", "timezone", "aggregate_by"),
    )  # fmt: skip
    _known_expectations(case, ("level_per_user",))
    _one_of("order", query.get("order") or "ordered", {"ordered": "ordered"})
    modes = [
        "strict_order", "strict_deduplication", "strict_increase", "strict_once", "deduplication",
    ]  # fmt: skip
    arguments: dict[str, Any] = {
        "steps": [_step(step) for step in _list(query, "steps")],
        "window_seconds": query.get("window_seconds"),
        "modes": [
            _one_of("mode", mode, dict(zip(modes, modes, strict=True)))
            for mode in query.get("modes") or []
        ],
        "per": _per(query),
        **_range(query),
        "events": EVENTS,
    }

    if case.dialect in WINDOW_FUNNELS:
        arguments["dialect"] = case.dialect

    # Who did no step has level 0, whether the case mentions them or not.
    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        named = case.expected["level_per_user"]
        levels = {row["entity"]: row["level"] for row in rows["levels"]}
        return {
            "level_per_user": {
                name: level for name, level in levels.items() if level or name in named
            }
        }

    levels = f"""
with levels as (

{call("window_funnel", **arguments)}

),

everybody as (

    select distinct {_entity(arguments["per"])} as entity from {EVENTS}

)

select
    everybody.entity,
    coalesce(levels.level, 0) as level
from everybody
left join levels on everybody.entity = levels.person_id
where everybody.entity is not null"""
    return Question({"levels": levels}, answer)


def _entity(per: str) -> str:
    return {"person": "person_id", "session": "session_id"}.get(per, per)


def _funnel_arguments(case: Case) -> dict[str, Any]:
    query = case.query
    arguments: dict[str, Any] = {
        "steps": [_step(step) for step in _list(query, "steps")],
        "window_seconds": query.get("window_seconds"),
        "order": _one_of(
            "order",
            query.get("order") or "ordered",
            {name: name for name in ("ordered", "strict", "unordered")},
        ),
        "reentry": _one_of(
            "reentry",
            query.get("reentry") or "optimized",
            {"first_entry_only": "first_entry_only", "optimized": "best_chain"},
        ),
        "per": _per(query),
        "exclusions": [_exclusion(exclusion) for exclusion in query.get("exclusions") or []],
        "clip_to_range": case.dialect in CLIPS_TO_RANGE,
        **_range(query),
        "events": EVENTS,
    }
    _breakdown(query)
    return arguments


def _step(step: Any) -> dict[str, Any]:
    if not isinstance(step, dict):
        raise InexpressibleError(f"a step is no object: {step}")
    _known(step, ("event", "filter", "optional", "math"), "step")
    found = _event(step)
    if step.get("optional"):
        found["optional"] = True
    math = step.get("math") or "total"
    first_time = {
        "total": None,
        "first_time_for_user": True,
        "first_time_for_user_with_filters": "matching",
        "first_matching_event_for_user": "matching",
    }
    if _one_of("math", math, first_time):
        found["first_time"] = first_time[math]
    return found


def _exclusion(exclusion: dict[str, Any]) -> dict[str, Any]:
    _known(exclusion, ("event", "filter", "from_step", "to_step"), "exclusion")
    return {
        **_event(exclusion),
        "from_step": exclusion["from_step"] + 1,
        "to_step": exclusion["to_step"] + 1,
    }


def _step_range(query: dict[str, Any]) -> dict[str, Any]:
    return {
        name: query[name] + 1 for name in ("from_step", "to_step") if query.get(name) is not None
    }


def _per(query: dict[str, Any]) -> str:
    by = query.get("aggregate_by") or "user"
    if isinstance(by, str) and by.startswith("group:"):
        return group_column(by.removeprefix("group:"))
    return _one_of("aggregate_by", by, {"user": "person", "session_id": "session"})


def group_column(name: str) -> str:
    """Return the column of `events` that holds the key of a group."""
    return "group_" + "".join(
        character if character.isascii() and character.isalnum() else f"_{ord(character)}_"
        for character in name
    )


def _breakdown(query: dict[str, Any]) -> dict[str, Any]:
    name = query.get("breakdown")
    if name is None:
        return {}
    if not isinstance(name, str):
        raise InexpressibleError(f"breakdown is no name of a property: {name}")
    attribution = query.get("breakdown_attribution") or "first_touch"
    kind, _, step = str(attribution).partition(":")
    if kind == "step" and step.isdecimal():
        attribution = f"step_{int(step) + 1}"
    else:
        names = ("first_touch", "last_touch", "all_events")
        _one_of("breakdown_attribution", attribution, {each: each for each in names})
    return {"breakdown": name, "breakdown_attribution": attribution}


# Retention


def _retention(case: Case) -> Question:
    query = case.query
    _known(
        query,
        (
            "type", "target", "returning", "period", "intervals", "date_from", "timezone", "week_start",
            "cumulative", "min_occurrences", "value_property", "value_aggregation",
        ),
    )  # fmt: skip
    _known_expectations(case, ("cohort_starts", "column_0", "counts", "values", "summed"))
    sizes = case.expected.get("column_0")
    if isinstance(sizes, str) and sizes != "cohort size":
        raise InexpressibleError(f"column_0 is '{sizes}'")
    cohorts = {name: name for name in ("recurring", "first_time", "first_ever")}
    periods = {name: name for name in ("hour", "day", "week", "month")}
    period = _one_of("period", query.get("period", "day"), periods)
    count = _given(query, "intervals")
    timezone = query.get("timezone") or "UTC"
    week_start = _week_start(query)["week_start"]
    # The question reaches no further than its last interval: what comes later is not known yet.
    calendar = f"{literal(period)}, {literal(timezone)}, {literal(week_start)}"
    date_from = f"footpath.instant({literal(_given(query, 'date_from'))}, {literal(timezone)})"
    until = (
        "{% set until = footpath.interval_start_utc('(' ~ footpath.interval_number("
        f"{date_from}, {calendar}) ~ ') + {int(count)}', {calendar}) %}}"
    )
    arguments: dict[str, Any] = {
        "start": _event(_given(query, "target")),
        "returning": None if query.get("returning") is None else _event(query["returning"]),
        "cohort": _one_of("type", query.get("type", "recurring"), cohorts),
        "returned": "on_or_after" if query.get("cumulative") else "on",
        "period": period,
        "intervals": count,
        "date_from": query["date_from"],
        "timezone": timezone,
        "week_start": week_start,
        "min_occurrences": query.get("min_occurrences") or 1,
        "data_until": Jinja("until"),
        "events": Jinja(f"'select * from {EVENTS} where event_at < ' ~ until"),
    }
    if query.get("value_property") is not None:
        aggregations = {"sum": "sum", "avg": "average"}
        arguments["value"] = Jinja(
            f"'try_cast(' ~ {_property(query['value_property'])} ~ ' as decimal(38, 9))'"
        )
        arguments["value_aggregation"] = _one_of(
            "value_aggregation", query.get("value_aggregation") or "sum", aggregations
        )
    measure = "value" if "value" in arguments else "person_count"
    cells = until + call("retention", **arguments)
    if measure == "value" and case.dialect in SHOWS_ZERO:
        shown = "case when is_mature then coalesce(value, 0) end as value"
        cells = f"select * replace ({shown}) from (\n\n{cells}\n\n) as cells"

    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        cohort_rows: dict[Any, Rows] = {}
        for row in rows["cells"]:
            cohort_rows.setdefault(row["cohort_start"], []).append(row)
        shown = [cohort_rows[cohort] for cohort in sorted(cohort_rows)]
        found: dict[str, Any] = {
            "cohort_starts": sorted(cohort_rows),
            # a text says of the counts what their first column is
            "column_0": sizes
            if isinstance(sizes, str)
            else [cells[0]["cohort_size"] for cells in shown],
            "counts": _as_long_as(
                [[row["person_count"] for row in cells] for cells in shown],
                case.expected.get("counts"),
            ),
            "values": _as_long_as(
                [[row["value"] for row in cells] for cells in shown] if measure == "value" else [],
                case.expected.get("values"),
            ),
            "summed": [row["total"] for row in rows["sums"]],
        }
        if isinstance(case.expected.get("summed"), list):
            found["summed"] = found["summed"][: len(case.expected["summed"])]
        return found

    sums = (
        f"select period_number, sum({measure}) as total from (\n\n{cells}\n\n) as cells"
        " group by period_number order by period_number"
    )
    return Question({"cells": _ordered(cells, "cohort_start, period_number"), "sums": sums}, answer)


def _as_long_as(found: list[list[Any]], expected: Any) -> list[list[Any]]:
    """Cut each row where the case's row ends: a case need not say all columns."""
    if not isinstance(expected, list) or not all(isinstance(row, list) for row in expected):
        return found
    lengths = [len(row) for row in expected] + [None] * len(found)
    return [row[:length] for row, length in zip(found, lengths, strict=False)]


# Lifecycle, stickiness


def _lifecycle(case: Case) -> Question:
    query = case.query
    _known(query, ("event", "interval", "date_from", "date_to", "timezone", "week_start"))
    statuses = ("new", "returning", "resurrecting", "dormant")
    _known_expectations(case, ("intervals_local", *statuses))
    arguments = _calendar(query, ("hour", "day", "week", "month"))

    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "intervals_local": list(dict.fromkeys(row["interval_start"] for row in rows["cells"]))
        }
        for status in statuses:
            sign = -1 if status == "dormant" else 1  # the case counts who is gone below zero
            found[status] = [
                sign * row["person_count"] for row in rows["cells"] if row["status"] == status
            ]
        return found

    cells = _ordered(call("lifecycle", **arguments), "interval_start, status")
    return Question({"cells": cells}, answer)


def _stickiness(case: Case) -> Question:
    query = case.query
    _known(
        query,
        (
            "event", "interval", "interval_count", "criteria", "cumulative", "date_from", "date_to",
            "timezone", "week_start",
        ),
    )  # fmt: skip
    exactly, at_least = "users_active_exactly_k_intervals", "users_active_at_least_k_intervals"
    _known_expectations(case, (exactly, at_least))
    arguments = _calendar(query, ("hour", "day", "week", "month"))
    if query.get("interval_count") not in (None, 1):
        arguments["period_length"] = query["interval_count"]
    criteria = query.get("criteria")
    if criteria is not None:
        if not isinstance(criteria, dict):
            raise InexpressibleError(f"criteria are no object: {criteria}")
        _known(criteria, ("op", "value"), "criteria")
        names = {"gte": "at_least", "lte": "at_most", "exact": "exactly"}
        arguments["criterion"] = _one_of("op", criteria.get("op"), names)
        arguments["criterion_value"] = criteria.get("value")
    calls = {
        name: _ordered(
            call("stickiness", **arguments, cumulative=name == at_least), "interval_count"
        )
        for name in (exactly, at_least)
        if name in case.expected
    }

    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        return {name: [row["person_count"] for row in found] for name, found in rows.items()}

    return Question(calls, answer)


def _calendar(query: dict[str, Any], intervals: Sequence[str]) -> dict[str, Any]:
    event = query.get("event")
    return {
        "event": _event(event if isinstance(event, dict) else {"event": event}),
        "interval": _one_of(
            "interval", query.get("interval", "day"), {name: name for name in intervals}
        ),
        **_range(query),
        **_week_start(query),
        "events": EVENTS,
    }


# Paths


def _paths(case: Case) -> Question:
    query = case.query
    if query.get("type") == "next_node":
        return _next_event(case)
    _known(
        query,
        (
            "type", "path_item", "session_gap_seconds", "step_limit", "edge_limit", "start_point",
            "end_point", "date_from", "date_to", "timezone",
        ),
    )  # fmt: skip
    _one_of("type", query.get("type") or "edges", {"edges": True, "paths": True})
    _known_expectations(case, ("edges",))
    for edge in _list(case.expected, "edges", or_empty=True):
        _known(edge, ("source", "target", "value", *AVERAGES), "edge")
    arguments = {
        "item": _one_of(
            "path_item", query.get("path_item") or "path", {"path": "path", "event": "event"}
        ),
        **{
            name: query[name]
            for name in ("session_gap_seconds", "step_limit", "edge_limit", "start_point", "end_point")
            if query.get(name) is not None
        },
        **{name: value for name, value in _range(query).items() if name != "timezone"},
        "events": EVENTS,
    }  # fmt: skip

    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        return {
            "edges": [
                {
                    "source": row["source"],
                    "target": row["target"],
                    "value": row["value"],
                    "average_seconds": row["average_seconds"],
                }
                for row in rows["edges"]
            ]
        }

    # The remainder, what an edge limit leaves out, is no edge.
    edges = (
        f"select * from (\n\n{call('paths', **arguments)}\n\n) as edges where source is not null"
        " order by value desc, source, target"
    )
    return Question({"edges": edges}, answer)


def _next_event(case: Case) -> Question:
    query = case.query
    _known(query, ("type", "pattern", "direction", "match", "base", "date_from", "date_to"))
    _known_expectations(case, ("next_per_user",))
    names = ("pattern", "direction", "match", "base", "date_from", "date_to")
    arguments = {name: query[name] for name in names if query.get(name) is not None}

    def answer(rows: Mapping[str, Rows]) -> dict[str, Any]:
        return {"next_per_user": {row["person_id"]: row["next_event"] for row in rows["next"]}}

    return Question({"next": call("next_event", **arguments, events=EVENTS)}, answer)


# What all of them share


def _event(definition: Any) -> dict[str, Any]:
    if not isinstance(definition, dict):
        raise InexpressibleError(f"an event is no object: {definition}")
    given = {name: value for name, value in definition.items() if name in ("event", "filter")}
    if set(definition) - {"event", "filter", "optional", "math", "from_step", "to_step"}:
        raise InexpressibleError(f"unknown key of an event: {definition}")
    found: dict[str, Any] = {"event": given.get("event")}
    if given.get("filter"):
        for values in given["filter"].values():
            for value in values if isinstance(values, list) else [values]:
                if not isinstance(value, str | int | float | bool):
                    raise InexpressibleError(f"a filter has a value that is no scalar: {value}")
        found["filter"] = given["filter"]
    return found


def _range(query: dict[str, Any]) -> dict[str, Any]:
    return {
        "date_from": query.get("date_from"),
        "date_to": query.get("date_to"),
        "timezone": query.get("timezone") or "UTC",
    }


def _week_start(query: dict[str, Any]) -> dict[str, Any]:
    days = {"monday": "monday", "sunday": "sunday"}
    return {"week_start": _one_of("week_start", query.get("week_start") or "monday", days)}


def _property(name: str) -> Jinja:
    return Jinja(f"footpath.json_member('properties', {literal(str(name))})")


def _ordered(select: str, order: str) -> str:
    return f"select * from (\n\n{select}\n\n) as answer order by {order}"


def _columns(
    name_of_call: str, columns: Mapping[str, str]
) -> Callable[[Mapping[str, Rows]], dict[str, Any]]:
    return lambda rows: {
        name: [row[column] for row in rows[name_of_call]] for name, column in columns.items()
    }


def _known(given: Mapping[str, Any], known: Sequence[str], what: str = "query") -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InexpressibleError(f"unknown key of the {what}: {', '.join(unknown)}")


def _known_expectations(case: Case, known: Sequence[str] | Mapping[str, Any]) -> None:
    _known(case.expected, list(known), "expectation")


def _one_of(name: str, value: Any, allowed: Mapping[str, Value]) -> Value:
    if not isinstance(value, str) or value not in allowed:
        raise InexpressibleError(f"{name} is '{value}', which none of the macros knows")
    return allowed[value]


def _list(query: dict[str, Any], name: str, *, or_empty: bool = False) -> list[Any]:
    value = query.get(name)
    if not isinstance(value, list) or not (value or or_empty):
        raise InexpressibleError(f"{name} is no list: {value}")
    return value


def _given(query: dict[str, Any], name: str) -> Any:
    if query.get(name) is None:
        raise InexpressibleError(f"{name} is missing")
    return query[name]
