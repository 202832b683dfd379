"""The law of the core, asked of many histories in one run, and the smallest history that breaks it.

All histories share the runs, each in a space of its own. A row that differs is traced back to its space by the ids
in it. What broke is shrunk in rounds: all simpler candidates of the history share one more set of runs, and the
smallest one that still breaks goes on.
"""

import itertools
import random
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tests.exactness.histories import (
    MENDED_IN,
    MENDED_SOURCES,
    RUNS,
    SOURCES,
    Call,
    History,
    arriving,
    rows,
)
from tests.warehouse import Home, differences

#: How many candidates share the runs of one round.
CANDIDATES = 400
_SPACE = re.compile(r"\bh(\d+)\b")
Settings = Mapping[str, Any] | None


@dataclass
class Broken:
    """What differs: rows by history, and rows of tables that sum over all histories."""

    by_history: dict[int, list[str]] = field(default_factory=dict)
    of_all: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.by_history or self.of_all)


def judge(
    histories: Sequence[History],
    folder: Path,
    footpath: Settings = None,
    against: Sequence[str] = ("built", "heaped"),
) -> Broken:
    """Run the histories as they come, and the same raw rows at once: built from the same files, and heaped in one.

    Returns what differs from the first.
    """
    spaces = {f"h{number}": history for number, history in enumerate(histories)}
    shutil.rmtree(folder, ignore_errors=True)
    grown = Home(folder / "grown", SOURCES, footpath)
    for run in range(RUNS):
        if run == MENDED_IN:
            grown.define(MENDED_SOURCES)
        for source, name, lines in arriving(spaces, run):
            grown.deliver(source, name, lines)
        grown.run()
    broken = Broken()
    for name in against:
        other = Home(folder / name, MENDED_SOURCES, footpath)
        for source, file, lines in arriving(spaces) if name == "built" else _heap(spaces):
            other.deliver(source, file, lines)
        other.run()
        found = differences(grown, other, places=name == "built")
        owners = {**_owners(grown), **_owners(other)} if found else {}
        for table, different in found.items():
            for side, row in different:
                text = f"{table}, {'grown' if side == 'one' else name} only: {_short(row)}"
                history = _owner(row, owners)
                if history is None:
                    broken.of_all.append(text)
                else:
                    broken.by_history.setdefault(history, []).append(text)
    return broken


def _heap(histories: Mapping[str, History]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the same rows in one file a source, in another order."""
    lines: dict[str, list[str]] = {}
    for source, line in rows(histories):
        lines.setdefault(source, []).append(line)
    for source, some in lines.items():
        yield source, "all.jsonl", random.Random(1).sample(some, len(some))


def _owners(home: Home) -> dict[str, int]:
    """Return to which history each key belongs: of rows, actors, people and sessions."""
    owners: dict[str, int] = {}
    for raw, *keys in home.query(
        """
        select
            coalesce(cast(events.properties as varchar), ''), events.event_key, events.person_id,
            events.session_id
        from main.events as events
        union all
        select raw, event_key, null, null from main.quarantined_events
        union all
        select identifier, null, person_id, null from main.identities
        """
    ):
        found = _SPACE.search(raw)
        if found:
            owners.update((str(key), int(found.group(1))) for key in keys if key is not None)
    return owners


def _owner(row: Mapping[str, Any], owners: Mapping[str, int]) -> int | None:
    for value in row.values():
        text = str(value)
        if text in owners:
            return owners[text]
        found = _SPACE.search(text)
        if found:
            return int(found.group(1))
    return None


def _short(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in row.items() if value is not None}


def complain(histories: Sequence[History], folder: Path, footpath: Settings = None) -> str:
    """Return what to read when histories break the law, with the smallest case found; empty when none does."""
    broken = judge(histories, folder, footpath)
    if not broken:
        return ""
    if broken.by_history:
        # The one with the least to read is the nearest to the smallest.
        number = min(broken.by_history, key=lambda each: histories[each].size)
        # Where the same files give other rows, the other comparison need not be made in each round.
        seen = judge([histories[number]], folder, footpath, ("built",))
        against = ("built",) if seen else ("built", "heaped")
        small = shrink(
            histories[number], lambda some: set(judge(some, folder, footpath, against).by_history)
        )
        seen = judge([small], folder, footpath)
        rows_seen = [line for lines in seen.by_history.values() for line in lines] + seen.of_all
        return (
            f"{len(broken.by_history)} of {len(histories)} histories break the law"
            f" (settings: {footpath or 'default'}). The smallest case:\n\n{small!r}\n\n"
            + "\n".join(rows_seen or ["(alone it does not break)", *broken.by_history[number]])
        )
    # Only sums over all differ: look for the half in which they do.
    half = len(histories) // 2
    for part in (histories[:half], histories[half:]) if half else ():
        words = complain(part, folder, footpath)
        if words:
            return words
    cases = "\n\n".join(repr(history) for history in histories[:5])
    return f"sums over all histories differ:\n{cases}\n\n" + "\n".join(broken.of_all)


def shrink(history: History, breaks: Callable[[Sequence[History]], set[int]]) -> History:
    """Return the smallest history found that still breaks; `breaks` says which of many do."""
    tried: set[str] = set()
    while True:
        candidates = []
        for candidate in sorted(simpler(history), key=lambda each: each.size):
            if candidate.size < history.size and repr(candidate) not in tried:
                tried.add(repr(candidate))
                candidates.append(candidate)
        if len(candidates) > CANDIDATES:
            # The smallest ones, and some of every size.
            step = len(candidates) / (CANDIDATES / 2)
            spread = {int(number * step) for number in range(CANDIDATES // 2)}
            chosen = sorted(spread | set(range(CANDIDATES // 2)))
            candidates = [candidates[number] for number in chosen]
        found = breaks(candidates) if candidates else set()
        if not found:
            return history
        history = candidates[min(found)]


def simpler(history: History) -> Iterator[History]:
    """Yield histories that say less: with fewer calls, fewer files and versions, plainer calls, simpler times."""
    count = len(history.calls)
    for kept in range(1, count):
        if kept in (count - 1, count // 2) or kept <= 4:
            for numbers in itertools.islice(itertools.combinations(range(count), kept), 300):
                yield _only(history, numbers)
    for number, file in enumerate(history.files):
        yield _with_file(history, number, None)
        for run in file:
            fewer = {each: calls for each, calls in file.items() if each != run}
            yield _with_file(history, number, fewer or None)
            if run > 0 and run - 1 not in file:
                earlier = {
                    (run - 1 if each == run else each): calls for each, calls in file.items()
                }
                yield _with_file(history, number, earlier)
            for row in set(file[run]):
                rest = tuple(each for each in file[run] if each != row)
                yield _with_file(history, number, {**file, run: rest})
                yield _with_file(history, number, {**file, run: (*rest, row)})
        for other, second in enumerate(history.files[:number]):
            # Two files that come at once become one.
            if set(second) == set(file):
                both = {run: (*second[run], *file[run]) for run in file}
                yield _with_file(_with_file(history, other, both), number, None)
    yield _map(history, lambda call: _plainest(call))
    for number in range(count):
        yield _with_call(history, number, _plainest(history.calls[number]))
        for plainer in _plainer(history.calls[number]):
            yield _with_call(history, number, plainer)
    start = min(call.at for call in history.calls)
    yield _map(history, lambda call: replace(call, at=call.at - start))
    for number, call in enumerate(history.calls):
        for at in {0, *(other.at for other in history.calls), *(o.at + 1 for o in history.calls)}:
            if at != call.at:
                yield _with_call(history, number, replace(call, at=at))
        for gap in (call.at % 86400, call.at % 3600):
            yield _with_call(history, number, replace(call, at=gap))


def _plainest(call: Call) -> Call:
    """Keep who, what and when."""
    return Call(
        call.kind, call.at, device=call.device, user=call.user, id=call.id, source=call.source,
        previous=call.previous,
    )  # fmt: skip


def _plainer(call: Call) -> Iterator[Call]:
    for one in fields(call):
        if one.name not in ("kind", "at") and getattr(call, one.name) != one.default:
            values: dict[str, Any] = {one.name: one.default}
            yield replace(call, **values)
    for kind in ("page", "track", "identify"):
        if kind != call.kind:
            yield replace(call, kind=kind)


def _only(history: History, numbers: Sequence[int]) -> History:
    """Keep some calls, under new numbers; a file keeps its versions, a file without rows goes."""
    new = {old: number for number, old in enumerate(numbers)}
    files = tuple(
        {run: tuple(new[call] for call in calls if call in new) for run, calls in file.items()}
        for file in history.files
    )
    return History(
        tuple(history.calls[number] for number in numbers),
        tuple(file for file in files if any(file.values())),
    )


def _with_file(
    history: History, number: int, file: Mapping[int, tuple[int, ...]] | None
) -> History:
    files = list(history.files)
    files[number : number + 1] = [] if file is None else [file]
    return replace(history, files=tuple(files))


def _with_call(history: History, number: int, call: Call) -> History:
    calls = list(history.calls)
    calls[number] = call
    return replace(history, calls=tuple(calls))


def _map(history: History, change: Callable[[Call], Call]) -> History:
    return replace(history, calls=tuple(change(call) for call in history.calls))
