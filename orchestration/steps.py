"""The steps of a run, without Dagster: load, stage, gate 1, build, gate 2, publish."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expectations.anomalies import RELATION as ANOMALIES
from expectations.anomalies import check_anomalies
from expectations.freshness import check_freshness
from expectations.plan import read_plan
from expectations.runner import CheckResult, run_suite
from expectations.spot_check import Rules, check_sample
from expectations.suite import Suite, load_suites
from orchestration import erasing, loading, publishing, results, unchecked
from orchestration.alerts import incidents
from orchestration.alerts.routes import rules_of
from orchestration.database import connect, literal, quote
from orchestration.dbt_project import DbtProject, NodeResult
from orchestration.finishing import finish_run
from orchestration.loading import FileResult
from orchestration.report import Report
from orchestration.settings import Settings
from orchestration.sources import Sources
from orchestration.state import stored_settings

Say = Callable[[str], None]

#: What gate 1 sees of a staged row, whatever its format.
GATE_1_COLUMNS = """
    source, batch_id, file, line, loaded_at, unreadable_reason, event_id, event_type, event_name,
    coalesce(event_at, case when event_at_text is null then received_at end) as event_at_candidate,
    received_at, anonymous_id, user_id, page_url
"""


class Run:
    """One run on one home: what its steps share. Every step can be called again after a kill."""

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        dbt: DbtProject,
        run_id: str,
        *,
        full_refresh: bool = False,
        say: Say = lambda _: None,
    ) -> None:
        self.settings = settings
        self.sources = sources
        self.dbt = dbt
        self.run_id = run_id
        self.full_refresh = full_refresh
        self.say = say
        self.report = Report(settings.reports, run_id)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds of a step to the report."""
        if not self.report.get("started_at"):
            self.report.set("started_at", datetime.now(UTC).isoformat(timespec="seconds"))
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = dict(self.report.get("seconds", {}))
            seconds[step] = round(seconds.get(step, 0) + time.perf_counter() - started, 2)
            self.report.set("seconds", seconds)

    def load(self, name: str) -> list[dict[str, Any]]:
        """Load the new files of one source; return what happened to each file."""
        source = self.sources[name]
        self.say(f"load: {name}")
        with self.timed("load"), connect(self.settings.raw) as connection:
            loading.prepare(connection, self.sources, read_plan(self.settings.tracking_plan))
            erasing.key_in_use(connection)
            scan = loading.scan(self.settings.landing, self.sources)
            if not self.report.get("scanned"):
                self.report.set("scanned", True)
                self.report.add("notes", scan.messages())
            outcome = loading.load_source(
                connection,
                source,
                scan.files.get(name, []),
                progress=_every_few_seconds(self.say, f"load {name}"),
            )
        files = [
            {
                "source": name,
                "file": file.file,
                "outcome": file.outcome,
                "batch_id": file.batch_id,
                "raw_rows": file.rows + file.unreadable_rows,
                "unreadable_rows": file.unreadable_rows,
                "note": file.note,
            }
            for file in outcome.files
        ]
        self.report.add("files", [file for file in files if file["outcome"] != "unchanged"])
        self.report.add(
            "notes", [f"{name}/{file['file']}: {file['note']}" for file in files if file["note"]]
        )
        return files

    def anything_new(self) -> bool:
        """Whether there is work: new or changed batches, another project, or a run that did not finish."""
        # An edit that comes while the run goes on is new to the next one.
        self.report.set("project", self._project_digest())
        if self.full_refresh or not self.settings.published.exists():
            return True
        with connect(self.settings.raw, read_only=True) as connection:
            if erasing.open_requests(connection):
                return True
        return self._last_run() != self._fingerprint()

    def stage(self) -> list[NodeResult]:
        """Rebuild the raw views from sources.yml, and the staging views over them."""
        self.say("stage")
        with self.timed("stage"):
            with connect(self.settings.raw) as connection:
                loading.prepare(connection, self.sources, read_plan(self.settings.tracking_plan))
            nodes = self.dbt.build(select=["footpath.staging"], progress=self.say)
            self.leave_out_erased()
            return nodes

    def leave_out_erased(self) -> None:
        """Take the rows of erased people out of batches that were not searched for them yet."""
        with connect(self.settings.raw, read_only=True) as connection:
            if erasing.key_in_use(connection) is None:
                return
        self.dbt.build(select=["batches", erasing.VIEW])
        with erasing.workplace(self.settings) as connection:
            key = erasing.key_in_use(connection, "raw")
            if key is None:
                return
            removal = erasing.leave_out_erased(
                connection, erasing.view_of(self.dbt), key, erasing.strategy_of(self.dbt)
            )
        if removal.rows:
            self.report.add("notes", [f"{removal.rows:,} rows of erased people were left out"])

    def gate_1(self, name: str) -> list[CheckResult]:
        """Judge the pending batches of one source: admit them, or hold them with the reason."""
        with self.timed("gate 1"):
            with connect(self.settings.raw) as connection:
                pending = [
                    batch
                    for (batch,) in connection.execute(
                        "select batch_id from files where source = ? and state = 'pending' order by batch_id",
                        [name],
                    ).fetchall()
                ]
            if not pending:
                return []
            self.say(f"gate 1: {name}, {len(pending):,} new batches")
            suites = [suite for suite in load_suites(*self.settings.suites) if suite.gate == 1]
            found = self._judge(name, suites)
            self._admit_or_hold(name, pending, found)
            self._record(found)
            return found

    def build(self) -> list[NodeResult]:
        """Bring every model up to date with the admitted batches."""
        self.say("build")
        # From here on the warehouse is not what was published last, whatever happens to this run.
        self.settings.last_run.unlink(missing_ok=True)
        with self.timed("build"):
            self.report.set("tables_before", self.row_counts(self.settings.published))
            return self.dbt.build(
                exclude=["footpath.staging"], full_refresh=self.full_refresh, progress=self.say
            )

    def gate_2(self) -> list[CheckResult]:
        """Check the built tables. When a critical check fails, readers get the status tables only."""
        self.say("gate 2")
        anomalies = self.anomalies()
        with self.timed("gate 2"):
            found = []
            well = True
            touched: dict[str, str] = {}
            with connect(self.settings.warehouse) as connection:
                lists = unchecked.lists(connection)
                for suite in load_suites(*self.settings.suites):
                    if suite.gate != 2:
                        continue
                    results_of_suite = run_suite(
                        connection, suite, schema="main", lists=lists, found=touched
                    )
                    well &= not suite.touched or all(result.success for result in results_of_suite)
                    found += results_of_suite
                sampled = check_sample(
                    connection,
                    self.run_id,
                    lists=lists,
                    rules=Rules.of(stored_settings(connection)),
                )
                well &= all(result.success for result in sampled)
                found += sampled
                # What failed is looked at again in the next run, whatever that touches.
                if well:
                    unchecked.clear(connection)
            found += anomalies
            found += self.freshness()
            self._record(found)
            free = {f"raw.{name}" for name in self.sources} - self._relations_with_held_batches()
            with connect(self.settings.warehouse) as connection:
                incidents.resolve_released(connection, self.run_id, free, _now())
            if any(not result.success and result.severity == "critical" for result in found):
                self.publish_status()
            return found

    def anomalies(self) -> list[CheckResult]:
        """Judge what was counted in the last days by the weeks before. What is found are warnings."""
        owners = {name: source.owner for name, source in self.sources.items()}
        with self.timed("anomalies"), connect(self.settings.warehouse) as connection:
            return check_anomalies(connection, owners=owners)

    def freshness(self) -> list[CheckResult]:
        """Ask of each source with a limit whether its newest receipt is too old. What is found are warnings."""
        limits = {
            name: source.fresh_within
            for name, source in self.sources.items()
            if source.fresh_within is not None
        }
        owners = {name: source.owner for name, source in self.sources.items()}
        with connect(self.settings.warehouse, read_only=True) as connection:
            return check_freshness(connection, limits, _now(), owners=owners)

    def look_at_freshness(self) -> None:
        """In a run that finds nothing new: record what has grown too old. Readers are told when that changed."""
        found = self.freshness()
        if not found:
            return
        with connect(self.settings.warehouse, read_only=True) as connection:
            known = {incident.alert_key for incident in incidents.unresolved(connection)}
        self._record(found)
        if any(result.success == (incidents.alert_key(result) in known) for result in found):
            self.publish_status()

    def publish(self) -> dict[str, int]:
        """Give readers the tables; return their row counts."""
        self.say("publish")
        with self.timed("publish"), erasing.finish_requests(self.settings):
            publishing.compact(self.settings.warehouse)
            with connect(self.settings.warehouse) as connection:
                connection.execute("checkpoint")
            dropped = publishing.publish(
                self.settings.warehouse,
                self.settings.published,
                self.dbt.relations() | {("main", ANOMALIES)},
            )
            self.report.add(
                "notes",
                [
                    f"the view {name} reads raw data: readers do not get it (make it a table)"
                    for name in dropped
                    if name.startswith("main.")
                ],
            )
            counts = self.row_counts(self.settings.published)
            self.report.set("tables", counts)
            self._remember()
            return counts

    def publish_status(self) -> None:
        """Give readers what describes the run, and keep the data they have."""
        if self.settings.warehouse.exists():
            publishing.publish_status(self.settings.warehouse, self.settings.published)

    def finish(self) -> None:
        """Send the alerts, complete the report, write the page."""
        finish_run(self.settings, self.report, self.run_id)

    @staticmethod
    def row_counts(path: Path) -> dict[str, int]:
        """Count the rows of every table and view in schema main; empty when there is no such file."""
        if not path.exists():
            return {}
        with connect(path, read_only=True) as connection:
            names = [name for (name,) in connection.execute("show tables").fetchall()]
            relations = {name: f"main.{quote(name)}" for name in names}
            if "events" in names:
                # The view joins sessions and people to every event: to count it is to count these.
                relations["events"] = "main_internal.event_rows where row_state = 'event'"
            return {
                name: connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
                for name, relation in relations.items()
            }

    def _judge(self, name: str, suites: Iterable[Suite]) -> list[CheckResult]:
        rows = "\nunion all\n".join(
            f"select {GATE_1_COLUMNS} from {view}" for view in self.dbt.staging_views()
        )
        with connect(self.settings.warehouse) as connection:
            connection.execute(f"attach {literal(str(self.settings.raw))} as raw (read_only)")
            connection.execute(
                f"""
                create temporary table gate_1_rows as
                with pending as (
                    select batch_id, file, loaded_at, raw_rows
                    from raw.files
                    where source = $source and state = 'pending'
                ),
                staged as (
                    {rows}
                )
                select * from staged where batch_id in (select batch_id from pending)
                union all by name
                -- a batch without a row stands there as one, so that checks see it
                select $source as source, batch_id, file, loaded_at from pending where raw_rows = 0
                """,
                {"source": name},
            )
            files = dict(
                connection.execute("select distinct batch_id, file from gate_1_rows").fetchall()
            )
            found = []
            for suite in suites:
                found += run_suite(connection, suite)
        return [
            dataclasses.replace(
                result,
                relation=f"raw.{name}",
                owner=self.sources[name].owner or result.owner,
                failing=[{"file": files.get(row["batch_id"]), **row} for row in result.failing],
            )
            for result in found
        ]

    def _admit_or_hold(self, name: str, pending: list[str], found: list[CheckResult]) -> None:
        reasons: dict[str, list[str]] = {}
        for result in found:
            if result.severity != "critical" or result.success:
                continue
            if not result.failing:
                # The check itself could not be made: nothing is admitted unseen.
                for batch in pending:
                    reasons.setdefault(batch, []).append(f"{result.check_name}: {result.observed}")
            for row in result.failing:
                reasons.setdefault(row["batch_id"], []).append(
                    f"{result.check_name}: {row['observed']}"
                )
        with connect(self.settings.raw) as connection:
            admitted = [batch for batch in pending if batch not in reasons]
            loading.admit(connection, admitted)
            loading.hold(connection, {batch: "; ".join(words) for batch, words in reasons.items()})

    def _relations_with_held_batches(self) -> set[str]:
        with connect(self.settings.raw, read_only=True) as connection:
            found = connection.execute("select distinct source from files where state = 'held'")
            return {f"raw.{source}" for (source,) in found.fetchall()}

    def _record(self, found: list[CheckResult]) -> None:
        held = self._relations_with_held_batches()
        with connect(self.settings.warehouse) as connection:
            results.record(
                connection,
                self.run_id,
                found,
                _now(),
                still_open={
                    incidents.alert_key(result)
                    for result in found
                    if result.relation in held and result.severity == "critical"
                },
                rules=rules_of(self.settings.alerts),
            )
        self.report.add(
            "checks",
            [
                {
                    "suite": result.suite,
                    "check_name": result.check_name,
                    "relation": result.relation,
                    "severity": result.severity,
                    "success": result.success,
                    "observed": result.observed,
                }
                for result in found
            ],
        )

    def _last_run(self) -> str | None:
        try:
            return str(json.loads(self.settings.last_run.read_text())["fingerprint"])
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            return None

    def _remember(self) -> None:
        new = self.settings.last_run.with_suffix(".new")
        new.write_text(json.dumps({"run_id": self.run_id, "fingerprint": self._fingerprint()}))
        new.replace(self.settings.last_run)

    def _fingerprint(self) -> str:
        """Hash everything that the tables follow from: the state of every batch, and the project's files."""
        digest = hashlib.sha256()
        with connect(self.settings.raw, read_only=True) as connection:
            for row in connection.execute(
                "select source, file, batch_id, state, erased_rows from files where state <> 'replaced' order by all"
            ).fetchall():
                digest.update(repr(row).encode())
            for (plan,) in connection.execute("select content from plan").fetchall():
                digest.update(plan.encode())
        for name, source in sorted(self.sources.items()):
            digest.update(f"{name} {source.definition}".encode())
        digest.update((self.report.get("project") or self._project_digest()).encode())
        return digest.hexdigest()

    def _project_digest(self) -> str:
        digest = hashlib.sha256()
        for path in self._project_files():
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def _project_files(self) -> list[Path]:
        project = self.settings.project
        files = [project / "dbt_project.yml"]
        for folder in ("models", "macros", "seeds", "expectations"):
            files += sorted(
                path
                for path in (project / folder).rglob("*")
                if path.suffix in (".sql", ".yml", ".csv", ".py")
            )
        # Who is told changes no table.
        routing = project / "expectations" / "alerts.yml"
        own = self.settings.expectations
        files += sorted(own.glob("*.yml")) if own is not None else []
        return [path for path in files if path.exists() and path != routing]


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _every_few_seconds(
    say: Say, step: str, seconds: float = 5
) -> Callable[[FileResult, int, int], None]:
    """Return a progress callback that speaks now and then, and at the end of a long list."""
    started = last = time.monotonic()

    def progress(file: FileResult, number: int, count: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= seconds or (number == count and now - started >= seconds):
            last = now
            say(f"{step}: {number:,} of {count:,} files, now at {file.file}")

    return progress
