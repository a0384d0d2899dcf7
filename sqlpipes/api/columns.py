"""Project -> its column lineage: what is declared, what the warehouse says, what the queries do."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sqlpipes.api.kept import is_kept, read_json, write_json
from sqlpipes.api.project import Project
from sqlpipes.api.warehouses import are_there, engines_to_look
from sqlpipes.core.asset import Asset, Column, Kind, SqlBody
from sqlpipes.core.errors import EngineError, Problem, ProjectError, did_you_mean
from sqlpipes.core.garbage import resting
from sqlpipes.core.sql import fold

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engines
    from sqlpipes.core.graph import Graph
    from sqlpipes.core.lineage import ColumnFacts, Lineage, Tracer

COLUMNS = "columns.json"
ROOM = 3  # entries for each asset

T = TypeVar("T")

Place = tuple[str, str, str, str]  # engine, database ("": its own), schema and name, folded


def lineage(project: Project, *, connect: bool = True) -> Lineage:
    """Every column of every asset and where it comes from.

    Columns of seeds are those of the file's header; of sources and Python assets the declared ones,
    if all have a type, else those of the warehouse when it can be opened. `connect=False` stays
    offline.
    """
    return traced(project, known_columns(project, connect=connect))


def traced(
    project: Project, known: Mapping[str, tuple[Column, ...]], *, keep: bool = True
) -> Lineage:
    """Lineage with these columns of what no query defines; each query is read once per change.

    Not to `keep` what is learnt is for a project that its folder does not hold.
    """
    from sqlpipes.core.lineage import Lineage

    tracer = tracer_of(project, known)
    with resting():
        tracer.reach(project.graph.order)
    if keep:
        keep_traced(project, tracer)
    return Lineage(tracer.facts)


def tracer_of(project: Project, known: Mapping[str, tuple[Column, ...]]) -> Tracer:
    """What can be asked for the columns of one asset after the other, with what was kept."""
    from sqlpipes.core.lineage import Tracer

    return Tracer(project.graph, known, project.config.dialect, _read_cache(project))


def keep_traced(project: Project, tracer: Tracer) -> None:
    """Of a whole graph, exactly what it is made of; of a part, what is new besides."""
    if tracer.facts.keys() >= set(project.graph.order):
        wanted: Mapping[str, ColumnFacts] = tracer.used
    elif tracer.used.keys() <= tracer.cache.keys():
        return
    else:
        wanted = newest(tracer.cache, tracer.used, project.graph)
    if wanted.keys() != tracer.cache.keys():
        _keep(project, wanted)


def newest(old: Mapping[str, T], new: Mapping[str, T], graph: Graph) -> dict[str, T]:
    """What is kept of a part of a graph: it is added, and what was added long ago goes."""
    both = {key: old[key] for key in old if key not in new} | dict(new)
    too_many = len(both) - ROOM * max(100, len(graph.assets))
    return both if too_many <= 0 else dict(list(both.items())[too_many:])


def keep_first(project: Project, facts: Mapping[str, ColumnFacts]) -> None:
    """What somebody has traced on the way, for the first `traced`; what is kept already is worth more."""
    if facts and not is_kept(project.root, COLUMNS):
        _keep(project, facts)


def _keep(project: Project, facts: Mapping[str, ColumnFacts]) -> None:
    plain = {key: each.to_json() for key, each in facts.items()}
    write_json(project.root, COLUMNS, plain, project.secrets)


def known_columns(
    project: Project, *, connect: bool, seen: Mapping[Place, tuple[Column, ...]] | None = None
) -> dict[str, tuple[Column, ...]]:
    """The columns of assets that no query defines: declared ones, else the warehouse's.

    `seen`: those of the warehouse, by somebody who has looked.
    """
    undefined = {
        name: asset
        for name, asset in project.graph.assets.items()
        if not isinstance(asset.body, SqlBody)
    }
    known = {name: asset.columns for name, asset in undefined.items() if _are_all(asset.columns)}
    missing = [asset for name, asset in undefined.items() if name not in known]
    found = seen if seen is not None else warehouse_columns(project) if connect and missing else {}
    for asset in missing:
        there = found_for(asset, found, project.config.dialect)
        if asset.kind is Kind.SEED and asset.columns:
            known[asset.name] = with_types(asset.columns, there or ())
        elif there is not None:
            known[asset.name] = there
    return known


def found_for(
    asset: Asset, found: Mapping[Place, tuple[Column, ...]], dialect: str
) -> tuple[Column, ...] | None:
    if asset.relation is None:
        return None
    catalog, schema, name = asset.relation.folded(dialect)
    return found.get((asset.engine, catalog or "", schema, name))


def with_types(header: tuple[Column, ...], built: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns that may be newer than their table, with the types of that table."""
    types = {column.name: column.type for column in built}
    return tuple(replace(column, type=column.type or types.get(column.name)) for column in header)


def _are_all(columns: tuple[Column, ...]) -> bool:
    """Declared columns stand for the whole relation only when each of them has a type."""
    return bool(columns) and all(column.type is not None for column in columns)


def warehouse_columns(
    project: Project, engines: Engines | None = None
) -> dict[Place, tuple[Column, ...]]:
    """Columns of every relation; nothing when the warehouse is not there or not to be had.

    It is opened to look when no `engines` are given.
    """
    if engines is not None:
        return _all_columns(engines, project.config.dialect)
    if not are_there(project):
        return {}
    try:
        opened = engines_to_look(project)
    except EngineError:
        return {}  # someone is building: lineage works on what the files say
    with closing(opened):
        return _all_columns(opened, project.config.dialect)


def _all_columns(engines: Engines, dialect: str) -> dict[Place, tuple[Column, ...]]:
    """What is in an engine's own database is found with its name and without."""
    found: dict[Place, tuple[Column, ...]] = {}
    for engine_name, engine in engines.each.items():
        own = fold(engine.catalog or "", True, dialect)
        for relation, told in engine.all_columns().items():
            columns = tuple(Column(name, type) for name, type in told)
            catalog, schema, name = relation.folded(dialect)
            found[engine_name, catalog or "", schema, name] = columns
            if catalog is None:
                found[engine_name, own, schema, name] = columns
    return found


def check_column(traced: Lineage, asset: str, column: str) -> str:
    """The column as the asset spells it. ProjectError COL001 when it has none of that name."""
    columns = traced.columns(asset)
    for known in columns:
        if known.name.casefold() == column.casefold():
            return known.name
    names = [known.name for known in columns]
    hint = did_you_mean(column, names) or (f"it has {', '.join(names)}" if names else None)
    raise ProjectError(Problem("COL001", f"'{asset}' has no column '{column}'", hint=hint))


def _read_cache(project: Project) -> Mapping[str, ColumnFacts]:
    from sqlpipes.core.lineage import ColumnFacts

    kept = read_json(project.root, COLUMNS) or {}
    try:
        return {key: ColumnFacts.from_json(value) for key, value in kept.items()}
    except (ValueError, KeyError, TypeError):
        return {}
