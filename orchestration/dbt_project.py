"""dbt, in this process: parsed once, run as often as needed, its file handle given back after each run."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.database import connect, quote
from orchestration.settings import Settings

Progress = Callable[[str], None]

#: What dbt calls a node that did not come to its end.
FAILED = ("error", "fail", "runtime error")


class DbtError(RuntimeError):
    """A dbt step failed; the message names the nodes and what the database said."""


@dataclass(frozen=True)
class NodeResult:
    """One dbt node that ran: its unique id, whether it succeeded, seconds and message."""

    unique_id: str
    status: str
    seconds: float
    message: str

    @property
    def name(self) -> str:
        """The name of the model or seed."""
        return self.unique_id.rsplit(".", 1)[-1]


class DbtProject:
    """The footpath dbt project on one home.

    dbt takes seconds to start as a command and to parse; in process the parsed project serves every step.
    `footpath` overrides settings of the project (`vars: {footpath: ...}`); None leaves them as they are. `target` is
    where dbt leaves what it makes, if not where the installation has it.
    """

    def __init__(
        self,
        settings: Settings,
        footpath: Mapping[str, Any] | None = None,
        *,
        target: Path | None = None,
    ) -> None:
        self.settings = settings
        self.target = target or settings.target
        self.variables = (
            [] if footpath is None else ["--vars", json.dumps({"footpath": dict(footpath)})]
        )
        self._manifest: Any = None

    def parse(self) -> Any:
        """Parse the project (only what changed since the last time) and keep the manifest.

        Raises `DbtError` when a file of the project is wrong.
        """
        if self._manifest is None:
            outcome = self._invoke(["parse"], lambda _: None)
            if not outcome.success:
                raise DbtError(f"dbt: the project cannot be parsed: {outcome.exception}")
            self._manifest = outcome.result
        return self._manifest

    @property
    def manifest_path(self) -> Any:
        """Where `parse` leaves manifest.json."""
        return self.target / "manifest.json"

    def relations(self) -> set[tuple[str, str]]:
        """Return schema and name of every table and view that the project's models and seeds make."""
        return {
            (node.schema, node.alias)
            for node in self.parse().nodes.values()
            if node.resource_type in ("model", "seed", "snapshot")
        }

    def staging_views(self) -> list[str]:
        """Return the names of the staging views, quoted, as SQL names them."""
        return [
            f'"{node.schema}"."{node.alias}"'
            for node in self.parse().nodes.values()
            if node.resource_type == "model" and node.fqn[:2] == ["footpath", "staging"]
        ]

    def build(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full_refresh: bool = False,
        progress: Progress = lambda _: None,
    ) -> list[NodeResult]:
        """Build seeds and models. Raises `DbtError` when a node fails."""
        arguments = [
            "build",
            "--exclude-resource-type",
            "test",
            "--exclude-resource-type",
            "unit_test",
            # The manifest is what `parse` has written; to write it again takes two seconds, whatever is built.
            "--no-write-json",
        ]
        arguments += ["--select", *select] if select else []
        arguments += ["--exclude", *exclude] if exclude else []
        arguments += ["--full-refresh"] if full_refresh else []
        if not select:
            scratch = self.settings.scratch
            scratch.unlink(missing_ok=True)
            scratch.with_name(scratch.name + ".wal").unlink(missing_ok=True)
            self._drop_what_a_killed_run_left()
        return self._nodes(self._invoke(arguments, progress))

    def _drop_what_a_killed_run_left(self) -> None:
        """Drop the tables that dbt makes for the new rows of a Python model, under a new name in each run."""
        if not self.settings.warehouse.exists():
            return
        with connect(self.settings.warehouse) as connection:
            left = connection.execute(
                "select schema_name, table_name from duckdb_tables() where contains(table_name, '__dbt_tmp')"
            ).fetchall()
            for schema, table in left:
                connection.execute(f"drop table {quote(schema)}.{quote(table)}")

    def test(self, *select: str) -> list[NodeResult]:
        """Run dbt's tests, of data and of units. Raises `DbtError` when one fails."""
        return self._nodes(self._invoke(["test", "--select", *select], lambda _: None))

    def _nodes(self, outcome: Any) -> list[NodeResult]:
        results = [
            NodeResult(
                result.node.unique_id,
                str(result.status),
                result.execution_time,
                str(result.message or ""),
            )
            for result in (outcome.result or [])
        ]
        failed = [result for result in results if result.status in FAILED]
        if failed or not outcome.success:
            lines = [f"{result.name}: {result.message}" for result in failed]
            if outcome.exception is not None:
                lines.append(str(outcome.exception))
            raise DbtError("dbt: " + "\n".join(lines or ["the build failed"]))
        return results

    def write_docs(self) -> Any:
        """Write dbt's documentation as one static page; return its path."""
        outcome = self._invoke(["docs", "generate", "--static"], lambda _: None)
        if not outcome.success:
            raise DbtError(f"dbt docs: {outcome.exception}")
        return self.target / "static_index.html"

    def _invoke(self, arguments: Sequence[str], progress: Progress) -> Any:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
        started: dict[str, float] = {}

        def report(event: Any) -> None:
            node = getattr(event.data, "node_info", None)
            name = getattr(node, "node_name", "") if node is not None else ""
            if event.info.name == "LogStartLine":
                started[name] = time.monotonic()
            elif event.info.name in ("LogModelResult", "LogSeedResult") and name in started:
                seconds = time.monotonic() - started[name]
                if seconds >= 1:
                    progress(f"{name} ({seconds:.1f} s)")

        runner = dbtRunner(manifest=self._manifest, callbacks=[report])
        try:
            return runner.invoke(
                [
                    "--quiet",
                    "--no-version-check",
                    "--no-send-anonymous-usage-stats",
                    "--no-use-colors",
                    "--log-level-file",
                    "none",
                    *arguments,
                    "--project-dir",
                    str(self.settings.project),
                    "--profiles-dir",
                    str(self.settings.project / "profiles"),
                    "--target-path",
                    str(self.target),
                    *self.variables,
                ]
            )
        finally:
            # Readers and the loader of this process open the same files with settings of their own, so the
            # database itself must be closed; dbt's own close_all_connections only forgets it.
            environment = DuckDBConnectionManager._ENV
            if environment is not None:
                environment.close()
            DuckDBConnectionManager.close_all_connections()
