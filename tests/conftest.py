"""What all tests share: a clean environment, dbt's parsed project, one built installation."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.dbt_project import DbtProject
from orchestration.sample import SAMPLE_PLAN, SAMPLE_SOURCES, Facts, simulate
from tests.installation import Installation, Outcome, parse_once


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep tests away from the repository's own landing folder and state, and from each other's."""
    before = dict(os.environ)
    for name in ("landing", "home", "sources", "tracking_plan"):
        monkeypatch.setenv(f"FOOTPATH_{name.upper()}", str(tmp_path / f"no {name}"))
    monkeypatch.delenv("FOOTPATH_ALERTS", raising=False)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True, scope="session")
def parsed_project() -> Iterator[None]:
    """Parse the dbt project once in a session: it takes seconds, and nothing in it depends on a home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DbtProject, "parse", parse_once)
        yield


@dataclass(frozen=True)
class Sample:
    """Simulated dumps with the bad day, its correction, and what was written."""

    landing: Path
    corrections: Path
    facts: Facts
    sources: str


@dataclass(frozen=True)
class Built:
    """An installation after its first run on the sample. For reading only: `copy` it to change it."""

    installation: Installation
    first: Outcome
    sample: Sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """46 days of 60 people: the fewest days that have the bad day and some after it."""
    folder = tmp_path_factory.mktemp("sample")
    facts = simulate(folder / "landing", folder / "corrections", days=46, people=60)
    sources = SAMPLE_SOURCES.read_text()
    return Sample(folder / "landing", folder / "corrections", facts, sources)


@pytest.fixture(scope="session")
def built(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Run the whole job on the sample: one batch is held, all others are published."""
    installation = Installation(tmp_path_factory.mktemp("built"), sample.sources)
    installation.deliver_all(sample.landing)
    shutil.copytree(SAMPLE_PLAN, installation.settings.tracking_plan)
    before = dict(os.environ)
    first = installation.job()
    os.environ.clear()
    os.environ.update(before)
    return Built(installation, first, sample)


@pytest.fixture
def copied(built: Built, tmp_path: Path) -> Installation:
    """Copy the built installation, to change it."""
    return built.installation.copy(tmp_path / "copied")


@pytest.fixture
def new_installation(tmp_path: Path) -> Callable[[str], Installation]:
    """Return a maker of empty installations from the text of sources.yml."""
    return lambda sources: Installation(tmp_path / "new", sources)
