"""A graph -> the columns of every asset and what each comes from, each query read at most once per change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from sqlpipes.core.asset import Asset, Column, Rendered, Scope, SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.facts import (
    ANY,
    ColumnFacts,
    Edge,
    EdgeKind,
    RowSetKind,
    is_any_column,
    opaque,
    put,
)
from sqlpipes.core.lineage.written import InFile

ANALYSER = "2"
"""Moves when the same text may give other facts; part of every cache key."""

Known = Mapping[str, tuple[Column, ...]]


@dataclass(frozen=True, slots=True, order=True)
class ColumnRef:
    """A column of an asset.

    >>> str(ColumnRef("orders", "amount"))
    'orders.amount'
    """

    asset: str
    column: str

    def __str__(self) -> str:
        return f"{self.asset}.{self.column}"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path: `column` is reached over `edge`, `depth` steps away from where it began.

    `reader` is the asset whose query has the edge. For a row-set edge going down, `column.column` is "*".
    """

    column: ColumnRef
    edge: Edge
    reader: str
    depth: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """Facts by asset name, with edges whose `table` is an asset's name wherever one has that table."""

    facts: Mapping[str, ColumnFacts] = field(default_factory=dict)

    def columns(self, asset: str) -> tuple[Column, ...]:
        """What the asset yields, as far as known; empty for an unknown asset."""
        found = self.facts.get(asset)
        return found.columns if found else ()

    def is_listed(self, asset: str) -> bool:
        """Whether `columns` are certainly all the columns of the asset."""
        found = self.facts.get(asset)
        return found is not None and found.listed

    def upstream(self, asset: str, column: str, *, rows: bool = False) -> tuple[Hop, ...]:
        """Where a column comes from, nearest first; with `rows` also what decides the rows on the way."""
        return tuple(self._walk(ColumnRef(asset, column), self._sources, rows))

    def downstream(self, asset: str, column: str, *, rows: bool = False) -> tuple[Hop, ...]:
        """What is made of a column, nearest first; with `rows` also whose rows it decides."""
        readers = self._readers()

        def step(at: ColumnRef, rows: bool) -> Iterator[Hop]:
            for reader, edge in readers.get(at.asset, ()):
                if _touches(edge, at.column) and (rows or not edge.is_row_set):
                    yield Hop(ColumnRef(reader, edge.column or ANY), edge, reader, 0)

        return tuple(self._walk(ColumnRef(asset, column), step, rows))

    def readers(self, asset: str, column: str) -> tuple[ColumnRef, ...]:
        """All that hangs on a column, directly or not. Column "*": the rows themselves do."""
        hops = self.downstream(asset, column, rows=True)
        return tuple(dict.fromkeys(hop.column for hop in hops))

    def _sources(self, at: ColumnRef, rows: bool) -> Iterator[Hop]:
        facts = self.facts.get(at.asset)
        for edge in facts.edges if facts else ():
            wanted = (
                rows if edge.is_row_set else at.column == ANY or edge.column in (ANY, at.column)
            )
            if wanted and edge.table:
                yield Hop(ColumnRef(edge.table, edge.source), edge, at.asset, 0)

    def _readers(self) -> dict[str, list[tuple[str, Edge]]]:
        found: dict[str, list[tuple[str, Edge]]] = {}
        for reader, facts in self.facts.items():
            for edge in facts.edges:
                found.setdefault(edge.table, []).append((reader, edge))
        return found

    def _walk(self, start: ColumnRef, step: Any, rows: bool) -> Iterator[Hop]:
        seen = {start}
        ring = [start]
        depth = 0
        while ring:
            depth += 1
            following: list[ColumnRef] = []
            for at in ring:
                for hop in step(at, rows):
                    yield replace(hop, depth=depth)
                    if hop.column not in seen:
                        seen.add(hop.column)
                        following.append(hop.column)
            ring = following


def _touches(edge: Edge, column: str) -> bool:
    """Whether the edge begins at this column; a count of rows does not hang on any column's values."""
    if edge.source == ANY:
        return is_any_column(edge) or column == ANY
    return column == ANY or edge.source.casefold() == column.casefold()


def column_facts(
    text: str,
    dialect: str,
    inputs: Mapping[tuple[str, ...], tuple[Column, ...] | None],
    *,
    at: Location,
) -> ColumnFacts:
    """What a query yields and from where. Never raises: what cannot be read is opaque.

    `inputs`: folded parts of a reference -> the columns of that table, None when they are not known.
    `at`: where the text begins in the user's file. SQL that does not parse gives no problem here; that
    is told by whoever analysed it first.
    """
    from sqlpipes.core.lineage.columns import placed_columns

    return placed_columns(text, dialect, inputs, at)


def trace(
    graph: Graph, known: Known, dialect: str, cache: Mapping[str, ColumnFacts]
) -> tuple[Lineage, dict[str, ColumnFacts]]:
    """Lineage of the whole graph, and the cache entries that were used (old and new ones).

    `known`: columns of what has no SELECT (seeds, sources, Python assets); they win over declared ones.
    An asset on a cycle is not in the graph's order and so has no facts.
    """
    tracer = Tracer(graph, known, dialect, cache)
    for name in graph.order:
        tracer.add(graph.assets[name])
    return Lineage(tracer.facts), tracer.used


class Tracer:
    """The assets met so far, and what was learnt."""

    __slots__ = (
        "cache",
        "dialect",
        "facts",
        "graph",
        "known",
        "prints",
        "settled",
        "types",
        "used",
    )

    def __init__(
        self, graph: Graph, known: Known, dialect: str, cache: Mapping[str, ColumnFacts]
    ) -> None:
        self.graph, self.known, self.dialect, self.cache = graph, known, dialect, cache
        self.facts: dict[str, ColumnFacts] = {}
        self.settled: dict[
            str, tuple[Column, ...]
        ] = {}  # of queries that need not be read for that
        self.used: dict[str, ColumnFacts] = {}
        self.prints: dict[str, str] = {}  # asset -> its columns as text, for the keys
        self.types: Any = None  # the parser is loaded when the first query is really read

    def reach(self, names: Iterable[str]) -> None:
        """Add these assets and all that they read, inputs first."""
        todo = list(names)
        begun: set[str] = set()
        while todo:
            name = todo[-1]
            begun.add(name)
            waits = [
                parent
                for parent in (() if name in self.facts else self.graph.parents(name))
                if parent not in self.facts and parent not in begun
            ]
            if waits:
                todo += waits
                continue
            todo.pop()
            if name not in self.facts:
                self.add(self.graph.assets[name])

    def add(self, asset: Asset) -> None:
        if isinstance(asset.body, SqlBody) and not asset.body.opaque:
            self.facts[asset.name] = _cut(self.read(asset, asset.body), asset)
            return
        if isinstance(asset.body, SqlBody):
            self.facts[asset.name] = self.unread(asset, asset.body)
            return
        columns = self.known.get(asset.name) or asset.columns
        is_known = asset.name in self.known
        edges = tuple(
            put(Edge(ANY, parent, ANY, EdgeKind.UNKNOWN, "Python"), asset.at)
            for parent in self.graph.parents(asset.name)
        )
        complete = is_known and not edges
        self.facts[asset.name] = ColumnFacts(columns, edges, complete, listed=is_known)

    def read(self, asset: Asset, body: SqlBody) -> ColumnFacts:
        try:
            rendered = body.render(Scope())
        except SqlpipesError as fault:
            return self.unread(asset, body, fault.problems)
        names = self.resolved(rendered)
        key = self.key(rendered, names)
        facts = self.cache.get(key)
        if facts is None:
            facts = self.analysed(rendered, names)
        self.used[key] = facts
        meant = {".".join(parts): name for parts, name in names.items() if name}
        return _in_file(facts, asset, body, rendered, {**body.file_assets, **meant})

    def unread(self, asset: Asset, body: SqlBody, faults: tuple[Problem, ...] = ()) -> ColumnFacts:
        facts = opaque(self.graph.parents(asset.name), faults)
        whole = InFile(asset.at.file, body, Rendered(body.text, ())).all
        return replace(facts, edges=tuple(put(edge, whole) for edge in facts.edges))

    def resolved(self, rendered: Rendered) -> dict[tuple[str, ...], str | None]:
        """Folded parts of each reference -> the asset it means."""
        found = {
            reference.folded(self.dialect): self.graph.resolve(reference)
            for reference in rendered.references
        }
        for file in rendered.files:
            name = self.graph.resolve(file.table) if file.table else None
            if file.table and name:
                found[file.table.folded(self.dialect)] = name
        return found

    def columns(self, name: str | None) -> tuple[Column, ...] | None:
        """The columns of an asset when all of them are certain."""
        if name is None:
            return None
        if name in self.settled:
            return self.settled[name]
        if name not in self.facts:  # a query that reads its own table
            return self.known.get(name)
        facts = self.facts[name]
        return facts.columns if facts.listed else None

    def key(self, rendered: Rendered, names: Mapping[tuple[str, ...], str | None]) -> str:
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{ANALYSER}\n{self.dialect}\n{rendered.text}\n".encode())
        for parts, name in sorted(names.items()):
            digest.update(f"{parts}={self.printed(name)}\n".encode())
        return digest.hexdigest()

    def printed(self, name: str | None) -> str:
        if name is None:
            return ""
        if name not in self.prints:
            columns = self.columns(name)
            text = (
                "?" if columns is None else repr([(column.name, column.type) for column in columns])
            )
            if name not in self.facts and name not in self.settled:
                return text
            self.prints[name] = text
        return self.prints[name]

    def analysed(
        self, rendered: Rendered, names: Mapping[tuple[str, ...], str | None]
    ) -> ColumnFacts:
        from sqlpipes.core.lineage.columns import read_columns
        from sqlpipes.core.lineage.types import Types

        if self.types is None:
            self.types = Types(self.dialect)
        inputs = {parts: self.columns(name) for parts, name in names.items()}
        return read_columns(rendered.text, self.types, inputs)


def with_assets(facts: ColumnFacts, names: Mapping[str, str]) -> ColumnFacts:
    if all(table == name for table, name in names.items()):
        return facts
    edges = tuple(put(edge, edge.at, names.get(edge.table)) for edge in facts.edges)
    return replace(facts, edges=edges)


def _cut(facts: ColumnFacts, asset: Asset) -> ColumnFacts:
    """With what decides in which slice a row is: one outside of all slices is not kept."""
    if asset.partition is None or not asset.is_stored:
        return facts
    names = {column.casefold() for column in asset.partition.columns}
    told = {(edge.table, edge.source) for edge in facts.edges if edge.is_row_set}
    found: dict[tuple[str, str], Edge] = {}
    for edge in facts.edges:
        place = edge.table, edge.source
        if edge.column is None or edge.column.casefold() not in names or not edge.table:
            continue
        if place not in told:  # it decides already, by what the query says
            kind = RowSetKind.UNKNOWN if edge.kind is EdgeKind.UNKNOWN else RowSetKind.PARTITION
            found.setdefault(place, replace(edge, column=None, kind=kind))
    return replace(facts, edges=(*facts.edges, *found.values())) if found else facts


def _in_file(
    facts: ColumnFacts, asset: Asset, body: SqlBody, rendered: Rendered, names: Mapping[str, str]
) -> ColumnFacts:
    """The same facts with places in the user's file. `names`: reference -> the asset it means."""
    places = InFile(asset.at.file, body, rendered)
    edges = (
        put(edge, places.of(edge.at) if edge.length else places.all, names.get(edge.table))
        for edge in facts.edges
    )
    problems = (
        replace(each, at=places.of(each.at) if each.at.length else places.all) if each.at else each
        for each in facts.problems
    )
    return replace(facts, edges=tuple(edges), problems=tuple(problems))


def lines_of_template(template: str, rendered: str) -> dict[int, int]:
    """Line of the rendered text -> the template's line with the same words, in order."""
    ours = template.split("\n")
    found: dict[int, int] = {}
    at = 0
    for number, line in enumerate(rendered.split("\n"), 1):
        if not line.strip():
            continue
        for i in range(at, len(ours)):
            if ours[i] == line:
                found[number], at = i + 1, i + 1
                break
    return found
