"""The values of a partition that a query finds (`values_from`), asked just before planning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sqlpipes.api.project import Project
from sqlpipes.api.warehouses import look
from sqlpipes.core.asset import Asset, SqlBody
from sqlpipes.core.errors import EngineError, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import value_text
from sqlpipes.core.sql import identifier

if TYPE_CHECKING:
    from sqlpipes.core.engine import Connection, Engines
    from sqlpipes.run.warehouse import Warehouses

MOST = 10_000  # values of one column: each is a slice with a record of its own

Found = dict[str, tuple[str, ...]]  # column -> values


def asking(graph: Graph, names: Iterable[str]) -> list[str]:
    """The assets among `names` whose slices are known only after a query."""
    return sorted(name for name in names if graph.assets[name].values_from)


def partition_values(
    project: Project,
    names: Iterable[str],
    existing: frozenset[str],
    engines: Engines,
    connect: Callable[[str], Connection],
) -> dict[str, Found]:
    """asset -> column -> values. An asset is missing while something that its queries read is.

    Raises ProjectError PAR005 when a query fails, or finds what no slice can be named after.
    """
    graph = project.graph
    warehouses = look(engines, project)
    found: dict[str, Found] = {}
    for name in names:
        asset = graph.assets[name]
        if all(_is_there(graph, body, existing) for body in asset.values_from.values()):
            found[name] = {
                column: _values(asset, column, graph, warehouses, connect)
                for column in asset.values_from
            }
    return found


def _is_there(graph: Graph, body: SqlBody, existing: frozenset[str]) -> bool:
    read = {name for found in body.references if (name := graph.resolve(found)) is not None}
    assets = (graph.assets[name] for name in read | graph.ancestors(read))
    return all(asset.relation is None or asset.name in existing for asset in assets)


def _values(
    asset: Asset,
    column: str,
    graph: Graph,
    warehouses: Warehouses,
    connect: Callable[[str], Connection],
) -> tuple[str, ...]:
    """Distinct values as text; rows without one belong to no slice."""
    from sqlpipes.run.homes import home_of
    from sqlpipes.run.query import body_query

    body = asset.values_from[column]
    try:
        home = home_of(body, graph, warehouses.of(asset), asset.at)
    except EngineError as error:
        raise ProjectError(*error.problems) from error
    warehouse, connection = warehouses.named(home), connect(home)
    query = body_query(body, asset.path, graph, warehouse).text
    try:
        columns = connection.fetch(f"select * from (\n{query}\n) as found limit 0").columns
        if len(columns) != 1:
            raise _fault(asset, column, f"it has {len(columns)} columns instead of one")
        name = identifier(columns[0])
        rows = connection.fetch(
            f"select distinct cast({name} as {warehouse.can.text}) as value from "
            f"(\n{query}\n) as found where {name} is not null order by 1",
            MOST + 1,
        ).rows
    except EngineError as error:
        raise _fault(asset, column, error.problems[0].message) from error
    if len(rows) > MOST:
        raise _fault(asset, column, f"it finds more than {MOST:,} values")
    try:
        return tuple(value_text(value) for (value,) in rows)
    except ValueError as error:
        raise _fault(asset, column, str(error)) from None


def _fault(asset: Asset, column: str, what: str) -> ProjectError:
    message = f"the query for the values of '{column}' of '{asset.name}': {what}"
    return ProjectError(Problem("PAR005", message, asset.at))
