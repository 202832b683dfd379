"""Cases of sessions: their events go through the real models, as a plain source."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cases.file import Case, InexpressibleError
from tests.warehouse import Home

SOURCES = """
sources:
  cases:
    format: jsonl
    event_id: event_id
    event_name: event_name
    event_at: event_at
    received_at: event_at
    user_id: user_id
"""


def session_answers(cases: Mapping[str, Case]) -> dict[str, dict[str, Any] | InexpressibleError]:
    """Return the answer of each case; all cases of one timeout share a home."""
    answers: dict[str, dict[str, Any] | InexpressibleError] = {}
    by_timeout: dict[int, dict[str, Case]] = defaultdict(dict)
    for name, case in cases.items():
        try:
            by_timeout[_timeout(case)][name] = case
        except InexpressibleError as error:
            answers[name] = error
    for timeout, asked in by_timeout.items():
        answers |= _numbers(timeout, asked)
    return answers


def _timeout(case: Case) -> int:
    unknown = sorted(set(case.query) - {"inactivity_gap_seconds", "type"})
    if unknown:
        raise InexpressibleError(f"unknown key of the query: {', '.join(unknown)}")
    if set(case.expected) != {"session_number_per_event"}:
        raise InexpressibleError(f"unknown expectation: {', '.join(sorted(case.expected))}")
    seconds = case.query.get("inactivity_gap_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds != int(seconds):
        raise InexpressibleError(f"inactivity_gap_seconds is no whole number: {seconds}")
    return int(seconds)


def _numbers(
    timeout: int, cases: Mapping[str, Case]
) -> dict[str, dict[str, Any] | InexpressibleError]:
    rows = [
        {
            "event_id": f"{name}/{number}",
            "event_name": event["name"] or "event",
            "event_at": event["at"].isoformat() + "Z",
            "user_id": None if event["user"] is None else f"{name}/{event['user']}",
        }
        for name, case in cases.items()
        for number, event in enumerate(case.events)
    ]
    # Any time is plausible here: cases begin in 1970.
    settings = {"session_timeout": timeout, "earliest_plausible_event_at": "0001-01-01 00:00:00"}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home", SOURCES, settings)
        home.deliver("cases", "cases.jsonl", [json.dumps(row) for row in rows])
        home.load()
        home.dbt.build(select=["+event_links"])
        found = dict(
            home.query(
                """
                with sessions as (
                    select
                        events.event_id,
                        links.person_id,
                        links.session_id,
                        min(links.event_at) over (partition by links.session_id) as started_at
                    from main_internal.event_links as links
                    inner join main_internal.event_rows as events using (event_key)
                    where links.session_id is not null and events.row_state = 'event'
                )

                select event_id, dense_rank() over (partition by person_id order by started_at, session_id)
                from sessions
                """
            )
        )
    return {
        name: {
            "session_number_per_event": [
                found.get(f"{name}/{number}") for number in range(len(case.events))
            ]
        }
        for name, case in cases.items()
    }
