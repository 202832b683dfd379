"""Where erasing works: the warehouse with raw.duckdb beside it, and the view of whose every row is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import yaml

from orchestration.database import connect, literal, quote
from orchestration.dbt_project import DbtProject
from orchestration.settings import Settings

#: The model that says whose every row is. dbt has to build it first: it depends on what the tables hold.
VIEW = "row_identifiers"


@contextmanager
def workplace(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse with raw.duckdb attached as `raw`, for writing."""
    with connect(settings.warehouse) as connection:
        connection.execute(f"attach {literal(str(settings.raw))} as raw")
        yield connection


def view_of(dbt: DbtProject) -> str:
    """Return the qualified name of the view."""
    node = dbt.parse().nodes[f"model.footpath.{VIEW}"]
    return f"{quote(node.schema)}.{quote(node.alias)}"


def strategy_of(dbt: DbtProject) -> str:
    """Return the setting `identity_strategy`."""
    project = yaml.safe_load((dbt.settings.project / "dbt_project.yml").read_text())
    given = (project.get("vars") or {}).get("footpath") or {}
    if dbt.variables:
        given = json.loads(dbt.variables[-1])["footpath"]
    return str(given.get("identity_strategy", "timeline"))
