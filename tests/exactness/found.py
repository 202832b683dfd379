"""Histories that broke the law once, as the tests printed them: asked again in every run of the tests."""

from tests.exactness.histories import Call, History

FOUND: tuple[History, ...] = (
    # An event that comes again from another device leaves the device it was on: an upsert would keep it.
    History(
        calls=(
            Call("group", 0, device="d1", id=1, source="server"),
            Call("group", 0, device="d0", id=1, source="server"),
        ),
        files=({0: (0,)}, {1: (1,)}),
    ),
)
