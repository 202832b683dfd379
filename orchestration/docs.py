"""`make docs`: dbt's documentation, from the tables of the last run."""

import sys

from orchestration.dbt_project import DbtProject
from orchestration.settings import Settings


def main() -> int:
    """Write the documentation as one page and say where it is."""
    settings = Settings.from_environment()
    settings.prepare()
    if not settings.warehouse.exists():
        print(f"error: {settings.warehouse} does not exist: run `make demo` or `make run` first")
        return 1
    page = DbtProject(settings).write_docs()
    print(f"open: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
