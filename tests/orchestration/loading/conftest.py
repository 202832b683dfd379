"""A landing folder and a raw.duckdb to load it into."""

import gzip
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from orchestration.database import connect
from orchestration.loading import LoadResult, load_source, prepare, scan
from orchestration.sources import Sources, parse_sources

SOURCES = """
sources:
  web: {format: segment}
  app:
    format: jsonl
    event_name: name
    event_at: at
    user_id: user
    properties: [size, tags]
  shop:
    format: csv
    event_name: "'sale'"
    event_at: at
    user_id: customer
  lake:
    format: parquet
    event_name: name
    event_at: at
"""


class Project:
    """A landing folder with its sources and database; each load is one second after the last."""

    def __init__(self, folder: Path) -> None:
        self.landing = folder / "landing"
        self.landing.mkdir()
        self.database = folder / "raw.duckdb"
        self.connection: duckdb.DuckDBPyConnection = connect(self.database)
        self.now = datetime(2024, 1, 1)
        self.use(SOURCES)

    def use(self, text: str) -> None:
        self.sources: Sources = parse_sources(text, Path("sources.yml"))
        prepare(self.connection, self.sources)

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        if name.endswith(".gz"):
            data = gzip.compress(data)
        elif name.endswith(".zst"):
            data = zstandard.ZstdCompressor().compress(data)
        return self.write_bytes(name, data)

    def write_bytes(self, name: str, data: bytes) -> Path:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        replacement = path.with_name(f".{path.name}")
        replacement.write_bytes(data)
        replacement.replace(path)
        return path

    def load(self, source: str, **options: Any) -> LoadResult:
        files = scan(self.landing, self.sources).files[source]
        return load_source(
            self.connection, self.sources[source], files, loaded_at=self.clock, **options
        )

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def unreadable(self) -> list[tuple[Any, ...]]:
        return self.rows("select line, reason, raw from unreadable order by file, line")

    def states(self) -> dict[str, str]:
        return dict(self.rows("select batch_id, state from files order by delivery"))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.connection.close()


@pytest.fixture
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    return lambda: Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of the real dumps, which are no part of the repository."""
    beside = Path(__file__).resolve().parents[4] / "shared"
    folder = Path(os.environ.get("FOOTPATH_SHARED", beside)) / "data"
    if not folder.is_dir():
        pytest.skip(f"the real dumps are not at {folder} (FOOTPATH_SHARED names their folder)")
    return folder
