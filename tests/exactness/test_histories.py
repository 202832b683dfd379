"""The law of the core: tables follow from the set of raw rows, not from how and when they came."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.exactness.found import FOUND
from tests.exactness.histories import MENDED_IN, RUNS, Call, History
from tests.exactness.law import complain, shrink
from tests.exactness.strategy import DAY, TIMEOUT, _generate, generate
from tests.exactness.variants import VARIANTS


def test_histories_leave_what_one_build_of_their_rows_leaves(tmp_path: Path) -> None:
    words = complain([*FOUND, *generate(300)], tmp_path, None)
    assert not words, words


@pytest.mark.long
@pytest.mark.parametrize("variant", VARIANTS)
def test_many_more_histories_leave_what_one_build_of_their_rows_leaves(
    variant: str, tmp_path: Path
) -> None:
    words = complain(
        generate(400, seed=1 + [*VARIANTS].index(variant)), tmp_path, VARIANTS[variant]
    )
    assert not words, words


# What is in the histories.


def first_run(history: History, number: int) -> int:
    """Return the run in which a call arrives, a number past all of them when it never does."""
    return min((run for file in history.files for run in file if number in file[run]), default=RUNS)


def pairs(history: History) -> Iterator[tuple[Call, Call]]:
    """Yield calls of one device or user in one source, next to each other in time."""
    actors: dict[tuple[str, str], list[Call]] = {}
    for call in history.calls:
        if call.broken is None and (call.device or call.user):
            actors.setdefault((call.source, call.device or call.user or ""), []).append(call)
    for some in actors.values():
        yield from itertools.pairwise(sorted(some, key=lambda call: call.at))


def replays(history: History) -> Iterator[tuple[Call, Call]]:
    for one, other in itertools.combinations(history.calls, 2):
        if one.id is not None and (one.id, one.source) == (other.id, other.source):
            yield one, other


def joins(history: History, count: int) -> bool:
    """Whether calls that arrive in one later run join that many sessions."""
    for number, late in enumerate(history.calls):
        run = first_run(history, number)
        its = [
            (first_run(history, other), call.at)
            for other, call in enumerate(history.calls)
            if (call.source, call.device) == (late.source, late.device) and late.device
        ]
        before = [at for arrived, at in its if arrived < run]
        then = [at for arrived, at in its if arrived <= run]
        if run < RUNS and sessions(before) - sessions(then) >= count - 1:
            return True
    return False


def first_arrives_last(history: History) -> bool:
    """Whether the first event of a device comes after at least two later ones."""
    its = sorted(
        (call.at, first_run(history, number))
        for number, call in enumerate(history.calls)
        if (call.source, call.device) == (history.calls[0].source, history.calls[0].device)
        and call.device
        and first_run(history, number) < RUNS
    )
    return len(its) > 2 and its[0][1] > max(run for _, run in its[1:])


def sessions(times: Sequence[int]) -> int:
    return sum(after - at > TIMEOUT for at, after in itertools.pairwise(sorted(times))) + bool(
        times
    )


def aliases(history: History) -> list[tuple[int, Call]]:
    return sorted(
        ((first_run(history, number), call) for number, call in enumerate(history.calls)
         if call.kind == "alias" and call.user and call.previous != call.user),
        key=lambda pair: pair[0],
    )  # fmt: skip


NASTINESS: dict[str, Callable[[History], bool]] = {
    "two events at one instant": lambda h: any(a.at == b.at for a, b in pairs(h)),
    "a pause of exactly the timeout": lambda h: any(b.at - a.at == TIMEOUT for a, b in pairs(h)),
    "a pause one second over it": lambda h: any(b.at - a.at == TIMEOUT + 1 for a, b in pairs(h)),
    "a late event joins two sessions": lambda h: joins(h, 2),
    "a late event joins three sessions": lambda h: joins(h, 3),
    "the first event arrives last": first_arrives_last,
    "a replay from another device": lambda h: any(a.device != b.device for a, b in replays(h)),
    "a replay as another user": lambda h: any(a.user != b.user for a, b in replays(h)),
    "a replay at another time": lambda h: any(a.at != b.at for a, b in replays(h)),
    "a replay of another kind": lambda h: any(a.kind != b.kind for a, b in replays(h)),
    "a chain of aliases that comes in reverse": lambda h: any(
        first[0] < second[0] and first[1].previous == second[1].user
        for first, second in itertools.permutations(aliases(h), 2)
    ),
    "two users on one device": lambda h: any(
        a.device == b.device and a.user and b.user and a.user != b.user for a, b in pairs(h)
    ),
    "a clock that is off": lambda h: any(call.skew for call in h.calls),
    "a session over midnight": lambda h: any(
        a.at < 3600 <= b.at and b.at - a.at <= TIMEOUT for a, b in pairs(h)
    ),
    "months": lambda h: h.calls[-1].at - h.calls[0].at > 40 * DAY,
    "a bot": lambda h: any(call.bot for call in h.calls),
    "rows that a mended definition brings back": lambda h: any(
        call.broken in ("old name", "old time") and first_run(h, number) < MENDED_IN
        for number, call in enumerate(h.calls)
    ),
    "a mended definition that moves an event": lambda h: any(
        call.broken == "old device" and first_run(h, number) < MENDED_IN
        for number, call in enumerate(h.calls)
    ),
    "heartbeats": lambda h: any(call.kind == "heartbeat" for call in h.calls),
    "accounts": lambda h: any(call.account for call in h.calls),
    "two client sessions in one": lambda h: any(
        a.session and b.session and a.session != b.session and b.at - a.at < TIMEOUT
        for a, b in pairs(h)
    ),
    "another campaign inside a session": lambda h: any(
        a.campaign and b.campaign and a.campaign != b.campaign and b.at - a.at < TIMEOUT
        for a, b in pairs(h)
    ),
    "one user in two sources": lambda h: any(
        a.user and a.user == b.user and a.source != b.source
        for a, b in itertools.combinations(h.calls, 2)
    ),
    "a row without an id": lambda h: any(call.id is None for call in h.calls),
    "a row that comes twice": lambda h: any(
        sum(number in file[max(file)] for file in h.files) > 1 for number in range(len(h.calls))
    ),
    "a file that is replaced": lambda h: any(len(file) > 1 for file in h.files),
    "a row that vanishes": lambda h: any(
        not any(number in file[max(file)] for file in h.files) for number in range(len(h.calls))
    ),
}  # fmt: skip


def test_the_histories_hold_every_nastiness() -> None:
    made = generate(200)
    counts = {name: sum(map(holds, made)) for name, holds in NASTINESS.items()}
    missing = {name: count for name, count in counts.items() if count < 3}
    assert not missing, counts


def test_the_same_histories_are_made_each_time() -> None:
    assert _generate.__wrapped__(20, None) == generate(20)
    assert generate(20, seed=1) != generate(20, seed=2)


# The smallest case.


def test_shrinking_leaves_what_breaks_and_nothing_else() -> None:
    def breaks(history: History) -> bool:
        return any(
            call.kind == "alias"
            and RUNS > first_run(history, number) > first_run(history, other)
            and late.device == call.device
            for number, call in enumerate(history.calls)
            for other, late in enumerate(history.calls)
        )

    large = next(
        history for history in generate(300) if breaks(history) and len(history.calls) >= 8
    )
    rounds = 0

    def asked(candidates: Sequence[History]) -> set[int]:
        nonlocal rounds
        rounds += 1
        return {number for number, each in enumerate(candidates) if breaks(each)}

    small = shrink(large, asked)
    assert breaks(small)
    assert len(small.calls) == 2
    assert sorted(sorted(file) for file in small.files) == [[0], [1]]
    assert all(call.at == 0 and call.received == 0 for call in small.calls)
    assert rounds < 20


def test_a_printed_history_can_be_pasted() -> None:
    for history in generate(50):
        assert eval(repr(history)) == history
