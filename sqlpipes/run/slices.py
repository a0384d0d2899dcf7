"""A part of a partitioned asset -> the transaction that puts new rows in the place of its old ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlpipes.core.asset import PythonBody, Scope, SqlBody
from sqlpipes.core.engine import RelationType
from sqlpipes.core.errors import Problem
from sqlpipes.core.partitions import Partitioning, Partitions, TimeAxis, ValueAxis
from sqlpipes.core.sql import Relation
from sqlpipes.core.strategy import SchemaChange
from sqlpipes.run.columns import altered, both, compared, difference, names_of
from sqlpipes.run.parts import pieces, together
from sqlpipes.run.query import asset_query
from sqlpipes.run.statement import (
    Call,
    Columns,
    Fitted,
    Opens,
    Purpose,
    Statement,
    Transaction,
)
from sqlpipes.run.windows import inside_sql, missing_sql, pruned_parts, scope_of
from sqlpipes.run.work import EXAMPLES, Work, clean, make_room


def slices(work: Work) -> Transaction:
    """Several statements or calls only where `batch` bounds what one may cover."""
    found = tuple(pieces(work.step.slices, work.asset.name, work.graph))
    if not isinstance(work.asset.body, PythonBody):
        return _sql_slices(work, found, fresh=work.fresh)
    return _python_slices(work, found, fresh=work.fresh)


def _partition(work: Work) -> Partitioning:
    assert work.asset.partition is not None
    return work.asset.partition


# ------------------------------------------------------------------------------------------- SQL


def _sql_slices(work: Work, parts: tuple[Partitions, ...], *, fresh: bool) -> Transaction:
    written = together(parts)
    asked = () if fresh else (_asked(work, parts),)
    return Transaction((*asked, *_written(work, parts, fresh=fresh)), written, fresh=fresh)


def _asked(work: Work, parts: tuple[Partitions, ...]) -> Statement:
    """What the query's columns are, before anything is written: they may not be the table's any more."""
    assert isinstance(work.asset.body, SqlBody)
    one = (pruned_parts(work.asset.body, parts[0], work.table, _partition(work)) or parts)[0]
    query = asset_query(work.asset, work.graph, work.warehouse, scope(work, one, False))
    head = f"{compared(work.asset)}select * from (\n"
    asked = work.statement(head, query, f"\n) as {work.warehouse.can.name(work.asset.name)}")

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        found = difference(new, old or (), work.warehouse.dialect)
        policy = work.asset.on_schema_change
        if found and policy is SchemaChange.REBUILD:
            every = together(parts) | (work.step.held or together(parts))
            anew = replace(work, step=replace(work.step, slices=every, full=True), made=False)
            again = tuple(pieces(every, work.asset.name, work.graph))
            return Fitted(_written(anew, again, fresh=True), instead=True)
        if found.added and policy is SchemaChange.IGNORE:
            names = ", ".join(
                names_of(both(new, old or (), work.warehouse.dialect), work.warehouse.can)
            )
            return Fitted(_written(replace(work, picked=names), parts, fresh=False), instead=True)
        return Fitted(altered(work, found))

    return replace(asked, purpose=Purpose.FIT, fit=fit, relation=work.relation)


def _written(work: Work, parts: tuple[Partitions, ...], *, fresh: bool) -> tuple[Statement, ...]:
    """The statements that write these slices."""
    assert isinstance(work.asset.body, SqlBody)
    written = together(parts)
    statements = [*make_room(work, RelationType.TABLE)] if fresh else [_delete(work, written)]
    for i, part in enumerate(parts):
        create = fresh and i == 0
        asked = pruned_parts(work.asset.body, part, work.table, _partition(work))
        if asked is None:
            statements.append(_guarded(work, part, create))
        else:
            statements += _pruned(work, part, asked, create)
    return (*statements, null_audit(work))


def _guarded(work: Work, part: Partitions, create: bool) -> Statement:
    """The user's text inside its window. Rows without a partition value pass, to be found after."""
    cut = _partition(work)
    query = asset_query(work.asset, work.graph, work.warehouse, scope(work, part, create))
    guard = (
        f"({inside_sql(cut, part, work.warehouse.can)}) or {missing_sql(cut, work.warehouse.can)}"
    )
    tail = f"\n) as {work.warehouse.can.name(work.asset.name)} where {guard}{work.limit}"
    put = work.put(create, f"select {work.picked} from (\n", query, tail)
    return _opening(work, part, put)


def _opening(work: Work, part: Partitions, put: Statement) -> Statement:
    """Its columns have been asked for; partitions of the server's may be missing."""
    if not work.warehouse.can.partitions:
        return replace(put, into=None)
    if work.asset.native_partitions:
        return replace(put, into=None, opens=Opens(work.relation, _partition(work), part))
    return replace(put, into=None, plain=work.relation if put.makes is None else None)


def _pruned(
    work: Work, part: Partitions, asked: tuple[Partitions, ...], create: bool
) -> list[Statement]:
    """Through a staging table, where rows that the query should not have yielded can be seen."""
    statements = []
    for i, one in enumerate(asked):
        query = asset_query(work.asset, work.graph, work.warehouse, scope(work, one, create))
        put = work.insert if i else work.into_stage
        tail = f"\n) as {work.warehouse.can.name(work.asset.name)}{work.limit}"
        staged = put(work.stage, "select * from (\n", query, tail)
        statements.append(replace(staged, purpose=Purpose.PREPARE, into=work.stage if i else None))
    publish = work.put(create, "", f"select {work.picked} from {work.stage}")
    publish = _opening(work, part, publish)
    return [*statements, outside_audit(work, part), publish, clean(work.stage)]


def scope(work: Work, part: Partitions, create: bool) -> Scope:
    """Who reads itself finds its earlier slices in the table, also when all of it is written anew."""
    cut = _partition(work)
    full = work.step.full and (create or work.asset.name not in work.graph.reads_self)
    return scope_of(part, work.table, cut, incremental=not create, full=full)


# ---------------------------------------------------------------------------------------- Python


def _python_slices(work: Work, parts: tuple[Partitions, ...], *, fresh: bool) -> Transaction:
    """The rows of several calls wait until the last is there: all of them are published at once."""
    whole, source = None, work.stage
    if len(parts) > 1:
        whole = work.warehouse.temporary(f"sqlpipes_{work.asset.name}_whole")
        source = work.warehouse.quote(whole)
    written = together(parts)
    if fresh:
        first: tuple[Statement, ...] = make_room(work, RelationType.TABLE)
    else:
        first = (_columns_asked(work, written, source), _delete(work, written))
    publish = _published(work, written, source, fresh=fresh)
    calls = tuple(_call(work, part, whole, first=i == 0) for i, part in enumerate(parts))
    return Transaction((*first, publish, *_swept(work, source)), written, calls=calls, fresh=fresh)


def _published(
    work: Work, part: Partitions, source: str, *, fresh: bool, picked: str = "*"
) -> Statement:
    put = work.put(fresh, "", f"select {picked} from {source}", work.limit)
    return _opening(work, part, put)


def _swept(work: Work, source: str) -> tuple[Statement, ...]:
    return tuple(clean(table) for table in dict.fromkeys((work.stage, source)))


def _columns_asked(work: Work, part: Partitions, source: str) -> Statement:
    """What the rows' columns are, once they have landed: they may not be the table's any more."""

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        found = difference(new, old or (), work.warehouse.dialect)
        if found.added and work.asset.on_schema_change is SchemaChange.IGNORE:
            names = ", ".join(
                names_of(both(new, old or (), work.warehouse.dialect), work.warehouse.can)
            )
            put = _published(work, part, source, fresh=False, picked=names)
            return Fitted((_delete(work, part), put, *_swept(work, source)), instead=True)
        return Fitted(altered(work, found))

    sql = f"{compared(work.asset)}select * from {source}"
    return Statement(sql, Purpose.FIT, fit=fit, relation=work.relation)


def _call(
    work: Work, part: Partitions, whole: Relation | None = None, *, first: bool = True
) -> Call:
    """One call for adjacent slices, what its rows must obey, and where they are collected."""
    assert work.landing is not None
    then = [null_audit(work, work.stage), outside_audit(work, part)]
    if whole is not None:
        table = work.warehouse.quote(whole)
        put = work.into_stage if first else work.insert
        joined = put(table, "", f"select * from {work.stage}")
        then.append(replace(joined, purpose=Purpose.PREPARE, into=None if first else table))
    return Call(part, work.landing, tuple(then), whole, this=work.this)


# ---------------------------------------------------------------------------------------- audits


def _delete(work: Work, part: Partitions) -> Statement:
    inside = inside_sql(_partition(work), part, work.warehouse.can)
    return Statement(f"delete from {work.table} where {inside}", Purpose.PREPARE)


def null_audit(work: Work, table: str | None = None) -> Statement:
    """A row without a partition value belongs to no slice: no rebuild would ever replace it."""
    cut = _partition(work)
    sql = f"select * from {table or work.table} where {missing_sql(cut, work.warehouse.can)} limit {EXAMPLES}"
    said = " or ".join(f"'{column}'" for column in cut.columns)
    what = "date" if isinstance(cut.along, TimeAxis) else "value"
    fault = Problem(
        "BLD001",
        f"rows of '{work.asset.name}' have no value in the partition column {said}",
        work.asset.at,
        f"such a row belongs to no slice: {_way_out(work, what)}",
    )
    return Statement(sql, Purpose.AUDIT, fault)


def _way_out(work: Work, what: str) -> str:
    if isinstance(work.asset.body, PythonBody):
        return f"{work.asset.body.function}() must leave it out, or give it a {what}"
    column = _partition(work).column
    return f"filter it out, or give it a {what} with coalesce({column}, ...)"


def outside_audit(work: Work, part: Partitions) -> Statement:
    cut = _partition(work)
    inside = inside_sql(cut, part, work.warehouse.can)
    sql = f"select * from {work.stage} where not coalesce({inside}, false) limit {EXAMPLES}"
    fault = Problem(
        "BLD002",
        f"'{work.asset.name}' yields rows outside of {part} in '{', '.join(cut.columns)}'",
        work.asset.at,
        _window_hint(work),
    )
    return Statement(sql, Purpose.AUDIT, fault)


def _window_hint(work: Work) -> str:
    if isinstance(work.asset.body, PythonBody):
        asked = _names(_partition(work), "context.partition", ".keys['{}']")
        return f"{work.asset.body.function}() must return rows of its own slices only: see {asked}"
    asked = _names(_partition(work), "partition", ".{}")
    return f"it prunes by hand, so what it yields must lie in its window: filter by {asked}"


def _names(cut: Partitioning, whole: str, value: str) -> str:
    """What a template or a function filters by."""
    values = [
        whole + value.format(one.column) for one in cut.cuts if isinstance(one.along, ValueAxis)
    ]
    if len(values) < len(cut.cuts):
        values.append(f"{whole}.start and {whole}.end (exclusive)")
    return ", ".join(values)
