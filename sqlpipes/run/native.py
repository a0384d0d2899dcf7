"""Slices -> partitions of a table that the server itself cuts, one for each of them.

Rows are then written as into any other table: the server puts each where it belongs, and deletes of a
slice look at its partition only. A partition that is not there yet is made as a table of its own and
attached, for which no reader waits; none is ever taken away while others read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlpipes.core.asset import Asset
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.extras import digest_of
from sqlpipes.core.partitions import IntegerAxis, Partitioning, Partitions, TimeAxis, window_text
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.run.extras import OURS
from sqlpipes.run.python import Place
from sqlpipes.run.statement import Columns, Opens, Purpose, Statement
from sqlpipes.run.warehouse import Warehouse

PARTITIONED = "partitioned table"  # as `Standing.kind`
TAIL = 14  # characters of a digest, with what stands before it


def table_sql(opens: Opens, columns: Columns, warehouse: Warehouse) -> tuple[Statement, ...]:
    """The table without rows, and its partitions: nobody sees it yet."""
    table, cut = warehouse.quote(opens.relation), opens.cut
    listed = ",\n".join(f"  {identifier(name)} {kind}" for name, kind in columns)
    how = "range" if isinstance(cut.along, (TimeAxis, IntegerAxis)) else "list"
    create = f"create table {table} (\n{listed}\n) partition by {how} ({identifier(cut.column)})"
    parts = (
        f"create table {warehouse.quote(part)} partition of {table} {bounds}"
        for part, bounds in partitions(opens, columns, warehouse)
    )
    return tuple(Statement(sql, Purpose.PREPARE) for sql in (create, *parts))


def opened(opens: Opens, asset: Asset, place: Place) -> tuple[Statement, ...]:
    """The partitions that are still missing. EngineError ENG045 for a table that has none at all."""
    relation, warehouse = opens.relation, place.warehouse
    there = place.connection.standing(relation, alone=True)
    if there is None or there.kind != PARTITIONED:
        message = f"{relation} is not partitioned yet, and only some of its slices are to be built"
        hint = f"build all of them: sqlpipes build -s {asset.name} --full-refresh"
        raise EngineError(Problem("ENG045", message, asset.at, hint))
    table = warehouse.quote(relation)
    query = warehouse.can.partitions.format(literal(table))
    known = {str(name) for (name,) in place.connection.fetch(query).rows}
    columns = place.connection.columns(relation) or ()
    found: list[Statement] = []
    for part, bounds in partitions(opens, columns, warehouse):
        if part.name not in known:
            own = warehouse.quote(part)
            found.append(_said(f"create table {own} (like {table} including all)"))
            found.append(_said(f"alter table {table} attach partition {own} {bounds}"))
    return tuple(found)


def demand_plain(relation: Relation, asset: Asset, place: Place) -> None:
    """EngineError ENG045 for a table that we have cut, of an asset that does not ask for it any more:
    its partitions would stay, and slices without one would find no place."""
    there = place.connection.standing(relation, alone=True)
    if there is None or there.kind != PARTITIONED or not is_cut_by_us(relation, place):
        return
    message = f"{relation} is still partitioned, and only some of its slices are to be built"
    hint = f"build all of them: sqlpipes build -s {asset.name} --full-refresh"
    raise EngineError(Problem("ENG045", message, asset.at, hint))


def is_cut_by_us(relation: Relation, place: Place) -> bool:
    """Whether any partition of a table has a name of ours."""
    query = place.warehouse.can.partitions.format(literal(place.warehouse.quote(relation)))
    names = [str(name) for (name,) in place.connection.fetch(query).rows]
    return any(map(OURS.search, names))


def _said(sql: str) -> Statement:
    return Statement(sql, Purpose.PREPARE)


def partitions(
    opens: Opens, columns: Columns, warehouse: Warehouse
) -> Iterator[tuple[Relation, str]]:
    """(partition, FOR VALUES ...) of each slice."""
    cut = opens.cut
    kind = next((kind for name, kind in columns if name == cut.column), "")
    for key, bounds in _bounds(cut, opens.slices, kind):
        name = _name(opens.relation, key, warehouse.can.longest_name)
        yield replace(opens.relation, name=name), f"for values {bounds}"


def _bounds(cut: Partitioning, slices: Partitions, kind: str) -> Iterator[tuple[str, str]]:
    if not isinstance(cut.along, (TimeAxis, IntegerAxis)):
        for labels, _ in slices.rows:
            yield str(labels[0]), f"in ({literal(str(labels[0]))})"
        return
    for low, high in slices.ranges:
        for ordinal in range(low, high):
            first, end = (_bound(cut, each, kind) for each in (ordinal, ordinal + 1))
            yield cut.along.key(ordinal), f"from ({first}) to ({end})"


def _bound(cut: Partitioning, ordinal: int, kind: str) -> str:
    """Columns with a zone hold instants; others the wall time of the slices' own zone."""
    axis = cut.along
    if isinstance(axis, IntegerAxis):
        return str(axis.number(ordinal))
    assert isinstance(axis, TimeAxis)
    if kind.startswith("timestamp with") or kind.endswith("with time zone"):
        return literal(f"{axis.instant(ordinal).isoformat(sep=' ')}+00")
    return literal(window_text(axis.boundary(ordinal)))


def _name(relation: Relation, key: str, longest: int) -> str:
    """Tells the table and the slice as far as there is room, and ends with a digest of both."""
    plain = re.sub(r"\W+", "_", key)
    head = f"{relation.name}_{plain}".encode()[: (longest or 120) - TAIL].decode(errors="ignore")
    return f"{head}_sp{digest_of(str(relation), key)}"
