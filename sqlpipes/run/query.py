"""The user's SQL + the graph -> the same text, whose table names reach the right relations.

The text runs as it was written. A name is replaced only where it would mean something else in this
warehouse; an ephemeral input, and a source that is files, becomes a subquery in its place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, Materialized, Rendered, Scope, SourceBody, SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.sql import Reference, bare, identifier, rewrite
from sqlpipes.core.sql.porting import Refusal
from sqlpipes.run.exported import export_rows
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
    translation: Translation | None = None  # where the target speaks another dialect

    def place(self, offset: int) -> Location | None:
        """The user's file, line and column for an offset of `text`; None outside of it."""
        if not 0 <= offset <= len(self.text):
            return None
        offset = self.translation.source(offset) if self.translation else offset
        at = unmoved(offset, self.spans)
        trace = getattr(self.body.template, "trace", None)
        if trace is not None:  # a template knows where each character was written
            found: Location = trace(self.scope).locate(at)
            return found
        line = self.rendered.count("\n", 0, at)
        column = at - self.rendered.rfind("\n", 0, at)
        if self.body.spot is not None:
            return Location(self.file, *self.body.spot.at(line + 1, column))
        return Location(self.file, self.body.line + line, column)


def asset_query(
    asset: Asset, graph: Graph, warehouse: Warehouse, scope: Scope | None = None
) -> Query:
    """The SELECT of a SQL asset, ready to run in this warehouse."""
    assert isinstance(asset.body, SqlBody)
    return body_query(asset.body, asset.path, graph, warehouse, scope, named=True)


def body_query(
    body: SqlBody,
    file: str,
    graph: Graph,
    warehouse: Warehouse,
    scope: Scope | None = None,
    *,
    everywhere: bool = False,
    named: bool = False,
) -> Query:
    """`everywhere`: spell out every known name, for text that is put inside another query, whose
    CTEs could otherwise capture it. `named`: its columns are read by their names.

    Raises ProjectError TRN... for what cannot be said in the target's dialect.
    """
    scope = scope or Scope()
    if is_ported(graph, warehouse) and not body.local and not body.dialect:
        scope = replace(scope, this=_as_source(scope.this, warehouse.can.mark))
        rendered = body.render(scope)
        return ported_query(body, file, rendered, graph, warehouse, scope, named=named)
    rendered = body.render(scope)
    spans = _spans(rendered, graph, warehouse, everywhere)
    text = bare(rewrite(rendered.text, spans), body.dialect or graph.dialect)
    return Query(text, rendered.text, spans, file, body, scope)


def is_ported(graph: Graph, warehouse: Warehouse) -> bool:
    """Whether this warehouse speaks another dialect than the project."""
    return graph.porter_to(warehouse.dialect) is not None


def _as_source(this: str, mark: str) -> str:
    """`{{ this }}` as a text that is read before it is said elsewhere: with the marks that all dialects know.

    >>> _as_source("`shop`.`a``b`", "`")
    '"shop"."a`b"'
    """
    one = re.escape(mark)
    name = re.compile(f"{one}((?:[^{one}]|{one}{one})*){one}")
    return name.sub(lambda found: identifier(found[1].replace(mark * 2, mark)), this)


PLACE = re.compile(r"\bsqlpipes_table_(\d+)\b")


@dataclass(frozen=True, slots=True)
class Translation:
    """A query that was said in another dialect. `spans` are those of `ported` that were replaced."""

    source_text: str
    ported: str
    spans: tuple[Span, ...]
    read: str
    write: str

    def source(self, offset: int) -> int:
        """Where an offset of the final text comes from, in `source_text`."""
        from sqlpipes.core.sql.porting import source_place

        at = unmoved(offset, self.spans)
        return source_place(self.source_text, self.read, self.ported, self.write, at)


def ported_query(
    body: SqlBody,
    file: str,
    rendered: Rendered,
    graph: Graph,
    warehouse: Warehouse,
    scope: Scope,
    *,
    named: bool,
) -> Query:
    """The query in the target's dialect. Every table is a name of ours while it is translated.

    Raises ProjectError with all that cannot be said there.
    """
    porter = graph.porter_to(warehouse.dialect)
    assert porter is not None
    ours = named_tables(rendered, graph, warehouse)
    plain = bare(ours.text, graph.dialect)
    ported = porter.query(plain, ours.tables, named=named, lasting=body.template is None)
    query = Query(plain, rendered.text, ours.spans, file, body, scope)
    if ported.refusals:
        raise ProjectError(
            *(refused(found, query.place, Location(file)) for found in ported.refusals)
        )
    put = ours.put_back(ported.text)
    made = Translation(plain, ported.text, put, porter.read, porter.write)
    return replace(query, text=rewrite(ported.text, put), translation=made)


@dataclass(frozen=True, slots=True)
class NamedTables:
    """A text in which each table is a name of ours: the asset that it is, and what it is in the warehouse."""

    text: str
    spans: tuple[Span, ...]
    tables: Mapping[str, str]
    there: tuple[str, ...]

    def put_back(self, text: str) -> tuple[Span, ...]:
        """The spans of another text where our names stand, each with what it is."""
        return tuple((m.start(), m.end(), self.there[int(m[1])]) for m in PLACE.finditer(text))


def named_tables(rendered: Rendered, graph: Graph, warehouse: Warehouse) -> NamedTables:
    spans: list[Span] = []
    tables: dict[str, str] = {}
    there: list[str] = []
    files = [each.table for each in rendered.files if each.table is not None]
    for reference in (*rendered.references, *files):
        asset = graph.assets.get(graph.resolve(reference) or "")
        if asset is None:
            continue
        name = f"sqlpipes_table_{len(there)}"
        spans.append((reference.start, reference.end, name + _alias(reference, rendered.text)))
        tables[name] = asset.name
        there.append(_relation_sql(asset, graph, warehouse))
    spans.sort()
    return NamedTables(rewrite(rendered.text, spans), tuple(spans), tables, tuple(there))


def _relation_sql(asset: Asset, graph: Graph, warehouse: Warehouse) -> str:
    if asset.materialized is Materialized.EPHEMERAL:
        return subquery(asset, graph, warehouse)
    if isinstance(asset.body, SourceBody) and asset.body.files:
        return files_query(asset.body, warehouse)
    if asset.export is not None:
        return export_rows(asset, warehouse)
    return warehouse.quote(warehouse.where(asset))


def refused(
    found: Refusal, place: Callable[[int], Location | None], otherwise: Location | None
) -> Problem:
    """At its place in the user's file."""
    at = place(found.start) or otherwise
    at = replace(at, length=max(found.end - found.start, 1)) if at else None
    return Problem(found.code, found.message, at, found.hint)


def unmoved(offset: int, spans: tuple[Span, ...]) -> int:
    """An offset of a text whose spans were replaced, in the text as it was before."""
    moved = 0
    for start, end, new in spans:
        if offset <= start + moved:
            break
        if offset < start + moved + len(new):
            return start
        moved += len(new) - (end - start)
    return offset - moved


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
        table = file.table
        name = graph.resolve(table) if table else None
        if table and name:  # an asset that is called like a file
            new = _replacement(
                table, rendered.text, graph.assets[name], graph, warehouse, everywhere
            )
            spans += [(table.start, table.end, new)] if new is not None else []
        elif _is_relative(file.pattern):
            absolute = warehouse.can.value(os.path.join(warehouse.root, file.pattern))
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
        return subquery(asset, graph, warehouse) + _alias(reference, text, warehouse.can.mark)
    if isinstance(asset.body, SourceBody) and asset.body.files:
        return files_query(asset.body, warehouse) + _alias(reference, text, warehouse.can.mark)
    if asset.export is not None:
        return export_rows(asset, warehouse) + _alias(reference, text, warehouse.can.mark)
    if asset.relation is None:
        return None
    relation = warehouse.where(asset)
    at_home = relation is asset.relation
    if at_home and not everywhere and warehouse.reaches(reference, relation):
        return None
    last = reference.folded(warehouse.dialect)[-1]
    renamed = not at_home or last != warehouse.name(relation)[-1]
    return warehouse.quote(relation) + (
        _alias(reference, text, warehouse.can.mark) if renamed else ""
    )


def subquery(asset: Asset, graph: Graph, warehouse: Warehouse) -> str:
    """An ephemeral asset's query in parentheses. Line breaks keep a comment from eating them."""
    assert isinstance(asset.body, SqlBody)
    inner = body_query(asset.body, asset.path, graph, warehouse, everywhere=True, named=True)
    return f"(\n{inner.text}\n)"


def files_query(body: SourceBody, warehouse: Warehouse) -> str:
    """The rows of a source's files in parentheses; a column that some of them lack is null there."""
    reads = (f"select * from {_file_scan(pattern, warehouse)}" for pattern in body.files)
    return f"({' union all by name '.join(reads)})"


def _file_scan(pattern: str, warehouse: Warehouse) -> str:
    name = pattern.lower().removesuffix(".gz").removesuffix(".zst")
    for reader, endings in FILE_READERS.items():
        if name.endswith(endings):
            return f"{reader}({warehouse.can.value(pattern)}, union_by_name = true)"
    return warehouse.can.value(pattern)


def _alias(reference: Reference, text: str, mark: str = '"') -> str:
    """The written name as an alias, so that `orders.amount` still means this table."""
    if reference.alias is not None:
        return ""
    last = reference.parts[-1]
    return " as " + (identifier(last, mark) if reference.quoted[-1] else last)
