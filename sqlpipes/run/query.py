"""The user's SQL + the graph -> the same text, whose table names reach the right relations.

The text runs as it was written. A name is replaced only where it would mean something else in this
warehouse; an ephemeral input, and a source that is files, becomes a subquery in its place.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from sqlpipes.core.asset import Asset, Materialized, Rendered, Scope, SourceBody, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph
from sqlpipes.core.sql import Reference, bare, identifier, literal, rewrite
from sqlpipes.run.warehouse import Warehouse

Span = tuple[int, int, str]
FILE_READERS = {
    "read_csv": (".csv", ".tsv"),
    "read_parquet": (".parquet",),
    "read_json": (".json", ".jsonl", ".ndjson"),
}


@dataclass(frozen=True, slots=True)
class Query:
    """SQL that can run, without its last semicolon. `spans` are the replaced ones, in text order."""

    text: str
    rendered: str
    spans: tuple[Span, ...]
    file: str
    body: SqlBody
    scope: Scope

    def place(self, offset: int) -> Location | None:
        """The user's file, line and column for an offset of `text`; None outside of it."""
        if not 0 <= offset <= len(self.text):
            return None
        at = self._rendered_offset(offset)
        trace = getattr(self.body.template, "trace", None)
        if trace is not None:  # a template knows where each character was written
            found: Location = trace(self.scope).locate(at)
            return found
        line = self.rendered.count("\n", 0, at)
        column = at - self.rendered.rfind("\n", 0, at)
        if self.body.spot is not None:
            return Location(self.file, *self.body.spot.at(line + 1, column))
        return Location(self.file, self.body.line + line, column)

    def _rendered_offset(self, offset: int) -> int:
        moved = 0
        for start, end, new in self.spans:
            if offset <= start + moved:
                break
            if offset < start + moved + len(new):
                return start
            moved += len(new) - (end - start)
        return offset - moved


def asset_query(
    asset: Asset, graph: Graph, warehouse: Warehouse, scope: Scope | None = None
) -> Query:
    """The SELECT of a SQL asset, ready to run in this warehouse."""
    assert isinstance(asset.body, SqlBody)
    return body_query(asset.body, asset.path, graph, warehouse, scope)


def body_query(
    body: SqlBody,
    file: str,
    graph: Graph,
    warehouse: Warehouse,
    scope: Scope | None = None,
    *,
    everywhere: bool = False,
) -> Query:
    """`everywhere`: spell out every known name, for text that is put inside another query, whose
    CTEs could otherwise capture it."""
    scope = scope or Scope()
    rendered = body.render(scope)
    spans = _spans(rendered, graph, warehouse, everywhere)
    text = bare(rewrite(rendered.text, spans), graph.dialect)
    return Query(text, rendered.text, spans, file, body, scope)


def _spans(
    rendered: Rendered, graph: Graph, warehouse: Warehouse, everywhere: bool
) -> tuple[Span, ...]:
    spans = []
    for reference in rendered.references:
        name = graph.resolve(reference)
        asset = graph.assets.get(name) if name else None
        new = _replacement(reference, rendered.text, asset, graph, warehouse, everywhere)
        if new is not None:
            spans.append((reference.start, reference.end, new))
    for file in rendered.files:
        if _is_relative(file.pattern):
            absolute = literal(os.path.join(warehouse.root, file.pattern))
            spans.append((file.start, file.end, absolute))
    return tuple(sorted(spans))


def _is_relative(pattern: str) -> bool:
    """Whether a file name counts from the project's folder; the engine would count from ours."""
    return not (os.path.isabs(pattern) or "://" in pattern or pattern.startswith("~"))


def _replacement(
    reference: Reference,
    text: str,
    asset: Asset | None,
    graph: Graph,
    warehouse: Warehouse,
    everywhere: bool,
) -> str | None:
    """What must stand in place of the name, or None when it is right as written."""
    if asset is None:
        return None
    if asset.materialized is Materialized.EPHEMERAL:
        return subquery(asset, graph, warehouse) + _alias(reference, text)
    if isinstance(asset.body, SourceBody) and asset.body.files:
        return files_query(asset.body) + _alias(reference, text)
    if asset.relation is None or (not everywhere and warehouse.reaches(reference, asset.relation)):
        return None
    last = reference.folded(warehouse.dialect)[-1]
    renamed = last != warehouse.name(asset.relation)[-1]
    return warehouse.quote(asset.relation) + (_alias(reference, text) if renamed else "")


def subquery(asset: Asset, graph: Graph, warehouse: Warehouse) -> str:
    """An ephemeral asset's query in parentheses. Line breaks keep a comment from eating them."""
    assert isinstance(asset.body, SqlBody)
    inner = body_query(asset.body, asset.path, graph, warehouse, everywhere=True)
    return f"(\n{inner.text}\n)"


def files_query(body: SourceBody) -> str:
    """The rows of a source's files in parentheses; a column that some of them lack is null there."""
    reads = (f"select * from {_file_scan(pattern)}" for pattern in body.files)
    return f"({' union all by name '.join(reads)})"


def _file_scan(pattern: str) -> str:
    name = pattern.lower().removesuffix(".gz").removesuffix(".zst")
    for reader, endings in FILE_READERS.items():
        if name.endswith(endings):
            return f"{reader}({literal(pattern)}, union_by_name = true)"
    return literal(pattern)


def _alias(reference: Reference, text: str) -> str:
    """The written name as an alias, so that `orders.amount` still means this table."""
    if reference.alias is not None:
        return ""
    last = reference.parts[-1]
    return " as " + (identifier(last) if reference.quoted[-1] else last)
