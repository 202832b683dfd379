"""The SQL half of `make lint`: sqlfluff on the models, dbt-bouncer on what every model owes its reader."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from orchestration import loading
from orchestration.database import connect
from orchestration.dbt_project import DbtProject
from orchestration.sample import SAMPLE_SOURCES
from orchestration.settings import PROJECT, Settings
from orchestration.sources import read_sources


def main() -> int:
    """Build every model on no data in a scratch home, and lint against it. Returns 0 when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings(landing=home / "landing", sources=SAMPLE_SOURCES, home=home)
        settings.prepare()
        with connect(settings.raw) as connection:
            loading.prepare(connection, read_sources(settings.sources))
        dbt = DbtProject(settings)
        dbt.build()
        dbt.write_docs()
        configuration = home / "dbt-bouncer.yml"
        configuration.write_text(
            (PROJECT / "dbt-bouncer.yml")
            .read_text()
            .replace("dbt_artifacts_dir: target", f"dbt_artifacts_dir: {settings.target}")
        )
        failed = [
            name
            for name, arguments in (
                ("dbt-bouncer", ["--config-file", str(configuration)]),
                ("sqlfluff", ["lint", "models", "--processes", str(os.cpu_count() or 1)]),
            )
            if _run(name, *arguments) != 0
        ]
    if failed:
        print(f"lint failed: {', '.join(failed)}")
    return 1 if failed else 0


def _run(name: str, *arguments: str) -> int:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode  # noqa: S603 - our own tools


if __name__ == "__main__":
    sys.exit(main())
