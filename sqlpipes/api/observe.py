"""What the outside looks like before planning: which relations are there, what the sources hold.

The warehouse is opened only when somebody else may have written to it since our last build; its
stamp, taken without connecting, says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.project import Project
from sqlpipes.api.values import asking, partition_values
from sqlpipes.api.warehouses import are_there, connections, engines_to_look, stamp_of
from sqlpipes.core.asset import Asset, Materialized, SourceBody
from sqlpipes.core.errors import EngineError, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History, Past
from sqlpipes.core.partitions import WHOLE_AXIS, rest_places
from sqlpipes.core.sql import Relation, fold
from sqlpipes.core.windows import Sighting, Windows, is_in_windows, sighting

if TYPE_CHECKING:
    from sqlpipes.core.engine import Connection, Engine, Engines
    from sqlpipes.decide.planner import Observed, Wish
    from sqlpipes.stores import Store

Look = str | Windows | None
"""What one look at a source says; None: nothing, so that it counts as changed."""

WAREHOUSE = "warehouse"  # the key of the stamp that our last build left


@contextmanager
def looking(
    project: Project, store: Store, history: History, wish: Wish
) -> Iterator[Engines | None]:
    """Engines to look through, or None when nobody can have written since our last build."""
    if untouched(project, store, history, wish) or not are_there(project):
        yield None
        return
    with closing(engines_to_look(project)) as engines:
        yield engines


def is_as_we_left_it(project: Project, store: Store) -> bool:
    """Whether the warehouse's stamp is the one that a build of ours left, having seen everything."""
    now = stamp_of(project)
    return now is not None and now == store.stamp(WAREHOUSE)


def untouched(project: Project, store: Store, history: History, wish: Wish) -> bool:
    """Whether nobody can have written since our last build, and no source is new to us.

    Values of a partition that a query finds are always asked for.
    """
    graph = project.graph
    if asking(graph, wish.names) or not is_as_we_left_it(project, store):
        return False
    tables = _tables_to_observe(graph, wish)
    return all(_is_known(graph.assets[name], history.of(name)) for name in tables)


def _is_known(asset: Asset, past: Past) -> bool:
    """Whether the source was seen, and in the windows that it is cut into now."""
    if not past.built or not _has_windows(asset):
        return bool(past.built)
    assert asset.partition is not None
    seen = {built.slices.axis for built in past.built}
    return is_in_windows(past.token) and seen <= {asset.partition.axis, WHOLE_AXIS}


def _has_windows(asset: Asset) -> bool:
    """Whether each window of the source is looked at; without a look there is nothing to tell apart."""
    assert isinstance(asset.body, SourceBody)
    return asset.partition is not None and asset.body.changes not in ("always", "never")


def _tables_to_observe(graph: Graph, wish: Wish) -> list[str]:
    """Sources in the warehouse (not files) that the wish looks at."""
    asked = {*wish.names, *wish.observe}
    return [
        name
        for name in graph.order
        if name in asked
        and isinstance(body := graph.assets[name].body, SourceBody)
        and not body.files
        and body.observer is None
    ]


def observe(
    project: Project,
    store: Store,
    history: History,
    wish: Wish,
    engines: Engines | None,
    *,
    strict: bool = False,
) -> Observed:
    """What the sources look like now. Without engines nobody wrote, so tables are as recorded.

    A table that cannot be read counts as changed: ProjectError SRC001 if `strict`.
    """
    from sqlpipes.decide.planner import Observed

    graph = project.graph
    looks = {name: _files_look(graph.assets[name], project.root) for name in _files(graph, wish)}
    looks |= {name: _observer_look(project, name) for name in _observed(graph, wish)}
    tables = _tables_to_observe(graph, wish)
    existing, values = None, {}
    if engines is not None:
        existing = _existing(graph, engines)
        with connections(engines) as connect:
            for name in tables:
                asset = graph.assets[name]
                engine = engines.named(asset.engine)
                changes = changes_there(asset, graph, engine.dialect)
                looks[name] = _table_look(asset, changes, engine, connect(asset.engine), strict)
            if names := asking(graph, wish.names):
                asked = partition_values(project, names, existing, engines, connect)
                values = _or_known(graph, history, asked)
    else:
        looks |= {name: None for name in tables if _always_changes(graph.assets[name])}
        existing = None if are_there(project) else frozenset()
    tokens = {n: look.token if isinstance(look, Windows) else look for n, look in looks.items()}
    windows = {
        name: found
        for name, look in looks.items()
        if isinstance(look, Windows) and (found := _compared(name, look, store, history))
    }
    return Observed(tokens, existing, _gone_files(project, history, wish), values, windows)


def _or_known(
    graph: Graph, history: History, found: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Where a query finds no value any more, the slices that are built stay: they are empty now."""
    values = {name: dict(columns) for name, columns in found.items()}
    for name, columns in values.items():
        cut = graph.assets[name].partition
        for column in [column for column, listed in columns.items() if not listed and cut]:
            assert cut is not None
            place = rest_places(cut.axis).index(cut.columns.index(column))
            built = history.of(name).slices(cut.axis).labels
            columns[column] = tuple(sorted({str(labels[place]) for labels in built}))
    return values


def _compared(name: str, now: Windows, store: Store, history: History) -> Sighting | None:
    """What moved in a source's windows. One that has no rows, and had none, is seen as a whole."""
    token = history.of(name).token
    if now.token == token:
        return None
    before = store.windows(name, now.axis)
    return sighting(now, before, token) if before or now.tokens else None


def _files(graph: Graph, wish: Wish) -> list[str]:
    """Sources that are files."""
    asked = {*wish.names, *wish.observe}
    bodies = ((name, graph.assets[name].body) for name in sorted(asked))
    return [
        name
        for name, body in bodies
        if isinstance(body, SourceBody) and body.files and body.observer is None
    ]


def _observed(graph: Graph, wish: Wish) -> list[str]:
    """Sources with a function of the user's that observes them."""
    bodies = ((name, graph.assets[name].body) for name in sorted({*wish.names, *wish.observe}))
    return [name for name, body in bodies if isinstance(body, SourceBody) and body.observer]


def _observer_look(project: Project, name: str) -> Look:
    from sqlpipes.run.observing import observed

    return observed(
        project.graph.assets[name],
        target=project.target.name,
        root=project.root,
        vars=project.config.vars,
        say=sys.stderr.write,
    )


def _files_look(asset: Asset, root: str) -> Look:
    from sqlpipes.read.file_windows import file_windows
    from sqlpipes.read.files import files_token

    assert isinstance(asset.body, SourceBody)
    if _always_changes(asset):
        return None
    if asset.partition is not None:
        return file_windows(asset, root)
    return files_token(asset.body.files, asset.body.besides)


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


WAYS = ("always", "never", "hash", "count")  # of seeing a change, that every engine knows


def changes_there(asset: Asset, graph: Graph, dialect: str) -> str:
    """How a change of the source is seen: a word, or an aggregate as the engine says it.

    Raises ProjectError TRN... for what cannot be said there.
    """
    from sqlpipes.run.checks import aggregate

    assert isinstance(asset.body, SourceBody)
    said = asset.body.changes or "hash"
    return said if said in WAYS else aggregate(said, asset, graph, dialect)


def _table_look(
    asset: Asset, changes: str, engine: Engine, connection: Connection, strict: bool
) -> Look:
    assert asset.relation is not None
    if changes == "always":
        return None
    if changes == "never":
        return "never"
    try:
        if asset.partition is not None:
            return engine.windows(connection, asset.relation, changes, asset.partition)
        rows = connection.fetch(engine.token_sql(asset.relation, changes))
    except EngineError as error:
        if not strict and not _is_readable(asset.relation, engine, connection):
            return None  # nobody can tell: its readers run, and say themselves why they cannot
        raise ProjectError(_unread(asset, error.problems[0])) from error
    return str(rows.rows[0][0])


def _is_readable(relation: Relation, engine: Engine, connection: Connection) -> bool:
    """Whether the fault lies in how its changes are seen, and not in the table."""
    try:
        connection.fetch(f"select 1 from {engine.quote(relation)} limit 0")
    except EngineError:
        return False
    return True


def _unread(asset: Asset, fault: Problem) -> Problem:
    if fault.code == "SRC002":
        message = f"source '{asset.name}' cannot be cut into windows: {fault.message}"
        return replace(fault, message=message, at=asset.at)
    message = f"source '{asset.name}' cannot be read: {fault.message}"
    return Problem("SRC001", message, asset.at, fault.hint)


def _existing(graph: Graph, engines: Engines) -> frozenset[str]:
    """Assets whose relation is there."""
    found = (_existing_on(name, graph, engine) for name, engine in engines.each.items())
    return frozenset().union(*found)


def _existing_on(engine_name: str, graph: Graph, engine: Engine) -> frozenset[str]:
    """A database that is named, and is the engine's own, is no other."""
    dialect = engine.dialect if engine_name else graph.dialect
    own = fold(engine.catalog or "", True, dialect)

    def full(relation: Relation) -> tuple[str, str, str]:
        catalog, schema, name = relation.folded(dialect)
        return catalog or own, schema, name

    there = {full(relation) for relation in engine.relations()}
    return frozenset(
        name
        for name, asset in graph.assets.items()
        if asset.relation is not None
        and asset.engine == engine_name
        and full(asset.relation) in there
    )
