"""A project of somebody else that installs footpath: a copy of `project/`, in which dbt runs in this process."""

import contextlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.database import connect

FOOTPATH = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).with_name("project")


@dataclass(frozen=True)
class Outcome:
    """How a dbt command ended: whether it succeeded, what it said, and the status of each node."""

    success: bool
    text: str
    statuses: dict[str, str]


class Shop:
    """The shop's dbt project in a temporary folder, with a warehouse of its own."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(PROJECT, folder)
        self.folder = folder
        self._manifest: Any = None
        (folder / "packages.yml").write_text(f"packages:\n  - local: {FOOTPATH}\n")

    def copy(self, folder: Path) -> "Shop":
        """Return the same project with the same warehouse in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = Shop.__new__(Shop)
        other.folder, other._manifest = folder, None
        return other

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands once in a file of the project."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, (file, old)
        path.write_text(text.replace(old, new))
        self._manifest = None

    def log(self, rows: Iterable[str]) -> None:
        """Append rows to the table of events, as a load run does."""
        with (self.folder / "seeds" / "app_log.csv").open("a") as file:
            file.writelines(row + "\n" for row in rows)

    def dbt(self, *arguments: str) -> Outcome:
        """Run a dbt command; the project is parsed once, until it changes."""
        if self._manifest is None and arguments[0] != "deps":
            parsed, outcome = self._invoke(["parse"])
            if not outcome.success:
                return outcome
            self._manifest = parsed
        return self._invoke(arguments)[1]

    def build(self, *arguments: str) -> Outcome:
        """Run `dbt build` without data tests; it has to succeed."""
        outcome = self.dbt("build", "--exclude-resource-type", "test", *arguments)
        assert outcome.success, outcome.text
        return outcome

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with connect(self.folder / "shop.duckdb", read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> set[tuple[str, str]]:
        """Return schema and name of each table and view."""
        return set(
            self.query(
                "select schema_name, table_name from duckdb_tables() union all"
                " select schema_name, view_name from duckdb_views() where not internal"
            )
        )

    def _invoke(self, arguments: Iterable[str]) -> tuple[Any, Outcome]:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        said: list[str] = []
        callbacks: list[Callable[[Any], None]] = [lambda event: said.append(event.info.msg)]
        with contextlib.chdir(self.folder):
            try:
                ended = dbtRunner(manifest=self._manifest, callbacks=callbacks).invoke(
                    [
                        *("--no-version-check", "--no-send-anonymous-usage-stats"),
                        *("--no-use-colors", "--log-level", "none", "--log-level-file", "none"),
                        *arguments,
                    ]
                )
            finally:
                # Another connection may open the file only when dbt's own is closed.
                environment = DuckDBConnectionManager._ENV
                if environment is not None:
                    environment.close()
                DuckDBConnectionManager.close_all_connections()
        statuses = {
            result.node.unique_id: str(result.status)
            for result in getattr(ended.result, "results", None) or []
            if getattr(result, "node", None) is not None
        }
        return ended.result, Outcome(
            ended.success, "\n".join([*said, str(ended.exception or "")]), statuses
        )
