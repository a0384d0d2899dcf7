"""Slices of a query or of a function -> statements that build them beside their table.

Where an engine cannot replace slices by themselves, all of the table is written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlpipes.core.asset import PythonBody, SqlBody
from sqlpipes.core.engine import Connection
from sqlpipes.core.partitions import Partitioning, Partitions
from sqlpipes.core.sql import Relation
from sqlpipes.core.strategy import SchemaChange
from sqlpipes.run.beside.pieces import (
    Statements,
    cleaned,
    counted,
    how_of,
    into,
    named,
    published,
    quoted_name,
    rewritten,
    shadowed,
    takes_place,
)
from sqlpipes.run.columns import Difference, compared, difference
from sqlpipes.run.images import final_columns, listed, slices_image
from sqlpipes.run.parts import pieces, together
from sqlpipes.run.query import Query, asset_query
from sqlpipes.run.shadow import reading
from sqlpipes.run.slices import null_audit, outside_audit, scope
from sqlpipes.run.statement import Call, Columns, Fitted, Purpose, Statement, Transaction
from sqlpipes.run.windows import inside_sql, missing_sql, pruned_parts
from sqlpipes.run.work import Work


def slices(work: Work) -> Transaction:
    found = tuple(pieces(work.step.slices, work.asset.name, work.graph))
    if isinstance(work.asset.body, PythonBody):
        return _python_slices(work, found)
    written = together(found)
    one = _first_asked(work, found)
    query = asset_query(work.asset, work.graph, work.warehouse, scope(work, one, work.fresh))
    asked = work.statement(
        f"{compared(work.asset)}select * from (\n",
        query,
        f"\n) as {work.warehouse.can.name(work.asset.name)}",
    )

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        return Fitted(_staged_slices(work, found, new, None if work.fresh else old))

    asked = replace(asked, purpose=Purpose.FIT, fit=fit, relation=work.relation)
    return Transaction((asked,), written, fresh=work.fresh)


def _cut(work: Work) -> Partitioning:
    assert work.asset.partition is not None
    return work.asset.partition


def _first_asked(work: Work, parts: tuple[Partitions, ...]) -> Partitions:
    assert isinstance(work.asset.body, SqlBody)
    return (pruned_parts(work.asset.body, parts[0], work.table, _cut(work)) or parts)[0]


def _staged_slices(
    work: Work, parts: tuple[Partitions, ...], new: Columns, old: Columns | None
) -> Statements:
    found = difference(new, old or (), work.warehouse.dialect) if old else Difference()
    if found and work.asset.on_schema_change is SchemaChange.REBUILD:
        every = together(parts) | (work.step.held or together(parts))
        work = replace(work, step=replace(work.step, slices=every, full=True), made=False)
        parts, old = tuple(pieces(every, work.asset.name, work.graph)), None
    final = final_columns(work, found, old) if old else new
    picked = listed(final, new, work, table=work.table) if old else "*"
    along = () if old else how_of(work).layout(_cut(work), new)
    staged = _query_slices(replace(work, picked=picked), parts, along, fresh=old is None)
    audit = null_audit(work, quoted_name(work, "rows"))
    change = bool(found) and final != old
    put = _slices_put(work, together(parts), named(work, "rows"), final, old, along, altered=change)
    return (*staged, audit, counted(quoted_name(work, "rows")), *put)


def _query_slices(
    work: Work, parts: tuple[Partitions, ...], along: Sequence[str], *, fresh: bool
) -> Statements:
    """The rows of all parts into one staging table. Who reads itself finds the earlier ones there."""
    rows, said = named(work, "rows"), []
    inner = replace(work, graph=reading(work.graph, work.asset, rows)) if fresh else work
    for i, part in enumerate(parts):
        own = inner if i and work.asset.name in work.graph.reads_self else work
        said += _query_part(own, part, rows, along, create=i == 0, fresh=fresh)
    return tuple(said)


def _query_part(
    work: Work, part: Partitions, rows: Relation, along: Sequence[str], *, create: bool, fresh: bool
) -> list[Statement]:
    assert isinstance(work.asset.body, SqlBody)
    cut, can, table = _cut(work), work.warehouse.can, work.warehouse.quote(rows)
    alias = can.name(work.asset.name)
    asked = pruned_parts(work.asset.body, part, work.table, cut)

    def put(before: str, query: Query | str, tail: str) -> list[Statement]:
        if create:
            return [*into(work, table, before, query, tail, along)]
        added = work.insert(table, before, query, tail)  # all of it is counted once, at the end
        return [replace(added, into=table, purpose=Purpose.PREPARE)]

    if asked is None:
        query = asset_query(
            work.asset, work.graph, work.warehouse, scope(work, part, create and fresh)
        )
        guard = f"({inside_sql(cut, part, can)}) or {missing_sql(cut, can)}"
        return put(
            f"select {work.picked} from (\n", query, f"\n) as {alias} where {guard}{work.limit}"
        )
    said: list[Statement] = []
    for i, one in enumerate(asked):
        query = asset_query(
            work.asset, work.graph, work.warehouse, scope(work, one, create and fresh)
        )
        tail = f"\n) as {alias}{work.limit}"
        if i:
            added = work.insert(work.stage, "select * from (\n", query, tail)
            said.append(replace(added, into=work.stage, purpose=Purpose.PREPARE))
        else:
            said += into(work, work.stage, "select * from (\n", query, tail)
    said.append(outside_audit(work, part))
    said += put("", f"select {work.picked} from {work.stage}", "")
    return [*said, Statement(f"drop table if exists {work.stage}", Purpose.PREPARE)]


def _slices_put(
    work: Work,
    slices: Partitions,
    rows: Relation,
    final: Columns,
    old: Columns | None,
    along: Sequence[str],
    *,
    altered: bool,
    left: tuple[str, ...] = (),
) -> Statements:
    """How the staged slices take their place; where they cannot by themselves, the table is written anew."""
    if old is None:
        return takes_place(work, rows, *left, along=along)
    there = old
    cut, staged = _cut(work), work.warehouse.quote(rows)
    inside = inside_sql(cut, slices, work.warehouse.can)
    image = slices_image(work, final, there, final, inside, staged)

    def decides(connection: Connection) -> Statements:
        how = how_of(work)
        deeds = None if altered else how.slices(connection, rows, work.relation, final, cut, inside)
        if deeds is None:
            return rewritten(work, image, staged, *left, along=how.layout(cut, final))
        put = published(work, deeds)
        return (*shadowed(work, image), *put, *cleaned(work, staged, *left))

    said = f"-- slices of {work.table} give way to those in {staged}"
    return (Statement(said, Purpose.PREPARE, decides=decides),)


def _python_slices(work: Work, parts: tuple[Partitions, ...]) -> Transaction:
    """The calls come first; where there are several, their rows are collected in one table."""
    whole = named(work, "whole") if len(parts) > 1 else None
    calls = tuple(_call(work, part, whole, first=i == 0) for i, part in enumerate(parts))
    source = whole or calls[0].stage
    table, slices = work.warehouse.quote(source), together(parts)

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        there = None if work.fresh else old
        found = difference(new, there or (), work.warehouse.dialect) if there else Difference()
        final = final_columns(work, found, there) if there else new
        along = () if there else how_of(work).layout(_cut(work), new)
        picked = listed(final, new, work, table=work.table) if there else "*"
        rows = named(work, "rows")
        made = into(
            work, work.warehouse.quote(rows), "", f"select {picked} from {table}", work.limit, along
        )
        left = tuple(dict.fromkeys((table, work.stage)))
        change = bool(found) and final != there
        put = _slices_put(work, slices, rows, final, there, along, altered=change, left=left)
        return Fitted((*made, counted(work.warehouse.quote(rows)), *put))

    sql = f"{compared(work.asset)}select * from {table}"
    asked = Statement(sql, Purpose.FIT, fit=fit, relation=work.relation)
    return Transaction((asked,), slices, calls=calls, fresh=work.fresh)


def _call(work: Work, part: Partitions, whole: Relation | None, *, first: bool) -> Call:
    assert work.landing is not None
    then = [null_audit(work, work.stage), outside_audit(work, part)]
    if whole is not None:
        table = work.warehouse.quote(whole)
        if first:
            then += into(work, table, "", f"select * from {work.stage}")
        else:
            then.append(replace(work.insert(table, "", f"select * from {work.stage}"), into=table))
    return Call(part, work.landing, tuple(then), whole, this=work.this)
