"""Two states of a project -> the queries that DuckDB takes of the one and refuses of the other.

Asked over empty tables of the columns and types that are known: a function that has no such argument any
more, two types that do not compare, sides of a UNION that do not fit. Only of a project in DuckDB's dialect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.hollow import hollow_engine
from sqlpipes.api.look import in_file
from sqlpipes.api.project import Project
from sqlpipes.core.asset import Asset, Kind, Scope, SqlBody
from sqlpipes.core.errors import EngineError, Problem, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage import Lineage

if TYPE_CHECKING:
    from sqlpipes.run.unit_tests.columns import Skeleton

DIALECT = "duckdb"


def newly_refused(
    before: Project, project: Project, lineage: Lineage, names: Iterable[str]
) -> dict[str, tuple[Problem, ...]]:
    """Of the assets `names` of `project`, those whose query would fail, with why; `before`, it would not."""
    if project.graph.dialect != DIALECT or project.graph.porters:
        return {}
    found = _refused(project, lineage, names)
    known = _refused(before, lineage, [each for each in found if each in before.graph.assets])
    return {name: problems for name, problems in found.items() if name not in known}


def _refused(
    project: Project, lineage: Lineage, names: Iterable[str]
) -> dict[str, tuple[Problem, ...]]:
    wanted = [name for name in names if isinstance(project.graph.assets[name].body, SqlBody)]
    if not wanted:
        return {}
    found: dict[str, tuple[Problem, ...]] = {}
    with _skeleton(project, lineage) as skeleton:
        for name in wanted:
            skeleton.make(name)
            if name in skeleton.refused:
                found[name] = tuple(_why(skeleton, project.graph.assets[name]))
    return {name: problems for name, problems in found.items() if problems}


@contextmanager
def _skeleton(project: Project, lineage: Lineage) -> Iterator[Skeleton]:
    from sqlpipes.run.unit_tests.columns import Skeleton
    from sqlpipes.run.warehouse import warehouse_of

    graph, target, root = _typed(project.graph, lineage), project.target, project.root
    with (
        closing(hollow_engine(graph, target, root)) as engine,
        closing(engine.connect()) as connection,
    ):
        yield Skeleton(graph, warehouse_of(engine, target.schema, root), connection)


def _typed(graph: Graph, lineage: Lineage) -> Graph:
    """On one engine, and what no query defines with the columns that it is known to have."""

    def told(asset: Asset) -> Asset:
        is_known = lineage.is_listed(asset.name) and not isinstance(asset.body, SqlBody)
        if asset.kind is Kind.SEED or not is_known:
            return replace(asset, engine="")
        return replace(asset, engine="", columns=lineage.columns(asset.name))

    return replace(graph, assets={name: told(asset) for name, asset in graph.assets.items()})


def _why(skeleton: Skeleton, asset: Asset) -> Iterator[Problem]:
    """What DuckDB says of the query alone, at its place in the user's file."""
    from sqlpipes.run.query import asset_query

    table = skeleton.empty.quote(asset.relation) if asset.relation else ""
    try:
        query = asset_query(asset, skeleton.graph, skeleton.empty, Scope(table))
        skeleton.connection.describe(query.text)
    except EngineError as error:
        for problem in error.problems:
            yield replace(in_file(problem, query, asset), code="IMP007")
    except SqlpipesError:
        return
