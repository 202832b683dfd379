"""The law of the core on real dumps: cut into random batches, in random order, with repeats.

The dumps are no part of the repository: `FOOTPATH_SHARED` names the folder that has them in `data/`. The sample of the
demo is always there.
"""

import csv
import gzip
import io
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestration.sample import SAMPLE_SOURCES
from orchestration.settings import PROJECT
from tests.conftest import Sample
from tests.exactness.variants import VARIANTS
from tests.warehouse import Home, differences

#: Ids that do not look at files and lines: rows that are cut into other files stay the same events.
SOURCES = """
sources:
  sparkify:
    format: jsonl
    event_name: page
    event_at: ts
    event_order: itemInSession
    user_id: userId
    anonymous_id: "'session ' || sessionId"
    session_id: sessionId
    user_agent: userAgent
    properties: [artist, song, length, level, status]
  online_retail:
    format: csv
    identity_namespace: shop
    event_name: "case when InvoiceNo like 'C%' then 'cancel' else 'purchase' end"
    event_at: InvoiceDate
    user_id: "cast(cast(CustomerID as double) as bigint)"
    properties: [InvoiceNo, StockCode, Description, Quantity, UnitPrice, Country]
  gharchive:
    format: jsonl
    identity_namespace: github
    event_id: id
    event_name: type
    event_at: created_at
    user_id: actor.id
    group_id: org.id
    properties: [repo.name, payload.action]
  wikiticker:
    format: jsonl
    identity_namespace: wikipedia
    event_name: "case when isNew = true then 'create' else 'edit' end"
    event_at: time
    user_id: user
    is_bot: isRobot
    page_title: page
    properties: [channel, namespace, delta]
"""
#: What is in each cut, by source: how many of its files, from the first.
CHEAP = {"sparkify": 30, "online_retail": 3}
LARGE = {"sparkify": 30, "online_retail": 10, "gharchive": 1, "wikiticker": 1}


@dataclass(frozen=True)
class Dump:
    """The rows of one source: its lines, and in CSV the line that comes before them in each file."""

    lines: list[str]
    header: str | None = None

    @property
    def ending(self) -> str:
        return "csv" if self.header else "jsonl"


@dataclass(frozen=True)
class Uncut:
    """Dumps, and the home that one build of them made."""

    dumps: dict[str, Dump]
    home: Home


def read(folder: Path, files: int | None = None) -> Dump:
    """Read the rows of the first files of a folder."""
    lines: list[str] = []
    header = None
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths[:files]:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        if ".csv" in path.suffixes:
            records = [*csv.reader(io.StringIO(text))]
            header, *its = [as_line(record) for record in records]
        else:
            its = text.splitlines()
        lines += [line for line in its if line]
    return Dump(lines, header)


def as_line(record: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(record)
    return written.getvalue()


def deliver(home: Home, source: str, name: str, dump: Dump, lines: list[str]) -> None:
    home.deliver(source, f"{name}.{dump.ending}", [*([dump.header] if dump.header else []), *lines])


def build_uncut(folder: Path, dumps: dict[str, Dump], sources: str, settings: Any = None) -> Uncut:
    home = Home(folder, sources, settings)
    for source, dump in dumps.items():
        deliver(home, source, "all", dump, dump.lines)
    home.run()
    return Uncut(dumps, home)


def assert_a_cut_changes_nothing(
    uncut: Uncut, seed: int, folder: Path, sources: str, settings: Any = None
) -> None:
    """Deliver the rows in random batches and a random order over a few runs, some of them again."""
    rng = random.Random(seed)
    home = Home(folder, sources, settings)
    runs = rng.randint(2, 4)
    arriving: list[list[Callable[[], None]]] = [[] for _ in range(runs)]

    def plan(run: int, source: str, name: str, lines: list[str]) -> None:
        dump = uncut.dumps[source]
        arriving[run].append(lambda: deliver(home, source, name, dump, lines))

    for source, dump in uncut.dumps.items():
        lines = list(dump.lines)
        if rng.random() < 0.7:
            rng.shuffle(lines)  # else the batches are stretches of time
        parts = rng.randint(2, 9)
        edges = [0, *sorted(rng.sample(range(1, len(lines)), parts - 1)), len(lines)]
        for part in range(parts):
            batch = lines[edges[part] : edges[part + 1]]
            plan(rng.randrange(runs), source, str(part), batch)
            if rng.random() < 0.3:
                again = rng.sample(batch, max(1, len(batch) // 3))
                plan(rng.randrange(runs), source, f"{part}-again", again)
            if rng.random() < 0.2 and (first := rng.randrange(runs)) < runs - 1:
                # A file that at first has rows of another one, and too few of its own.
                both = rng.sample(lines, min(len(lines), 50))
                plan(first, source, f"{part}-mended", both + batch[:20])
                plan(runs - 1, source, f"{part}-mended", batch[10:40])
    for deliveries in arriving:
        for put in deliveries:
            put()
        home.run()
    found = differences(home, uncut.home, repeats=True)
    assert not found, {table: (len(rows), rows[:4]) for table, rows in found.items()}


def shared_dumps(files: dict[str, int]) -> dict[str, Dump]:
    folder = Path(os.environ.get("FOOTPATH_SHARED", PROJECT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"the real dumps are not at {folder} (FOOTPATH_SHARED names their folder)")
    return {source: read(folder / source, count) for source, count in files.items()}


@pytest.fixture(scope="module")
def cheap(tmp_path_factory: pytest.TempPathFactory) -> Uncut:
    return build_uncut(tmp_path_factory.mktemp("cheap"), shared_dumps(CHEAP), SOURCES)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Uncut:
    return build_uncut(tmp_path_factory.mktemp("large"), shared_dumps(LARGE), SOURCES)


def read_sample(sample: Sample) -> dict[str, Dump]:
    """Return the sample with its corrections: a corrected file instead of the bad one."""
    dumps = {}
    for source in ("web", "billing"):
        lines: list[str] = []
        for path in sorted((sample.landing / source).rglob("*")):
            if path.is_file():
                corrected = sample.corrections / path.relative_to(sample.landing)
                dump = read_file(corrected if corrected.is_file() else path)
                lines += dump.lines
        dumps[source] = Dump(lines, dump.header)
    return dumps


def read_file(path: Path) -> Dump:
    """Read one file, its unreadable lines too."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("latin-1")
    its = [line for line in text.split("\n") if line.strip()]
    return Dump(its[1:], its[0]) if ".csv" in path.suffixes else Dump(its)


@pytest.fixture(scope="module")
def sample_uncut(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Uncut:
    folder = tmp_path_factory.mktemp("sample")
    return build_uncut(folder, read_sample(sample), SAMPLE_SOURCES.read_text())


def test_a_cut_of_real_dumps_changes_nothing(cheap: Uncut, tmp_path: Path) -> None:
    assert_a_cut_changes_nothing(cheap, 1, tmp_path, SOURCES)


def test_a_cut_of_the_sample_changes_nothing(sample_uncut: Uncut, tmp_path: Path) -> None:
    assert_a_cut_changes_nothing(sample_uncut, 2, tmp_path, SAMPLE_SOURCES.read_text())


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 16))
def test_more_cuts_of_real_dumps_change_nothing(seed: int, cheap: Uncut, tmp_path: Path) -> None:
    assert_a_cut_changes_nothing(cheap, seed, tmp_path, SOURCES)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20, 24))
def test_cuts_of_all_dumps_change_nothing(seed: int, large: Uncut, tmp_path: Path) -> None:
    assert_a_cut_changes_nothing(large, seed, tmp_path, SOURCES)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30, 36))
def test_more_cuts_of_the_sample_change_nothing(
    seed: int, sample_uncut: Uncut, tmp_path: Path
) -> None:
    assert_a_cut_changes_nothing(sample_uncut, seed, tmp_path, SAMPLE_SOURCES.read_text())


@pytest.mark.long
@pytest.mark.parametrize("variant", ["last_user-and-cuts", "graph", "client"])
def test_cuts_under_other_settings_change_nothing(variant: str, tmp_path: Path) -> None:
    settings = VARIANTS[variant]
    uncut = build_uncut(tmp_path / "uncut", shared_dumps(CHEAP), SOURCES, settings)
    assert_a_cut_changes_nothing(uncut, 40, tmp_path / "cut", SOURCES, settings)
