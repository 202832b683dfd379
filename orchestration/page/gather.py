"""Everything that stands on the page, as plain data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from expectations.anomalies import load_settings
from expectations.suite import load_suites
from orchestration.page import catalog, checks, conformity, incidents, quarantine, runs, volumes
from orchestration.page.catalog import Catalog
from orchestration.page.checks import Checks
from orchestration.page.conformity import Conformity
from orchestration.page.incidents import Incidents
from orchestration.page.quarantine import Quarantine
from orchestration.page.runs import Summary
from orchestration.page.tables import Tables, open_tables
from orchestration.page.volumes import Volumes
from orchestration.settings import Settings
from orchestration.sources import SourcesError, read_sources

T = TypeVar("T")


@dataclass
class Page:
    """The sections in their order; None where there is nothing to show. `problems` by section: why it is not there."""

    settings: Settings
    written_at: datetime
    summary: Summary
    data_until: datetime | None = None
    incidents: Incidents | None = None
    checks: Checks | None = None
    volumes: Volumes | None = None
    plan: Conformity | None = None
    quarantine: Quarantine | None = None
    catalog: Catalog | None = None
    is_published: bool = False
    problems: dict[str, str] = field(default_factory=dict)


def gather(settings: Settings, run_id: str, reports: Mapping[str, dict[str, Any]]) -> Page:
    """Read the page of a run. A section that cannot be read says why, and keeps no other from being shown."""
    now = datetime.now(UTC).replace(tzinfo=None)
    page = Page(settings, now, runs.gather(settings.reports, run_id, reports))
    with open_tables(settings) as (published, status):
        page.is_published = published.has("data_until")

        def section(name: str, make: Callable[[], T]) -> T | None:
            try:
                return make()
            except Exception as error:
                page.problems[name] = " ".join(str(error).split()) or type(error).__name__
                return None

        page.data_until = section("data_until", lambda: _data_until(published))
        page.incidents = section("incidents", lambda: incidents.gather(settings, status, now))
        page.checks = section("checks", lambda: _checks(settings, status))
        page.volumes = section("volumes", lambda: volumes.gather(published, load_settings()))
        page.plan = section("plan", lambda: conformity.gather(published))
        page.quarantine = section("quarantine", lambda: quarantine.gather(published))
        trends = page.volumes.trends if page.volumes else {}
        page.catalog = section("catalog", lambda: catalog.gather(published, trends))
    return page


def _data_until(published: Tables) -> datetime | None:
    if not published.has("data_until"):
        return None
    (row,) = published.rows("select data_until from main.data_until")
    found = row["data_until"]
    return found if isinstance(found, datetime) else None


def _checks(settings: Settings, status: Tables) -> Checks:
    try:
        owners = {name: one.owner for name, one in read_sources(settings.sources).items()}
    except SourcesError:
        owners = {}  # the run says so; the suites' owners stand in their place
    return checks.gather(status, load_suites(), owners, load_settings().owner)
