"""The questions of the part `analyses` in DuckDB SQL by hand, on the tables that footpath made.

What a good analytics engineer would write who knows DuckDB and asks one question of these very tables. Cheap bounds
come first: most people's funnel is decided by the first time of each step, and only the others need their events in
order. Weeks of a person are bits of one number. All of it leans on what is true here: steps are five different events,
everybody with an event of a step is asked about, there are fewer than 63 weeks, and no two events of a person have the
same time, so ties are not looked at.

Also tried and slower. On 2 million events, CPU seconds: ASOF joins of all events 1.3, of those that the bounds leave
0.9. On 20 million, beside other work that makes seconds hard to compare: one list of events per person, sorted, 9 until
the steps are looked for; the first of four joins as a window 13, hashes of people as keys 10, all ASOF joins 9 to 14;
strict steps by four leads in one window or by numbered rows 14, the leads by pairs 9.
"""

STEPS = ("page", "Button Clicked", "Item Added", "Checkout Started", "Order Completed")
WINDOW_SECONDS = 7 * 86400
#: Weeks are counted from this Monday.
FIRST_MONDAY = "2025-09-01"

_NUMBER = (
    "case event_name "
    + " ".join(f"when '{name}' then {step}" for step, name in enumerate(STEPS, start=1))
    + " else 0 end::tinyint"
)
_EVENTS = f"from main_internal.event_links where is_counted and event_name in {STEPS}"
_WINDOW = f"interval {WINDOW_SECONDS} second"
_LATER = range(2, len(STEPS) + 1)

# Each of these renders CTEs, the last one `done`: person_id and step, once for every step that a person does.

ORDERED = (
    f"""
rows as materialized (select person_id, {_NUMBER} as step, event_at {_EVENTS}),

-- The earliest chain without a window: nobody comes further.
first_1 as materialized (
    select person_id, min(event_at) as started_at, min(event_at) as event_at from rows where step = 1 group by person_id
),
"""
    + "".join(
        f"""
first_{step} as materialized (
    select person_id, any_value(before.started_at) as started_at, min(rows.event_at) as event_at
    from rows inner join first_{step - 1} as before using (person_id)
    where rows.step = {step} and rows.event_at >= before.event_at
    group by person_id
),
"""
        for step in _LATER
    )
    + f"""
-- It may leave the window where a chain that starts later would not.
late as materialized (
    {" union ".join(f"select person_id from first_{step} where event_at > started_at + {_WINDOW}" for step in _LATER)}
),
late_rows as materialized (select rows.* from rows semi join late using (person_id)),
chain_1 as (select person_id, event_at, event_at as started_at from late_rows where step = 1),
"""
    + "".join(
        f"""
chain_{step} as materialized (
    select rows.person_id, rows.event_at, before.started_at
    from (from late_rows where step = {step}) as rows
    asof inner join chain_{step - 1} as before
        on rows.person_id = before.person_id and rows.event_at >= before.event_at
    where rows.event_at <= before.started_at + {_WINDOW}
),
"""
        for step in _LATER
    )
    + "done as (select person_id, 1 as step from first_1"
    + "".join(
        f"""
    union all
    select person_id, {step} from first_{step} anti join late using (person_id)
    union all
    select distinct person_id, {step} from chain_{step}"""
        for step in _LATER
    )
    + ")"
)

STRICT = f"""
followed as (
    select person_id, step, event_at,
        lead(step) over (partition by person_id order by event_at) as next_step,
        lead(event_at) over (partition by person_id order by event_at) as next_at
    from (select person_id, event_at, {
    _NUMBER
} as step from main_internal.event_links where is_counted)
),
pairs as materialized (from followed where step > 0 and next_step = step + 1),
chain_2 as materialized (
    select person_id, next_at, event_at as started_at from pairs where step = 1 and next_at <= event_at + {
    _WINDOW
}
),
{
    "".join(
        f'''
chain_{step} as materialized (
    select person_id, pairs.next_at, before.started_at
    from pairs inner join chain_{step - 1} as before using (person_id)
    where pairs.step = {step - 1} and pairs.event_at = before.next_at and pairs.next_at <= before.started_at + {_WINDOW}
),'''
        for step in _LATER
        if step > 2
    )
}
done as (
    select distinct person_id, 1 as step from main_internal.event_links
    where is_counted and event_name = '{STEPS[0]}'
    {"".join(f" union all select distinct person_id, {step} from chain_{step}" for step in _LATER)}
)
"""

_AT = [f"at_{step}" for step in range(1, len(STEPS) + 1)]
_FIRST_TIMES = [f"min(case when event_name = '{name}' then event_at end)" for name in STEPS]
UNORDERED = f"""
people as (
    select person_id,
        {", ".join(f"{first} as {at}" for first, at in zip(_FIRST_TIMES, _AT, strict=True))}
    {_EVENTS}
    group by person_id
),
-- Who does each step for the first time inside one window does all of theirs.
bounded as materialized (
    select person_id,
        {" + ".join(f"({at} is not null)::tinyint" for at in _AT)} as level,
        greatest({", ".join(_AT)}) <= least({", ".join(_AT)}) + {_WINDOW} as is_decided
    from people
),
next_times as (
    select person_id, event_at,
        {", ".join(f"{first} over later as {at}" for first, at in zip(_FIRST_TIMES, _AT, strict=True))}
    {_EVENTS} and person_id in (select person_id from bounded where not is_decided)
    window later as (partition by person_id order by event_at desc)
),
levels as (
    select person_id, level from bounded where is_decided
    union all
    select person_id, max({" + ".join(f"coalesce(({at} <= event_at + {_WINDOW})::tinyint, 0)" for at in _AT)})
    from next_times group by person_id
),
done as (
    select person_id, steps.step
    from levels
    inner join range(1, {len(STEPS) + 1}) as steps (step) on steps.step <= level
)
"""

#: The browser of each person's first event of the funnel: only those are looked up among the wide rows.
BROWSERS = f"""
browsers as (
    select person_id, browser
    from (select person_id, arg_min(event_key, event_at) as event_key {_EVENTS} group by person_id) as first_events
    inner join main_internal.event_rows using (event_key)
    where row_state = 'event'
)
"""

#: Weeks as numbers, and each person's as bits.
_WEEK = (
    "(epoch_ms({}) // 86400000 - date_diff('day', date '1970-01-01', date '"
    + FIRST_MONDAY
    + "')) // 7"
)
_MASKS = f"""
with people as (
    select person_id, bit_or(1::bigint << {_WEEK.format("event_at")}) as weeks
    from main_internal.event_links
    where is_counted and person_id is not null
    group by person_id
),
masks as materialized (select weeks, count(*) as person_count from people group by weeks),
weeks as (select week from range(63) as numbers (week)),
last_week as (select {_WEEK.format("data_until")} as number, data_until from data_until)
"""

RETENTION = f"""
{_MASKS},
cells as (
    select cohorts.week as cohort, weeks.week - cohorts.week as period_number, sum(person_count)::bigint as person_count
    from masks
    inner join weeks as cohorts on (masks.weeks >> cohorts.week) & 1 = 1
    inner join weeks on weeks.week >= cohorts.week and (masks.weeks >> weeks.week) & 1 = 1
    group by all
)
select
    (date '{FIRST_MONDAY}' + 7 * cohort::integer)::varchar as cohort_start,
    period_number,
    first_value(person_count) over (partition by cohort order by period_number) as cohort_size,
    person_count
from cells
cross join last_week
qualify period_number = 0 or cohort + period_number < number
"""

LIFECYCLE = f"""
{_MASKS},
statuses as (
    select unnest([
        {{'status': 'new', 'weeks': weeks & -weeks}},
        {{'status': 'returning', 'weeks': weeks & (weeks << 1)}},
        {{'status': 'resurrecting', 'weeks': weeks & ~(weeks << 1) & ~(weeks & -weeks)}},
        {{'status': 'dormant', 'weeks': (weeks << 1) & ~weeks}}
    ], recursive := true), person_count
    from masks
)
select
    (date '{FIRST_MONDAY}' + 7 * week::integer)::varchar as interval_start,
    status,
    sum(person_count)::bigint as person_count
from statuses
inner join weeks on (statuses.weeks >> week) & 1 = 1
cross join last_week
where week <= number
group by all
"""

#: Two sorts: one for what follows what, one for the places, which are never over 5.
PATHS = """
with items as (
    select person_id, viewed_at as event_at,
        case when page_path like '%_/' then page_path[:-2] else page_path end as item
    from page_views
    where page_path is not null and person_id is not null
),
runs as (
    select person_id, event_at, item, ends_path
    from (
        select person_id, event_at, item,
            lead(item) over in_time as next_item,
            coalesce(lead(event_at) over in_time >= event_at + interval 1800 second, true) as ends_path
        from items
        window in_time as (partition by person_id order by event_at)
    )
    where ends_path or next_item <> item
),
placed as (
    select item, event_at, ends_path,
        lead(item) over in_time as next_item,
        lead(event_at) over in_time as next_at,
        case
            when coalesce(lag(ends_path, 1) over in_time, true) then 1
            when coalesce(lag(ends_path, 2) over in_time, true) then 2
            when coalesce(lag(ends_path, 3) over in_time, true) then 3
            when coalesce(lag(ends_path, 4) over in_time, true) then 4
        end as position
    from runs
    window in_time as (partition by person_id order by event_at)
)
select
    position || '_' || item as source,
    (position + 1) || '_' || next_item as target,
    count(*) as value,
    sum(epoch_ms(next_at) - epoch_ms(event_at))::bigint as milliseconds
from placed
where position is not null and not ends_path
group by position, item, next_item
"""


def funnel(done: str, *, breakdown: bool) -> str:
    """Return the select of a funnel: [breakdown,] step, person_count."""
    if breakdown:
        return (
            f"with {done}, {BROWSERS} select browser as breakdown, step::bigint as step, count(*) as person_count"
            " from done inner join browsers using (person_id) group by all"
        )
    return (
        f"with {done} select step::bigint as step, count(*) as person_count from done group by step"
    )
