"""Whole installations for tests: dumps in a folder, the whole job on them, what readers then have."""

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration import run as job
from orchestration.database import connect
from orchestration.dbt_project import DbtProject
from tests.warehouse import Home

_parsed: dict[tuple[Path, str], tuple[Any, str]] = {}
_parse = DbtProject.parse


def parse_once(self: DbtProject) -> Any:
    """Stand in for `DbtProject.parse`: each project is parsed once, its manifest serves every home.

    Other settings make another project of it.
    """
    project = (self.settings.project, " ".join(self.variables))
    if project not in _parsed:
        manifest = _parse(self)
        _parsed[project] = (manifest, self.manifest_path.read_text())
    self._manifest, text = _parsed[project]
    if not self.manifest_path.exists():
        self.manifest_path.write_text(text)
    return self._manifest


@dataclass(frozen=True)
class Outcome:
    """How one run of the job ended: exit code, what it printed, its id and its report."""

    code: int
    output: str
    run_id: str
    report: dict[str, Any]


class Installation(Home):
    """One installation in a temporary folder, on which the whole job runs as `make run` runs it."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that works on this installation."""
        return {
            **os.environ,
            "FOOTPATH_HOME": str(self.settings.home),
            "FOOTPATH_LANDING": str(self.settings.landing),
            "FOOTPATH_SOURCES": str(self.settings.sources),
            "FOOTPATH_TRACKING_PLAN": str(self.settings.tracking_plan),
            "PYTHONPATH": str(self.settings.project),
            "PYTHONWARNINGS": "ignore",
        }

    def copy(self, folder: Path) -> "Installation":
        """Return another installation in the same state."""
        shutil.copytree(self.settings.sources.parent, folder, copy_function=shutil.copyfile)
        return Installation(folder, self.settings.sources.read_text())

    def deliver_bytes(self, name: str, content: bytes) -> Path:
        """Put a file into the landing folder; `name` starts with the source."""
        path = self.settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def deliver_all(self, folder: Path) -> None:
        """Put every file of a folder into the landing folder."""
        shutil.copytree(folder, self.settings.landing, dirs_exist_ok=True)

    def job(self, *arguments: str) -> Outcome:
        """Run the whole job in this process."""
        self.settings.prepare()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = job.main(list(arguments))
        output = printed.getvalue()
        reports = [line for line in output.splitlines() if line.startswith("report: ")]
        if not reports:
            return Outcome(code, output, "", {})
        path = Path(reports[-1].removeprefix("report: "))
        return Outcome(code, output, path.stem, json.loads(path.read_text()))

    def read(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Ask the published file, as an analyst does."""
        with connect(self.settings.published, read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask raw.duckdb."""
        with connect(self.settings.raw, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every published table and view, sorted."""
        with connect(self.settings.published, read_only=True) as connection:
            names = connection.execute("show tables").fetchall()
            return {
                name: connection.execute(f'select * from "{name}" order by all').fetchall()
                for (name,) in names
            }


def call(number: int, at: str, **fields: Any) -> str:
    """Return a Segment call as one line: a page view of device d1 where `fields` do not say otherwise."""
    return json.dumps(
        {
            "messageId": f"m{number}",
            "type": "page",
            "anonymousId": "d1",
            "timestamp": at,
            "receivedAt": at,
            "context": {"page": {"url": f"https://x.example/{number}", "path": f"/{number}"}},
            **fields,
        }
    )
