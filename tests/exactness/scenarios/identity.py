"""Who is one person: strategy timeline."""

from tests.exactness.scenarios import Scenario, alias, identify, page, track

IDENTITY = (
    Scenario(
        "simple",
        (page(0, "a"), identify(60, "b", "u1"), page(120, "c")),
        people="a b c",
        sessions="a b c",
        users={"a": {"user_id": "u1", "is_identified": True, "event_count": 3, "session_count": 1}},
        in_session={"a": {"person_count": 1, "event_count": 3, "page_view_count": 2}},
    ),
    Scenario(
        "nobody-signs-up",
        (page(0, "a"), page(10, "b", device="d2")),
        people="a | b",
        sessions="a | b",
        users={"a": {"user_id": None, "is_identified": False}},
    ),
    Scenario(
        "user-without-device",
        (track(0, "a", None, "u1"), track(60, "b", None, "u1"), track(60, "c", None, "u2")),
        people="a b | c",
        sessions="a b | c",
    ),
    Scenario(
        "neither-device-nor-user",
        (track(0, "a", None), page(0, "b")),
        people="b",
        sessions="b",
        nobody="a",
    ),
    Scenario(
        "chain",
        (
            track(0, "a", None, "u1"),
            track(1, "b", None, "u2"),
            track(2, "c", None, "u3"),
            alias(10, "ab", "u2", "u1"),
            alias(20, "bc", "u3", "u2"),
        ),
        people="a b c ab bc",
        sessions="a | b ab | c bc",
        users={"a": {"user_id": "u1", "event_count": 5, "session_count": 3}},
    ),
    Scenario(
        "fan-in",
        (
            track(0, "a", None, "u1"),
            track(1, "b", None, "u2"),
            alias(10, "ac", "u3", "u1"),
            alias(20, "bc", "u3", "u2"),
        ),
        people="a b ac bc",
        sessions="a | b | ac bc",
    ),
    Scenario(
        "fan-out",
        (
            track(0, "a", None, "u1"),
            alias(10, "ab", "u2", "u1"),
            alias(20, "ac", "u3", "u1"),
            track(30, "c", None, "u3"),
        ),
        people="a ab ac c",
        sessions="a | ab | ac c",
    ),
    Scenario(
        "diamond",
        (
            track(0, "a", None, "u1"),
            alias(10, "ab", "u2", "u1"),
            alias(20, "ac", "u3", "u1"),
            alias(30, "bd", "u4", "u2"),
            alias(40, "cd", "u4", "u3"),
        ),
        people="a ab ac bd cd",
        sessions="a | ab | ac | bd cd",
    ),
    Scenario(
        "long-chain",
        (
            track(0, "a", None, "u01"),
            *(alias(n, f"l{n:02}", f"u{n + 1:02}", f"u{n:02}") for n in range(1, 12)),
        ),
        people="a " + " ".join(f"l{n:02}" for n in range(1, 12)),
        sessions="a | " + " | ".join(f"l{n:02}" for n in range(1, 12)),
        users={"a": {"user_id": "u01", "event_count": 12}},
    ),
    Scenario(
        # Before u1 and until u1: u1's. Until u2, and after u2 was last: u2's.
        "two-users-on-one-device",
        (
            page(0, "a"),
            identify(60, "b", "u1"),
            page(90, "c"),
            identify(120, "d", "u2"),
            page(180, "e"),
        ),
        people="a b | c d e",
        sessions="a b c d e",
        in_session={"a": {"user_id": None, "person_count": 2}},
        users={
            "a": {"user_id": "u1", "event_count": 2, "session_count": 1},
            "c": {"user_id": "u2", "event_count": 3, "session_count": 0},
        },
    ),
    Scenario(
        "user-comes-back-to-a-shared-device",
        (
            identify(0, "a", "u1"),
            page(10, "b"),
            identify(20, "c", "u2"),
            page(30, "d"),
            identify(40, "e", "u1"),
            page(50, "f"),
        ),
        people="a d e f | b c",
        sessions="a b c d e f",
    ),
    Scenario(
        "new-phone-for-an-old-user",
        (
            identify(0, "a", "u1", "old"),
            page(5000, "b", "new"),
            identify(5060, "c", "u1", "new"),
            page(5120, "d", "new"),
        ),
        people="a b c d",
        sessions="a | b c d",
        users={"a": {"event_count": 4, "session_count": 2, "page_view_count": 2}},
    ),
    Scenario(
        "late-merge",
        (
            page(0, "a", "d1", "u1"),
            page(0, "b", "d2", "u2"),
            page(86400, "c", "d2"),
            alias(40 * 86400, "ab", "u1", "u2"),
        ),
        people="a b c ab",
        sessions="a | b | c | ab",
        users={"c": {"user_id": "u1", "event_count": 4, "active_day_count": 3}},
    ),
    Scenario(
        # What was said last links what was said first.
        "merge-in-reverse-order",
        (
            page(0, "a", "d1", "u1"),
            alias(10, "cd", "u4", "u3"),
            alias(20, "bc", "u3", "u2"),
            alias(30, "ab", "u2", "u1"),
        ),
        people="a ab bc cd",
        sessions="a | ab | bc | cd",
    ),
    Scenario(
        "conflicting-merges",
        (
            page(0, "a", "d1", "u1"),
            page(0, "b", "d2", "u2"),
            alias(10, "ab", "u2", "u1"),
            alias(20, "ba", "u1", "u2"),
            alias(30, "aa", "u1", "u1"),
        ),
        people="a b ab ba aa",
        sessions="a | b | ab | ba aa",
        users={"b": {"user_id": "u1", "event_count": 5}},
    ),
    Scenario(
        # Users are shared between sources, but not with a source of another namespace.
        "user-ids-in-several-sources",
        (
            page(0, "a", "d1", "17"),
            page(0, "b", "d2", "17", source="app"),
            page(0, "c", "d3", "17", source="shop"),
        ),
        people="a b | c",
        sessions="a | b | c",
    ),
    Scenario(
        "device-ids-in-several-sources",
        (page(0, "a"), page(0, "b", source="app"), page(0, "c", source="shop")),
        people="a | b | c",
        sessions="a | b | c",
    ),
    Scenario(
        "three-events-at-one-instant",
        (page(60, "a"), page(60, "b"), page(60, "c")),
        people="a b c",
        sessions="a b c",
        in_session={"a": {"event_count": 3, "page_view_count": 3, "is_bounce": False}},
    ),
    Scenario(
        # At one instant the smaller user id has what is nobody's, before and after it.
        "two-users-at-one-instant",
        (
            page(0, "a"),
            identify(60, "b", "u2"),
            identify(60, "c", "u1"),
            page(60, "d"),
            page(120, "e"),
        ),
        people="a c d e | b",
        sessions="a b c d e",
    ),
    Scenario(
        # The alias comes from a server: it names the device, and is an identified event on it.
        "alias-of-a-device",
        (page(0, "a"), alias(60, "b", "u1", "d1"), page(120, "c")),
        people="a b c",
        sessions="a c | b",
        users={"a": {"user_id": "u1", "event_count": 3, "session_count": 2}},
    ),
    Scenario(
        # Of two copies the one that was received first is kept.
        "replay-as-another-user",
        (
            page(0, "a", "d1", "u1", received=60),
            page(0, "a", "d1", "u2", received=5),
            page(60, "b"),
        ),
        people="a b",
        sessions="a b",
        users={"a": {"user_id": "u2", "event_count": 2}},
        events={"a": {"user_id": "u2"}},
    ),
    Scenario(
        "replay-from-another-device",
        (
            page(0, "a", "d1", received=60),
            page(0, "a", "d2", received=None),
            page(60, "b", "d1"),
            page(60, "c", "d2"),
        ),
        people="a b | c",
        sessions="a b | c",
        events={"a": {"anonymous_id": "d1"}},
    ),
    Scenario(
        "replay-as-another-kind",
        (
            alias(0, "a", "u2", "u1", received=60),
            track(0, "a", None, "u2", received=5),
            track(0, "b", None, "u1"),
        ),
        people="a | b",
        sessions="a | b",
    ),
)
