"""What Dagster is told: assets from file to published table, checks, jobs, schedules, the sensor."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from expectations import spot_check
from expectations.suite import load_suites
from orchestration.definitions import build_definitions
from tests.installation import Installation, call

SOURCES = """
sources:
  web: {format: segment, owner: web, fresh_within: 26h}
  shop: {format: csv, event_name: what, event_at: at, owner: shop@x.example}
"""

ASSETS = [
    "admitted/shop", "admitted/web", "alias_events", "batch_counts", "batches", "built_in_full",
    "channel_attribution", "checkout_funnel",
    "conversion_events", "conversions", "daily_activity", "data_until", "device_spans", "device_users",
    "discarded_events",
    "event_catalog", "event_groups", "event_hours", "event_links", "event_properties", "event_rows", "event_traits",
    "event_uses", "event_verdicts", "event_violations", "events", "feature_engagement", "funnel_days",
    "group_person_days", "groups",
    "heartbeat_sources", "identities", "known_users", "landing/shop", "landing/web", "lifecycle_weekly",
    "load_files", "load_plan", "merged_users", "merged_users_now", "merges_by_day", "page_views", "paths_top",
    "people_with_many_identifiers", "person_groups", "plan_actions", "plan_conformity", "planned_events",
    "planned_names", "processed_batches",
    "property_days", "published", "quarantined_events", "raw/shop", "raw/web", "rebuild_requests",
    "received_hours", "region_events", "retention_weekly",
    "row_identifiers", "sessions", "shared_devices",
    "signup_funnel_weekly", "staged_rows", "stg_plain__rows", "stg_segment__calls",
    "stg_unreadable__lines", "touched_aliases", "touched_components", "touched_days", "touched_devices",
    "touched_events", "touched_groups", "touched_people", "touched_regions", "touched_rows",
    "touched_spans", "touched_users", "traffic_source_categories", "user_agents", "user_days", "user_traits",
    "users",
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("definitions"), SOURCES)


@pytest.fixture(scope="module")
def definitions(home: Installation) -> dg.Definitions:
    return build_definitions(home.settings)


def test_the_definitions_load_in_a_fresh_interpreter_on_an_empty_home(tmp_path: Path) -> None:
    home = Installation(tmp_path / "fresh", SOURCES)
    dagster = str(Path(sys.executable).with_name("dagster"))
    done = subprocess.run(
        [dagster, "definitions", "validate", "-m", "orchestration.definitions"],
        env=home.environment | {"DAGSTER_HOME": str(home.settings.dagster)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful" in done.stdout + done.stderr
    assert not home.settings.raw.exists()


def test_the_assets_are_these(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert sorted("/".join(key.path) for key in graph.get_all_asset_keys()) == ASSETS


def test_jobs_schedules_and_sensors_are_these(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {"everything"}
    schedules = {
        item.name: (item.cron_schedule, item.job_name) for item in repository.schedule_defs
    }
    assert schedules == {
        "daily": ("30 3 * * *", "everything"),
        "hourly": ("5 * * * *", "everything"),
    }
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "alerts_after_cancel", "alerts_after_failure", "alerts_after_success", "landing",
    }  # fmt: skip
    assert repository.get_sensor_def("landing").job_name == "everything"


def test_the_job_covers_every_asset_that_can_be_made_and_every_check(
    definitions: dg.Definitions,
) -> None:
    layer = definitions.resolve_job_def("everything").asset_layer
    made = {
        key
        for key in definitions.resolve_asset_graph().get_all_asset_keys()
        if key.path[0] != "landing"
    }
    assert layer.executable_asset_keys == made
    checks = {
        (key.asset_key.to_user_string(), key.name) for key in layer.asset_graph.asset_check_keys
    }
    expected = {
        (relation, check.name)
        for suite in load_suites()
        for relation in ([suite.relation] if suite.gate == 2 else ["admitted/web", "admitted/shop"])
        for check in suite.checks
    }
    sampled = {(relation, name) for name, (relation, _) in spot_check.CHECKS.items()}
    assert checks == expected | sampled | {("event_hours", "anomalies"), ("raw/web", "fresh")}


@pytest.mark.parametrize(
    "way",
    [
        ["landing/web", "raw/web", "stg_segment__calls", "admitted/web", "batches", "load_plan"],
        ["stg_segment__calls", "staged_rows", "event_rows", "events", "published"],
        ["landing/shop", "raw/shop", "stg_plain__rows", "admitted/shop", "batches"],
        ["stg_plain__rows", "staged_rows"],
        ["raw/shop", "stg_unreadable__lines", "staged_rows", "quarantined_events", "published"],
        ["load_plan", "staged_rows"],
    ],
    ids=" > ".join,
)
def test_the_lineage_leads(way: list[str], definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for parent, child in itertools.pairwise(way):
        parents = graph.get(dg.AssetKey(child.split("/"))).parent_keys
        assert dg.AssetKey(parent.split("/")) in parents, f"{child} does not depend on {parent}"


def test_a_raw_table_feeds_the_staging_model_of_its_format_only(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    children = {
        name: {key.path[-1] for key in graph.get(dg.AssetKey(["raw", name])).child_keys}
        - {"shop", "web"}
        for name in ("shop", "web")
    }
    assert children == {
        "shop": {"stg_plain__rows", "stg_unreadable__lines"},
        "web": {"stg_segment__calls", "stg_unreadable__lines"},
    }


def test_every_asset_has_an_owner_or_a_group_and_a_description(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners or node.group_name != "default", key
        assert node.description, key
    owners = {name: graph.get(dg.AssetKey(["raw", name])).owners for name in ("web", "shop")}
    assert owners == {"web": ["team:web"], "shop": ["shop@x.example"]}


def test_the_landing_sensor_asks_for_a_run_when_a_file_came_or_changed_and_else_skips(
    new_installation: Callable[[str], Installation],
) -> None:
    home = new_installation("sources:\n  web: {format: segment}\n")
    repository = build_definitions(home.settings).get_repository_def()
    sensor = repository.get_sensor_def("landing")

    def look(cursor: str | None) -> tuple[int, str | None]:
        context = dg.build_sensor_context(cursor=cursor)
        found = sensor.evaluate_tick(context)
        assert bool(found.run_requests) != bool(found.skip_message)
        return len(found.run_requests or []), found.cursor

    _, cursor = look(None)
    assert look(cursor) == (0, cursor)
    home.deliver("web", "a.jsonl", [call(1, "2026-01-05T10:00:00Z")])
    asked, with_file = look(cursor)
    assert asked == 1
    assert look(with_file)[0] == 0
    home.deliver(
        "web", "a.jsonl", [call(1, "2026-01-05T10:00:00Z"), call(2, "2026-01-05T10:00:00Z")]
    )
    assert look(with_file)[0] == 1
    home.deliver("stray", "a.jsonl", [call(3, "2026-01-05T10:00:00Z")])
    assert look(with_file)[0] == 1
