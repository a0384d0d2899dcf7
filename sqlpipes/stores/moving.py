"""A state that goes to another name: in every table, in one transaction, whatever there is of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Table, select, update

from sqlpipes.stores import tables as t
from sqlpipes.stores.journal import Writing, next_tick
from sqlpipes.stores.records import Move
from sqlpipes.stores.statements import core

ABOUT_ASSETS = tuple(
    table for table in t.metadata.sorted_tables if {"target", "asset"} <= {*table.c.keys()}
)
WITH_VERSIONS = (t.assets, t.slices, t.marks)  # of what is; a record of what happened stays true


def move_asset(to: Writing, move: Move) -> None:
    """Rows of what is and of what happened; what was typed then, and what ran, stays as it was."""
    next_tick(to)
    to.memo.clear()
    for table in ABOUT_ASSETS:
        here = (table.c.target == to.target, table.c.asset == move.old)
        core(to.db).execute(update(table).where(*here).values(asset=move.new))
    for table in WITH_VERSIONS:
        _rewrite(to, table, "version", move, move.version)
    _rewrite(to, t.assets, "checks_version", move, move.checks_version)
    _rewrite(to, t.assets, "definition", move, move.definition)
    _rewrite(to, t.checks, "check_name", move, move.check)
    if move.relation is not None:
        here = (t.assets.c.target == to.target, t.assets.c.asset == move.new)
        written = t.assets.c.relation.is_not(None)
        core(to.db).execute(update(t.assets).where(*here, written).values(relation=move.relation))


def _rewrite(
    to: Writing, table: Table, column: str, move: Move, turned: Callable[[str], str]
) -> None:
    """Turn each text that stands in a column of the asset's rows."""
    field: Any = table.c[column]
    mine = (table.c.target == to.target, table.c.asset == move.new)
    found = core(to.db).scalars(select(field).where(*mine, field.is_not(None)).distinct()).all()
    for old in found:
        if (new := turned(old)) != old:
            core(to.db).execute(update(table).where(*mine, field == old).values({column: new}))
