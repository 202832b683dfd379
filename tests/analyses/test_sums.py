"""The sums that have to agree: rows that are missing in a table are seen."""

import shutil
from pathlib import Path

from orchestration.database import connect
from tests.analyses.sums import disagreements
from tests.conftest import Built


def test_missing_rows_are_disagreements(built: Built, tmp_path: Path) -> None:
    copy = shutil.copy(built.installation.settings.published, tmp_path / "copy.duckdb")
    with connect(copy) as connection:
        for missing in (
            "retention_weekly where cohort_week = (select min(cohort_week) from retention_weekly)",
            "lifecycle_weekly where week = (select max(week) from lifecycle_weekly)",
            "daily_activity where day = (select min(day) from daily_activity)",
            "channel_attribution where model = 'linear' and event_name = 'Signed Up'",
            "event_catalog where event_name = 'Signed Up'",
        ):
            assert connection.execute(f"delete from {missing}").fetchone() != (0,)
        assert set(disagreements(connection)) == {
            "retention in week 0 is the cohort, and the cohort who was active",
            "new, returning and resurrecting people are the active ones",
            "the people of a day are those of user_days",
            "every model credits what was converted",
            "the catalogue counts every event once",
        }
