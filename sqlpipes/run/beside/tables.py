"""A table or a view -> statements that build it beside its relation."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.engine import Deed, RelationType
from sqlpipes.core.partitions import WHOLE
from sqlpipes.run.beside.pieces import (
    Statements,
    cleaned,
    counted,
    how_of,
    into,
    named,
    quoted_name,
    takes_place,
)
from sqlpipes.run.query import asset_query
from sqlpipes.run.statement import Beside, Purpose, Statement, Transaction
from sqlpipes.run.work import Work, landed, rows_of, whole_scope


def table(work: Work) -> Transaction:
    rows = named(work, "rows")
    staged: Statements = ()
    if work.landing is not None and not work.empty:
        rows = work.landing
    else:
        before, tail = "", ""
        if work.empty:
            before = "select * from (\n"
            tail = f"\n) as {work.warehouse.can.name('rows')} limit 0"
        staged = into(work, work.warehouse.quote(rows), before, rows_of(work), tail)
    left = (work.stage,) if work.landing is not None and rows != work.landing else ()
    count = counted(work.warehouse.quote(rows))
    put = (count, *takes_place(work, rows, *left, shadow=False))
    beside = Beside(rows, rows)
    return Transaction((*staged, *put), WHOLE, calls=landed(work), fresh=True, beside=beside)


def view(work: Work) -> Transaction:
    query = asset_query(work.asset, work.graph, work.warehouse, whole_scope(work))
    before, tail = "", ""
    if work.empty:
        before, tail = "select * from (\n", f"\n) as {work.warehouse.can.name('rows')} limit 0"

    def made(name: str) -> Statement:
        head = f"create or replace view {name} as\n"
        return replace(work.statement(head + before, query, tail), select=len(head))

    first = (replace(made(quoted_name(work, "shadow")), purpose=Purpose.PREPARE),)
    deeds: list[Statement] = []
    old = named(work, "old")
    if work.warehouse.type_of(work.relation) is RelationType.TABLE:
        away = how_of(work).rename(work.relation, old)
        deed = Deed(away, needs=(work.relation,), lacks=(old,))
        deeds.append(Statement(away, Purpose.PUBLISH, deed=deed))
    put = made(work.table)
    deeds.append(replace(put, purpose=Purpose.PUBLISH, deed=Deed(put.sql)))
    left = (work.warehouse.quote(old),) if len(deeds) > 1 else ()  # until the note is struck
    seen = first if work.step.checks else ()
    return Transaction((*seen, *deeds, *cleaned(work, *left)), WHOLE, fresh=True)
