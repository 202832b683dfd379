"""The same questions in ClickHouse's SQL, on MergeTree tables sorted by person and time."""

from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.analyses_by_hand import FIRST_MONDAY, STEPS, WINDOW_SECONDS

#: The order of the rows is that of the groups: no hash table of people.
_IN_ORDER = "settings optimize_aggregation_in_order = 1"
_WINDOW = WINDOW_SECONDS * 1000
_CONDITIONS = ", ".join(f"event_name = '{name}'" for name in STEPS)
_EVENTS = f"from bench.events where event_name in {STEPS}"

TABLES = {
    "events": (
        "person UUID, event_name LowCardinality(String), ms UInt64, browser LowCardinality(String)",
        "select person_id::varchar as person, event_name, epoch_ms(event_at) as ms, coalesce(browser, '') as browser"
        " from events where person_id is not null and is_counted",
    ),
    "page_views": (
        "person UUID, ms UInt64, path String",
        "select person_id::varchar as person, epoch_ms(viewed_at) as ms, page_path as path"
        " from page_views where person_id is not null and page_path is not null",
    ),
}


def fill(session: Any, name: str, parquet: Path) -> None:
    """Make one of the tables from a file of its rows, as one sorted part."""
    columns, _ = TABLES[name]
    query = session.query
    query("create database if not exists bench engine = Atomic")
    query(f"create table bench.{name} ({columns}) engine = MergeTree order by (person, ms)")
    query(f"insert into bench.{name} select * from file('{parquet}', Parquet)")
    query(f"optimize table bench.{name} final")


def funnel(mode: str = "", *, breakdown: bool) -> str:
    """Return the select of an ordered funnel: [breakdown,] step, person_count."""
    level = f"windowFunnel({_WINDOW}{mode and f', {mode!r}'})(ms, {_CONDITIONS}) as level"
    # strict_order has to see the events of no step
    events = "from bench.events" if mode else _EVENTS
    return _counts(
        f"select argMin(browser, ms) as breakdown, {level} {_EVENTS if not mode else events} group by person"
        if breakdown
        else f"select {level} {events} group by person",
        breakdown=breakdown,
    )


def unordered(*, breakdown: bool) -> str:
    """Return the select of a funnel whose steps come in any order, by windows: windowFunnel knows none."""
    nexts = ", ".join(
        f"min(if(event_name = '{name}', ms, null)) over later as at_{step}"
        for step, name in enumerate(STEPS, start=1)
    )
    first = ", first_value(browser) over (partition by person order by ms) as first_browser"
    level = " + ".join(
        f"ifNull(at_{step} <= ms + {_WINDOW}, 0)" for step in range(1, len(STEPS) + 1)
    )
    return _counts(
        f"select {'any(first_browser) as breakdown, ' if breakdown else ''}max({level}) as level from ("
        f" select person, ms, {nexts}{first if breakdown else ''} {_EVENTS}"
        " window later as (partition by person order by ms desc)"
        ") group by person",
        breakdown=breakdown,
    )


def _counts(levels: str, *, breakdown: bool) -> str:
    by = "breakdown, " if breakdown else ""
    return (
        f"select {by}step, sum(if(level >= step, people, 0)) as person_count"
        f" from (select {by}level, count() as people from ({levels}) group by {by}level)"
        f" array join [{', '.join(str(step) for step in range(1, len(STEPS) + 1))}] as step"
        f" group by {by}step having person_count > 0 {_IN_ORDER}"
    )


_FIRST_MS = int(datetime.fromisoformat(FIRST_MONDAY + "T00:00Z").timestamp()) * 1000
_MASKS = f"""
    select weeks, count() as people
    from (
        select groupBitOr(bitShiftLeft(toUInt64(1), intDiv(ms - {_FIRST_MS}, {7 * 86400000}))) as weeks
        from bench.events
        group by person
    )
    group by weeks
"""
_DAY = f"toString(addDays(toDate('{FIRST_MONDAY}'), 7 * {{}}))"


def retention(last_week: int) -> str:
    """Return the select of weekly retention, without cells of the last week, which has not ended."""
    return f"""
    select {_DAY.format("cohort")} as cohort_start, week - cohort as period_number,
        max(sum(people)) over (partition by cohort) as cohort_size, sum(people) as person_count
    from (select people, weeks, arrayJoin(bitPositionsToArray(weeks)) as cohort from ({_MASKS}))
    array join bitPositionsToArray(weeks) as week
    where week = cohort or week > cohort and week < {last_week}
    group by cohort, week
    {_IN_ORDER}
    """


def lifecycle(last_week: int) -> str:
    """Return the select of the weekly lifecycle."""
    return f"""
    select {_DAY.format("week")} as interval_start, kind.1 as status, sum(people) as person_count
    from (
        select people, bitShiftLeft(weeks, 1) as after, bitAnd(weeks, bitNot(weeks) + 1) as first, arrayJoin([
            ('new', first),
            ('returning', bitAnd(weeks, after)),
            ('resurrecting', bitAnd(bitAnd(weeks, bitNot(after)), bitNot(first))),
            ('dormant', bitAnd(after, bitNot(weeks)))
        ]) as kind
        from ({_MASKS})
    )
    array join bitPositionsToArray(kind.2) as week
    where week <= {last_week}
    group by week, kind.1
    {_IN_ORDER}
    """


PATHS = """
with runs as (
    select person, ms, item, ends_path
    from (
        select person, ms, if(path like '%_/', substring(path, 1, length(path) - 1), path) as item,
            leadInFrame(toNullable(item)) over in_time as next_item,
            ifNull(leadInFrame(toNullable(ms)) over in_time >= ms + 1800000, 1) as ends_path
        from bench.page_views
        window in_time as (partition by person order by ms rows between unbounded preceding and unbounded following)
    )
    where ends_path or next_item <> item
),
placed as (
    select item, ms, ends_path,
        leadInFrame(item) over in_time as next_item,
        leadInFrame(ms) over in_time as next_ms,
        multiIf(
            lagInFrame(ends_path, 1, 1) over in_time, 1,
            lagInFrame(ends_path, 2, 1) over in_time, 2,
            lagInFrame(ends_path, 3, 1) over in_time, 3,
            lagInFrame(ends_path, 4, 1) over in_time, 4,
            0
        ) as position
    from runs
    window in_time as (partition by person order by ms rows between unbounded preceding and unbounded following)
)
select
    concat(toString(position), '_', item) as source,
    concat(toString(position + 1), '_', next_item) as target,
    count() as value,
    sum(next_ms - ms) as milliseconds
from placed
where position > 0 and not ends_path
group by position, item, next_item
"""
