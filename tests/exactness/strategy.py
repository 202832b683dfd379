"""Hypothesis makes the histories: each of them small, all of them together with everything that can go wrong."""

import functools
import os
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from tests.exactness.histories import PLAIN, RUNS, Call, History, deliveries

TIMEOUT = 1800
DAY = 86400
#: Seconds from one call to the next: ties, the exact timeout, one second to both sides of it, pauses that a call in
#: between bridges, midnight and months.
NEAR = (0, 1, 900, TIMEOUT - 1, TIMEOUT, TIMEOUT, TIMEOUT + 1)
FAR = (0, 2 * TIMEOUT, 3600, DAY, 40 * DAY)
KINDS = (
    "page", "page", "page", "page", "page", "page", "track", "track", "track", "identify", "identify", "alias", "alias",
    "screen", "group", "heartbeat", "heartbeat",
)  # fmt: skip
NAMES = (None, "Signed Up", "Checkout Started", "Payment Details Entered", "Subscription Started")
SOURCES = ("web", "app", "server", "shop")
DEVICES = ("d0", "d1", "d2", None)
USERS = ("u0", "u0", "u1", "u2")
BROKEN = ("name", "time", "future", "early", "line")
OLD = ("old name", "old time", "old device", "old device")
#: How the calls arrive: anyhow; every second one late, where it closes a gap between sessions; the first one last.
WAYS = ("any", "any", "any", "bridges", "first last")
#: The environment variable that sets another seed than that of CI, which is always the same.
SEED = "FOOTPATH_TEST_SEED"


def one_in(draw: st.DrawFn, number: int) -> bool:
    """Draw whether something rare happens; a shrunk draw says no."""
    return draw(st.integers(1, number)) == number


@st.composite
def calls(draw: st.DrawFn, at: int, number: int, source: str) -> Call:
    """Draw a call at a time; most are those of one device in one source, so that they meet."""
    kind = draw(st.sampled_from(KINDS))
    knows_user = kind in ("identify", "alias") or one_in(draw, 4)
    if one_in(draw, 4):
        source = draw(st.sampled_from(SOURCES))
    fields: dict[str, Any] = {
        "device": draw(st.sampled_from(DEVICES)) if one_in(draw, 4) else "d0",
        "user": draw(st.sampled_from(USERS)) if knows_user else None,
        "id": None if one_in(draw, 10) else number,
        "source": source,
        "received": draw(st.sampled_from((0, 1, 3600, 10 * DAY, None))) if one_in(draw, 2) else 0,
    }
    if kind == "track":
        fields["name"] = draw(st.sampled_from(NAMES))
    if kind in ("page", "heartbeat"):
        fields["page"] = draw(st.integers(0, 2))
    if kind == "page":
        fields["campaign"] = draw(st.sampled_from(("news", "sale", "spring", "news", "sale", None)))
        fields["referrer"] = draw(
            st.sampled_from((None, "https://www.google.de/", "https://x.example/"))
        )
    if kind in ("identify", "group") or one_in(draw, 10):
        fields["plan"] = draw(st.sampled_from(("free", "pro", None)))
    if kind == "alias":
        fields["previous"] = draw(st.sampled_from((*USERS, "d0", "d1", "u9")))
    if kind == "group" or one_in(draw, 6):
        fields["account"] = draw(st.sampled_from(("g0", "g1")))
    if source in PLAIN:
        fields["session"] = draw(st.sampled_from((None, "s0", "s0", "s1")))
        fields["order"] = draw(st.sampled_from((None, None, 1, 2)))
    if one_in(draw, 16):
        fields["skew"] = draw(st.sampled_from((-3 * 3600, 7200, 100 * DAY)))
    if one_in(draw, 16):
        fields["bot"] = True
    if one_in(draw, 6):
        fields["broken"] = draw(st.sampled_from(BROKEN if source == "web" else BROKEN + OLD + OLD))
    return Call(kind, at, **fields)


@st.composite
def replays(draw: st.DrawFn, call: Call) -> Call:
    """Draw the same event once more: as it was, from another device, as another user, at another time."""
    changed: dict[str, Any] = {
        "device": draw(st.sampled_from((call.device, call.device, *DEVICES))),
        "user": draw(st.sampled_from((call.user, call.user, None, *USERS))),
        "at": draw(st.sampled_from((call.at, call.at + TIMEOUT, 0, call.at + 35 * DAY))),
        "received": draw(st.sampled_from((call.received, 0, 7200, None))),
        "bot": draw(st.sampled_from((call.bot, call.bot, call.bot, not call.bot))),
        "kind": draw(st.sampled_from((call.kind, call.kind, call.kind, "page", "alias"))),
    }
    if changed["kind"] == "alias":
        changed |= {"previous": draw(st.sampled_from(("u0", "u2", "d1"))), "user": "u1"}
    return Call(**{**vars(call), **changed})


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a history and its delivery."""
    made: list[Call] = []
    at = draw(st.sampled_from((0, 2700, 3599)))  # in the evening, shortly before midnight
    source = draw(st.sampled_from(("web", "web", "app", "app", "server", "shop")))
    way = draw(st.sampled_from(WAYS))
    for number in range(draw(st.integers(5 if way == "bridges" else 2, 10))):
        if way == "bridges":
            at += draw(st.sampled_from((TIMEOUT - 1, TIMEOUT)))
        else:
            at += draw(st.sampled_from(FAR if one_in(draw, 6) else NEAR))
        made.append(draw(calls(at, number, source)))
        if made[-1].id is not None and one_in(draw, 5):
            made.append(draw(replays(made[-1])))
    # Most rows come once, in any of the first files; some come again in a later one.
    if way == "any":
        places = [draw(st.integers(0, 4)) for _ in made]
    else:
        places = [
            number % 2 if way == "bridges" else int(number == 0) for number in range(len(made))
        ]
    files: list[dict[int, tuple[int, ...]]] = []
    for place in sorted(set(places)):
        content = [number for number, its in enumerate(places) if its == place]
        content = draw(st.permutations(content))
        if one_in(draw, 5):
            content.append(draw(st.integers(0, len(made) - 1)))
        versions: list[list[int] | None] = [None] * RUNS
        first = draw(st.integers(0, RUNS - 1)) if way == "any" else place * (RUNS - 1)
        versions[first] = content
        if first < RUNS - 1 and one_in(draw, 4):
            # The file comes again with rows less, and others that are new or were elsewhere.
            again = draw(st.integers(first + 1, RUNS - 1))
            kept = [number for number in content if draw(st.booleans())]
            versions[again] = kept + draw(st.lists(st.integers(0, len(made) - 1), max_size=2))
        files.append(dict(deliveries(*versions)))
    return History(tuple(made), tuple(files))


def generate(count: int, *, seed: int | None = None) -> tuple[History, ...]:
    """Return that many histories: always the same ones, or those of a seed."""
    wanted = os.environ.get(SEED)
    return _generate(count, int(wanted) if seed is None and wanted else seed)


@functools.cache
def _generate(count: int, seed: int | None) -> tuple[History, ...]:
    found: list[History] = []

    @hypothesis.settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=seed is None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(histories())
    def collect(history: History) -> None:
        found.append(history)

    if seed is not None:
        collect = hypothesis.seed(seed)(collect)
    collect()
    return tuple(found)
