"""A run that is killed at any point, and then run again, leaves what a run without the kill leaves."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt_project import DbtProject
from tests import warehouse
from tests.exactness.strategy import generate
from tests.installation import Installation
from tests.warehouse import differences

SOURCES = "sources:\n  app: {format: segment}\n  web: {format: segment}\n"
HISTORIES = 80
#: Models whose results the next ones read: where a half-done run hurts most, in the order in which they run.
NODES = (
    "staged_rows", "touched_rows", "event_rows", "touched_spans", "device_spans", "merged_users",
    "touched_regions", "touched_people", "event_links", "sessions", "page_views", "user_days", "users",
    "load_files",
)  # fmt: skip


# What runs in the process that dies.


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_between_files(number: int) -> None:
    """Die when that many files of the run are loaded, in the middle of the next one's transaction."""
    from orchestration.loading import load

    insert, seen = load._Loader._insert, 0

    def counted(self: Any, *arguments: Any) -> None:
        nonlocal seen
        insert(self, *arguments)
        seen += 1
        if seen > number:
            _die()

    load._Loader._insert = counted  # type: ignore[method-assign, assignment]


def die_after_node(node: str) -> None:
    """Die when dbt says that this node is done."""
    import dbt.cli.main

    original = dbt.cli.main.dbtRunner

    class Dying(original):  # type: ignore[misc, valid-type]
        def __init__(self, manifest: Any = None, callbacks: Any = None) -> None:
            super().__init__(manifest, [*(callbacks or []), self.watch])

        def watch(self, event: Any) -> None:
            info = getattr(event.data, "node_info", None)
            if event.info.name == "LogModelResult" and getattr(info, "node_name", "") == node:
                _die()

    dbt.cli.main.dbtRunner = Dying


def die_before_statement(number: int) -> None:
    """Die when dbt is about to send that many-th statement to the database, counted from 1."""
    count_statements(lambda count: _die() if count == number else None)


def count_statements(tell: Callable[[int], None]) -> Callable[[], None]:
    """Tell the number of each statement that dbt is about to send; return what ends it."""
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

    execute, seen = DuckDBCursorWrapper.execute, 0

    def counted(self: Any, *arguments: Any) -> Any:
        nonlocal seen
        seen += 1
        tell(seen)
        return execute(self, *arguments)

    DuckDBCursorWrapper.execute = counted
    return lambda: setattr(DuckDBCursorWrapper, "execute", execute)


def die_in(function: str) -> None:
    """Die when a function (`module:name`) is called."""
    import importlib

    module, name = function.split(":")
    setattr(importlib.import_module(module), name, lambda *_, **__: _die())


def run_to_death(
    home: dict[str, str], parsed: bytes, whole: bool, plan: str, argument: Any
) -> None:
    """Run the job, or only what loads and models, in a process group of its own, after arranging its death."""
    os.setpgid(0, 0)
    os.environ.update(home)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)

    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack(parsed)
    manifest.build_flat_graph()

    def parse(self: DbtProject) -> Any:
        self._manifest = manifest
        return manifest

    DbtProject.parse = parse  # type: ignore[method-assign]
    if plan:
        globals()[plan](argument)
    if whole:
        from orchestration import run

        raise SystemExit(run.main([]))
    warehouse.Home(Path(home["FOOTPATH_SOURCES"]).parent, SOURCES).run()


# The states before and after, made once.


@dataclass(frozen=True)
class Story:
    """A built first state with new, replaced and late files waiting, and what becomes of it.

    `statements`: how many statements dbt sends to the database on the way from one to the other.
    """

    before: Installation
    after: Installation
    statements: int


def start(home: Installation, plan: str = "", argument: Any = None, *, whole: bool = True) -> Any:
    """Start a run in a fresh process; what it needs is imported and parsed beforehand, once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "tests.exactness.test_kills",
            "orchestration.definitions",
            "great_expectations",
            "dbt.cli.main",
            "dbt.adapters.duckdb.environments.local",
        ]
    )
    names = ("FOOTPATH_HOME", "FOOTPATH_LANDING", "FOOTPATH_SOURCES")
    environment = {name: home.environment[name] for name in names}
    process = context.Process(
        target=run_to_death,
        args=(environment, home.dbt.parse().to_msgpack(), whole, plan, argument),
    )
    process.start()
    return process


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Two sources with nasty histories. The waiting files replace, repeat, come late and bring new people."""
    folder = tmp_path_factory.mktemp("story")
    environment = dict(os.environ)
    rng = random.Random(3)
    lines = every_line()
    rng.shuffle(lines)
    third = len(lines) // 3
    before = Installation(folder / "before", SOURCES)
    before.deliver("web", "a.jsonl", lines[:third])
    before.deliver("web", "b.jsonl", lines[third : third + 60])
    before.deliver("app", "a.jsonl", lines[third + 60 : 2 * third])
    run_without_gates(before)
    before.deliver("web", "b.jsonl", lines[third + 30 : third + 50] + lines[:20] + lines[-9:])
    before.deliver("web", "c.jsonl", lines[2 * third : -40] + lines[10:30])
    before.deliver("web", "d.jsonl", lines[-40:-20])
    before.deliver("app", "b.jsonl", lines[-30:])
    after = before.copy(folder / "after")
    counts: list[int] = []
    stop_counting = count_statements(counts.append)
    run_without_gates(after)
    stop_counting()
    os.environ.clear()
    os.environ.update(environment)
    return Story(before, after, counts[-1])


def run_without_gates(home: Installation) -> None:
    """Load, admit and model what is new: the same tables as the whole job leaves, in less time."""
    home.settings.prepare()
    home.run()


def every_line() -> list[str]:
    """Return the calls of the histories. All say when they were received: no table depends on when they were loaded."""
    return [
        replace(call, source="web").line(f"h{number}")
        for number, history in enumerate(generate(HISTORIES))
        for call in history.calls
        if call.received is not None and call.broken != "line"
    ]


def assert_equal_after_rerun(home: Installation, story: Story, *, whole: bool = True) -> None:
    if whole:
        outcome = home.job()
        assert outcome.code == 0, outcome.output
        assert home.read("from sessions order by all") == home.query("from sessions order by all")
    else:
        run_without_gates(home)
    found = differences(home, story.after, places=True)
    assert not found, {table: rows[:3] for table, rows in found.items()}
    states = "select source, file, sha256, state, raw_rows, unreadable_rows from files order by all"
    assert home.raw(states) == story.after.raw(states)
    leftovers = "select table_name from duckdb_tables() where table_name like '%__dbt_%'"
    assert home.query(leftovers) == []


@pytest.fixture
def killed(story: Story, tmp_path: Path) -> Callable[..., Installation]:
    """Return a maker of homes whose run was killed at a planned point."""

    def kill(plan: str, argument: Any, *, whole: bool = True) -> Installation:
        home = story.before.copy(tmp_path / "home")
        process = start(home, plan, argument, whole=whole)
        process.join(timeout=500)
        assert process.exitcode == -signal.SIGKILL, f"the run ended with {process.exitcode}"
        return home

    return kill


def test_the_waiting_files_change_every_table(story: Story) -> None:
    changed = differences(story.before, story.after)
    assert {
        "events", "quarantined_events", "identities", "sessions", "page_views", "users", "user_days",
    } <= set(changed)  # fmt: skip
    assert any(side == "one" for side, _ in changed["sessions"]), "no session went"


@pytest.mark.long
def test_a_kill_in_the_middle_of_a_load_leaves_no_trace(
    killed: Callable[..., Installation], story: Story
) -> None:
    home = killed("die_between_files", 2)
    loaded = home.raw("select count(*) from files where state = 'pending'")
    assert loaded == [(2,)]
    assert_equal_after_rerun(home, story)


def test_a_kill_in_the_middle_of_a_build_leaves_no_trace(
    killed: Callable[..., Installation], story: Story
) -> None:
    home = killed("die_after_node", "event_links")
    assert_equal_after_rerun(home, story)


@pytest.mark.long
@pytest.mark.parametrize("node", [node for node in NODES if node != "event_links"])
def test_a_kill_after_any_model_leaves_no_trace(
    node: str, killed: Callable[..., Installation], story: Story
) -> None:
    home = killed("die_after_node", node, whole=False)
    assert_equal_after_rerun(home, story, whole=False)


def kill_at_random_statements(seed: int, killed: Callable[..., Installation], story: Story) -> None:
    """Kill a run at a random statement, some of those that take it up again too, and let the last one end."""
    rng = random.Random(seed)
    statement = rng.randint(1, story.statements)
    home = killed("die_before_statement", statement, whole=False)
    for _ in range(rng.choice((0, 0, 1, 2))):
        process = start(home, "die_before_statement", rng.randint(1, story.statements), whole=False)
        process.join(timeout=500)
        assert process.exitcode in (-signal.SIGKILL, 0)
    assert_equal_after_rerun(home, story, whole=False)


@pytest.mark.parametrize("seed", range(1))
def test_a_kill_at_a_random_statement_leaves_no_trace(
    seed: int, killed: Callable[..., Installation], story: Story
) -> None:
    kill_at_random_statements(seed, killed, story)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 15))
def test_a_kill_at_more_random_statements_leaves_no_trace(
    seed: int, killed: Callable[..., Installation], story: Story
) -> None:
    kill_at_random_statements(seed, killed, story)


@pytest.mark.long
@pytest.mark.parametrize(
    "function",
    [
        "orchestration.loading:hold",
        "orchestration.results:record",
        "orchestration.publishing:publish",
        "orchestration.publishing:_keep_only_what_stands_alone",
        "orchestration.publishing:_replace",
    ],
)
def test_a_kill_at_a_gate_or_in_publishing_leaves_no_trace(
    function: str, killed: Callable[..., Installation], story: Story
) -> None:
    assert_equal_after_rerun(killed("die_in", function), story)


@pytest.mark.long
def test_a_run_that_is_killed_again_and_again_leaves_no_trace(
    killed: Callable[..., Installation], story: Story
) -> None:
    home = killed("die_between_files", 1)
    for node in ("event_rows", "touched_people", "event_links", "event_rows", "users"):
        process = start(home, "die_after_node", node, whole=False)
        process.join(timeout=500)
        assert process.exitcode == -signal.SIGKILL
    assert_equal_after_rerun(home, story)


@pytest.fixture(scope="module")
def usual_seconds(story: Story, tmp_path_factory: pytest.TempPathFactory) -> float:
    """Return how long the run takes when nobody kills it."""
    home = story.before.copy(tmp_path_factory.mktemp("whole") / "home")
    started = time.monotonic()
    process = start(home)
    process.join(timeout=500)
    assert process.exitcode == 0
    return time.monotonic() - started


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_a_random_time_leaves_no_trace(
    seed: int, usual_seconds: float, story: Story, tmp_path: Path
) -> None:
    home = story.before.copy(tmp_path / "home")
    process = start(home)
    process.join(timeout=usual_seconds * random.Random(seed).random())
    process.kill()
    process.join()
    assert_equal_after_rerun(home, story)


@pytest.mark.long
@pytest.mark.parametrize("node", ["event_rows", "users"])
def test_a_kill_in_the_very_first_build_leaves_no_trace(
    node: str, story: Story, tmp_path: Path
) -> None:
    home = Installation(tmp_path / "home", SOURCES)
    home.deliver_all(story.after.settings.landing)
    process = start(home, "die_after_node", node)
    process.join(timeout=500)
    assert process.exitcode == -signal.SIGKILL
    outcome = home.job()
    assert outcome.code == 0, outcome.output
    found = differences(home, story.after, places=True)
    assert not found, {table: rows[:3] for table, rows in found.items()}
