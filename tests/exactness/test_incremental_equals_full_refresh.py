"""The law of the core: tables follow from the set of raw rows, not from how and when they came."""

import random
from pathlib import Path

from tests.exactness.histories import history
from tests.warehouse import Home, differences

SOURCES = "sources: {web: {format: segment}}"
HISTORIES = range(120)


def all_lines() -> list[str]:
    return [line for seed in HISTORIES for line in history(seed)]


def test_batches_in_any_order_with_repeats_leave_what_one_full_build_leaves(tmp_path: Path) -> None:
    lines = all_lines()
    once = Home(tmp_path / "once", SOURCES)
    once.deliver("web", "all.jsonl", lines)
    once.run()

    rng = random.Random(11)
    shuffled = rng.sample(lines, len(lines))
    parts = [shuffled[start::4] for start in range(4)]
    cut = Home(tmp_path / "cut", SOURCES)
    for number, part in enumerate(parts):
        cut.deliver("web", f"{number}.jsonl", part)
        cut.run()
    cut.deliver("web", "again.jsonl", parts[1])
    cut.run()

    again = Home(tmp_path / "again", SOURCES)
    again.deliver("web", "all.jsonl", lines + parts[1])
    again.run()
    found = differences(cut, again)
    assert not found, found
    found = {
        table: rows
        for table, rows in differences(once, again).items()
        if table != "quarantined_events"
    }
    assert not found, found


def test_a_replaced_file_leaves_nothing_of_its_old_version(tmp_path: Path) -> None:
    lines = all_lines()
    rng = random.Random(5)
    shuffled = rng.sample(lines, len(lines))
    half = len(shuffled) // 2
    first, second = shuffled[:half], shuffled[half:]
    replaced = Home(tmp_path / "replaced", SOURCES)
    replaced.deliver("web", "a.jsonl", first)
    replaced.deliver("web", "b.jsonl", second)
    replaced.run()
    new_first = first[: half // 3] + all_lines()[:40]
    replaced.deliver("web", "a.jsonl", new_first)
    replaced.run()

    once = Home(tmp_path / "once", SOURCES)
    once.deliver("web", "a.jsonl", new_first)
    once.deliver("web", "b.jsonl", second)
    once.run()
    found = differences(replaced, once, places=True)
    assert not found, found
