"""Project -> the same project, whose graph says which slices a slice reads wherever a query proves it.

What was proven is kept in one file: while no query and no column has changed, nothing is parsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

from sqlpipes.api.columns import found_for, keep_first, known_columns, with_types
from sqlpipes.api.kept import read_json, read_tables, write_json, write_tables
from sqlpipes.api.project import Project
from sqlpipes.core.asset import Column, Kind, SqlBody
from sqlpipes.core.garbage import resting
from sqlpipes.core.graph import Graph
from sqlpipes.core.lazily import Lazily

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engines
    from sqlpipes.core.events import StepFinished
    from sqlpipes.core.lineage import Local

PROOFS = "proofs.json"

Known = Mapping[str, tuple[Column, ...]]


def with_proofs(project: Project, engines: Engines | None) -> Project:
    """The project with every edge proven that can be, and its sources cut as they are read.

    `engines`: the open warehouses; None when nobody but us can have written since it was looked at, so
    that what it told of columns then still holds.
    """
    from sqlpipes.decide.proving import cut, provable, proved

    names = provable(project.graph)
    if not names:
        return project
    known, built = _columns(project, engines)
    local = _locals(project, names, known, built)
    return replace(project, graph=proved(cut(project.graph, local, known), local))


def remember_tables(project: Project, engines: Engines) -> None:
    """Keep the columns of all tables as a build leaves them, if anything is ever to be proven."""
    from sqlpipes.decide.proving import provable

    if project.config.column_aware or provable(project.graph):
        write_tables(project.root, _told(project, engines))


def remember_built(project: Project, engines: Engines, finished: Iterable[StepFinished]) -> None:
    """The same after a build that nobody else wrote beside: what it has not built is as it was.

    Functions and statements of hooks may have written anywhere, and a source has moved because somebody
    did: then all is asked.
    """
    kept = read_tables(project.root)
    if kept is None or not all(_tells_itself(project, event) for event in finished):
        remember_tables(project, engines)
        return
    told = {
        event.asset: [list(column) for column in event.columns]
        for event in finished
        if project.graph.assets[event.asset].is_stored
    }
    if any(kept.get(name) != columns for name, columns in told.items()):
        write_tables(project.root, {**kept, **told})


def _tells_itself(project: Project, event: StepFinished) -> bool:
    asset = project.graph.assets[event.asset]
    if asset.kind not in (Kind.SQL, Kind.SEED) or asset.before or asset.after:
        return False
    return bool(event.columns) or not asset.is_stored


def columns_of_tables(project: Project) -> Known:
    """The columns of what no query defines, as they were last told; nothing is opened."""
    kept = read_tables(project.root) or {}
    return _sorted_out(project, kept)[0]


def _columns(project: Project, engines: Engines | None) -> tuple[Known, Known]:
    """(columns of what no query defines, columns of tables that a query makes)."""
    kept = None if engines else read_tables(project.root)
    if kept is None:
        kept = _told(project, engines)
        write_tables(project.root, kept)
    return _sorted_out(project, kept)


def _sorted_out(project: Project, kept: Mapping[str, Any]) -> tuple[Known, Known]:
    found = known_columns(project, connect=False)
    built: list[str] = []
    for name, said in kept.items():
        asset = project.graph.assets.get(name)
        if asset is None:
            continue
        if isinstance(asset.body, SqlBody):
            built.append(name)
        else:
            columns = _columns_from(said)
            found[name] = with_types(found[name], columns) if name in found else columns
    return found, Lazily(built, lambda name: _columns_from(kept[name]))


def _columns_from(said: Iterable[Sequence[str | None]]) -> tuple[Column, ...]:
    return tuple(Column(str(name), type) for name, type in said)


def _told(project: Project, engines: Engines | None) -> dict[str, Any]:
    """asset -> [[column, type], ...] of each table that is there, asked of the warehouse."""
    from sqlpipes.api.columns import warehouse_columns

    there = warehouse_columns(project, engines)
    dialect = project.config.dialect
    found = {}
    for name, asset in project.graph.assets.items():
        columns = found_for(asset, there, dialect) or ()
        if columns and asset.is_stored:
            found[name] = [[column.name, column.type] for column in columns]
    return found


def _locals(
    project: Project, names: tuple[str, ...], known: Known, built: Known
) -> dict[str, tuple[Local, ...]]:
    """What is proven of each asset; found anew is what rests on something that has moved."""
    from sqlpipes.core.lineage import Local, localities

    graph = project.graph
    prints = _prints(graph, names, known)
    kept = read_json(project.root, PROOFS) or {}
    valid = {
        name: kept[name]
        for name in names
        if name in kept and _holds(kept[name], prints[name], built)
    }
    unproven = [name for name in names if name not in valid]
    with resting():
        found = localities(graph, unproven, known, project.config.dialect, built)
    keep_first(project, found.traced)
    for name, local in found.local.items():
        types = {
            each: _plain(built, each) for each in sorted(found.asked & graph.ancestors([name]))
        }
        plain = [each.to_plain() for each in local]
        valid[name] = {"print": prints[name], "types": types, "local": plain}
    if valid != kept:
        write_json(project.root, PROOFS, valid, project.secrets)
    return {
        name: found.local.get(name)
        or tuple(Local.from_plain(plain) for plain in valid[name]["local"])
        for name in names
    }


def _holds(kept: Mapping[str, Any], print_now: str, built: Known) -> bool:
    """`types`: those of tables that had to be asked, as they were then."""
    if kept.get("print") != print_now:
        return False
    return all(_plain(built, name) == said for name, said in kept["types"].items())


def _plain(built: Known, name: str) -> list[list[str | None]]:
    return [[column.name, column.type] for column in built.get(name, ())]


def _prints(graph: Graph, names: tuple[str, ...], known: Known) -> dict[str, str]:
    """asset -> what moves with any query above it, where it stands, and any column that it may read."""
    from sqlpipes.core.lineage import PROVER

    wanted = {*names, *graph.ancestors(names)}
    found: dict[str, str] = {}
    for name in (each for each in graph.order if each in wanted):
        asset = graph.assets[name]
        said: list[Any] = [PROVER, graph.dialect, name, asset.version, str(asset.relation)]
        if isinstance(asset.body, SqlBody):
            said += [asset.path, asset.body.line, asset.body.text]
        said += [astuple(column) for column in known.get(name, ())]
        said += [found.get(parent, "") for parent in graph.parents(name)]
        found[name] = hashlib.blake2b(json.dumps(said).encode(), digest_size=12).hexdigest()
    return found
