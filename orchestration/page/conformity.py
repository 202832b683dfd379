"""How well events follow the tracking plan, by event, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.page.tables import Tables

#: Spans of the table plan_conformity, in days.
SPANS = (1, 7, 30)
#: Events with violations that the page shows, and violations of each.
MAX_EVENTS = 200
MAX_VIOLATIONS = 20


@dataclass(frozen=True)
class Violation:
    """What is wrong with an event: rates by span (None: it did not come), and the key of one event of the newest."""

    verdict: str
    prop: str | None
    sources: str
    rates: Mapping[int, float | None]
    count: int
    sample_event_key: str | None


@dataclass(frozen=True)
class PlannedEvent:
    """An event: the share that is as planned and the number of events, by span."""

    name: str
    rates: Mapping[int, float | None]
    counts: Mapping[int, int]
    violations: Sequence[Violation]


@dataclass(frozen=True)
class Conformity:
    """Events with violations, the worst first; names of those without; planned events that did not come, by span."""

    planned_count: int
    broken: Sequence[PlannedEvent]
    left_out: int
    kept: Sequence[str]
    not_seen: Sequence[tuple[str, int]]


_RATES = """
select event_name, verdict, property, days,
    string_agg(distinct source, ', ' order by source) as sources,
    sum(event_count) as event_count, sum(violation_count) as violation_count,
    any_value(sample_event_key order by violation_count desc, sample_event_key) as sample_event_key
from main.plan_conformity
where verdict <> 'not_seen'
group by event_name, verdict, property, days
"""
_NOT_SEEN = """
select event_name, max(days) as days
from main.plan_conformity
where verdict = 'not_seen'
group by event_name
order by days desc, event_name
"""


def gather(tables: Tables) -> Conformity | None:
    """Read the rates; None where there is no plan, or nothing is published."""
    if not tables.has("plan_conformity", "planned_events"):
        return None
    ((planned,),) = [
        tuple(row.values())
        for row in tables.rows(
            "select count(distinct planned_event) as planned from main.planned_events"
        )
    ]
    if not planned:
        return None
    rows = tables.rows(_RATES)
    events: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        if row["verdict"] == "any":
            events.setdefault(row["event_name"], {})[row["days"]] = row
    found = []
    for name, spans in events.items():
        kinds: dict[tuple[str, str | None], dict[int, dict[str, Any]]] = {}
        for row in rows:
            if row["event_name"] == name and row["verdict"] != "any":
                kinds.setdefault((row["verdict"], row["property"]), {})[row["days"]] = row
        found.append(_event(name, spans, kinds))
    broken = sorted((one for one in found if one.violations), key=_badness, reverse=True)
    return Conformity(
        planned_count=planned,
        broken=broken[:MAX_EVENTS],
        left_out=max(len(broken) - MAX_EVENTS, 0),
        kept=sorted(one.name for one in found if not one.violations),
        not_seen=[(row["event_name"], row["days"]) for row in tables.rows(_NOT_SEEN)],
    )


def _event(
    name: str,
    spans: Mapping[int, Mapping[str, Any]],
    kinds: Mapping[tuple[str, str | None], Mapping[int, Mapping[str, Any]]],
) -> PlannedEvent:
    counts = {days: int(spans[days]["event_count"]) if days in spans else 0 for days in SPANS}
    bad = {days: int(spans[days]["violation_count"]) if days in spans else 0 for days in SPANS}
    violations = []
    for (verdict, prop), its in kinds.items():
        newest = its[min(its)]
        violations.append(
            Violation(
                verdict,
                prop,
                its[max(its)]["sources"],
                {
                    days: (int(its[days]["violation_count"]) if days in its else 0) / counts[days]
                    if counts[days]
                    else None
                    for days in SPANS
                },
                int(its[max(its)]["violation_count"]),
                str(newest["sample_event_key"]) if newest["sample_event_key"] else None,
            )
        )
    violations.sort(key=lambda one: (-one.count, one.verdict, one.prop or ""))
    return PlannedEvent(
        name,
        {days: 1 - bad[days] / counts[days] if counts[days] else None for days in SPANS},
        counts,
        violations[:MAX_VIOLATIONS],
    )


def _badness(event: PlannedEvent) -> tuple[float, float, int, str]:
    """Order by the share of the last week, then of the month, then by how many events it is."""
    week, month = (event.rates[days] for days in (7, 30))
    return (
        1 - (week if week is not None else 1),
        1 - (month if month is not None else 1),
        event.counts[30],
        event.name,
    )
