"""The same sessions by other tools, from the same deduplicated events in a parquet file.

    python -m benchmarks.other_tools HOME footpath|duckdb|polars|pandas|clickhouse

Every tool reads the file, numbers the sessions of each device (a pause of over 1,800 s ends one) and counts them with
the sums of their starts, ends and lengths, which must be the same for all. footpath's own seconds are those of the
models that work out people, sessions, channels and everything else that its tables say.
"""

import json
import sys
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.footpath_run import settings_of
from benchmarks.measuring import Clock, peak_memory
from orchestration.database import literal

SESSION_MODELS = ("region_events", "event_links", "sessions")


def export(home: Path) -> Path:
    """Write the events that make sessions, once."""
    path = home / "events.parquet"
    if not path.exists():
        with duckdb.connect(str(settings_of(home).warehouse), read_only=True) as connection:
            connection.execute(
                f"""
                copy (
                    select
                        coalesce(device_key, user_key)::varchar as actor,
                        event_key::varchar as event_key,
                        epoch_ms(event_at) as ms
                    from main_internal.event_rows
                    where row_state = 'event' and not is_bot and coalesce(device_key, user_key) is not null
                ) to {literal(str(path))} (format parquet)
                """
            )
    return path


SESSIONS_SQL = """
    select
        count(*) as sessions,
        sum(started) as started,
        sum(ended) as ended,
        sum(events * events) as squares
    from (
        select actor, number, min(ms) as started, max(ms) as ended, count(*) as events
        from (
            select actor, ms, sum(is_start) over (
                partition by actor order by ms, event_key rows between unbounded preceding and current row
            ) as number
            from (
                select *, case when {previous} is null or ms > {previous} + 1800000 then 1 else 0 end as is_start
                from {events}
            ) as gaps
        ) as numbered
        group by actor, number
    ) as sessions
"""


def by_duckdb(path: Path) -> tuple[int, ...]:
    previous = "lag(ms) over (partition by actor order by ms, event_key)"
    sql = SESSIONS_SQL.format(previous=previous, events=f"read_parquet({literal(str(path))})")
    return tuple(int(value) for value in duckdb.connect().execute(sql).fetchall()[0])


def by_clickhouse(path: Path) -> tuple[int, ...]:
    import chdb

    previous = (
        "lagInFrame(toNullable(ms)) over (partition by actor order by ms, event_key"
        " rows between unbounded preceding and current row)"
    )
    sql = SESSIONS_SQL.format(previous=previous, events=f"file({literal(str(path))}, Parquet)")
    rows = json.loads(str(chdb.query(sql, "JSONCompact")))["data"]
    return tuple(int(value) for value in rows[0])


def by_polars(path: Path) -> tuple[int, ...]:
    import polars as pl

    sessions = (
        pl.scan_parquet(path)
        .sort("actor", "ms", "event_key")
        .with_columns(
            is_start=(
                (pl.col("actor") != pl.col("actor").shift(1)) | (pl.col("ms").diff() > 1_800_000)
            ).fill_null(True)
        )
        .with_columns(number=pl.col("is_start").cum_sum())
        .group_by("number")
        .agg(started=pl.col("ms").min(), ended=pl.col("ms").max(), events=pl.len())
        .select(
            pl.len(),
            pl.col("started").sum(),
            pl.col("ended").sum(),
            squares=(pl.col("events").cast(pl.Int64) ** 2).sum(),
        )
        .collect()
    )
    return tuple(int(value) for value in sessions.row(0))


def by_pandas(path: Path) -> tuple[int, ...]:
    import pandas as pd

    events = pd.read_parquet(path).sort_values(["actor", "ms", "event_key"])
    starts = (events["actor"] != events["actor"].shift(1)) | (events["ms"].diff() > 1_800_000)
    sessions = events.groupby(starts.cumsum(), sort=False)["ms"].agg(["min", "max", "count"])
    return (
        len(sessions),
        int(sessions["min"].sum()),
        int(sessions["max"].sum()),
        int((sessions["count"] ** 2).sum()),
    )


def by_footpath(home: Path) -> tuple[int, ...]:
    with duckdb.connect(str(settings_of(home).warehouse), read_only=True) as connection:
        row = connection.execute(
            "select count(*), sum(epoch_ms(started_at)), sum(epoch_ms(ended_at)), sum(event_count * event_count)"
            " from sessions"
        ).fetchall()[0]
    return tuple(int(value) for value in row)


def main() -> None:
    """Measure one tool, and print what it found as JSON."""
    home, tool = Path(sys.argv[1]), sys.argv[2]
    path = export(home)
    clock = Clock()
    if tool == "footpath":
        found = by_footpath(home)
        nodes: dict[str, Any] = json.loads((home / "built.json").read_text())["nodes"]
        seconds = {
            kind: round(sum(nodes[model][kind] for model in SESSION_MODELS), 3)
            for kind in ("cpu", "wall")
        }
    else:
        run = {
            "duckdb": by_duckdb,
            "polars": by_polars,
            "pandas": by_pandas,
            "clickhouse": by_clickhouse,
        }[tool]
        with clock.span("all"):
            found = run(path)
        seconds = clock.spans["all"]
    print(
        json.dumps(
            {
                **seconds,
                "sessions": found[0],
                "checksum": str(found[1:]),
                "peak_memory": peak_memory(),
            }
        )
    )


if __name__ == "__main__":
    main()
