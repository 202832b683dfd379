"""The real dumps load whole; their facts stand in the README beside them."""

from pathlib import Path
from typing import Any

from orchestration.loading import load_source, scan

SOURCES = """
sources:
  sparkify:
    format: jsonl
    event_name: page
    event_at: to_timestamp(ts / 1000)
    user_id: userId
    session_id: sessionId
    event_order: itemInSession
    properties: [song, artist, length]
  online_retail:
    format: csv
    event_id: file_name || ':' || line_number
    event_name: "case when InvoiceNo like 'C%' then 'cancel' else 'purchase' end"
    event_at: InvoiceDate
    user_id: CustomerID
    properties: [Quantity, UnitPrice, Country]
  gharchive:
    format: jsonl
    event_id: id
    event_name: type
    event_at: created_at
    user_id: actor.id
    properties: [repo.name]
  wikiticker:
    format: jsonl
    event_name: "'edit'"
    event_at: time
    user_id: user
    is_bot: isRobot
"""


def load(project: Any, shared_data: Path, source: str) -> None:
    project.use(SOURCES)
    found = scan(shared_data, project.sources)
    result = load_source(project.connection, project.sources[source], found.files[source])
    assert {file.outcome for file in result.files} == {"new"}
    assert result.unreadable_rows == 0
    again = load_source(project.connection, project.sources[source], found.files[source])
    assert {file.outcome for file in again.files} == {"unchanged"}


def test_sparkify(project: Any, shared_data: Path) -> None:
    load(project, shared_data, "sparkify")
    assert project.rows(
        "select count(*), count(event_at), count(distinct file), count(distinct user_id),"
        " min(event_at)::varchar from plain"
    ) == [(8056, 8056, 30, 97, "2018-11-01 20:57:10.796")]


def test_online_retail(project: Any, shared_data: Path) -> None:
    load(project, shared_data, "online_retail")
    assert project.rows(
        "select count(*), count(event_at), count(distinct file), count(distinct user_id),"
        " count(*) filter (user_id is null), count(distinct event_id) from plain"
    ) == [(541_909, 541_909, 305, 4372, 135_080, 541_909)]


def test_gharchive(project: Any, shared_data: Path) -> None:
    load(project, shared_data, "gharchive")
    assert project.rows(
        "select count(*), count(event_at), count(distinct event_id), count(distinct user_id),"
        " count(distinct event_name), count(properties->>'repo.name') from plain"
    ) == [(15_129, 15_129, 15_129, 6208, 14, 15_129)]


def test_wikiticker(project: Any, shared_data: Path) -> None:
    load(project, shared_data, "wikiticker")
    assert project.rows(
        "select count(*), count(event_at), count(distinct user_id), count(is_bot) from plain"
    ) == [(39_244, 39_244, 10_531, 39_244)]
