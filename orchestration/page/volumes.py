"""How much came by day, against what was usual; and what is off."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from markupsafe import Markup

from expectations import anomalies
from expectations.anomalies import AnomalySettings, Volume
from orchestration.page import charts
from orchestration.page.tables import Tables

#: What the charts show: weeks, sources, and events among all sources.
WEEKS = 4
MAX_SOURCES = 12
MAX_EVENTS = 12
#: Anomalies that are listed.
MAX_ANOMALIES = 100

_NEEDED = ("data_until", "event_hours", "received_hours", "funnel_days")


@dataclass(frozen=True)
class Shown:
    """One chart: a source (`event_name` None) or an event, and its last whole day in words."""

    source: str
    event_name: str | None
    chart: Markup
    last: str
    usual: str
    is_off: bool


@dataclass(frozen=True)
class Volumes:
    """Charts, sources first; `event_count` names of events there are; `anomalies` as in the table, worst first."""

    charts: Sequence[Shown]
    event_count: int
    anomalies: Sequence[Mapping[str, Any]]
    anomaly_count: int
    trends: Mapping[str, Sequence[float]]
    first_day: date | None


def gather(tables: Tables, settings: AnomalySettings) -> Volumes | None:
    """Read the last weeks; None where no table of counts is published, or no event has come."""
    if not tables.has(*_NEEDED) or tables.connection is None:
        return None
    training = settings.training_weeks + anomalies.FURTHER_WEEKS
    history = anomalies.read_history(
        tables.connection, "main", training + WEEKS - 1, properties=False
    )
    if history is None or not history.sources:
        return None
    found = _with_last_hour(
        tables, anomalies.volumes(history, settings, weeks=WEEKS, training_weeks=training)
    )
    off = (
        tables.rows("select * from main.anomalies order by score desc, started_at, cause_key")
        if tables.has(anomalies.RELATION)
        else []
    )
    by_size = sorted(found, key=lambda one: -one.observed.sum())
    sources = [one for one in by_size if one.event_name is None][:MAX_SOURCES]
    events = [one for one in by_size if one.event_name is not None]
    # What is off is shown, however small.
    odd = {
        (row["source"], row["event_name"]) for row in off if row["metric"] in ("volume", "drift")
    }
    events.sort(key=lambda one: (one.source, one.event_name) not in odd)
    shown = [*sources, *(one for one in events[:MAX_EVENTS])]
    trends: dict[str, Any] = {}
    for one in events:
        trends[str(one.event_name)] = trends.get(str(one.event_name), 0) + one.observed
    return Volumes(
        charts=[_shown(one, off) for one in shown],
        event_count=len(events),
        anomalies=off[:MAX_ANOMALIES],
        anomaly_count=len(off),
        trends={name: values.tolist() for name, values in trends.items()},
        first_day=found[0].first_day,
    )


def _with_last_hour(tables: Tables, found: Sequence[Volume]) -> list[Volume]:
    """Count the days as the table has them: the judging leaves out the hour that is not over."""
    first_day = found[0].first_day
    days = np.zeros((len(found), len(found[0].observed)))
    rows = {(one.source, one.event_name): row for row, one in enumerate(found)}
    for count in tables.rows(
        "select source, event_name, date_diff('day', ?, day) as place, sum(event_count) as event_count"
        " from main.event_hours where day >= ? group by all",
        [first_day, first_day],
    ):
        if count["place"] < days.shape[1]:
            for name in (count["event_name"], None):
                days[rows[count["source"], name], count["place"]] += float(count["event_count"])
    return [replace(one, observed=days[row]) for row, one in enumerate(found)]


def _shown(one: Volume, off: Sequence[Mapping[str, Any]]) -> Shown:
    marks = [
        charts.Mark(
            _place(row["started_at"], one.first_day),
            _place(row["ended_at"], one.first_day),
            f"{charts.number(row['observed'])} from {row['started_at']:%d %b %H:%M} to {row['ended_at']:%d %b %H:%M},"
            f" usual {charts.number(row['lower'])} to {charts.number(row['upper'])}",
        )
        for row in off
        if row["metric"] in ("volume", "drift", "freshness")
        and (row["source"], row["event_name"]) == (one.source, one.event_name)
    ]
    last, usual = _last_day(one)
    count = charts.number(one.observed.sum())
    what = one.event_name or f"all events of {one.source}"
    return Shown(
        one.source,
        one.event_name,
        charts.days(
            one.first_day,
            one.observed.tolist(),
            one.expected.tolist(),
            one.lower.tolist(),
            one.upper.tolist(),
            one.settled,
            marks,
            f"{what}, {len(one.observed)} days, {count} events. {last}; {usual}. {len(marks)} anomalies",
        ),
        last,
        usual,
        bool(marks),
    )


def _last_day(one: Volume) -> tuple[str, str]:
    """Say how much the last whole day had, and what is usual for it."""
    place = one.settled - 1
    if place < 0:
        return "no whole day yet", "nothing is expected yet"
    day = one.first_day + timedelta(days=place)
    last = f"{charts.number(one.observed[place])} on {day:%a} {day.day} {day:%b}"
    if math.isnan(one.lower[place]):
        return last, "too few or too new to expect a number"
    return (
        last,
        f"expected {charts.number(round(one.expected[place]))}, usual"
        f" {charts.number(round(one.lower[place]))} to {charts.number(round(one.upper[place]))}",
    )


def _place(at: datetime, first_day: date) -> float:
    return (at - datetime(first_day.year, first_day.month, first_day.day)) / timedelta(days=1)
