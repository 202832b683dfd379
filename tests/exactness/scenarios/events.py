"""Which rows become events, and when they happened."""

from tests.exactness.histories import Call
from tests.exactness.scenarios import Scenario, page, track

EVENTS = (
    Scenario(
        "repeats",
        (page(0, "a"), page(0, "a"), page(60, "b")),
        people="a b",
        sessions="a b",
        users={"a": {"event_count": 2}},
    ),
    Scenario(
        # Without ids, equal content is one event, and different content two.
        "repeats-without-ids",
        (
            page(0, "a"),
            Call("page", 60, device="d1"),
            Call("page", 60, device="d1"),
            Call("page", 61, device="d1"),
        ),
        people="a",
        sessions="a",
        users={"a": {"event_count": 3}},
    ),
    Scenario(
        # Received first, else happened first; what says nothing about receipt comes last.
        "the-copy-that-is-kept",
        (
            track(30, "a", received=None, name="third"),
            track(20, "a", received=40, name="second"),
            track(10, "a", received=50, name="first"),
        ),
        people="a",
        sessions="a",
        events={"a": {"event_name": "first", "event_at": 10}},
    ),
    Scenario(
        # The client's clock is two hours ahead in both of its stamps; their distance to the receipt is right.
        "clock-skew",
        (page(0, "a"), page(600, "b", skew=7200, received=5), page(1200, "c")),
        people="a b c",
        sessions="a b c",
        events={"b": {"event_at": 600}},
    ),
    Scenario(
        "quarantine",
        (
            page(0, "a"),
            track(10, "b", broken="name"),
            track(20, "c", broken="time"),
            track(30, "d", broken="future"),
            track(40, "e", broken="early"),
            track(50, "f", broken="line"),
        ),
        people="a",
        sessions="a",
        unusable={
            "missing_event_name": 1,
            "unparsable_time": 1,
            "time_in_future": 1,
            "time_too_early": 1,
            "invalid_json": 1,
        },
    ),
    Scenario(
        # Until the definition of the source is mended, the bridge lies in quarantine.
        "a-mended-definition-brings-rows-back",
        (
            page(0, "a", source="app"),
            track(1500, "b", source="app", broken="old name"),
            page(3000, "c", source="app"),
        ),
        people="a b c",
        sessions="a b c",
    ),
    Scenario(
        # The old definition does not see the device, so the event is first nobody's.
        "a-mended-definition-finds-the-device",
        (
            page(0, "a", source="app"),
            track(1500, "b", source="app", broken="old device"),
            page(3000, "c", source="app"),
        ),
        people="a b c",
        sessions="a b c",
    ),
    Scenario(
        # The bridge goes with the old version of its file, and so does the person who was only there.
        "a-replaced-file",
        (page(0, "a"), page(1500, "b"), page(3000, "c"), page(0, "e", "d9")),
        people="a c",
        sessions="a | c",
        files=({0: (0, 2)}, {0: (1, 3), 3: ()}),
    ),
    Scenario(
        # The next copy takes the place of the one that went.
        "a-replaced-file-held-the-better-copy",
        (page(0, "a", received=5), page(7000, "a", received=60), page(7100, "b")),
        people="a b",
        sessions="a b",
        events={"a": {"event_at": 7000}},
        files=({0: (0,), 2: ()}, {1: (1, 2)}),
    ),
)
