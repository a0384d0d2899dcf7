"""States of a snapshot -> statements that build its table beside itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.strategy import HardDeletes
from sqlpipes.run.beside.pieces import (
    Statements,
    cleaned,
    counted,
    into,
    keyed,
    named,
    quoted_name,
    rewritten,
    staged_whole,
    takes_place,
)
from sqlpipes.run.columns import compared
from sqlpipes.run.images import final_columns, listed, states_image
from sqlpipes.run.snapshot import OPENS, audits, changes_sql, first_sql, later
from sqlpipes.run.statement import Columns, Fitted, Purpose, Statement, Transaction
from sqlpipes.run.work import Work, landed, stage_of


def snapshot(work: Work) -> Transaction:
    fresh = work.fresh
    assert work.asset.snapshot is not None

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        if fresh or old is None:
            first = first_sql(work, new, now)
            made = into(work, quoted_name(work, "rows"), "", first)
            first_put = takes_place(work, named(work, "rows"), work.stage)
            count = counted(quoted_name(work, "rows"))
            key = keyed(work, named(work, "rows"))
            return Fitted((*audits(work), *made, *key, count, *first_put))
        return Fitted(_states(work, new, old, now))

    sql = f"{compared(work.asset)}select * from {work.stage}"
    asked = Statement(sql, Purpose.FIT, fit=fit, relation=work.relation)
    keeps = not fresh and work.asset.snapshot.hard_deletes is HardDeletes.IGNORE
    calls = landed(work, work.relation if keeps else None)
    return Transaction((*staged_whole(work), asked), WHOLE, calls=calls, fresh=fresh)


def _states(work: Work, new: Columns, old: Columns, now: datetime) -> Statements:
    """The old states are looked at as the table is going to have them: with columns that come to it."""
    parts, found, marked = later(work, new, old, now)
    final = final_columns(work, found, old)
    states = listed(final, old, work)
    if parts.marks and not marked:
        assert work.asset.snapshot is not None
        final = (*final, (work.asset.snapshot.names.is_deleted, "boolean"))
        states += f", false as {parts.is_deleted}"
    if work.empty:
        image = f"select {states} from {work.table}"
        return rewritten(work, image, work.stage) if final != old else cleaned(work, work.stage)
    seen = quoted_name(work, "states")
    shown = f"create or replace view {seen} as\nselect {states} from {work.table}"
    over = replace(work, relation=named(work, "states"))
    parts = replace(parts, work=over)
    changes = parts.changes
    image = states_image(parts, final, changes)
    return (
        *keyed(work, stage_of(work.asset, work.warehouse)),
        *audits(work),
        *keyed(work, work.relation),
        Statement(shown, Purpose.PREPARE),
        Statement(f"drop table if exists {changes}", Purpose.PREPARE),
        Statement(changes_sql(parts), Purpose.PREPARE),
        *keyed(work, parts.changes_relation),
        counted(changes, f" where {OPENS}"),
        *rewritten(work, image, changes, work.stage, views=(seen,)),
    )
