"""The options: other identity strategies, sessions by the client's ids, further cuts."""

from tests.exactness.histories import Call
from tests.exactness.scenarios import Scenario, alias, identify, page, track

#: Settings and the scenarios that hold under them.
LAST_USER_AND_CUTS = {
    "identity_strategy": "last_user",
    "max_session_length": 3600,
    "split_at_midnight": True,
    "split_on_campaign": True,
}
GRAPH_AND_CLIENT = {
    "identity_strategy": "graph",
    "max_identifiers_per_person": 4,
    "session_strategy": "client",
}

UNDER_LAST_USER_AND_CUTS = (
    Scenario(
        "last-user-has-the-whole-device",
        (page(0, "a"), identify(60, "b", "u1"), identify(120, "c", "u2"), page(180, "d")),
        people="a b c d",
        sessions="a b c d",
        users={"a": {"user_id": "u2"}},
    ),
    Scenario(
        "last-user-by-a-late-sign-in",
        (
            identify(0, "a", "u1"),
            page(60, "b"),
            page(60, "c", None, "u1"),
            identify(86400, "d", "u2"),
        ),
        people="a b d | c",
        sessions="a b | c | d",
    ),
    Scenario(
        "last-user-of-an-alias",
        (identify(0, "a", "u1"), alias(60, "b", "u2", "d1")),
        people="a b",
        sessions="a | b",
    ),
    Scenario(
        "cut-at-midnight",
        (page(3500, "a"), page(3599, "b"), page(3600, "c"), page(3700, "d")),
        people="a b c d",
        sessions="a b | c d",
        in_session={"c": {"session_day": "2026-01-31"}},
    ),
    Scenario(
        # From none to news, and from news to sale; a page without a campaign cuts nothing.
        "cut-on-campaign",
        (
            page(0, "a"),
            page(60, "b", campaign="news"),
            page(120, "c"),
            page(180, "d", campaign="news"),
            page(240, "e", campaign="sale"),
            page(300, "f", campaign="news"),
        ),
        people="a b c d e f",
        sessions="a | b c d | e | f",
    ),
    Scenario(
        # The campaign comes late: what followed it belongs to its session.
        "cut-on-a-late-campaign",
        (page(0, "a"), page(120, "c"), page(60, "b", campaign="news")),
        people="a b c",
        sessions="a | b c",
    ),
    Scenario(
        # An event exactly at the limit is in; the first one beyond it begins the next session.
        "cut-at-the-maximum-length",
        (
            page(7200, "a"),
            page(8400, "b"),
            page(9600, "c"),
            page(10_800, "d"),
            page(10_801, "e"),
            page(12_000, "f"),
        ),
        people="a b c d e f",
        sessions="a b c d | e f",
    ),
    Scenario(
        # With its first event the whole walk from limit to limit shifts.
        "cut-at-the-maximum-length-from-a-late-start",
        (page(9000, "b"), page(10_800, "c"), page(12_600, "d"), page(7200, "a")),
        people="a b c d",
        sessions="a b c | d",
    ),
)

UNDER_GRAPH_AND_CLIENT = (
    Scenario(
        "graph-over-a-shared-device",
        (identify(0, "a", "u1"), identify(60, "b", "u2"), page(120, "c", None, "u1")),
        people="a b c",
        sessions="a b | c",
    ),
    Scenario(
        # u1, u2, d1 and d2 are four identifiers, the most that one person may have.
        "graph-over-two-devices",
        (identify(0, "a", "u1", "d1"), identify(60, "b", "u2", "d1"), identify(0, "c", "u2", "d2")),
        people="a b c",
        sessions="a b | c",
    ),
    Scenario(
        # Five users and their device are six identifiers: the device links nobody, and follows the timeline.
        "graph-over-the-limit",
        (
            identify(0, "a", "u1"),
            identify(60, "b", "u2"),
            identify(120, "c", "u3"),
            page(150, "p"),
            identify(180, "d", "u4"),
            identify(240, "e", "u5"),
            page(300, "q"),
        ),
        people="a | b | c | p d | e q",
        sessions="a b c p d e q",
    ),
    Scenario(
        # What is linked by name stays linked.
        "graph-over-the-limit-with-an-alias",
        (
            identify(0, "a", "u1"),
            identify(60, "b", "u2"),
            identify(120, "c", "u3"),
            identify(180, "d", "u4"),
            alias(240, "e", "u4", "u1"),
        ),
        people="a d e | b | c",
        sessions="a b c d | e",
    ),
    Scenario(
        "client-session-over-a-pause",
        (
            page(0, "a", source="app", session="s1"),
            page(10_000, "b", source="app", session="s1"),
            page(10_010, "c", source="app", session="s2"),
        ),
        people="a b c",
        sessions="a b | c",
        in_session={"a": {"started_at": 0, "ended_at": 10_000}},
    ),
    Scenario(
        # The client's id is the device's: another device may use the same.
        "client-session-of-two-devices",
        (
            page(0, "a", "d1", source="app", session="s1"),
            page(0, "b", "d2", source="app", session="s1"),
        ),
        people="a | b",
        sessions="a | b",
    ),
    Scenario(
        # Within the timeout an event without an id joins the one before it; after it, it is on its own.
        "client-session-without-an-id",
        (
            page(0, "a", source="app", session="s1"),
            page(1800, "b", source="app"),
            page(3601, "c", source="app"),
            page(3700, "d", source="app"),
            page(3800, "e", source="app", session="s1"),
        ),
        people="a b c d e",
        sessions="a b e | c d",
    ),
    Scenario(
        # Ten seconds for each bucket with a heartbeat after the first, and five for that one.
        "engaged-by-heartbeats",
        (
            page(0, "a", source="app", session="s1"),
            Call("heartbeat", 10, device="d1", id="b", source="app", session="s1"),
            Call("heartbeat", 20, device="d1", id="c", source="app", session="s1"),
            Call("heartbeat", 21, device="d1", id="d", source="app", session="s1"),
            Call("heartbeat", 40, device="d1", id="e", source="app", session="s1"),
            page(100, "f", source="app", session="s1"),
            track(500, "g", source="app", session="s1"),
        ),
        people="a b c d e f g",
        sessions="a b c d e f g",
        in_session={"a": {"engaged_seconds": 25, "interaction_count": 1}},
    ),
)
