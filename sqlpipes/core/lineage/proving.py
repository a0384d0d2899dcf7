"""Graph + columns of the sources -> what is proven of each query, each read at most once per change.

What was learnt of a query is kept under a key of its text and of all that is above it, so nothing is
parsed when nothing has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from sqlpipes.core.asset import Asset, Column, Rendered, Scope, SqlBody
from sqlpipes.core.errors import Location, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.facts import moved
from sqlpipes.core.lineage.local import Local, Locals
from sqlpipes.core.lineage.trace import Known, Tracer, lines_of_template
from sqlpipes.core.sql import fold

PROVER = "5"
"""Moves when the same text may prove something else; part of every cache key."""

DIALECTS = frozenset(
    {"duckdb", "postgres"}
)  # those whose functions are known to mean what is said here

CERTAIN = {"date": "DATE", "stamp": "TIMESTAMP", "tz": "TIMESTAMP WITH TIME ZONE"}

Columns = tuple[Column, ...] | None
NOTHING_BUILT: Known = MappingProxyType({})

Names = Mapping[tuple[str, ...], str | None]


def localities(
    graph: Graph,
    names: Iterable[str],
    known: Known,
    dialect: str,
    cache: Mapping[str, Locals],
    built: Known = NOTHING_BUILT,
) -> tuple[dict[str, Locals], dict[str, Locals]]:
    """What is proven of each of `names`, and the cache entries that were used (old and new ones).

    `built`: columns of tables as they stand, whose types are certain where those of a query are not.

    `known`: columns of what has no SELECT, as for `trace`. Only what a new or changed query among
    `names` reads is parsed beside it. Python assets, SQL that cannot be read and templates that cannot be
    rendered prove nothing.
    """
    prover = _Prover(graph, known, dialect, cache, built)
    found: dict[str, Locals] = {}
    for name in names:
        asset = graph.assets[name]
        body = asset.body
        if isinstance(body, SqlBody) and not body.opaque and dialect in DIALECTS:
            found[name] = prover.proven(asset, body)
        else:
            found[name] = ()
    return found, prover.used


class _Prover:
    """What was proven so far, and what had to be read for it."""

    __slots__ = ("built", "cache", "dialect", "graph", "keys", "kinds", "tracer", "used")

    def __init__(
        self,
        graph: Graph,
        known: Known,
        dialect: str,
        cache: Mapping[str, Locals],
        built: Known,
    ) -> None:
        self.built = {
            name: {fold(column.name, True, dialect): column.type for column in columns}
            for name, columns in built.items()
        }
        self.graph, self.cache = graph, cache
        self.tracer = Tracer(graph, known, dialect, {})  # for columns; reads when asked
        self.dialect = dialect
        self.kinds: dict[str, dict[str, str]] = {}  # query -> what its columns certainly are
        self.keys: dict[str, str] = {}  # asset -> a text that moves when its columns may
        self.used: dict[str, Locals] = {}

    def proven(self, asset: Asset, body: SqlBody) -> Locals:
        """What holds however the query is rendered: a template may ask which slices are built."""
        found: Locals | None = None
        for scope in _scopes(asset, body):
            once = self.rendered(asset, body, scope)
            claims = {_claim(local) for local in once}
            found = once if found is None else tuple(x for x in found if _claim(x) in claims)
        return found or ()

    def rendered(self, asset: Asset, body: SqlBody, scope: Scope) -> Locals:
        try:
            rendered = body.render(scope)
        except SqlpipesError:
            return ()
        names = self.tracer.resolved(rendered)
        key = self.key(rendered, names)
        found = self.cache.get(key)
        if found is None:
            found = self.read(asset, rendered, names)
        self.used[key] = found
        return _in_file(found, asset, body, rendered)

    def key(self, rendered: Rendered, names: Names) -> str:
        said = [PROVER, self.tracer.dialect, rendered.text]
        said += [f"{parts}={name}:{self.above(name)}" for parts, name in sorted(names.items())]
        return _digest(said)

    def above(self, name: str | None) -> str:
        """A text that moves whenever the columns of an asset may: a key of all queries above it."""
        if name is None or name in self.keys:
            return self.keys.get(name or "", "")
        todo = [name]
        while todo:
            parents = [] if todo[-1] in self.tracer.known else self.graph.parents(todo[-1])
            waiting = [p for p in parents if p not in self.keys and p not in todo]
            if waiting:
                todo.append(waiting[0])
                continue
            current = todo.pop()
            self.keys[current] = _digest(self.said(current, parents))
        return self.keys[name]

    def said(self, name: str, parents: Iterable[str]) -> list[str]:
        asset = self.graph.assets[name]
        columns = self.tracer.known.get(name)
        if columns is not None or not isinstance(asset.body, SqlBody):
            return [
                repr([(c.name, c.type) for c in columns or asset.columns]),
                str(columns is None),
            ]
        try:
            text = asset.body.render(Scope()).text
        except SqlpipesError:
            text = ""
        types = repr(self.built.get(name, ""))
        return [text, types, *(f"{parent}={self.keys.get(parent, '')}" for parent in parents)]

    def read(self, asset: Asset, rendered: Rendered, names: Names) -> Locals:
        from sqlpipes.core.lineage.reader import read_locals
        from sqlpipes.core.lineage.types import Types

        if self.tracer.types is None:
            self.tracer.types = Types(self.dialect)
        self.trace_above(name for name in names.values() if name is not None)
        return read_locals(rendered.text, self.tracer.types, self.inputs(names))

    def inputs(self, names: Names) -> dict[tuple[str, ...], tuple[str | None, Columns]]:
        return {parts: (name, self.columns(name)) for parts, name in names.items()}

    def columns(self, name: str | None) -> Columns:
        """Of a query the names are certain; its types are estimates, and for times that will not do."""
        columns = self.tracer.columns(name)
        if name is None or columns is None or name in self.tracer.known:
            return columns
        asset = self.graph.assets[name]
        if not isinstance(asset.body, SqlBody):
            return columns
        if name not in self.kinds:
            self.kinds[name] = self.kinds_of(asset.body)
        kinds, built = self.kinds[name], self.built.get(name, {})
        keys = [fold(column.name, True, self.dialect) for column in columns]
        return tuple(
            replace(column, type=_type(column.type, kinds.get(key)) or built.get(key))
            for column, key in zip(columns, keys, strict=True)
        )

    def kinds_of(self, body: SqlBody) -> dict[str, str]:
        from sqlpipes.core.lineage.reader import read_kinds

        try:
            rendered = body.render(Scope())
        except SqlpipesError:
            return {}
        inputs = self.inputs(self.tracer.resolved(rendered))
        return read_kinds(rendered.text, self.tracer.types, inputs)

    def trace_above(self, names: Iterable[str]) -> None:
        """Columns of the inputs, and of what they read, where they are not known yet."""
        wanted: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in wanted and name not in self.tracer.facts:
                wanted.add(name)
                todo += self.graph.parents(name)
        for name in self.graph.order:
            if name in wanted:
                self.tracer.add(self.graph.assets[name])
                self.columns(name)


def _type(estimate: str | None, kind: str | None) -> str | None:
    if kind in CERTAIN:
        return CERTAIN[kind]
    is_time = estimate is not None and estimate.upper().startswith(("DATE", "TIME"))
    return None if is_time else estimate


def _scopes(asset: Asset, body: SqlBody) -> tuple[Scope, ...]:
    """As a first build and a later one would render it."""
    if body.template is None:
        return (Scope(),)
    first, then = "2000-01-01", "2000-01-02"
    columns = asset.partition.columns if asset.partition else ()
    keys = dict.fromkeys(columns, first)
    return tuple(
        Scope(asset.name, incremental, False, first, then, first, keys)
        for incremental in (False, True)
    )


def _claim(local: Local) -> object:
    return local.column, local.table, local.source, local.reaches


def _digest(said: Iterable[str]) -> str:
    return hashlib.blake2b("\n\n".join(said).encode(), digest_size=16).hexdigest()


def _in_file(found: Locals, asset: Asset, body: SqlBody, rendered: Rendered) -> Locals:
    """The same with places in the user's file, as far as a template still shows them."""
    if body.template is None:
        return tuple(_placed(local, body.line) for local in found)
    lines = lines_of_template(body.text, rendered.text)
    return tuple(
        replace(local, line=lines[local.line] + body.line - 1)
        if local.line in lines
        else replace(local, line=body.line, column_at=1)
        for local in found
    )


def _placed(local: Local, line: int) -> Local:
    at = moved(Location("", local.line, local.column_at), Location("", line))
    return replace(local, line=at.line, column_at=at.column)
