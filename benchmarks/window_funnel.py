"""Levels of footpath.window_funnel and of ClickHouse's windowFunnel on random small histories: all must be equal.

python -m benchmarks.window_funnel [PEOPLE]
"""

import json
import random
import sys
from datetime import datetime, timedelta
from typing import Any

from orchestration.database import connect
from tests.analyses.sql import EVENTS, compile_calls, create_events, rows

SEED = 20260331
PEOPLE = 1500
WINDOW = 10
MODES: tuple[tuple[str, ...], ...] = (
    (),
    ("strict_order",),
    ("strict_deduplication",),
    ("strict_increase",),
    ("strict_once",),
    ("strict_order", "strict_increase"),
    ("strict_order", "strict_deduplication"),
    ("strict_deduplication", "strict_increase"),
    ("strict_once", "strict_increase"),
)
STEPS = ("a", "ab", "abc", "abcd", "aab", "aba")


def histories(people: int) -> list[list[tuple[int, str]]]:
    """Return a few events for each person, with ties, repeats, window edges and events of no step."""
    pick = random.Random(SEED)
    found = []
    for _ in range(people):
        second = 0
        events = []
        for _ in range(pick.randint(1, 7)):
            second += pick.choice([0, 0, 1, 3, 5, 9, 10, 11])
            events.append((second, pick.choice("aaabbccd")))
        found.append(events)
    return found


def compare(people: int) -> dict[str, Any]:
    """Compare level by level, for every mode and list of steps."""
    from chdb.session import Session

    asked = [(modes, steps) for modes in MODES for steps in STEPS]
    calls = {
        f"{modes} {steps}": "{{ footpath.window_funnel("
        f"{list(steps)}, {WINDOW}, modes={list(modes)}, events='{EVENTS}') }}}}"
        for modes, steps in asked
    }
    compiled = compile_calls(calls)
    all_events = [
        (person, second, name)
        for person, events in enumerate(histories(people))
        for second, name in events
    ]
    session = Session()
    session.query("create database bench engine = Atomic")
    session.query(
        "create table bench.events (person UInt32, second UInt32, name String)"
        " engine = MergeTree order by (person, second)"
    )
    session.query(
        "insert into bench.events values " + ", ".join(str(event) for event in all_events)
    )
    levels = 0
    different: dict[str, int] = {}
    with connect() as connection:
        create_events(
            connection,
            [
                {
                    "person_id": str(person),
                    "event_name": name,
                    "event_at": datetime(2026, 1, 1) + timedelta(seconds=second),
                }
                for person, second, name in all_events
            ],
        )
        for modes, steps in asked:
            conditions = ", ".join(f"name = '{step}'" for step in steps)
            words = "".join(f", '{mode}'" for mode in modes)
            answer = session.query(
                f"select person, windowFunnel({WINDOW}{words})(second, {conditions}) from bench.events group by person",
                "JSONCompactEachRow",
            )
            theirs = {
                int(who): int(level) for who, level in map(json.loads, str(answer).splitlines())
            }
            ours = {
                int(row["person_id"]): row["level"]
                for row in rows(connection, compiled[f"{modes} {steps}"])
            }
            assert len(theirs) == people
            levels += len(theirs)
            wrong = sum(ours.get(person, 0) != level for person, level in theirs.items())
            if wrong:
                different[f"{' '.join(modes) or 'no mode'}: {' > '.join(steps)}"] = wrong
    return {"levels": levels, "different": different}


if __name__ == "__main__":
    print(json.dumps(compare(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)))
