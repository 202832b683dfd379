"""Planted into counts, a fault leaves what it leaves when it is planted into the delivered files."""

import json
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from expectations.anomalies import History, read_history
from expectations.anomalies.backtest.faults import (
    lose_events,
    lose_hours,
    lose_property,
    repeat_rows,
)
from orchestration.database import connect
from tests.warehouse import Home

SOURCES = """
sources:
  web:
    format: jsonl
    event_id: id
    event_name: name
    event_at: at
    received_at: at
    anonymous_id: device
    properties: [plan]
  app:
    format: jsonl
    event_id: id
    event_name: name
    event_at: at
    received_at: at
    anonymous_id: device
"""
START = datetime(2026, 1, 5)
DAYS = 5
NAMES = ("page", "opened", "saved")
Row = dict[str, Any]


def made(source: str) -> list[Row]:
    """Make three events in every hour, each of a device of its own."""
    return [
        {
            "id": f"{source}{hour}{name}{number}",
            "name": name,
            "at": f"{START + timedelta(hours=hour, minutes=7 * number):%Y-%m-%dT%H:%M:%SZ}",
            "device": f"d{number}",
            "plan": "team",
        }
        for hour in range(24 * DAYS)
        for name in NAMES
        for number in range(3)
    ]


def history(folder: Path, rows: dict[str, list[Row]]) -> History:
    home = Home(folder, SOURCES)
    for source, its in rows.items():
        by_day: dict[str, list[str]] = {}
        for row in its:
            by_day.setdefault(row["at"][:10], []).append(json.dumps(row))
        for day, lines in by_day.items():
            home.deliver(source, f"{day}.jsonl", lines)
    home.run()
    with connect(home.settings.warehouse, read_only=True) as connection:
        found = read_history(connection, "main", 2)
    assert found is not None
    return found


def test_a_fault_in_the_files_and_in_the_counts_is_the_same(tmp_path: Path) -> None:
    untouched = {source: made(source) for source in ("app", "web")}
    clean = history(tmp_path / "clean", untouched)
    first = int((START - clean.start).total_seconds() // 3600)
    third, fourth = first + 48, first + 72

    def hour(row: Row) -> int:
        at = datetime.fromisoformat(row["at"]).replace(tzinfo=None)
        return int((at - clean.start).total_seconds() // 3600)

    web = [row for row in untouched["web"] if row["name"] != "page" or hour(row) < third + 5]
    web = [
        {**row, "plan": None} if row["name"] == "saved" and hour(row) >= fourth else row
        for row in web
    ]
    app = [row for row in untouched["app"] if not third <= hour(row) < third + 6]
    twice = [row for row in app if hour(row) >= fourth]
    in_files = history(tmp_path / "planted", {"web": web, "app": app + twice})

    rng = np.random.default_rng(1)
    in_counts = lose_events(clean, ("web", "page"), third + 5, 1.0, rng)
    in_counts = lose_property(in_counts, ("web", "saved", True, "plan"), fourth, 1.0, rng)
    in_counts = lose_hours(in_counts, "app", third, 6, rng)
    in_counts = repeat_rows(in_counts, "app", fourth, 1.0, rng)

    assert (in_files.start, in_files.hours) == (in_counts.start, in_counts.hours)
    for part in fields(History):
        one, other = (getattr(of, part.name) for of in (in_files, in_counts))
        if isinstance(one, dict):
            assert one.keys() == other.keys(), part.name
            for key, counts in one.items():
                assert np.array_equal(counts, other[key], equal_nan=True), (part.name, key)
