"""Lineage + two ends -> the edges on all ways from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.facts import ANY, ROWS_ONLY, Edge
from sqlpipes.core.lineage.trace import ColumnRef, Lineage


@dataclass(frozen=True, slots=True)
class Way:
    """One edge of a way, from a column of `edge.table` to `column` of `reader`.

    For an edge that decides rows, `column` is "*".
    """

    source: ColumnRef
    column: ColumnRef
    edge: Edge


@dataclass(frozen=True, slots=True)
class Ways:
    """`values`: edges along which values flow from the start to the end. `rows`: edges by which the
    start, or what is made of it, decides the rows of an asset that leads to the end."""

    values: tuple[Way, ...] = ()
    rows: tuple[Way, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values or self.rows)


def ways(traced: Lineage, start: ColumnRef, end: ColumnRef) -> Ways:
    """All ways down from `start` to `end`, in the order of the data. Column "*": any of the asset."""
    readers = _readers(traced)
    edges = dict.fromkeys(_down(start, readers))
    near = _leading(end, [way for way in edges if not way.edge.is_row_set])
    leads = _assets_above(end.asset, traced)
    return Ways(
        tuple(way for way in edges if not way.edge.is_row_set and _is_in(way.column, near)),
        tuple(way for way in edges if way.edge.is_row_set and way.column.asset in leads),
    )


def _readers(traced: Lineage) -> dict[str, list[tuple[str, Edge]]]:
    found: dict[str, list[tuple[str, Edge]]] = {}
    for reader, facts in traced.facts.items():
        for edge in facts.edges:
            found.setdefault(edge.table, []).append((reader, edge))
    return found


def _down(start: ColumnRef, readers: dict[str, list[tuple[str, Edge]]]) -> Iterator[Way]:
    """Every edge that values which begin at `start` reach; those that decide rows end there."""
    seen = {_folded(start)}
    todo = [start]
    for at in todo:
        for reader, edge in readers.get(at.asset, ()):
            if not _begins(edge, at.column):
                continue
            source = at if edge.source == ANY else ColumnRef(at.asset, edge.source)
            reached = ColumnRef(reader, edge.column or ANY)
            yield Way(source, reached, edge)
            if not edge.is_row_set and _folded(reached) not in seen:
                seen.add(_folded(reached))
                todo.append(reached)


def _begins(edge: Edge, column: str) -> bool:
    if edge.source == ANY:
        return column == ANY or edge.kind not in ROWS_ONLY
    return column == ANY or edge.source.casefold() == column.casefold()


def _leading(end: ColumnRef, values: list[Way]) -> dict[str, set[str]]:
    """asset -> the columns from which values flow to the end, itself among them."""
    into: dict[str, list[Way]] = {}
    for way in values:
        into.setdefault(way.column.asset, []).append(way)
    found = {end.asset: {end.column.casefold()}}
    todo: list[ColumnRef] = [end]
    for at in todo:
        here = {at.asset: {at.column.casefold()}}
        for way in into.get(at.asset, ()):
            known = found.setdefault(way.source.asset, set())
            if way.source.column.casefold() not in known and _is_in(way.column, here):
                known.add(way.source.column.casefold())
                todo.append(way.source)
    return found


def _is_in(column: ColumnRef, among: dict[str, set[str]]) -> bool:
    known = among.get(column.asset, set())
    name = column.column.casefold()
    return bool(known) and (name == ANY or ANY in known or name in known)


def _folded(ref: ColumnRef) -> ColumnRef:
    return ColumnRef(ref.asset, ref.column.casefold())


def _assets_above(asset: str, traced: Lineage) -> frozenset[str]:
    """The asset and all that it reads."""
    return reached([asset], lambda name: (e.table for e in _edges(traced, name)))


def _edges(traced: Lineage, name: str) -> tuple[Edge, ...]:
    facts = traced.facts.get(name)
    return facts.edges if facts else ()


def reached(names: Iterable[str], step: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """`names` and all that is some steps away."""
    found = dict.fromkeys(names)
    todo = list(found)
    for name in todo:
        for other in step(name):
            if other and other not in found:
                found[other] = None
                todo.append(other)
    return frozenset(found)
