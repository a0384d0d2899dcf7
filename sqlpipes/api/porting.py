"""A project whose target speaks another dialect -> the same project with a way to say it there.

What a query is in the other dialect is kept, by its text and by all that it reads. Columns and types
come from a DuckDB in memory, in which every table of the project is made without rows.
"""

from __future__ import annotations

import glob
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlpipes.api.kept import read_json, read_tables, write_json
from sqlpipes.core.asset import Asset, Column, Kind, Materialized, SourceBody, SqlBody
from sqlpipes.core.config import ProjectConfig, Target
from sqlpipes.core.graph import Graph
from sqlpipes.core.sql.dialects import dialect_named
from sqlpipes.core.sql.porting import Ported, Porter, Refusal, Typed, settings

if TYPE_CHECKING:
    from sqlpipes.run.unit_tests.columns import Skeleton

PORTED = "ported.json"
MOST = 20_000  # translations that are kept


def ported(
    graph: Graph,
    config: ProjectConfig,
    target: Target,
    root: str,
    spoken: Mapping[str, str],
    secrets: tuple[str, ...],
) -> Graph:
    """`spoken`: engine -> its dialect, where that is not the project's; `secrets` are written nowhere."""
    known = {name: write for name, write in spoken.items() if dialect_named(write) is not None}
    for name in known:
        graph = _reading_files_apart(graph, name, target, root)
    porting = Porting(graph, target, root, secrets)
    unchecked = config.transpile == "unchecked"
    ways = (porting.columns, porting.print, porting.keep, porting.save, unchecked)
    porters = {name: Porter(config.dialect, write, *ways) for name, write in known.items()}
    return replace(graph, porters=porters)


def set_up(target: Target, read: str, spoken: Mapping[str, str]) -> Target:
    """The target whose sessions are set so that translations mean the same, and its engines likewise."""
    engines = {
        name: _set_up(each, read, spoken.get(name, read)) if each else None
        for name, each in target.engines.items()
    }
    return replace(_set_up(target, read, spoken.get("", read)), engines=engines)


def _set_up(target: Target, read: str, write: str) -> Target:
    needed = settings(read, write)
    if not needed:
        return target
    said = target.options.get("settings")
    if said is not None and not isinstance(said, Mapping):
        return target  # the engine says what is wrong with it
    return replace(target, options={**target.options, "settings": {**(said or {}), **needed}})


def _reading_files_apart(graph: Graph, name: str, target: Target, root: str) -> Graph:
    """Queries over files become tables, where the engine reads none itself."""
    from sqlpipes.engines import blank

    with closing(blank(target.on(name), root)) as engine:
        if engine.can.reads_files:
            return graph
    assets = {
        each.name: _apart(each, graph) if each.engine == name else each
        for each in graph.assets.values()
    }
    return replace(graph, assets=assets)


def _apart(asset: Asset, graph: Graph) -> Asset:
    if not isinstance(asset.body, SqlBody) or not _reads_files_only(asset, graph):
        return asset
    kind = asset.materialized
    made = Materialized.TABLE if kind is Materialized.VIEW else kind
    return replace(asset, materialized=made, body=replace(asset.body, local=True))


def _reads_files_only(asset: Asset, graph: Graph) -> bool:
    inputs = [graph.assets[name] for name in graph.parents(asset.name)]
    return bool(inputs) and all(is_files(each) for each in inputs)


def is_files(asset: Asset) -> bool:
    return isinstance(asset.body, SourceBody) and bool(asset.body.files)


class Porting:
    """What was asked so far. It lives as long as the project, and is asked by several threads."""

    def __init__(self, graph: Graph, target: Target, root: str, secrets: tuple[str, ...]) -> None:
        self.graph, self.target, self.root, self.secrets = graph, target, root, secrets
        self.met: dict[str, Ported] = {}
        self.lock = threading.RLock()
        self.open = ExitStack()
        self.skeleton: Skeleton | None = None
        self.prints: dict[str, str] = {}
        self.kept: dict[str, Any] | None = None
        self.changed = False

    def columns(self, name: str) -> Typed | None:
        with self.lock:
            if self.skeleton is None:
                self.skeleton = _skeleton(self.graph, self.target, self.root, self.open)
            known = self.skeleton.known(name, name)
            return known.columns if known.listed else None

    def print(self, name: str) -> str:
        """Moves with the asset, with all that it reads, and with files that are read."""
        if name not in self.prints:
            asset = self.graph.assets[name]
            said = [asset.version, str(asset.columns), *map(self.print, self.graph.parents(name))]
            said += _stamps(asset)
            self.prints[name] = hashlib.blake2b("|".join(said).encode(), digest_size=12).hexdigest()
        return self.prints[name]

    def keep(self, key: str, make: Callable[[], Ported], lasting: bool) -> Ported:
        """`lasting`: also on the disk, where nothing is put that holds a secret."""
        with self.lock:
            if key in self.met:
                return self.met[key]
            if self.kept is None:
                self.kept = read_json(self.root, PORTED) or {}
            said = self.kept.get(key)
            if said is not None:
                return Ported(said[0], tuple(Refusal(*each) for each in said[1]))
            found = self.met[key] = make()
            if lasting and not any(secret in found.text for secret in self.secrets):
                refusals = [[r.code, r.message, r.start, r.end, r.hint] for r in found.refusals]
                self.kept[key] = [found.text, refusals]
                self.changed = True
            return found

    def save(self) -> None:
        """Write down what is new, and forget the oldest of very many."""
        with self.lock:
            if self.changed and self.kept is not None:
                newest = list(self.kept.items())[-MOST:]
                write_json(self.root, PORTED, dict(newest))
                self.changed = False


def _stamps(asset: Asset) -> list[str]:
    found = []
    for pattern in asset.body.files if isinstance(asset.body, SourceBody) else ():
        for path in sorted(glob.glob(pattern)):
            stat = os.stat(path)
            found.append(f"{path} {stat.st_size} {stat.st_mtime_ns}")
    return found


def _skeleton(graph: Graph, target: Target, root: str, stack: ExitStack) -> Skeleton:
    from sqlpipes.api.hollow import hollow_engine
    from sqlpipes.run.unit_tests.columns import Skeleton
    from sqlpipes.run.warehouse import warehouse_of

    engine = stack.enter_context(closing(hollow_engine(graph, target, root)))
    connection = stack.enter_context(closing(engine.connect()))
    warehouse = warehouse_of(engine, target.schema, root)
    return Skeleton(_with_seen_columns(graph, root), warehouse, connection)


def _with_seen_columns(graph: Graph, root: str) -> Graph:
    """What no query defines, with the columns that the warehouse was last seen to have."""
    seen: Mapping[str, Any] = read_tables(root) or {}

    def told(asset: Asset) -> Asset:
        said = seen.get(asset.name)
        typed = asset.columns and all(column.type for column in asset.columns)
        if isinstance(asset.body, SqlBody) or asset.kind is Kind.SEED or typed or not said:
            return asset
        return replace(asset, columns=tuple(Column(name, kind) for name, kind in said))

    return replace(graph, assets={name: told(asset) for name, asset in graph.assets.items()})
