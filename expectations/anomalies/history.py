"""The counts of models/marts/quality on a grid of hours and days, read from the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from expectations.suite import qualified

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Counts = npt.NDArray[np.float64]
Series = tuple[str, str]
Property = tuple[str, str, bool, str]

HOURS_OF_DAY = 24
HOURS_OF_WEEK = 168


@dataclass(frozen=True)
class History:
    """Counts by hour and day from `start` (a midnight, UTC) on.

    All arrays of hours have one length, those of days a 24th of it. `hours` is how many hours of the grid are over by
    data_until. `events` and `actors` are by (source, event name) and hour; `filled` by (source, event name, whether it
    is in properties, property) and day; `received`, `duplicates` and `quarantined` by source and hour; `entered` and
    `converted` by funnel and day, null (NaN) where the day is not mature.
    """

    start: datetime
    hours: int
    events: Mapping[Series, Counts]
    actors: Mapping[Series, Counts]
    filled: Mapping[Property, Counts] = field(default_factory=dict)
    received: Mapping[str, Counts] = field(default_factory=dict)
    duplicates: Mapping[str, Counts] = field(default_factory=dict)
    quarantined: Mapping[str, Counts] = field(default_factory=dict)
    entered: Mapping[str, Counts] = field(default_factory=dict)
    converted: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def sources(self) -> list[str]:
        """The sources that have events."""
        return sorted({source for source, _ in self.events})

    def of(self, source: str) -> dict[str, Counts]:
        """Return the counts of a source's events, by name, in the order of the names."""
        return {
            name: self.events[key]
            for key in sorted(self.events)
            for name in key[1:]
            if key[0] == source
        }

    def at(self, hour: float) -> datetime:
        """Return the time of an hour of the grid."""
        return self.start + timedelta(hours=hour)

    def until(self, hours: int, weeks: int | None = None) -> History:
        """Return what was known when so many hours were over, of the last `weeks`; a day begun is cut off."""
        first_day = 0 if weeks is None else max(hours // HOURS_OF_DAY - 7 * weeks, 0)
        first, days = first_day * HOURS_OF_DAY, hours // HOURS_OF_DAY

        def cut(name: str, start: int, end: int) -> dict[Any, Counts]:
            return {key: values[start:end] for key, values in getattr(self, name).items()}

        return History(
            self.start + timedelta(days=first_day),
            hours - first,
            *(cut(name, first, hours) for name in ("events", "actors")),
            *(cut(name, first_day, days) for name in ("filled",)),
            *(cut(name, first, hours) for name in ("received", "duplicates", "quarantined")),
            *(cut(name, first_day, days) for name in ("entered", "converted")),
        )


def read_history(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    weeks: int,
    sources: list[str] | None = None,
    *,
    properties: bool = True,
) -> History | None:
    """Read the last `weeks` before data_until; None when there is no event.

    `sources` leaves out all others. Without `properties`, of which there are many, `filled` stays empty.
    """
    where = "true" if sources is None else "list_contains($sources, source)"
    given = {} if sources is None else {"sources": sources}

    def table(name: str) -> str:
        return f"(select * from {qualified(name, schema)} where {where})"

    if sources is None:
        ((until,),) = connection.execute(
            f"select data_until from {qualified('data_until', schema)}"
        ).fetchall()
    else:
        # the hour of the last event of these sources is over, as far as anybody knows
        ((until,),) = connection.execute(
            f"select max(hour) + interval 1 hour from {table('event_hours')}", given
        ).fetchall()
    if until is None:
        return None
    end = until.replace(minute=0, second=0, microsecond=0)
    start = (end - timedelta(weeks=weeks)).replace(hour=0)
    length = int((end - start).total_seconds() // 3600)
    days = length // HOURS_OF_DAY

    def grid(
        query: str, keys: int, measures: int, size: int, blank: float = 0.0
    ) -> list[dict[Any, Counts]]:
        """Put rows of keys, place on the grid and measures into one array a key, for every measure."""
        found: list[dict[Any, Counts]] = [{} for _ in range(measures)]
        parameters = {"start": start, **given}
        frame: pd.DataFrame = connection.execute(
            query, {name: value for name, value in parameters.items() if f"${name}" in query}
        ).df()
        names = list(frame.columns)
        for key, rows in frame.groupby(names[:keys], sort=True):
            place = rows[names[keys]].to_numpy(dtype=np.int64)
            inside = (place >= 0) & (place < size)
            label = key[0] if keys == 1 else key
            for number, measure in enumerate(names[keys + 1 :]):
                values = np.full(size, blank)
                values[place[inside]] = rows[measure].to_numpy(dtype=np.float64)[inside]
                found[number][label] = values
        return found

    hour = "date_diff('hour', $start::timestamp, hour)"
    day = "date_diff('day', $start::date, day)"
    events, actors = grid(
        f"select source, event_name, {hour}, event_count, actor_count from {table('event_hours')} where hour >= $start",
        2, 2, length,
    )  # fmt: skip
    received, duplicates, quarantined = grid(
        f"select source, {hour}, event_count, duplicate_count, quarantined_count from {table('received_hours')}"
        " where hour >= $start",
        1, 3, length,
    )  # fmt: skip
    filled: dict[Any, Counts] = {}
    if properties:
        (filled,) = grid(
            f"select source, event_name, is_in_properties, property, {day}, filled_count from {table('property_days')}"
            " where day >= $start::date",
            4, 1, days,
        )  # fmt: skip
    entered, converted = grid(
        f"select funnel, {day}, entered_count, converted_count from {qualified('funnel_days', schema)}"
        " where is_mature and day >= $start::date",
        1, 2, days, np.nan,
    )  # fmt: skip
    return History(
        start, length, events, actors, filled, received, duplicates, quarantined, entered, converted
    )
