"""Graph + what views prove -> what was declared of a view, said of the tables that stand behind it.

A view stores nothing, so it has no slices of its own. `same` and `latest` speak of the slices of a
table behind it where the view's query copies the columns that this table is cut along. For any other
table, and where two tables are cut along columns that the view keeps apart, it counts as everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlpipes.core.asset import Asset
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.lineage import Local, through
from sqlpipes.core.reads import EVERYTHING, Mapped, Reads

Locals = Mapping[str, tuple[Local, ...]]
SLICED = frozenset({Mapped.SAME, Mapped.LATEST})


@dataclass(frozen=True, slots=True)
class Copied:
    """A column of a view that is a column of a table behind it, in each row."""

    column: str
    table: str
    source: str


def is_of_a_view(graph: Graph, edge: Input) -> bool:
    """Whether slices were declared of something that has none of its own, but may show some."""
    said = edge.reads.declared and edge.reads.how in SLICED
    return said and not graph.assets[edge.name].is_stored


def seen_through(graph: Graph, local: Locals, reader: Asset, edge: Input) -> tuple[Input, ...]:
    """What the declaration means behind the view; nothing when it means everything."""
    copied = _of_slices(graph, _copied(graph, local, edge.name))
    own = reader.partition.columns if reader.partition else ()
    meant = _meant(copied, {column.casefold() for column in own})
    said = [Local(column, edge.name, column, ((),)) for column in sorted(meant)]
    return tuple(_behind(graph, local, edge.name, said, edge.reads)) if said else ()


def _copied(graph: Graph, local: Locals, view: str) -> frozenset[Copied]:
    """Columns of stored tables that the view's query, and those of views below it, pass on."""
    found: set[Copied] = set()
    todo = list(_claims(graph, local, view))
    while todo:
        each = todo.pop()
        if each.reaches != ((),):
            continue
        if graph.assets[each.table].is_stored:
            found.add(Copied(each.column.casefold(), each.table, each.source.casefold()))
        else:
            below = (through(each, theirs) for theirs in _claims(graph, local, each.table))
            todo += [one for one in below if one is not None]
    return frozenset(found)


def _claims(graph: Graph, local: Locals, view: str) -> Iterator[Local]:
    shown = {edge.name for edge in graph.inputs[view] if not edge.unseen}
    yield from (each for each in local.get(view, ()) if each.table in shown)


def _of_slices(graph: Graph, copied: frozenset[Copied]) -> frozenset[Copied]:
    """Those of tables all of whose partition columns are there."""
    found: set[Copied] = set()
    for table in {each.table for each in copied}:
        cut = graph.assets[table].partition
        columns = {column.casefold() for column in cut.columns} if cut else set()
        mine = {each for each in copied if each.table == table and each.source in columns}
        if columns and {each.source for each in mine} == columns:
            found |= mine
    return frozenset(found)


def _meant(copied: frozenset[Copied], own: set[str]) -> frozenset[str]:
    """The view's columns that its slices would live in; nothing when it is not clear which.

    Of several tables, the column with the name of the reader's own is meant, else one of them all.
    """
    tables = {each.table for each in copied}
    columns = frozenset(each.column for each in copied)
    if len(tables) < 2:
        return columns
    shared = (c for c in columns if {each.table for each in copied if each.column == c} == tables)
    return columns & own or frozenset(shared)


def _behind(
    graph: Graph, local: Locals, view: str, said: list[Local], reads: Reads
) -> Iterator[Input]:
    """Every way to a table must be proven: a second one may show rows of other slices."""
    for edge in graph.inputs[view]:
        theirs = [each for each in _claims(graph, local, view) if each.table == edge.name]
        composed = [one for mine in said for each in theirs if (one := through(mine, each))]
        same = [one for one in composed if one.reaches == ((),)]
        if not graph.assets[edge.name].is_stored:
            below = tuple(_behind(graph, local, edge.name, same, reads)) if same else ()
            yield Input(edge.name, edge.at, EVERYTHING, below)
        else:
            yield Input(edge.name, edge.at, reads if _covers(graph, edge, same) else EVERYTHING)


def _covers(graph: Graph, edge: Input, same: list[Local]) -> bool:
    cut = graph.assets[edge.name].partition
    columns = {column.casefold() for column in cut.columns} if cut else set()
    return bool(columns) and columns <= {each.source.casefold() for each in same}
