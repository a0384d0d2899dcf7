"""What an asset was built from, as it is kept with each build: enough to work out later what a change moves.

A build works out nothing. What its queries made of which tables is asked for when one of them changes, of
the text that was kept, the assets that its names meant and the columns that these had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.asset import Column, Rendered, Scope, SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import SqlpipesError
from sqlpipes.core.graph import Graph

Columns = tuple[Column, ...]

LATER = Scope("this_table", True, False, "2001-02-03", "2001-02-04", "2001-02-03")


OWN = ""  # in place of the asset's name


@dataclass(frozen=True, slots=True)
class Bound:
    """A query, and what its names mean: (folded parts of a table as it is written, asset), sorted."""

    text: str
    tables: tuple[tuple[tuple[str, ...], str], ...]

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(asset for _, asset in self.tables)


@dataclass(frozen=True, slots=True)
class Basis:
    """`queries`: its own under its name, and under theirs those of the ephemeral assets in it.

    `columns`: asset -> the columns that it had, of what these queries read and of itself. Not known: left
    out.
    A query that is not there was not understood.
    """

    queries: Mapping[str, Bound] = field(default_factory=dict)
    columns: Mapping[str, Columns] = field(default_factory=dict)

    def to_plain(self, name: str, texts: Mapping[str, str]) -> dict[str, Any]:
        """Of the asset of this name, which is not in it: it may be renamed.

        `texts`: those that are kept beside it, by asset, and need not be said twice.
        """
        queries = {
            _key(each, name): [None if texts.get(each) == bound.text else bound.text, bound.tables]
            for each, bound in self.queries.items()
        }
        columns = {
            _key(each, name): [[column.name, column.type] for column in told]
            for each, told in self.columns.items()
        }
        return {"queries": queries, "columns": columns}

    @staticmethod
    def from_plain(plain: Mapping[str, Any], name: str, texts: Mapping[str, str]) -> Basis:
        """The inverse of `to_plain`; `name`: what the asset is called by now."""
        queries = {
            key or name: Bound(
                texts[key or name] if text is None else text,
                tuple((tuple(parts), asset) for parts, asset in tables),
            )
            for key, (text, tables) in plain["queries"].items()
        }
        columns = {
            key or name: tuple(Column(column, type) for column, type in told)
            for key, told in plain["columns"].items()
        }
        return Basis(queries, columns)


def _key(asset: str, own: str) -> str:
    return OWN if asset == own else asset


def basis(graph: Graph, name: str, columns: Callable[[str], Columns | None]) -> Basis:
    """What is kept of an asset's queries. `columns`: those that an asset has; None: not known.

    What an ephemeral asset yields follows from the rest, and is not asked for.
    """
    queries = queries_of(graph, name)
    read = {name}.union(*(query.assets for query in queries.values())) - {*graph.inlined(name)}
    told = {each: found for each in sorted(read) if (found := columns(each)) is not None}
    return Basis(queries, told)


def queries_of(graph: Graph, name: str) -> dict[str, Bound]:
    """Asset -> its query as it is now, of this one and of the ephemeral ones in it, if it is understood."""
    found = ((each, bound(graph, each)) for each in (name, *graph.inlined(name)))
    return {each: query for each, query in found if query is not None}


def bound(graph: Graph, name: str) -> Bound | None:
    """The asset's query with what its names mean; None where a table is its own, or nobody's."""
    rendered = rendered_once(graph, name)
    if rendered is None:
        return None
    tables: dict[tuple[str, ...], str] = {}
    for reference in rendered.references:
        asset = graph.resolve(reference)
        if asset is None or asset == name:
            return None
        tables[reference.folded(graph.dialect)] = asset
    return Bound(rendered.text, tuple(sorted(tables.items())))


def rendered_once(graph: Graph, name: str) -> Rendered | None:
    """The query's text, if it is the same whenever it is rendered and reads no files by their names."""
    asset = graph.assets[name]
    body = asset.body
    if not isinstance(body, SqlBody) or body.opaque or body.dialect or name in graph.reads_self:
        return None
    try:
        found = body.render(Scope())
        if body.template is not None and body.render(LATER).text != found.text:
            return None
    except SqlpipesError:
        return None
    return None if found.files or body.file_assets else found
