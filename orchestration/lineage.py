"""How dbt's models and the loader's steps become one graph in Dagster."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from orchestration.sources import FORMATS_OF_VIEW, Sources

#: Who is asked about what names nobody.
DEFAULT_OWNER = "team:data-platform"

#: The model that reads the manifest: what it sees is what gate 1 admitted.
MANIFEST_READER = dg.AssetKey("batches")


def raw_key(source: str) -> dg.AssetKey:
    """Return the asset of a source's raw rows."""
    return dg.AssetKey(["raw", source])


def admitted_key(source: str) -> dg.AssetKey:
    """Return the asset of a source's batches that passed gate 1."""
    return dg.AssetKey(["admitted", source])


class Translator(DagsterDbtTranslator):
    """Names models as analysts know them, and ties them to the sources that feed them.

    A raw view collects every source of a format; in the lineage a staging model stands below the sources
    themselves, and the manifest's place is taken by the batches that gate 1 admitted.
    """

    def __init__(self, sources: Sources) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=False))
        self.sources = sources

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return the model's name; a raw table keeps its prefix."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(["raw", "view", dbt_resource_props["name"]])
        return dg.AssetKey(dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the layer: staging, core, marts."""
        fqn = dbt_resource_props["fqn"]
        return str(fqn[1]) if len(fqn) > 2 else "seeds"

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Return the owners that a model names in its meta, else the default."""
        return list(super().get_owners(dbt_resource_props) or [DEFAULT_OWNER])

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Return the spec of a model, with raw views replaced by what stands behind them."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        deps: dict[dg.AssetKey, dg.AssetDep] = {}
        for dep in spec.deps:
            for key in self._behind(dep.asset_key, spec.key):
                deps[key] = dg.AssetDep(key)
        return spec.replace_attributes(deps=list(deps.values()))

    def _behind(self, key: dg.AssetKey, reader: dg.AssetKey) -> list[dg.AssetKey]:
        if key.path[:2] != ["raw", "view"]:
            return [key]
        view = key.path[2]
        if view == "files" and reader == MANIFEST_READER:
            return [admitted_key(name) for name in self.sources]
        if view in FORMATS_OF_VIEW:
            return [
                raw_key(name)
                for name, source in self.sources.items()
                if source.format in FORMATS_OF_VIEW[view]
            ]
        if view == "unreadable":
            return [raw_key(name) for name in self.sources]
        return []
