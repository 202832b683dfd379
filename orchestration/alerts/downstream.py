"""What reads a relation, at any distance: published tables, funnels, dashboards; as dbt's manifest says."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expectations import anomalies
from orchestration.alerts.incidents import Incident
from orchestration.sources import FORMATS_OF_VIEW


@dataclass(frozen=True)
class Downstream:
    """Names of published tables (the checked one first) and funnels, dashboards with their addresses."""

    tables: tuple[str, ...] = ()
    funnels: tuple[str, ...] = ()
    dashboards: tuple[str, ...] = ()


class Lineage:
    """The graph of dbt's manifest. `formats` says of each source of sources.yml what its files are."""

    def __init__(self, manifest: Mapping[str, Any], formats: Mapping[str, str]) -> None:
        self._nodes: Mapping[str, Any] = {
            **manifest.get("nodes", {}),
            **manifest.get("sources", {}),
            **manifest.get("exposures", {}),
        }
        self._children: Mapping[str, list[str]] = manifest.get("child_map", {})
        self._formats = formats
        self._found: dict[str, Downstream] = {}

    @classmethod
    def read(cls, path: Path, formats: Mapping[str, str]) -> "Lineage":
        """Read manifest.json; without one nothing is known."""
        return cls(json.loads(path.read_text()) if path.exists() else {}, formats)

    def of(self, relation: str) -> Downstream:
        """Return what is made from a relation: a published table, or the raw rows of a source (`raw.web`)."""
        if relation not in self._found:
            self._found[relation] = self._of(relation)
        return self._found[relation]

    def of_incident(self, incident: Incident) -> Downstream:
        """Return what is made from what an incident is about; an anomaly is about the rows of its source."""
        if incident.suite == anomalies.SUITE:
            return self.of(f"raw.{incident.check_name.partition('/')[0]}")
        return self.of(incident.relation)

    def _of(self, relation: str) -> Downstream:
        tables: set[str] = set()
        funnels: set[str] = set()
        dashboards: set[str] = set()
        for name in self._reach(self._starts(relation)):
            node = self._nodes.get(name, {})
            if node.get("resource_type") == "exposure":
                dashboards.add(_dashboard(node))
            elif node.get("resource_type") == "model" and node["schema"] == "main":
                (funnels if "funnels" in node["fqn"][1:-1] else tables).add(node["alias"])
        first = [] if relation.startswith("raw.") or relation in funnels else [relation]
        return Downstream(
            (*first, *sorted(tables - {relation})),
            tuple(sorted(funnels)),
            tuple(sorted(dashboards)),
        )

    def _starts(self, relation: str) -> list[str]:
        if relation.startswith("raw."):
            kind = self._formats.get(relation.removeprefix("raw."))
            views = {view for view, formats in FORMATS_OF_VIEW.items() if kind in formats}
            return [
                name
                for name, node in self._nodes.items()
                if node["resource_type"] == "source"
                and node["source_name"] == "raw"
                and node["name"] in views
            ]
        starts = []
        for name, node in self._nodes.items():
            if node["resource_type"] == "model" and (node["schema"], node["alias"]) == (
                "main",
                relation,
            ):
                starts.append(name)
                if node["config"]["materialized"] == "view":
                    # It has no rows of its own: what reads the tables behind it reads the same rows.
                    starts += [
                        parent
                        for parent in node["depends_on"]["nodes"]
                        if self._nodes.get(parent, {}).get("schema") != "main"
                    ]
        return starts

    def _reach(self, starts: Iterable[str]) -> set[str]:
        reached: set[str] = set()
        ahead = list(starts)
        while ahead:
            name = ahead.pop()
            if name not in reached:
                reached.add(name)
                ahead += self._children.get(name, [])
        return reached


def _dashboard(node: Mapping[str, Any]) -> str:
    name = str(node.get("label") or node["name"])
    return f"{name} ({node['url']})" if node.get("url") else name
