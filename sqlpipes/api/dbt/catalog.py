"""Project + the columns that the warehouse has -> dbt's catalog, version 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlpipes.api.dbt.ids import asset_id
from sqlpipes.core.asset import Asset, Column, Kind, Materialized

if TYPE_CHECKING:
    from sqlpipes.api.project import Project
    from sqlpipes.core.lineage import Documented

SCHEMA = "https://schemas.getdbt.com/dbt/catalog/v1.json"


def catalog(
    project: Project,
    there: Mapping[str, Sequence[Column]],
    documented: Mapping[str, Sequence[Documented]],
    metadata: dict[str, Any],
) -> dict[str, Any]:
    """`there`: asset -> its columns, of those that the warehouse has."""
    nodes: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for name, columns in there.items():
        asset = project.graph.assets[name]
        into = sources if asset.kind is Kind.SOURCE else nodes
        said = {each.name.casefold(): each.description for each in documented.get(name, ())}
        into[asset_id(project.config.name, asset)] = _table(project, asset, columns, said)
    return {
        "metadata": {**metadata, "dbt_schema_version": SCHEMA},
        "nodes": nodes,
        "sources": sources,
        "errors": None,
    }


def _table(
    project: Project, asset: Asset, columns: Sequence[Column], said: Mapping[str, str]
) -> dict[str, Any]:
    relation = asset.relation
    return {
        "unique_id": asset_id(project.config.name, asset),
        "metadata": {
            "type": "VIEW" if asset.materialized is Materialized.VIEW else "BASE TABLE",
            "database": (relation.catalog if relation else None) or project.target.catalog,
            "schema": relation.schema if relation else project.target.schema,
            "name": relation.name if relation else asset.name,
            "comment": asset.description or None,
            "owner": asset.owners[0] if asset.owners else None,
        },
        "columns": {
            column.name: {
                "type": column.type or "",
                "index": index,
                "name": column.name,
                "comment": said.get(column.name.casefold()) or None,
            }
            for index, column in enumerate(columns, 1)
        },
        "stats": {
            "has_stats": {
                "id": "has_stats",
                "label": "Has Stats?",
                "value": False,
                "include": False,
                "description": "Indicates whether there are statistics for this table",
            }
        },
    }
