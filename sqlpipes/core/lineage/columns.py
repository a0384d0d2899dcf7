"""SQL text + the columns of its inputs -> ColumnFacts: one parse, one walk, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlpipes.core.asset import Column
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.garbage import sweep
from sqlpipes.core.lineage.facts import ANY, ColumnFacts, Edge, EdgeKind, RowSetKind, opaque, placed
from sqlpipes.core.lineage.places import Places
from sqlpipes.core.lineage.reading import Reading
from sqlpipes.core.lineage.select import read_query
from sqlpipes.core.lineage.tables import Level, Out, Scope, Table
from sqlpipes.core.lineage.types import Types

SPREADING = ("unnest", "explode", "inline", "flatten")

FAULTS = (
    SqlglotError, RecursionError, AttributeError, KeyError, IndexError, TypeError, ValueError,
)  # fmt: skip
QUERY_TAKERS = frozenset({"query()", "query_table()"})  # their tables are named in a text

Inputs = Mapping[tuple[str, ...], tuple[Column, ...] | None]


def read_columns(text: str, types: Types, inputs: Inputs) -> ColumnFacts:
    """Facts with places in the text itself (first line 1, no file)."""
    sweep()
    try:
        tokens, queries = types.take(text)
    except FAULTS:
        return opaque(".".join(key) for key in inputs)
    if len(queries) != 1 or not is_query(queries[0]):
        return opaque(".".join(key) for key in inputs)
    reading = Reading(types.dialect_name, Places(text, tokens), inputs, types, read_query)
    words = text.lower()
    reading.may_expand = "columns" in words
    reading.may_spread = any(word in words for word in SPREADING)
    try:
        table = read_query(reading, queries[0], Scope())
    except FAULTS:
        return opaque(dict.fromkeys([*(".".join(key) for key in inputs), *reading.tables]))
    return _facts(reading, table)


def is_query(tree: Any) -> bool:
    kinds = (exp.Query, exp.Values, exp.Pivot, exp.Summarize, exp.Describe, exp.Table)
    return isinstance(tree, kinds)


def placed_columns(text: str, dialect: str, inputs: Inputs, at: Location) -> ColumnFacts:
    return placed(read_columns(text, Types(dialect), inputs), at)


def _facts(reading: Reading, table: Table) -> ColumnFacts:
    columns = tuple(Column(out.name, reading.types.write(out.type)) for out in table.outs)
    edges = [edge for out in table.outs for edge in _value_edges(reading, out)]
    edges += [Edge(ANY, o.leaf, ANY, EdgeKind.UNKNOWN) for o in table.open]
    edges += _named_in_texts(reading)
    edges += _row_set_edges(reading, table)
    edges += _untouched(table, edges)
    doubtful = any(edge.kind is EdgeKind.UNKNOWN for edge in edges)
    problems = (*reading.problems, *_twins(reading, table))
    ordered = sorted(problems, key=lambda problem: problem.at or Location(""))
    complete = table.is_certain and not doubtful and not reading.doubted
    return ColumnFacts(columns, tuple(edges), complete, tuple(ordered), table.is_certain)


def _value_edges(reading: Reading, out: Out) -> list[Edge]:
    origins = out.origins.items()
    kinds = [(*origin, _kind(reading, out, origin[1], level)) for origin, level in origins]
    kinds = kinds or [("", "", EdgeKind.CONSTANT)]
    if out.offset is None:
        return [Edge(out.name, table, source, kind) for table, source, kind in kinds]
    at, text = reading.places.span(out.offset), reading.places.expression(out.offset)
    return [
        Edge(out.name, table, source, kind, text, at.line, at.column, at.length)
        for table, source, kind in kinds
    ]


def _kind(reading: Reading, out: Out, source: str, level: Level) -> EdgeKind:
    if level > Level.COPIED:
        return EdgeKind[level.name]
    own = out.key if out.twin is None else reading.key_of(out.twin)
    if source != ANY and reading.key_of(source) != own:
        return EdgeKind.RENAMED
    return EdgeKind[level.name]


def _row_set_edges(reading: Reading, table: Table) -> list[Edge]:
    found: list[Edge] = []
    for (leaf, source, kind), offset in table.rows.items():
        if offset < 0:
            found.append(Edge(None, leaf, source, kind))
            continue
        at, text = reading.places.span(offset), reading.places.expression(offset)
        found.append(Edge(None, leaf, source, kind, text, at.line, at.column, at.length))
    return found


def _named_in_texts(reading: Reading) -> list[Edge]:
    """Inputs that no FROM names: they are read by what runs a text."""
    if QUERY_TAKERS.isdisjoint(reading.tables):
        return []
    unmet = (".".join(key) for key in reading.inputs if ".".join(key) not in reading.tables)
    return [Edge(ANY, table, ANY, EdgeKind.UNKNOWN) for table in unmet]


def _untouched(table: Table, edges: list[Edge]) -> list[Edge]:
    """Tables whose rows are read though no column of theirs is named."""
    named = {edge.table for edge in edges}
    return [Edge(None, leaf, ANY, RowSetKind.FROM) for leaf in table.leaves if leaf not in named]


def _twins(reading: Reading, table: Table) -> list[Problem]:
    """Output columns of the same name: DuckDB stores the second under another, others refuse."""
    found: list[Problem] = []
    seen: set[str] = set()
    for out in table.outs:
        if out.twin is None and out.key not in seen:
            seen.add(out.key)
            continue
        name = out.twin or out.name
        stored = f"; it is stored as '{out.name}'" if out.twin else ""
        severity = Severity.WARNING if out.twin else Severity.ERROR
        found.append(
            Problem(
                "COL003",
                f"output column '{name}' is there twice{stored}",
                _place(reading, out),
                "give one of them another name",
                severity,
            )
        )
    return found


def _place(reading: Reading, out: Out) -> Location:
    if out.offset is None:
        return Location("")
    segment = reading.places.segment(out.offset)
    begin, end = (segment.start, segment.end + 1) if segment else (out.offset, out.offset + 1)
    line, column = reading.places.line_column(begin)
    return Location("", line, column, end - begin)
