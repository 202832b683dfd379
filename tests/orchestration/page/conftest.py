"""The built sample as a home whose page is read: its first run held the bad day."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.database import connect
from orchestration.page.gather import Page, gather
from orchestration.page.runs import latest
from orchestration.settings import Settings
from tests.conftest import Built
from tests.installation import Installation

#: Names that would do something, were they not text.
HOSTILE = "<script>alert(1)</script>"
HOSTILE_ATTRIBUTE = '"><img src=x onerror=alert(2)>'
#: What somebody could send in a row that cannot be read.
HOSTILE_RAW = '{"event": "</pre></script><script>document.title = 3</script>'


def read_page(settings: Settings, run_id: str) -> Page:
    """Gather the page of a run."""
    return gather(settings, run_id, latest(settings.reports))


def write_report(settings: Settings, run_id: str, **sections: Any) -> None:
    """Write the report of a run; `at` is when it ended, as HH:MM of a day before the sample's run."""
    at = sections.pop("at", "10:00")
    (settings.reports / f"{run_id}.json").write_text(
        json.dumps(
            {
                "started_at": f"2026-03-01T{at}:00+00:00",
                "finished_at": f"2026-03-01T{at}:30+00:00",
                "errors": [],
                **sections,
            }
        )
    )


@pytest.fixture(scope="module")
def home(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Copy the built sample once for the tests of a module, which only read it."""
    return built.installation.copy(tmp_path_factory.mktemp("page") / "copied")


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Settings]:
    """Return a home in which nothing has run."""
    settings = Settings(
        landing=tmp_path / "landing", sources=tmp_path / "sources.yml", home=tmp_path / "home"
    )
    settings.sources.write_text("sources:\n  web: {format: segment, owner: growth}\n")
    settings.prepare()
    yield settings


@pytest.fixture
def publish(bare: Settings) -> Callable[[str], None]:
    """Return what makes tables in the published file of the bare home."""

    def make(sql: str) -> None:
        with connect(bare.published) as connection:
            connection.execute(sql)

    return make
