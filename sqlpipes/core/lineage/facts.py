"""The nouns of column lineage: what one query yields, and from which columns of which tables.

Two sorts of edges. A *value edge* says that an output column is made of a source column. A
*row-set edge* (`column` is None) says that a source column decides which rows there are, though its
value may appear nowhere: a filter, a join condition, a grouping key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Any

from sqlpipes.core.asset import Column
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity


class EdgeKind(StrEnum):
    """How an output column comes from its source; of several steps the one that changes most counts."""

    STAR = "star"  # copied, and never named on the way
    COPIED = "copied"
    RENAMED = "renamed"
    CAST = "cast"
    COMPUTED = "computed"
    WINDOW = "window"
    AGGREGATED = "aggregated"
    CONSTANT = "constant"  # from no column: `table` and `source` are empty
    UNKNOWN = "unknown"  # may or may not come from there


class RowSetKind(StrEnum):
    """What lets a source column decide which rows there are."""

    FROM = "from"  # rows are read and no column is named
    WHERE = "where"
    JOIN = "join"
    GROUP = "group"
    HAVING = "having"
    QUALIFY = "qualify"
    ORDER_LIMIT = "order_limit"
    DISTINCT = "distinct"
    SET_OP = "set_op"
    PARTITION = "partition"  # what the slices are cut by: no row outside of them is kept
    UNKNOWN = "unknown"  # may or may not decide, in whatever way


Kind = EdgeKind | RowSetKind

ANY = "*"
"""A source column that cannot be named: the rows themselves, or (kind UNKNOWN) any of the columns."""

ROWS_ONLY: frozenset[Kind] = frozenset({*EdgeKind, *RowSetKind} - {EdgeKind.UNKNOWN})
"""With source "*" these mean the rows of a table, and UNKNOWN means columns that are not known."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One dependence. `at` is where the defining expression stands, `expression` is its text.

    Lines and columns count from 1; `length` is in characters, line ends included, 0 when no place in
    the query is known: then, after `trace`, it is all of the query. `file` is empty before `trace`.
    `column`: the output column, None for a row-set edge, "*" for columns that could not be listed.
    `table`: the folded reference, its parts joined by dots; after `trace` the asset's name.
    """

    column: str | None
    table: str
    source: str
    kind: Kind
    expression: str = ""
    line: int = 1
    column_at: int = 1
    length: int = 0
    file: str = ""

    @property
    def at(self) -> Location:
        return Location(self.file, self.line, self.column_at, self.length)

    @property
    def is_row_set(self) -> bool:
        return self.column is None


def is_any_column(edge: Edge) -> bool:
    """Whether the edge may begin at every column of its table, and not only at its rows."""
    return edge.source == ANY and edge.kind not in ROWS_ONLY


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What a query yields. `complete` False: some column, name or source is not known for certain.

    `listed`: `columns` are certainly all there are, in order, whatever may be unknown of their sources.
    """

    columns: tuple[Column, ...] = ()
    edges: tuple[Edge, ...] = ()
    complete: bool = True
    problems: tuple[Problem, ...] = ()
    listed: bool = True

    @property
    def value_edges(self) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.column is not None)

    @property
    def row_set_edges(self) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.column is None)

    def to_json(self) -> str:
        """Compact: `from_json` gives an equal value back. Files are left out: the query may move."""
        body = {
            "c": [[column.name, column.type] for column in self.columns],
            "e": [_edge_row(edge) for edge in self.edges],
            "k": [self.complete, self.listed],
            "p": [_problem_row(problem) for problem in self.problems],
        }
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> ColumnFacts:
        """Raises ValueError or KeyError on text that `to_json` did not write."""
        body = json.loads(text)
        return ColumnFacts(
            tuple(Column(name, type_) for name, type_ in body["c"]),
            tuple(_edge(row) for row in body["e"]),
            body["k"][0],
            tuple(_problem(row) for row in body["p"]),
            body["k"][1],
        )


def opaque(tables: Iterable[str], problems: tuple[Problem, ...] = ()) -> ColumnFacts:
    """All that can be said of SQL that could not be read: anything may come from anywhere."""
    edges = tuple(Edge(ANY, table, ANY, EdgeKind.UNKNOWN) for table in tables)
    return ColumnFacts((), edges, complete=False, problems=problems, listed=False)


def moved(at: Location, begin: Location) -> Location:
    """A place in a text -> the place in the file in which that text begins at `begin`.

    >>> begin = Location("a.sql", 10, 3)
    >>> str(moved(Location("", 1, 8), begin)), str(moved(Location("", 2, 8), begin))
    ('a.sql:10:10', 'a.sql:11:8')
    """
    column = at.column + begin.column - 1 if at.line == 1 else at.column
    return Location(begin.file, at.line + begin.line - 1, column, at.length)


def placed(facts: ColumnFacts, begin: Location) -> ColumnFacts:
    """The same facts, with places in the file in which the text begins at `begin`."""
    problems = tuple(
        replace(problem, at=moved(problem.at, begin)) if problem.at else problem
        for problem in facts.problems
    )
    if begin == Location("", 1, 1):
        return replace(facts, problems=problems)
    edges = tuple(put(edge, moved(edge.at, begin)) for edge in facts.edges)
    return replace(facts, edges=edges, problems=problems)


def put(edge: Edge, at: Location, table: str | None = None) -> Edge:
    """The same edge in another place, and of a table by another name. Written out: `replace` costs five times
    as much, and there are tens of thousands."""
    e, table = edge, edge.table if table is None else table
    return Edge(
        e.column, table, e.source, e.kind, e.expression, at.line, at.column, at.length, at.file
    )


def _edge_row(edge: Edge) -> list[str | int | None]:
    return [
        edge.column, edge.table, edge.source, edge.kind.value,
        edge.expression, edge.line, edge.column_at, edge.length,
    ]  # fmt: skip


def _edge(row: list[str]) -> Edge:
    column, table, source, kind, expression, line, at, length = row
    sort: type[EdgeKind] | type[RowSetKind] = RowSetKind if column is None else EdgeKind
    return Edge(column, table, source, sort(kind), expression, int(line), int(at), int(length))


def _problem_row(problem: Problem) -> list[object]:
    at = problem.at
    place = [at.file, at.line, at.column, at.length] if at else None
    return [problem.code, problem.message, place, problem.hint, problem.severity.value]


def _problem(row: list[Any]) -> Problem:
    code, message, place, hint, severity = row
    at = Location(*place) if isinstance(place, list) else None
    return Problem(code, message, at, hint, Severity(severity))
