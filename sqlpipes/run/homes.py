"""A query, or an asset, of a Python function -> the engine that it is asked of: where its tables live."""

from __future__ import annotations

from collections.abc import Iterable

from sqlpipes.core.asset import Asset, Materialized, SourceBody, SqlBody
from sqlpipes.core.errors import EngineError, Location, Problem
from sqlpipes.core.graph import Graph
from sqlpipes.run.warehouse import Warehouse


def home_of(body: SqlBody, graph: Graph, own: Warehouse, at: Location) -> str:
    """The one engine on which all that the query reads lives; `own` where that is none.

    Raises EngineError XNG007 for tables of several engines: a function is not a step of its own to
    which rows could cross.
    """
    read = [name for found in body.references if (name := graph.resolve(found)) is not None]
    homes = _homes(graph, read)
    if len(homes) > 1:
        said = " and ".join(
            f"'{name}' on '{engine or 'default'}'" for engine, name in homes.items()
        )
        message = f"the query reads {said}, and one engine has to answer it"
        hint = "ask for each with a query of its own, or make a SQL asset of it: its rows cross"
        raise EngineError(Problem("XNG007", message, at, hint))
    return next(iter(homes), own.engine)


def home_of_asset(asset: Asset, graph: Graph) -> str:
    """Where the rows of an input are asked for. An ephemeral one is computed where what it reads is."""
    if asset.materialized is not Materialized.EPHEMERAL:
        return asset.engine
    homes = _homes(graph, [asset.name])
    return next(iter(homes)) if len(homes) == 1 else asset.engine


def _homes(graph: Graph, names: Iterable[str]) -> dict[str, str]:
    """Engine -> a table among these, and behind the ephemeral ones, that lives on it."""
    found: dict[str, str] = {}
    todo = list(names)
    while todo:
        asset = graph.assets[todo.pop()]
        if asset.materialized is Materialized.EPHEMERAL:
            todo += graph.parents(asset.name)
        elif not (isinstance(asset.body, SourceBody) and asset.body.files):
            found.setdefault(asset.engine, asset.name)
    return found
