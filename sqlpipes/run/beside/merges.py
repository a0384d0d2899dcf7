"""Rows that are merged by a key, or appended -> statements that build the table beside itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlpipes.core.engine import Connection, Deed
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.strategy import SchemaChange, Strategy
from sqlpipes.run.beside.pieces import (
    Statements,
    cleaned,
    counted,
    into,
    keyed,
    published,
    rewritten,
    shadowed,
    staged_whole,
    takes_place,
)
from sqlpipes.run.columns import Difference, both, compared, difference, must_have
from sqlpipes.run.images import final_columns, grown_image, merged_image
from sqlpipes.run.merge import key_audits, merge_sql, named_columns
from sqlpipes.run.statement import Columns, Fitted, Purpose, Statement, Transaction
from sqlpipes.run.work import Work, landed, rows_of, stage_of


def incremental(work: Work) -> Transaction:
    appends = work.asset.incremental.strategy is Strategy.APPEND
    staged = staged_whole(work)
    rows, stage = work.stage, stage_of(work.asset, work.warehouse)

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        must_have(work, new, named_columns(work))
        found = difference(new, old or (), work.warehouse.dialect) if old else Difference()
        anew = work.fresh or old is None
        if found and work.asset.on_schema_change is SchemaChange.REBUILD:
            anew_work = replace(work, step=replace(work.step, full=True), made=False)
            again: Statements = ()
            if not work.landing:  # what is staged stands in its place, whatever was tried
                made = into(anew_work, rows, "", rows_of(anew_work), work.limit)
                again = tuple(replace(each, again=False) for each in made)
            first = takes_place(anew_work, stage)
            audit = (*keyed(work, stage), *key_audits(anew_work, rows), counted(rows))
            return Fitted((*again, *audit, *first), instead=True)
        audit = (*keyed(work, stage), *key_audits(work, rows), counted(rows))
        if anew or old is None:
            return Fitted((*audit, *takes_place(work, stage)))
        final = final_columns(work, found, old)
        image = (grown_image if appends else merged_image)(work, final, old, new, rows)
        ignores = work.asset.on_schema_change is SchemaChange.IGNORE
        written = both(new, old, work.warehouse.dialect) if ignores else new
        found_by = () if appends else keyed(work, work.relation)
        return Fitted(
            (*audit, *found_by, _added(work, image, written, change=bool(found) and final != old))
        )

    asked = Statement(
        f"{compared(work.asset)}select * from {rows}", Purpose.FIT, fit=fit, relation=work.relation
    )
    calls = landed(work, work.this)
    return Transaction((*staged, asked), WHOLE, calls=calls, fresh=work.fresh)


def _added(work: Work, image: str, new: Columns, *, change: bool) -> Statement:
    appends = work.asset.incremental.strategy is Strategy.APPEND
    rows = work.stage

    def decides(connection: Connection) -> Statements:
        can = work.warehouse.can
        if change or not (can.merge or can.transactional_rows):
            return rewritten(work, image, rows)
        deeds = _appended(work, connection, new) if appends else _merged(work, new)
        return (*shadowed(work, image), *published(work, deeds), *cleaned(work, rows))

    said = f"-- rows of {rows} {'are added to' if appends else 'are merged into'} {work.table}"
    return Statement(said, Purpose.PREPARE, decides=decides)


def _merged(work: Work, new: Columns) -> tuple[Deed, ...]:
    """One deed: what is more than one statement is said in a transaction."""
    first, *then = [each.sql for each in merge_sql(work, new)]
    return (Deed(first, then=tuple(then)),)


def _appended(work: Work, connection: Connection, new: Columns) -> tuple[Deed, ...]:
    """Only once, also when it is said again: then the table has more rows than before."""
    names = ", ".join(work.warehouse.can.name(name) for name, _ in new)
    ((before,),) = connection.fetch(f"select count(*) from {work.table}").rows
    unless = f"select count(*) <> {int(before)} from {work.table}"
    put = f"insert into {work.table} ({names})\nselect {names} from {work.stage}"
    return (Deed(put, unless=unless),)
