"""What is one session, and what stands in it: computed by pauses, without further cuts."""

from tests.exactness.histories import Call
from tests.exactness.scenarios import Scenario, alias, identify, page, track

SESSIONS = (
    Scenario(
        "exact-timeout",
        (page(0, "a"), page(1800, "b"), page(3601, "c")),
        people="a b c",
        sessions="a b | c",
        in_session={"a": {"started_at": 0, "ended_at": 1800}},
        users={"a": {"session_count": 2}},
    ),
    Scenario(
        "late-event-joins-two",
        (page(0, "a"), page(3000, "c"), page(1500, "b")),
        people="a b c",
        sessions="a b c",
        in_session={"c": {"started_at": 0, "ended_at": 3000, "event_count": 3}},
        users={"a": {"session_count": 1}},
    ),
    Scenario(
        "late-events-join-three",
        (page(0, "a"), page(3000, "c"), page(6000, "e"), page(1500, "b"), page(4500, "d")),
        people="a b c d e",
        sessions="a b c d e",
        users={"a": {"session_count": 1}},
    ),
    Scenario(
        "first-event-arrives-last",
        (
            page(900, "b", page=2),
            page(1800, "c", page=3),
            page(0, "a", page=1, campaign="news", referrer="https://www.google.de/"),
        ),
        people="a b c",
        sessions="a b c",
        in_session={
            "c": {
                "entry_page_path": "/1",
                "exit_page_path": "/3",
                "utm_campaign": "news",
                "channel": "Paid Other",
                "started_at": 0,
                "ended_at": 1800,
            }
        },
        users={
            "c": {"first_seen_at": 0, "first_campaign": "news", "first_landing_page_path": "/1"}
        },
    ),
    Scenario(
        # The copy that is kept lies in the second session; the first one ends earlier without it.
        "replay-in-another-session",
        (
            page(0, "a"),
            page(600, "b", received=20_000),
            page(10_000, "b", received=5),
            page(10_100, "c"),
        ),
        people="a b c",
        sessions="a | b c",
        in_session={"a": {"ended_at": 0, "event_count": 1}, "b": {"started_at": 10_000}},
    ),
    Scenario(
        # Without the event between them, two sessions.
        "replay-takes-the-bridge-away",
        (
            page(0, "a"),
            page(1500, "b", received=60),
            page(3000, "c"),
            page(1500, "b", device="d2", received=5),
        ),
        people="a c | b",
        sessions="a | b | c",
    ),
    Scenario(
        "over-midnight",
        (page(3500, "a"), page(3700, "b")),
        people="a b",
        sessions="a b",
        in_session={"a": {"session_day": "2026-01-30"}},
        users={"a": {"active_day_count": 2, "session_count": 1, "page_view_count": 2}},
    ),
    Scenario(
        "over-months",
        (page(0, "a"), page(40 * 86400, "b"), page(80 * 86400, "c")),
        people="a b c",
        sessions="a | b | c",
        users={"b": {"active_day_count": 3, "first_seen_at": 0, "last_seen_at": 80 * 86400}},
    ),
    Scenario(
        # A bot is nobody's visit: it bridges no pause and counts nowhere but in the events.
        "bot-between-two-visits",
        (page(0, "a"), page(900, "b", bot=True), page(2000, "c")),
        people="a b c",
        sessions="a | c",
        users={"a": {"event_count": 2, "session_count": 2, "page_view_count": 2}},
        events={"b": {"is_bot": True}},
    ),
    Scenario(
        "server-events-make-no-session",
        (page(0, "a", "d1", "u1"), track(60, "b", None, "u1", source="server")),
        people="a b",
        sessions="a",
        users={"a": {"event_count": 2, "session_count": 1}},
    ),
    Scenario(
        "two-sources-at-once",
        (
            page(0, "a", None, "u1"),
            page(10, "b", None, "u1", source="app"),
            page(20, "c", None, "u1"),
        ),
        people="a b c",
        sessions="a c | b",
        users={"a": {"session_count": 2}},
    ),
    Scenario(
        "bounces",
        (
            page(0, "a", "d1"),
            identify(10, "b", "u1", "d1"),
            page(0, "c", "d2"),
            track(10, "d", "d2"),
            page(0, "e", "d3"),
            page(10, "f", "d3"),
            Call("screen", 0, device="d4", id="g"),
        ),
        people="a b | c d | e f | g",
        sessions="a b | c d | e f | g",
        in_session={
            "a": {"is_bounce": True, "interaction_count": 0},
            "c": {"is_bounce": False, "interaction_count": 1},
            "e": {"is_bounce": False, "interaction_count": 0},
            "g": {"is_bounce": True, "channel": None, "entry_page_path": None},
        },
    ),
    Scenario(
        "engaged-by-gaps",
        (page(0, "a"), page(100, "b"), track(150, "c")),
        people="a b c",
        sessions="a b c",
        in_session={"a": {"engaged_seconds": 150}},
    ),
    Scenario(
        # The first heartbeat of the source comes last: from then on engaged time is what heartbeats measured.
        "a-source-begins-to-send-heartbeats",
        (
            page(0, "a", "d1", source="beats"),
            page(100, "b", "d1", source="beats"),
            track(150, "c", "d1", source="beats"),
            page(0, "d", "d2", source="beats"),
            track(60, "e", "d2", source="beats"),
            Call("heartbeat", 110, device="d1", id="f", source="beats"),
        ),
        people="a b c f | d e",
        sessions="a b c f | d e",
        in_session={"a": {"engaged_seconds": 5}, "d": {"engaged_seconds": 0}},
        files=({0: (0, 1, 2, 3, 4)}, {3: (5,)}),
    ),
    Scenario(
        "order-of-the-source-at-one-instant",
        (
            page(0, "a", page=2, source="app", order=2),
            page(0, "b", page=1, source="app", order=1),
        ),
        people="a b",
        sessions="a b",
        in_session={"a": {"entry_page_path": "/1", "exit_page_path": "/2"}},
    ),
    Scenario(
        # A session is that of its first event's person, also when that person changes.
        "merge-changes-a-session",
        (
            page(0, "a", "d1", "u2"),
            page(60, "b", "d1", "u1"),
            alias(9000, "ab", "u2", "u1"),
        ),
        people="a b ab",
        sessions="a b | ab",
        in_session={"a": {"person_count": 1}},
        users={"a": {"user_id": "u1", "session_count": 2}},
    ),
)
