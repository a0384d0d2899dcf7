"""What the outside looks like before planning: which relations are there, what the sources hold.

The warehouse is opened only when somebody else may have written to it since our last build; its
stamp, taken without connecting, says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sqlpipes.api.project import Project
from sqlpipes.api.values import asking, partition_values
from sqlpipes.core.asset import Asset, Materialized, SourceBody
from sqlpipes.core.errors import EngineError, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History
from sqlpipes.core.sql import Relation, fold

if TYPE_CHECKING:
    from sqlpipes.core.engine import Connection, Engine
    from sqlpipes.decide.planner import Observed, Wish
    from sqlpipes.stores import Store

WAREHOUSE = "warehouse"  # the key of the stamp that our last build left


@contextmanager
def looking(
    project: Project, store: Store, history: History, wish: Wish
) -> Iterator[Engine | None]:
    """An engine to look through, or None when nobody can have written since our last build."""
    from sqlpipes.engines import exists, open_engine

    if untouched(project, store, history, wish) or not exists(project.target, project.root):
        yield None
        return
    with closing(open_engine(project.target, project.root, read_only=True)) as engine:
        yield engine


def is_as_we_left_it(project: Project, store: Store) -> bool:
    """Whether the warehouse's stamp is the one that a build of ours left, having seen everything."""
    from sqlpipes.engines import stamp

    now = stamp(project.target, project.root)
    return now is not None and now == store.stamp(WAREHOUSE)


def untouched(project: Project, store: Store, history: History, wish: Wish) -> bool:
    """Whether nobody can have written since our last build, and no source is new to us.

    Values of a partition that a query finds are always asked for.
    """
    if asking(project.graph, wish.names) or not is_as_we_left_it(project, store):
        return False
    return all(history.of(name).built for name in _tables_to_observe(project.graph, wish))


def _tables_to_observe(graph: Graph, wish: Wish) -> list[str]:
    """Sources in the warehouse (not files) that the wish looks at."""
    asked = {*wish.names, *wish.observe}
    return [
        name
        for name in graph.order
        if name in asked
        and isinstance(body := graph.assets[name].body, SourceBody)
        and not body.files
    ]


def observe(project: Project, history: History, wish: Wish, engine: Engine | None) -> Observed:
    """What the sources look like now. Without an engine nobody wrote, so tables are as recorded."""
    from sqlpipes.decide.planner import Observed
    from sqlpipes.engines import exists
    from sqlpipes.read.files import files_token

    graph = project.graph
    tokens: dict[str, str | None] = {}
    for name in {*wish.names, *wish.observe}:
        body = graph.assets[name].body
        if isinstance(body, SourceBody) and body.files:
            tokens[name] = None if body.changes == "always" else files_token(body.files)
    tables = _tables_to_observe(graph, wish)
    gone_files = _gone_files(project, history, wish)
    if engine is None:
        tokens |= {name: None for name in tables if _always_changes(graph.assets[name])}
        missing = not exists(project.target, project.root)
        return Observed(tokens, frozenset() if missing else None, gone_files)
    existing = _existing(graph, engine)
    with closing(engine.connect()) as connection:
        for name in tables:
            tokens[name] = _table_token(graph.assets[name], engine, connection)
        names = asking(graph, wish.names)
        values = partition_values(project, names, existing, engine, connection) if names else {}
    return Observed(tokens, existing, gone_files, values)


def _gone_files(project: Project, history: History, wish: Wish) -> frozenset[str]:
    """Assets that wrote a file which somebody has removed since."""
    return frozenset(
        name
        for name in wish.names
        if project.graph.assets[name].materialized is Materialized.FILE
        and (path := history.of(name).relation)
        and not os.path.exists(os.path.join(project.root, path))
    )


def _always_changes(asset: Asset) -> bool:
    return isinstance(asset.body, SourceBody) and asset.body.changes == "always"


def _table_token(asset: Asset, engine: Engine, connection: Connection) -> str | None:
    assert isinstance(asset.body, SourceBody)
    assert asset.relation is not None
    changes = asset.body.changes or "hash"
    if changes == "always":
        return None
    if changes == "never":
        return "never"
    try:
        rows = connection.fetch(engine.token_sql(asset.relation, changes))
    except EngineError as error:
        first = error.problems[0]
        message = f"source '{asset.name}' cannot be read: {first.message}"
        raise ProjectError(Problem("SRC001", message, asset.at, first.hint)) from error
    return str(rows.rows[0][0])


def _existing(graph: Graph, engine: Engine) -> frozenset[str]:
    """Assets whose relation is there. A database that is named, and is the target's own, is no other."""
    dialect = graph.dialect
    own = fold(engine.catalog or "", True, dialect)

    def full(relation: Relation) -> tuple[str, str, str]:
        catalog, schema, name = relation.folded(dialect)
        return catalog or own, schema, name

    there = {full(relation) for relation in engine.relations()}
    return frozenset(
        name
        for name, asset in graph.assets.items()
        if asset.relation is not None and full(asset.relation) in there
    )
