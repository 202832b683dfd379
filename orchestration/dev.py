"""`make dev`: Dagster's page on this machine."""

import os
import sys
from pathlib import Path

from orchestration.dbt_project import DbtProject
from orchestration.settings import Settings


def main() -> None:
    """Start Dagster's web server and daemon on 127.0.0.1; further arguments go to `dagster dev`."""
    settings = Settings.from_environment()
    settings.prepare()
    DbtProject(settings).parse()
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(  # noqa: S606 - our own executable, no shell
        dagster,
        [dagster, "dev", "-m", "orchestration.definitions", "-h", "127.0.0.1", *sys.argv[1:]],
    )


if __name__ == "__main__":
    main()
