"""Numbers of different tables that have to be the same, on any installation that was published."""

import duckdb

from tests.analyses.reference_attribution import MODELS
from tests.analyses.sql import compile_calls

#: Each gives the rows in which two of our own tables disagree.
_DISAGREEMENTS = {
    "retention in week 0 is the cohort, and the cohort who was active": """
        select * from retention_weekly
        full join (
            select date_trunc('week', day)::date as cohort_week, count(distinct person_id) as active
            from user_days group by 1
        ) using (cohort_week)
        where
            (week_number = 0 or week_number is null)
            and (returned_person_count is distinct from cohort_size or cohort_size is distinct from active)
    """,
    "new, returning and resurrecting people are the active ones": """
        select * from (
            select week, sum(person_count) as placed from lifecycle_weekly
            where status in ('new', 'returning', 'resurrecting') group by week
        )
        full join (
            select date_trunc('week', day)::date as week, count(distinct person_id) as active from user_days group by 1
        ) using (week)
        where coalesce(placed, 0) <> coalesce(active, 0)
    """,
    "the people of a day are those of user_days": """
        select * from daily_activity
        full join (select day, count(*) as active from user_days group by day) using (day)
        where coalesce(active_person_count, 0) <> coalesce(active, 0)
    """,
    "every model credits what was converted": f"""
        with converted as (
            select unnest({list(MODELS)}) as model, * from (
                select event_name, count(*) as conversions, sum(value) as value from conversions group by event_name
            )
        ),
        credited as (
            select model, event_name, sum(conversion_credit) as credits, sum(value_credit) as value
            from channel_attribution group by all
        )
        select * from credited full join converted using (model, event_name)
        where credits is distinct from conversions or credited.value is distinct from converted.value
    """,
    "the catalogue counts every event once": """
        select * from (select sum(event_count) as in_catalog from event_catalog)
        cross join (select count(*) as in_events from events)
        where coalesce(in_catalog, 0) <> in_events
    """,
}


def disagreements(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    """Return what disagrees, by the words for it; the connection reads a published file."""
    found = {what: connection.execute(sql).fetchall() for what, sql in _DISAGREEMENTS.items()}
    found["step 1 of a funnel is everybody who did it"] = _first_steps(connection)
    return {what: rows for what, rows in found.items() if rows}


def _first_steps(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    counted = "select * from events where is_counted"
    people = dict(
        connection.execute(
            f"select event_name, count(distinct person_id) from ({counted}) group by 1"
            " order by count(*) desc, 1 limit 3"
        ).fetchall()
    )
    names = list(people)
    # every one of them first, followed by the others
    calls = {
        f"{order} {first}": f"{{{{ footpath.funnel({names[first:] + names[:first]}, 86400, order='{order}',"
        f" times=false, events={counted!r}) }}}}"
        for first in range(len(names))
        for order in ("ordered", "strict")
    }
    steps = {
        call: connection.execute(
            f"select event_name, person_count from ({sql}) where step = 1"
        ).fetchall()
        for call, sql in compile_calls(calls).items()
    }
    return [
        (call, *row) for call, rows in steps.items() for row in rows if row[1] != people[row[0]]
    ]
