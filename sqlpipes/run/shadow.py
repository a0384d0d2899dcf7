"""Graph + an asset + another relation -> the same graph, in which everybody reads the asset there.

So checks look at what is staged and not published yet, with the same SQL as ever. A view that shows rows
of the asset is read through: its text takes the place of its name.
"""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.asset import Asset, Materialized, SqlBody
from sqlpipes.core.graph import Graph
from sqlpipes.core.sql import Relation


def reading(graph: Graph, asset: Asset, there: Relation) -> Graph:
    """Names mean what they meant; only the asset's rows stand somewhere else."""
    assets = dict(graph.assets)
    assets[asset.name] = replace(asset, relation=there)
    for name in graph.order:
        if name != asset.name and _shows(graph, name, asset.name):
            assets[name] = replace(assets[name], materialized=Materialized.EPHEMERAL)
    return replace(graph, assets=assets)


def _shows(graph: Graph, name: str, wanted: str) -> bool:
    """Whether it is a view that reads the asset, maybe through other views."""
    asset = graph.assets[name]
    if asset.materialized is not Materialized.VIEW or not isinstance(asset.body, SqlBody):
        return False
    above = graph.parents(name)
    return wanted in above or any(_shows(graph, each, wanted) for each in above if each != name)
