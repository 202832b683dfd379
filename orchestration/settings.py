"""Where things are: the settings of the environment that name places, and the files below them."""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TRACKING_PLAN = PROJECT / "expectations" / "tracking_plan"
SUITES = PROJECT / "expectations" / "suites"


@dataclass(frozen=True)
class Settings:
    """The places of one installation. Paths are absolute.

    `FOOTPATH_LANDING` holds delivered files, `FOOTPATH_SOURCES` says what they are, `FOOTPATH_HOME`
    keeps everything that footpath makes, `FOOTPATH_ALERTS` says who is told when a check fails,
    `FOOTPATH_TRACKING_PLAN` holds the planned events, `FOOTPATH_EXPECTATIONS` suites of checks beside
    the shipped ones. A relative path counts from the working folder.
    """

    landing: Path
    sources: Path
    home: Path
    project: Path = PROJECT
    alerts: Path = PROJECT / "expectations" / "alerts.yml"
    tracking_plan: Path = TRACKING_PLAN
    expectations: Path | None = None

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings of the environment, with the defaults of the documentation."""
        return cls(
            landing=Path(os.environ.get("FOOTPATH_LANDING", "landing")).resolve(),
            sources=Path(os.environ.get("FOOTPATH_SOURCES", "sources.yml")).resolve(),
            home=Path(os.environ.get("FOOTPATH_HOME", "var")).resolve(),
            alerts=Path(os.environ.get("FOOTPATH_ALERTS", cls.alerts)).resolve(),
            tracking_plan=Path(os.environ.get("FOOTPATH_TRACKING_PLAN", TRACKING_PLAN)).resolve(),
            expectations=Path(own).resolve()
            if (own := os.environ.get("FOOTPATH_EXPECTATIONS"))
            else None,
        )

    @property
    def suites(self) -> tuple[Path, ...]:
        """The folders of suites: the shipped one, and the installation's own if it names one."""
        return (SUITES,) if self.expectations is None else (SUITES, self.expectations)

    @property
    def raw(self) -> Path:
        """Raw rows and the manifest of delivered files; the loader writes it."""
        return self.home / "raw.duckdb"

    @property
    def warehouse(self) -> Path:
        """The pipeline's own tables; dbt writes it."""
        return self.home / "warehouse.duckdb"

    @property
    def scratch(self) -> Path:
        """Rows of the last run that no later run needs; dbt writes it, each build begins with a new one."""
        return self.home / "scratch.duckdb"

    @property
    def published(self) -> Path:
        """What readers open; replaced whole."""
        return self.home / "published.duckdb"

    @property
    def dagster(self) -> Path:
        """Dagster's instance: runs, events, schedules."""
        return self.home / "dagster"

    @property
    def reports(self) -> Path:
        """One JSON report a run."""
        return self.home / "reports"

    @property
    def target(self) -> Path:
        """What dbt compiles."""
        return self.home / "target"

    @property
    def lock(self) -> Path:
        """The file whose lock makes runs queue."""
        return self.home / "run.lock"

    @property
    def last_run(self) -> Path:
        """What the last published run was made from, to tell that nothing is new."""
        return self.home / "last_run.json"

    def prepare(self) -> None:
        """Make the folders below `FOOTPATH_HOME`, and Dagster's instance file."""
        for folder in (self.home, self.dagster, self.reports, self.target):
            folder.mkdir(parents=True, exist_ok=True)
        instance = self.dagster / "dagster.yaml"
        if not instance.exists():
            instance.write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")
        os.environ["DAGSTER_HOME"] = str(self.dagster)
        os.environ["FOOTPATH_HOME"] = str(self.home)
        os.environ["FOOTPATH_LANDING"] = str(self.landing)
        os.environ["FOOTPATH_SOURCES"] = str(self.sources)
        os.environ["FOOTPATH_ALERTS"] = str(self.alerts)
        os.environ["FOOTPATH_TRACKING_PLAN"] = str(self.tracking_plan)
        if self.expectations is not None:
            os.environ["FOOTPATH_EXPECTATIONS"] = str(self.expectations)
