"""What is judged in the backtest: simulated dumps and real ones, built into tables, read as counts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from expectations.anomalies.backtest.trials import Data
from expectations.anomalies.history import HOURS_OF_DAY, History, read_history
from expectations.anomalies.settings import load_settings
from orchestration import loading
from orchestration.database import connect
from orchestration.dbt_project import DbtProject
from orchestration.sample import SAMPLE_SOURCES, simulate
from orchestration.settings import Settings
from orchestration.sources import read_sources

#: The simulated product, long enough for eight weeks of training and some months to judge.
DAYS, PEOPLE = 126, 4000
#: A funnel of many, which the sample's checkout is not.
FUNNELS = {"work": {"steps": ["Search Performed", "Task Completed"], "window_seconds": 86400}}
#: Weeks that are read: more than any dump has.
ALL_WEEKS = 60

#: Days on which the shop, in the United Kingdom, was closed or nearly so.
SHOP_HOLIDAYS = tuple(
    date.fromisoformat(day)
    for day in (
        *(f"2010-12-{day}" for day in range(24, 32)),
        *(f"2011-01-0{day}" for day in range(1, 4)),
        "2011-04-22", "2011-04-23", "2011-04-24", "2011-04-25", "2011-04-29", "2011-05-02", "2011-05-30", "2011-08-29",
    )
)  # fmt: skip

REAL_SOURCES = """
sources:
  sparkify:
    format: jsonl
    event_id: "file_name || ':' || line_number"
    event_name: page
    event_at: ts
    user_id: userId
    session_id: sessionId
    properties: [artist, song, length, level, status]
  online_retail:
    format: csv
    event_id: "file_name || ':' || line_number"
    event_name: "case when InvoiceNo like 'C%' then 'cancel' else 'purchase' end"
    event_at: InvoiceDate
    user_id: "cast(cast(CustomerID as double) as bigint)"
    properties: [InvoiceNo, StockCode, Description, Quantity, UnitPrice, Country]
  gharchive:
    format: jsonl
    event_id: id
    event_name: type
    event_at: created_at
    user_id: actor.id
    properties: [repo.name, payload.action]
  wikiticker:
    format: jsonl
    event_id: "file_name || ':' || line_number"
    event_name: "case when isNew = true then 'create' else 'edit' end"
    event_at: time
    user_id: user
    is_bot: isRobot
    properties: [channel, namespace, delta]
"""
REAL = ("sparkify", "online_retail", "gharchive", "wikiticker")


def simulated(folder: Path, seed: int, days: int = DAYS, people: int = PEOPLE) -> Data:
    """Simulate a product and count it; what lies in the folder already is taken as it is."""
    landing, corrections = folder / "landing", folder / "corrections"
    if not landing.exists():
        simulate(landing, corrections, seed=seed, days=days, people=people)
        shutil.copytree(corrections, landing, dirs_exist_ok=True)
    warehouse = build(
        folder, SAMPLE_SOURCES.read_text("utf-8"), landing, {"watched_funnels": FUNNELS}
    )
    return Data(f"simulated (seed {seed})", read(warehouse), load_settings())


def real(folder: Path, dumps: Path) -> tuple[list[Data], list[str]]:
    """Count the real dumps, each by itself; return them, and words on those that are missing or too short."""
    missing = [f"{name}: not at {dumps / name}" for name in REAL if not (dumps / name).is_dir()]
    landing = folder / "landing"
    landing.mkdir(parents=True, exist_ok=True)
    for name in REAL:
        if (dumps / name).is_dir() and not (landing / name).exists():
            (landing / name).symlink_to(dumps / name)
    if len(missing) == len(REAL):
        return [], missing
    warehouse = build(folder, REAL_SOURCES, landing)
    found = []
    for name in REAL:
        if (landing / name).exists():
            settings = load_settings()
            if name == "online_retail":
                settings = settings.model_copy(update={"holidays": SHOP_HOLIDAYS})
            history = read(warehouse, [name])
            weeks = _weeks(history)
            if weeks < settings.least_weeks + 1:
                missing.append(f"{name}: {weeks:.1f} weeks of data, too short to be judged")
            else:
                history = _delivered_by_day(history, name)
                found.append(Data(name, history, settings, has_receipts=False))
    return found, missing


def build(
    folder: Path, sources: str, landing: Path, footpath: Mapping[str, Any] | None = None
) -> Path:
    """Load and model what lies in a landing folder, without gates; return the warehouse."""
    settings = Settings(landing=landing, sources=folder / "sources.yml", home=folder / "var")
    if settings.last_run.exists():
        return settings.warehouse
    settings.sources.write_text(sources, "utf-8")
    settings.prepare()
    read_in = read_sources(settings.sources)
    with connect(settings.raw) as connection:
        loading.prepare(connection, read_in)
        scan = loading.scan(settings.landing, read_in)
        for name, source in read_in.items():
            loading.load_source(connection, source, scan.files.get(name, []))
        loading.prepare(connection, read_in)
        pending = connection.execute(
            "select batch_id from files where state = 'pending' order by all"
        ).fetchall()
        loading.admit(connection, [batch for (batch,) in pending])
    DbtProject(settings, footpath).build()
    settings.last_run.write_text("{}", "utf-8")
    return settings.warehouse


def read(warehouse: Path, sources: list[str] | None = None) -> History:
    """Read all counts of a warehouse, from the first event on. Raises `ValueError` when there are none."""
    with connect(warehouse, read_only=True) as connection:
        history = read_history(connection, "main", ALL_WEEKS, sources)
    if history is None:
        raise ValueError(f"{warehouse} has no events")
    first = min(int((counts > 0).argmax()) for counts in history.events.values() if counts.any())
    days = -(-(history.hours // 24 * 24 - first) // 24)
    # from the first event's midnight on
    return history.until(history.hours, -(-days // 7)) if days < history.hours // 24 else history


def _delivered_by_day(history: History, source: str) -> History:
    """Return the history of a dump that says nothing of receipts as if each day's file had come at midnight."""
    total = np.asarray(sum(history.of(source).values()))
    days = len(total) // HOURS_OF_DAY
    received = np.zeros(len(total))
    received[HOURS_OF_DAY::HOURS_OF_DAY] = (
        total[: days * HOURS_OF_DAY]
        .reshape(days, HOURS_OF_DAY)
        .sum(axis=1)[: len(received[HOURS_OF_DAY::HOURS_OF_DAY])]
    )
    none = {source: np.zeros(len(total))}
    return replace(history, received={source: received}, duplicates=none, quarantined=dict(none))


def _weeks(history: History) -> float:
    seen = [int((counts > 0).argmax()) for counts in history.events.values() if counts.any()]
    return (history.hours - min(seen)) / 168
