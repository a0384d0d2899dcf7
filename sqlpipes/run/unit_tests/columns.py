"""A graph + an empty warehouse -> the columns of its assets and their types, without any data.

What can be asked of the engine is: tables without rows are made of seeds, of declared columns, and of
every query whose inputs are there. The rest is read off the queries, names before types.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlpipes.core.asset import Asset, Column, Scope, SeedBody, SourceBody, SqlBody
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage import Lineage, trace
from sqlpipes.core.sql import identifier
from sqlpipes.run.query import asset_query
from sqlpipes.run.seeds import seed_query
from sqlpipes.run.unit_tests.fitting import Known
from sqlpipes.run.warehouse import Warehouse

Typed = tuple[tuple[str, str], ...]


class Skeleton:
    """What is known of the assets so far. One for a graph; it lives for one command."""

    def __init__(self, graph: Graph, warehouse: Warehouse, connection: Connection) -> None:
        self.graph = graph
        self.empty = warehouse  # as it is before anything stands in it
        self.connection = connection
        self.sure: dict[str, Typed | None] = {}  # None: only the queries can tell
        self.traced: dict[str, Lineage] = {}
        self.refused: dict[str, SqlpipesError] = {}  # queries whose inputs all stand

    def make(self, name: str) -> None:
        """Make it without rows, and all that it reads; `refused` says what could not be."""
        self._sure(name)

    def known(self, name: str, reader: str) -> Known:
        """The columns of `name`; where nobody lists them, also those that `reader` reads of it."""
        asset = self.graph.assets[name]
        columns = self._sure(name)
        if columns is not None:
            return Known(columns, listed=True, sure=True)
        traced = self._lineage(reader)
        declared = {column.name: column.type for column in asset.columns}
        if isinstance(asset.body, SqlBody) and traced.is_listed(name):
            found = {c.name: declared.get(c.name) or c.type for c in traced.columns(name)}
            return Known(tuple(found.items()), listed=True)
        folded = {column.casefold() for column in declared}
        read = [c for c in _read_of(name, traced) if c.casefold() not in folded]
        return Known((*declared.items(), *((column, None) for column in read)))

    def _sure(self, name: str) -> Typed | None:
        wanted = {*self.graph.ancestors([name]), name} - self.sure.keys()
        for one in self.graph.order:
            if one in wanted:
                self.sure[one] = self._asked(self.graph.assets[one])
        return self.sure.get(name)

    def _asked(self, asset: Asset) -> Typed | None:
        """Make the asset without rows; its columns, or None when it cannot be made."""
        if _is_files(asset):
            return _all_typed(asset.columns)
        try:
            select = self._select(asset)
            if select is None:
                return None
            if asset.relation is not None:
                table = self.empty.quote(asset.relation)
                self.connection.execute(f"create table {table} as {select}")
            return self.connection.describe(select)
        except SqlpipesError as error:
            self.refused[asset.name] = error
            return None

    def _select(self, asset: Asset) -> str | None:
        """A SELECT of the right columns and no rows."""
        if isinstance(asset.body, SeedBody):
            return f"select * from (\n{seed_query(asset.body)}\n) limit 0"
        if isinstance(asset.body, SqlBody):
            if not all(self._stands(name) for name in self.graph.parents(asset.name)):
                return None
            table = self.empty.quote(asset.relation) if asset.relation else ""
            text = asset_query(asset, self.graph, self.empty, Scope(table)).text
            return f"select * from (\n{text}\n) limit 0"
        columns = _all_typed(asset.columns)
        cells = (f"cast(null as {kind}) as {identifier(name)}" for name, kind in columns or ())
        return f"select {', '.join(cells)} limit 0" if columns else None

    def _stands(self, name: str) -> bool:
        """Whether a query that reads it can be asked: files are there or not, whoever knows them."""
        return self.sure.get(name) is not None or _is_files(self.graph.assets[name])

    def _lineage(self, reader: str) -> Lineage:
        """Of the reader and all above it, from what the engine is sure of."""
        if reader not in self.traced:
            above = {*self.graph.ancestors([reader]), reader}
            order = tuple(name for name in self.graph.order if name in above)
            self._sure(reader)
            known = {
                name: tuple(Column(column, kind) for column, kind in columns)
                for name in above
                if (columns := self.sure.get(name))
            }
            part = replace(self.graph, order=order)
            self.traced[reader], _ = trace(part, known, self.graph.dialect, {})
        return self.traced[reader]


def _is_files(asset: Asset) -> bool:
    return isinstance(asset.body, SourceBody) and bool(asset.body.files)


def _all_typed(columns: Iterable[Column]) -> Typed | None:
    """Declared columns stand for the whole relation only when each of them has a type."""
    found = tuple((column.name, column.type) for column in columns)
    if not found or any(kind is None for _, kind in found):
        return None
    return tuple((name, str(kind)) for name, kind in found)


def _read_of(name: str, traced: Lineage) -> list[str]:
    """The columns of a table that any query is seen to read."""
    edges = (edge for facts in traced.facts.values() for edge in facts.edges)
    return sorted({edge.source for edge in edges if edge.table == name and edge.source != "*"})
