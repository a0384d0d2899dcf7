"""One query after the other, inputs first -> what is proven of each. Every text is parsed and walked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, Column, Rendered, Scope, SqlBody
from sqlpipes.core.errors import Location, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.facts import moved
from sqlpipes.core.lineage.local import Local, Locals
from sqlpipes.core.lineage.reader import Seen, kinds_of, locals_of, read_seen
from sqlpipes.core.lineage.trace import Known, Tracer, lines_of_template
from sqlpipes.core.lineage.types import Types
from sqlpipes.core.sql import fold

CERTAIN = {"date": "DATE", "stamp": "TIMESTAMP", "tz": "TIMESTAMP WITH TIME ZONE"}

Columns = tuple[Column, ...] | None
Names = Mapping[tuple[str, ...], str | None]


class Prover:
    """What was proven so far, and what had to be read for it."""

    __slots__ = ("asked", "built", "dialect", "graph", "kinds", "last", "listed", "tracer", "types")

    def __init__(self, graph: Graph, known: Known, dialect: str, built: Known) -> None:
        self.built = {
            name: {fold(column.name, True, dialect): column.type for column in columns}
            for name, columns in built.items()
        }
        self.graph = graph
        self.types = Types(dialect)
        self.tracer = Tracer(graph, known, dialect, {})  # for columns; reads when asked
        self.tracer.types = self.types
        self.dialect = dialect
        self.kinds: dict[str, dict[str, str]] = {}  # query -> what its columns certainly are
        self.listed: dict[str, Columns] = {}  # what `columns` has found
        self.last: tuple[str, str, Seen | None] | None = (
            None  # an asset, its text, and what is in it
        )
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
        found = locals_of(self.seen(asset, rendered))
        return _in_file(found, asset, body, rendered)

    def seen(self, asset: Asset, rendered: Rendered) -> Seen | None:
        """What is in a query; the last one is kept, for what is asked of it next."""
        if self.last is None or self.last[:2] != (asset.name, rendered.text):
            names = self.tracer.resolved(rendered)
            self.last = asset.name, rendered.text, self.walked(rendered, names)
        return self.last[2]

    def walked(self, rendered: Rendered, names: Names) -> Seen | None:
        inputs = {parts: (name, self.columns(name)) for parts, name in names.items()}
        return read_seen(rendered.text, self.types, inputs)

    def learn(self, asset: Asset) -> None:
        """What those who read the asset will ask. It is traced last: that writes types into its tree."""
        body = asset.body
        if isinstance(body, SqlBody) and not body.opaque and asset.name not in self.tracer.known:
            self.kinds[asset.name] = self.kinds_of(asset, body)
        self.tracer.add(asset)

    def kinds_of(self, asset: Asset, body: SqlBody) -> dict[str, str]:
        try:
            rendered = body.render(Scope())
        except SqlpipesError:
            return {}
        return kinds_of(self.seen(asset, rendered))

    def columns(self, name: str | None) -> Columns:
        """Of a query the names are certain; its types are estimates, and for times that will not do."""
        if name is None or name not in self.kinds or name not in self.tracer.facts:
            return self.tracer.columns(name)
        if name not in self.listed:
            self.listed[name] = self.certain(name, self.tracer.columns(name))
        return self.listed[name]

    def certain(self, name: str, columns: Columns) -> Columns:
        """A query's columns with the types that are certain; `asked` notes one that is not."""
        if columns is None:
            return None
        kinds = self.kinds[name]
        keys = [fold(column.name, True, self.dialect) for column in columns]
        types = [
            _type(column.type, kinds.get(key)) for column, key in zip(columns, keys, strict=True)
        ]
        if None in types:
            self.asked.add(name)
            built = self.built.get(name, {})
            types = [type or built.get(key) for type, key in zip(types, keys, strict=True)]
        return tuple(
            column if column.type == type else Column(column.name, type)
            for column, type in zip(columns, types, strict=True)
        )


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
