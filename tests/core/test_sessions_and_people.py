"""The tables hold what the definitions say, under each strategy: compared with plain loops over random histories."""

import json
import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.core.reference import People, engaged_seconds, in_order, sessions
from tests.warehouse import Home

SOURCE = """
    format: jsonl
    event_id: id
    event_type: type
    event_name: coalesce(name, type)
    event_at: at
    event_order: sequence
    anonymous_id: device
    user_id: "user"
    previous_id: previous
    session_id: session
    utm_campaign: campaign
    is_bot: bot
"""
SOURCES = f"sources:\n  site:{SOURCE}  app:{SOURCE}"
START = datetime(2026, 1, 30, 22)
GAPS = (0, 0, 1, 5, 12, 60, 900, 1799, 1800, 1800, 1801, 3600, 86400, 40 * 86400)
FIELDS = ("id", "type", "name", "at", "sequence", "device", "user", "previous", "session")

VARIANTS: Mapping[str, dict[str, Any]] = {
    "default": {},
    "client sessions, last user": {"session_strategy": "client", "identity_strategy": "last_user"},
    "cuts, graph": {
        "split_at_midnight": True,
        "split_on_campaign": True,
        "reporting_timezone": "Europe/Berlin",
        "identity_strategy": "graph",
        "max_identifiers_per_person": 5,
    },
    "all cuts, wide graph": {
        "max_session_length": 3000,
        "split_at_midnight": True,
        "split_on_campaign": True,
        "identity_strategy": "graph",
        "max_identifiers_per_person": 7,
    },
    "length": {"max_session_length": 3000},
}


def history(seed: int, size: int = 25) -> list[dict[str, Any]]:
    """Events of three devices and four users of a source, names unique by seed."""
    rng = random.Random(seed)
    devices = [f"{seed}-d{number}" for number in range(3)]
    users = [f"{seed}-u{number}" for number in range(4)]
    at = START
    events: list[dict[str, Any]] = []
    for number in range(size):
        at += timedelta(seconds=rng.choice(GAPS))
        kind = rng.choices(
            ["page", "track", "identify", "alias", "heartbeat", "screen"],
            [8, 6, 4, 2, 4 if seed % 2 else 0, 1],
        )[0]
        event: dict[str, Any] = dict.fromkeys(FIELDS)
        event |= {
            "id": f"{seed}-{number}",
            "type": kind,
            "name": "Clicked" if kind == "track" else None,
            "at": at.isoformat(),
            "sequence": rng.choice([None, None, 1, 2]),
            "device": rng.choice(devices) if rng.random() < 0.9 else None,
            "user": rng.choice(users)
            if kind in ("identify", "alias") or rng.random() < 0.2
            else None,
            "previous": rng.choice(users + devices) if kind == "alias" else None,
            "session": f"{seed}-s{rng.randrange(5)}" if rng.random() < 0.6 else None,
            "campaign": rng.choice("ab") if kind == "page" and rng.random() < 0.6 else None,
            "bot": rng.random() < 0.05,
        }
        events.append(event)
    return events


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(name, marks=() if number == 2 else pytest.mark.long)
        for number, name in enumerate(VARIANTS)
    ],
)
def test_sessions_and_people_are_those_of_plain_loops(variant: str, tmp_path: Path) -> None:
    settings = VARIANTS[variant]
    home = Home(tmp_path, SOURCES, footpath=settings)
    for source, odd in (("site", 0), ("app", 1)):  # only the odd histories have heartbeats
        rows = [event for seed in range(60) if seed % 2 == odd for event in history(seed)]
        home.deliver(source, "all.jsonl", [json.dumps(row) for row in rows])
    home.run()
    events, stored_session, stored_person = stored(home)

    expected = sessions(
        events,
        strategy=settings.get("session_strategy", "computed"),
        max_length=settings.get("max_session_length"),
        midnight=settings.get("split_at_midnight", False),
        campaign=settings.get("split_on_campaign", False),
        zone=settings.get("reporting_timezone", "UTC"),
    )
    found: dict[str, list[str]] = defaultdict(list)
    for key, session in stored_session.items():
        if session:
            found[session].append(key)
    assert {frozenset(keys) for keys in found.values()} == {frozenset(keys) for keys in expected}

    by_key = {event["key"]: event for event in events}
    for session, seconds in home.query("select session_id::text, engaged_seconds from sessions"):
        stream = in_order(by_key[key] for key in found[session])
        span = (stream[-1]["at"] - stream[0]["at"]).total_seconds()
        measured = engaged_seconds(stream) if stream[0]["source"] == "app" else span
        assert float(seconds) == measured, stream

    people = People(
        events,
        settings.get("identity_strategy", "timeline"),
        settings.get("max_identifiers_per_person", 100),
    )
    pairs = {(people.of(event), stored_person[event["key"]]) for event in events}
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    assert any(len(group) > 1 for group in groups(people.person).values())


def stored(home: Home) -> tuple[list[dict[str, Any]], dict[str, str], dict[str, str]]:
    """Read the stored events as the reference takes them, and the session and person of each."""
    rows = home.query(
        "select events.event_key::text, events.source, anonymous_id, events.user_id, events.event_at,"
        " events.event_order, events.event_type, utm_campaign, client_session_id,"
        " makes_session and not events.is_bot, previous_id, session_id::text, person_id::text"
        " from main_internal.event_rows as events"
        " left join main_internal.event_links using (event_key) where row_state = 'event'"
    )
    names = (
        "key", "source", "device", "user", "at", "order", "type", "campaign", "client_session",
        "makes_session", "previous", "session", "person",
    )  # fmt: skip
    events = [dict(zip(names, row, strict=True)) for row in rows]
    return (
        events,
        {event["key"]: event["session"] for event in events},
        {event["key"]: event["person"] for event in events},
    )


def groups(smallest: Mapping[str, str]) -> dict[str, list[str]]:
    """Turn member to group into group to members."""
    found: dict[str, list[str]] = defaultdict(list)
    for member, group in smallest.items():
        found[group].append(member)
    return found
