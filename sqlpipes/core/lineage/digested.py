"""Graph + Lineage -> the Digests of queries, each read with the columns that its inputs have.

A template may be another text for a first build, for later ones and for slices: all of them count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, Rendered, Scope, SqlBody
from sqlpipes.core.errors import SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.digests import Digests, read_digests
from sqlpipes.core.lineage.facts import ColumnFacts, Edge
from sqlpipes.core.lineage.trace import Lineage, Tracer, with_assets
from sqlpipes.core.lineage.types import Types

SCOPES = (
    Scope(),
    Scope(incremental=True),
    Scope(start="2000-01-01", end="2000-01-02", key="2000-01-01"),
)
"""What a template may ask for: its branches may differ, so each is looked at."""


def digests_of(graph: Graph, traced: Lineage, names: Iterable[str]) -> dict[str, Digests]:
    """Of those that are queries which can be read and rendered."""
    tracer = Tracer(graph, {}, graph.dialect, {})
    tracer.facts = dict(traced.facts)
    types = Types(graph.dialect)
    found: dict[str, Digests] = {}
    for name in names:
        asset = graph.assets[name]
        if isinstance(asset.body, SqlBody) and not asset.body.opaque:
            texts = _texts(asset, asset.body)
            each = [_read(tracer, types, rendered) for rendered in texts.values()]
            if each:
                found[name] = each[0] if len(each) == 1 else _joined(each)
    return found


def with_every_branch(graph: Graph, traced: Lineage, names: Iterable[str]) -> Lineage:
    """The same, and for templates also the edges of what they are otherwise than in a first build."""
    tracer = Tracer(graph, {}, graph.dialect, {})
    tracer.facts = dict(traced.facts)
    facts = dict(traced.facts)
    for name in names:
        asset = graph.assets[name]
        body = asset.body
        if isinstance(body, SqlBody) and body.template is not None and not body.opaque:
            others = list(_texts(asset, body).values())[1:]
            more = [edge for each in others for edge in _edges(tracer, body, each)]
            facts[name] = _with_more(facts[name], more, asset.at.line)
    return Lineage(facts)


def _edges(tracer: Tracer, body: SqlBody, rendered: Rendered) -> Iterator[Edge]:
    names = tracer.resolved(rendered)
    meant = {".".join(parts): name for parts, name in names.items() if name}
    found = with_assets(tracer.analysed(rendered, names), {**body.file_assets, **meant})
    yield from found.edges


def _with_more(facts: ColumnFacts, more: list[Edge], line: int) -> ColumnFacts:
    known = {(edge.column, edge.table, edge.source, edge.kind) for edge in facts.edges}
    new = {
        (edge.column, edge.table, edge.source, edge.kind): replace(edge, line=line, column_at=1)
        for edge in more
    }
    added = tuple(edge for key, edge in new.items() if key not in known)
    return replace(facts, edges=(*facts.edges, *added)) if added else facts


def _texts(asset: Asset, body: SqlBody) -> Mapping[str, Rendered]:
    """By their texts, so that what says the same in every scope is read once."""
    scopes = SCOPES if body.template is not None else SCOPES[:1]
    try:
        rendered = [body.render(scope) for scope in scopes]
    except SqlpipesError:
        return {}
    return {each.text: each for each in rendered}


def _read(tracer: Tracer, types: Types, rendered: Rendered) -> Digests:
    inputs = {parts: tracer.columns(name) for parts, name in tracer.resolved(rendered).items()}
    return read_digests(rendered.text, types, inputs)


def _joined(each: list[Digests]) -> Digests:
    """Of a query that is now this text and now that: it is known where all of them are."""
    names = dict.fromkeys(name for one in each for name in one.columns)
    columns = {name: _together([one.columns.get(name, "") for one in each]) for name in names}
    loose = frozenset(name for one in each for name in one.loose)
    rows = _together([one.rows for one in each])
    return Digests(columns, rows, all(one.listed for one in each), loose)


def _together(digests: list[str]) -> str:
    return "|".join(digests) if all(digests) else ""
