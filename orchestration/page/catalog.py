"""Every name of events: how much, since when, whether it is planned and whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.page.tables import Tables

#: Names that the page shows, those with most events first.
MAX_NAMES = 1000

#: Columns that have a place of their own; what else a catalog has is shown after them, as it is.
_OWN = ("event_name", "event_count", "person_count", "first_seen_at", "last_seen_at")
#: Of these, the ones that ask for something to be done come first.
_FIRST = ("verdict", "verdicts", "suggested_action", "used_by", "used_by_count")
#: Columns that say less than they take room, or what the plan's state says.
_LEFT_OUT = (
    "bot_event_count", "day_count", "event_rate", "is_planned", "owner", "person_rate", "plan_status",
    "previous_30_days_event_count", "session_count",
)  # fmt: skip


@dataclass(frozen=True)
class CatalogEntry:
    """One name. `state` is that of planned_events, or None without a plan; `further` by column."""

    name: str
    event_count: int
    person_count: int
    first_seen_at: Any
    last_seen_at: Any
    state: str | None
    owner: str | None
    trend: Sequence[float]
    further: Mapping[str, Any]


@dataclass(frozen=True)
class Catalog:
    """The names, those with most events first; `further` columns; whether there is a plan."""

    entries: Sequence[CatalogEntry]
    count: int
    further: Sequence[str]
    has_plan: bool


def gather(tables: Tables, trends: Mapping[str, Sequence[float]]) -> Catalog | None:
    """Read the catalog; None where it is not published. `trends` are events by day and name."""
    if not tables.has("event_catalog"):
        return None
    rows = tables.rows(
        "select *, count(*) over () as name_count from main.event_catalog"
        f" order by event_count desc, event_name limit {MAX_NAMES}"
    )
    plan = (
        {row["event_name"]: row for row in tables.rows("select * from main.planned_events")}
        if tables.has("planned_events")
        else {}
    )
    columns = [name for name in tables.columns("event_catalog") if name not in (*_OWN, *_LEFT_OUT)]
    further = sorted(columns, key=lambda name: name not in _FIRST)
    entries = []
    for row in rows:
        planned = plan.get(row["event_name"], {})
        entries.append(
            CatalogEntry(
                row["event_name"],
                row["event_count"],
                row["person_count"],
                row["first_seen_at"],
                row["last_seen_at"],
                planned.get("state"),
                row.get("owner") or planned.get("owner"),
                trends.get(row["event_name"], []),
                {name: row[name] for name in further},
            )
        )
    return Catalog(entries, rows[0]["name_count"] if rows else 0, further, bool(plan))
