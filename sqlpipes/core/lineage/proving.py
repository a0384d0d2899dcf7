"""Graph + columns of the sources -> what is proven of each query: which rows of its inputs a slice reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from sqlpipes.core.asset import Asset, Column, Rendered, Scope, SqlBody
from sqlpipes.core.errors import Location, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.facts import ColumnFacts, moved
from sqlpipes.core.lineage.local import Local, Locals
from sqlpipes.core.lineage.trace import Known, Tracer, lines_of_template
from sqlpipes.core.sql import fold

PROVER = "6"
"""Moves when the same text may prove something else; part of every cache key."""

DIALECTS = frozenset(
    {"duckdb", "postgres"}
)  # those whose functions are known to mean what is said here

CERTAIN = {"date": "DATE", "stamp": "TIMESTAMP", "tz": "TIMESTAMP WITH TIME ZONE"}

Columns = tuple[Column, ...] | None
NOTHING_BUILT: Known = MappingProxyType({})

Names = Mapping[tuple[str, ...], str | None]


class Proven(NamedTuple):
    """`asked`: tables that a query makes whose types were needed. `traced`: columns that were read for it,
    under the keys by which `trace` finds them again.
    """

    local: dict[str, Locals]
    asked: frozenset[str]
    traced: dict[str, ColumnFacts]


def localities(
    graph: Graph,
    names: Iterable[str],
    known: Known,
    dialect: str,
    built: Known = NOTHING_BUILT,
) -> Proven:
    """What is proven of each of `names`.

    `built`: columns of tables that a query makes, as they stand: their types are certain where those of the
    query are not. While those that were asked for are as they were, so is the answer.

    `known`: columns of what has no SELECT, as for `trace`. Python assets, SQL that cannot be read and
    templates that cannot be rendered prove nothing.
    """
    prover = _Prover(graph, known, dialect, built)
    found: dict[str, Locals] = {}
    for name in names:
        asset = graph.assets[name]
        body = asset.body
        if isinstance(body, SqlBody) and not body.opaque and dialect in DIALECTS:
            found[name] = prover.proven(asset, body)
        else:
            found[name] = ()
    return Proven(found, frozenset(prover.asked), prover.tracer.used)


class _Prover:
    """What was proven so far, and what had to be read for it."""

    __slots__ = ("asked", "built", "dialect", "graph", "kinds", "tracer")

    def __init__(self, graph: Graph, known: Known, dialect: str, built: Known) -> None:
        self.built = {
            name: {fold(column.name, True, dialect): column.type for column in columns}
            for name, columns in built.items()
        }
        self.graph = graph
        self.tracer = Tracer(graph, known, dialect, {})  # for columns; reads when asked
        self.dialect = dialect
        self.kinds: dict[str, dict[str, str]] = {}  # query -> what its columns certainly are
        self.asked: set[str] = set()

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
        found = self.read(rendered, self.tracer.resolved(rendered))
        return _in_file(found, asset, body, rendered)

    def read(self, rendered: Rendered, names: Names) -> Locals:
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
        kinds = self.kinds[name]
        keys = [fold(column.name, True, self.dialect) for column in columns]
        types = [
            _type(column.type, kinds.get(key)) for column, key in zip(columns, keys, strict=True)
        ]
        if None in types:
            self.asked.add(name)
            built = self.built.get(name, {})
            types = [type or built.get(key) for type, key in zip(types, keys, strict=True)]
        return tuple(replace(c, type=type) for c, type in zip(columns, types, strict=True))

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
