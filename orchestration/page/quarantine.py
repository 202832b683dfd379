"""Rows that wait in quarantine: by source and reason, with samples and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.explain.rules import remedy_of
from orchestration.page.tables import Tables

#: Samples of a reason, characters of a sample, and days of the line.
MAX_SAMPLES = 5
MAX_RAW = 600
DAYS = 28


@dataclass(frozen=True)
class Sample:
    """One row, as published: masked, and cut. `place` is source/file:line."""

    place: str
    detail: str | None
    raw: str | None
    is_cut: bool


@dataclass(frozen=True)
class Reason:
    """Rows of one source with one reason; `share` is of all its rows, `files` those with such rows."""

    code: str
    meaning: str
    remedy: str
    count: int
    share: float | None
    files: int
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Source:
    """A source with quarantined rows; `days` has their number by day of receipt (UTC), the last one at the end."""

    name: str
    count: int
    share: float | None
    reasons: Sequence[Reason]
    days: Sequence[float]


@dataclass(frozen=True)
class Quarantine:
    """Sources with rows that wait, the one with most of them first; and how many rows were given up."""

    sources: Sequence[Source]
    count: int
    discarded: int


#: What was given up waits for nothing.
_WAITING = (
    "(select * from main.quarantined_events anti join main.discarded_events using (event_key))"
)
_COUNTS = """
with files as (
    select source, reason, file, count(*) as row_count
    from {waiting} as waiting
    group by source, reason, file
)
select source, reason, sum(row_count) as row_count, count(*) as file_count
from files
group by source, reason
order by source, row_count desc, reason
"""
_ROWS = """
select source, sum(raw_rows) as raw_rows
from main.load_files
where state = 'admitted'
group by source
"""
# Of the latest files by name. Narrow columns choose the rows, the wide one is read for these.
_SAMPLES = """
with files as (
    select distinct source, reason, file
    from {waiting} as waiting
),
latest as (
    select source, reason, file
    from files
    qualify row_number() over (partition by source, reason order by file desc) <= {number}
),
chosen as materialized (
    select rows.event_key
    from {waiting} as rows
    inner join latest on rows.source = latest.source and rows.reason = latest.reason and rows.file = latest.file
    qualify row_number() over (
        partition by rows.source, rows.reason order by rows.file desc, rows.line, rows.event_key
    ) <= {number}
)
select source, reason, file, line, {detail} as detail, raw
from main.quarantined_events
where event_key in (select chosen.event_key from chosen)
order by source, reason, file desc, line, event_key
"""
_DAYS = """
select source, $days - 1 - date_diff('day', cast(hour as date), cast(data_until as date)) as place,
    sum(quarantined_count) as row_count
from main.received_hours
cross join main.data_until
where cast(hour as date) > cast(data_until as date) - $days and cast(hour as date) <= cast(data_until as date)
group by source, place
"""


def gather(tables: Tables) -> Quarantine | None:
    """Read what waits; None where nothing is published."""
    if not tables.has("quarantined_events"):
        return None
    waiting, discarded = "main.quarantined_events", 0
    if tables.has("discarded_events"):
        waiting = _WAITING
        (row,) = tables.rows("select count(*) as row_count from main.discarded_events")
        discarded = row["row_count"]
    raw_rows = (
        {row["source"]: int(row["raw_rows"]) for row in tables.rows(_ROWS)}
        if tables.has("load_files")
        else {}
    )
    detail = "detail" if "detail" in tables.columns("quarantined_events") else "null"
    samples: dict[tuple[str, str], list[Sample]] = {}
    for row in tables.rows(_SAMPLES.format(waiting=waiting, detail=detail, number=MAX_SAMPLES)):
        raw = row["raw"]
        samples.setdefault((row["source"], row["reason"]), []).append(
            Sample(
                f"{row['source']}/{row['file']}:{row['line']}",
                row["detail"],
                raw if raw is None else raw[:MAX_RAW],
                raw is not None and len(raw) > MAX_RAW,
            )
        )
    reasons: dict[str, list[Reason]] = {}
    for row in tables.rows(_COUNTS.format(waiting=waiting)):
        source, code, count = row["source"], row["reason"], int(row["row_count"])
        meaning, remedy = remedy_of(code)
        reasons.setdefault(source, []).append(
            Reason(
                code,
                meaning,
                remedy,
                count,
                count / raw_rows[source] if raw_rows.get(source) else None,
                row["file_count"],
                samples.get((source, code), []),
            )
        )
    days = _days(tables)
    found = []
    for source, its in reasons.items():
        count = sum(one.count for one in its)
        share = count / raw_rows[source] if raw_rows.get(source) else None
        found.append(Source(source, count, share, its, days.get(source, [])))
    found.sort(key=lambda one: (-one.count, one.name))
    return Quarantine(found, sum(one.count for one in found), discarded)


def _days(tables: Tables) -> dict[str, list[float]]:
    if not tables.has("received_hours", "data_until"):
        return {}
    found: dict[str, list[float]] = {}
    for row in tables.rows(_DAYS.replace("$days", str(DAYS))):
        found.setdefault(row["source"], [0.0] * DAYS)[row["place"]] = float(row["row_count"])
    return found
