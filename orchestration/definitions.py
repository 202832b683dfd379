"""Dagster's view of footpath: assets from file to published table, checks, jobs, schedules, a sensor."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from expectations import anomalies, freshness, spot_check
from expectations.plan import read_plan
from expectations.runner import CheckResult
from expectations.suite import Suite, SuiteError, load_suites
from orchestration import loading
from orchestration.alerts.finish import finish
from orchestration.dbt_project import DbtProject, NodeResult
from orchestration.finishing import errors_of, finish_run
from orchestration.lineage import DEFAULT_OWNER, Translator, admitted_key, raw_key
from orchestration.lock import run_lock
from orchestration.page import page_name
from orchestration.report import Report
from orchestration.settings import Settings
from orchestration.sources import Sources, read_sources
from orchestration.steps import Run, Say

FULL_REFRESH_TAG = "footpath/full_refresh"
PROCESS_TAG = "footpath/process"
PAGE_TAG = "footpath/page"
SEVERITIES = {"critical": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}
JOB = "everything"
#: Where Dagster shows anomalies, of whatever table.
ANOMALIES_OF = dg.AssetKey("event_hours")

#: The statuses in which a run ends, by the name of the sensor that sends the alerts of such a run.
ENDS = {
    "alerts_after_success": dg.DagsterRunStatus.SUCCESS,
    "alerts_after_failure": dg.DagsterRunStatus.FAILURE,
    "alerts_after_cancel": dg.DagsterRunStatus.CANCELED,
}

#: Seconds that such a sensor waits for the lock of the home; whoever has it sends when it ends.
PATIENCE = 30

_one_at_a_time = threading.Lock()


class Runs(dg.ConfigurableResource[Any]):
    """Holds the lock of the home for as long as the run lives, and clears away runs that died."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Runs"]:
        """Wait for the lock before the first step, keep it until after the last."""
        settings = Settings.from_environment()
        settings.prepare()
        log = context.log
        if context.instance is not None and context.run is not None:
            page = settings.reports / page_name(context.run.run_id)
            context.instance.add_run_tags(
                context.run.run_id, {PROCESS_TAG: str(os.getpid()), PAGE_TAG: str(page)}
            )
        with run_lock(settings.lock, on_wait=lambda text: log.info(text) if log else None):
            if context.instance is not None and context.run is not None:
                _fail_dead_runs(context.instance, context.run.run_id)
            yield self


def _fail_dead_runs(instance: dg.DagsterInstance, this_run: str) -> None:
    """Mark runs as failed whose process is gone: who holds the lock knows that none of them is working."""
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    for run in instance.get_runs(unfinished):
        process = run.tags.get(PROCESS_TAG)
        if run.run_id != this_run and process is not None and not Path(f"/proc/{process}").exists():
            instance.report_run_failed(run, "The process of this run is gone.")


def build_definitions(settings: Settings, *, say: Say | None = None) -> dg.Definitions:
    """Make the definitions of one installation.

    Steps tell their progress to Dagster's log, or to `say`. Raises `SourcesError` when sources.yml cannot be used,
    `PlanError` when the tracking plan cannot, `SuiteError` when a suite cannot.
    """
    settings.prepare()
    read_plan(settings.tracking_plan)
    sources = read_sources(settings.sources)
    dbt = DbtProject(settings)
    dbt.parse()
    suites = load_suites(*settings.suites)
    _check_relations(suites, dbt)
    translator = Translator(sources)

    def this_run(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Run:
        return Run(
            settings,
            sources,
            dbt,
            context.run.run_id,
            full_refresh=context.run.tags.get(FULL_REFRESH_TAG) == "true",
            say=say or context.log.info,
        )

    @dbt_assets(
        manifest=dbt.manifest_path,
        select="fqn:footpath.staging",
        name="staging",
        dagster_dbt_translator=translator,
        required_resource_keys={"runs"},
    )
    def staging(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run = this_run(context)
        if not run.anything_new():
            run.say("nothing new: no table is changed")
            # Time goes on: a source may be silent for too long by now.
            run.look_at_freshness()
            return
        yield from _materialized(context, translator, dbt, run.stage(), {})

    @dbt_assets(
        manifest=dbt.manifest_path,
        exclude="fqn:footpath.staging",
        name="build",
        dagster_dbt_translator=translator,
        required_resource_keys={"runs"},
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run = this_run(context)
        try:
            nodes = run.build()
        except Exception:
            run.publish_status()
            raise
        yield from _materialized(
            context, translator, dbt, nodes, Run.row_counts(settings.warehouse)
        )

    raw = [_raw_asset(name, sources, this_run) for name in sources]
    admitted = [
        _admitted_asset(name, sources, suites, dbt, translator, this_run) for name in sources
    ]
    gate_2 = _gate_2(suites, sources, this_run)
    published = _published_asset(build, this_run)
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        description="Load what is new, model it, check it, publish it.",
    )
    return dg.Definitions(
        assets=[*_landing_specs(settings, sources), *raw, staging, *admitted, build, published],
        asset_checks=[gate_2],
        jobs=[job],
        schedules=[
            dg.ScheduleDefinition("hourly", cron_schedule="5 * * * *", job=job),
            dg.ScheduleDefinition("daily", cron_schedule="30 3 * * *", job=job),
        ],
        sensors=[
            _landing_sensor(settings, job),
            *(_end_sensor(settings, job, name, status) for name, status in ENDS.items()),
        ],
        resources={"runs": Runs()},
    )


def _check_relations(suites: list[Suite], dbt: DbtProject) -> None:
    """Raise `SuiteError` for a suite of gate 2 on a table that no model makes: Dagster would wait for it in vain."""
    models = {
        node.name for node in dbt.parse().nodes.values() if node.resource_type in ("model", "seed")
    }
    for suite in suites:
        if suite.gate == 2 and suite.relation not in models:
            raise SuiteError(
                f"suite {suite.name}: there is no model named {suite.relation}; correct `relation`"
            )


def _landing_specs(settings: Settings, sources: Sources) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            ["landing", name],
            description=f"Files delivered to {settings.landing / name}.",
            group_name="loading",
            kinds={"file"},
            owners=_owners(source.owner),
        )
        for name, source in sources.items()
    ]


def _owners(owner: str | None) -> list[str]:
    if owner is None:
        return [DEFAULT_OWNER]
    return [owner if "@" in owner or ":" in owner else f"team:{owner}"]


def _raw_asset(name: str, sources: Sources, this_run: Any) -> dg.AssetsDefinition:
    source = sources[name]

    @dg.asset(
        key=raw_key(name),
        deps=[dg.AssetKey(["landing", name])],
        group_name="loading",
        kinds={"duckdb", source.format},
        owners=_owners(source.owner),
        description=f"Rows of source {name} as received, each file loaded once.",
        required_resource_keys={"runs"},
    )
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        files = this_run(context).load(name)
        new = [file for file in files if file["outcome"] != "unchanged"]
        return dg.MaterializeResult(
            metadata={
                "files": len(files),
                "new_files": len(new),
                "new_rows": sum(file["raw_rows"] for file in new),
                "unreadable_rows": sum(file["unreadable_rows"] for file in new),
            }
        )

    return raw


def _admitted_asset(
    name: str,
    sources: Sources,
    suites: list[Suite],
    dbt: DbtProject,
    translator: Translator,
    this_run: Any,
) -> dg.AssetsDefinition:
    key = admitted_key(name)
    checks = [(suite, check) for suite in suites if suite.gate == 1 for check in suite.checks]
    views = [
        node.name
        for node in dbt.parse().nodes.values()
        if node.resource_type == "model" and node.fqn[:2] == ["footpath", "staging"]
    ]

    @dg.asset(
        key=key,
        deps=[raw_key(name), *(dg.AssetKey(view) for view in views)],
        group_name="loading",
        kinds={"greatexpectations"},
        owners=_owners(sources[name].owner),
        description=f"Gate 1: batches of source {name} that may be modelled; a bad one is held.",
        check_specs=[
            dg.AssetCheckSpec(check.name, asset=key, description=check.description)
            for _, check in checks
        ],
        required_resource_keys={"runs"},
    )
    def admitted(context: dg.AssetExecutionContext) -> Iterator[Any]:
        found = {result.check_name: result for result in this_run(context).gate_1(name)}
        yield dg.MaterializeResult(metadata={"checked": bool(found)})
        for _, check in checks:
            if check.name in found:
                yield _check_result(found[check.name], key)
            else:
                yield dg.AssetCheckResult(
                    passed=True,
                    asset_key=key,
                    check_name=check.name,
                    metadata={"observed": "no new batch"},
                )

    return admitted


def _gate_2(suites: list[Suite], sources: Sources, this_run: Any) -> dg.AssetChecksDefinition:
    gate = [suite for suite in suites if suite.gate == 2]

    @dg.multi_asset_check(
        name="gate_2",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=dg.AssetKey(suite.relation),
                description=check.description,
                blocking=check.severity == "critical",
            )
            for suite in gate
            for check in suite.checks
        ]
        + [
            dg.AssetCheckSpec(
                anomalies.SUITE, asset=ANOMALIES_OF, description=anomalies.DESCRIPTION
            )
        ]
        + [
            dg.AssetCheckSpec(
                name, asset=dg.AssetKey(relation), description=description, blocking=True
            )
            for name, (relation, description) in spot_check.CHECKS.items()
        ]
        + [
            dg.AssetCheckSpec(
                freshness.CHECK,
                asset=raw_key(name),
                description=freshness.description(name, source.fresh_within),
            )
            for name, source in sources.items()
            if source.fresh_within is not None
        ],
        required_resource_keys={"runs"},
    )
    def gate_2(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        found = this_run(context).gate_2()
        for result in found:
            if result.suite != anomalies.SUITE:
                # a source's relation is raw.<source>
                yield _check_result(result, dg.AssetKey(result.relation.split(".")))
        yield _anomalies([result for result in found if result.suite == anomalies.SUITE])

    return gate_2


def _check_result(result: CheckResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=result.success,
        asset_key=key,
        check_name=result.check_name,
        severity=SEVERITIES[result.severity],
        description=result.observed,
        metadata={
            "observed": result.observed,
            "owner": result.owner,
            "failing": str(result.failing[:5]),
        },
    )


def _anomalies(found: list[CheckResult]) -> dg.AssetCheckResult:
    """Return one evaluation for all causes: Dagster wants to know its checks before they are made."""
    failed = {result.check_name: result.observed for result in found if not result.success}
    return dg.AssetCheckResult(
        passed=not failed,
        asset_key=ANOMALIES_OF,
        check_name=anomalies.SUITE,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(failed.values()) or "nothing unusual",
        metadata=failed,
    )


def _published_asset(build: dg.AssetsDefinition, this_run: Any) -> dg.AssetsDefinition:
    @dg.asset(
        name="published",
        deps=[*build.keys],
        group_name="publishing",
        kinds={"duckdb"},
        owners=[DEFAULT_OWNER],
        description="The file that readers open, replaced whole after gate 2.",
        required_resource_keys={"runs"},
    )
    def published(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        counts = this_run(context).publish()
        return dg.MaterializeResult(
            metadata={f"rows/{name}": rows for name, rows in counts.items()}
        )

    return published


def _materialized(
    context: dg.AssetExecutionContext,
    translator: Translator,
    dbt: DbtProject,
    nodes: list[NodeResult],
    rows: dict[str, int],
) -> Iterator[dg.MaterializeResult[Any]]:
    for node in nodes:
        if not node.unique_id.startswith(("model.", "seed.")):
            continue
        metadata: dict[str, Any] = {"seconds": round(node.seconds, 2)}
        if node.name in rows:
            metadata["dagster/row_count"] = rows[node.name]
        yield dg.MaterializeResult(asset_key=dg.AssetKey(node.name), metadata=metadata)


def _landing_sensor(settings: Settings, job: Any) -> dg.SensorDefinition:
    @dg.sensor(
        name="landing",
        job=job,
        minimum_interval_seconds=60,
        description="Starts a run when the files of the landing folder changed.",
    )
    def landing(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        digest = hashlib.sha256()
        scan = loading.scan(settings.landing, read_sources(settings.sources))
        for name, files in sorted(scan.files.items()):
            for file in files:
                status = file.path.stat()
                digest.update(
                    f"{name}/{file.name} {status.st_size} {status.st_mtime_ns}\n".encode()
                )
        found = digest.hexdigest()
        if found == context.cursor:
            return dg.SkipReason("No file came or changed.")
        context.update_cursor(found)
        return dg.RunRequest(run_key=found)

    return landing


def _end_sensor(
    settings: Settings, job: Any, name: str, status: dg.DagsterRunStatus
) -> dg.SensorDefinition:
    """Make the sensor that ends runs of Dagster's page and schedules as `make run` ends its own."""

    @dg.run_status_sensor(
        run_status=status,
        name=name,
        monitored_jobs=[job],
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends the alerts of a run that ended. What was sent is not sent again.",
    )
    def ended(context: dg.RunStatusSensorContext) -> dg.SkipReason:
        run_id = context.dagster_run.run_id
        try:
            with _one_at_a_time, run_lock(settings.lock, patience=PATIENCE):
                report = Report(settings.reports, run_id)
                if report.get("finished_at"):
                    found = finish(settings, run_id)
                else:
                    report.add("errors", _why(context, run_id, status))
                    finish_run(settings, report, run_id)
                    found = report.get("incidents")
        except TimeoutError:
            return dg.SkipReason("Another run is going on, and sends when it ends.")
        return dg.SkipReason(f"Sent: {found['messages']}. Not sent: {found['problems']}.")

    return ended


def _why(context: dg.RunStatusSensorContext, run_id: str, status: dg.DagsterRunStatus) -> list[str]:
    """Say why a run did not end well; a failed check is no error of its own."""
    if status == dg.DagsterRunStatus.CANCELED:
        return ["The run was cancelled."]
    log = context.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return errors_of(entry.dagster_event for entry in log if entry.dagster_event is not None)


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the installation that the environment names."""
    return build_definitions(Settings.from_environment())
