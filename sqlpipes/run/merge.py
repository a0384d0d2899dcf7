"""`materialized: incremental` without slices: rows merged by key, or appended, in one transaction.

Which columns are written is known only when the query has been asked, so the statements that name
columns come out of a FIT.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlpipes.core.engine import RelationType
from sqlpipes.core.errors import Problem
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.sql.relation import fold
from sqlpipes.core.strategy import SchemaChange, Strategy
from sqlpipes.run.columns import (
    altered,
    as_stored,
    both,
    compared,
    difference,
    must_have,
    names_of,
    without,
)
from sqlpipes.run.statement import Columns, Fitted, Purpose, Statement, Transaction
from sqlpipes.run.work import (
    EXAMPLES,
    Work,
    clean,
    cleaned,
    create,
    landed,
    make_room,
    rows_of,
    staged,
    whole_scope,
)

FIRST = "qualify row_number() over (partition by ... order by ...) = 1"
FIRST_BELOW = (
    "select ... from (select *, row_number() over (partition by ... order by ...) as n from ...) as t "
    "where n = 1"
)


def merge(work: Work) -> Transaction:
    """New rows replace those of the same key. Rows without a key, or two for one, are faults."""
    if work.fresh:
        return _first(work)

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        must_have(work, new, named_columns(work))
        assert old is not None
        found = difference(new, old, work.warehouse.dialect)
        if found and work.asset.on_schema_change is SchemaChange.REBUILD:
            return Fitted((clean(work.stage), *_anew(_as_first(work))), instead=True)
        alter = (*altered(work, found), *as_stored(work, found))
        written = _written(work, new, old)
        return Fitted((*alter, *key_audits(work, work.stage), *merge_sql(work, written)))

    said = (
        f"-- columns are compared (on_schema_change: {work.asset.on_schema_change}), then rows merged"
        f" into {work.table} by {', '.join(key_names(work))}\n"
    )
    asked = Statement(
        f"{said}select * from {work.stage}",
        Purpose.FIT,
        fit=fit,
        relation=work.relation,
    )
    stage = staged(work, whole_scope(work))
    calls = landed(work, work.this)
    return Transaction((*stage, asked, clean(work.stage)), WHOLE, calls=calls)


def _first(work: Work) -> Transaction:
    return Transaction((*_anew(work), *cleaned(work)), WHOLE, calls=landed(work), fresh=True)


def append(work: Work) -> Transaction:
    """The query's rows are added. What keeps them from being added twice is the query's own matter."""
    if work.fresh:
        return _first(work)
    query = rows_of(work)
    can = work.warehouse.can
    alias = can.name(work.asset.name)

    def insert(columns: Columns | None) -> Statement:
        listed = "*" if columns is None else ", ".join(names_of(columns, work.warehouse.can))
        put = work.put(False, f"select {listed} from (\n", query, f"\n) as {alias}{work.limit}")
        return replace(put, into=None)  # its columns have been asked for

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        assert old is not None
        found = difference(new, old, work.warehouse.dialect)
        policy = work.asset.on_schema_change
        if found and policy is SchemaChange.REBUILD:
            return Fitted(_anew(_as_first(work)), instead=True)
        if found.added and policy is SchemaChange.IGNORE:
            put = insert(_written(work, new, old))
            return Fitted((put, *cleaned(work)), instead=True)
        return Fitted(altered(work, found))

    asked = replace(
        work.statement(f"{compared(work.asset)}select * from (\n", query, f"\n) as {alias}"),
        purpose=Purpose.FIT,
        fit=fit,
        relation=work.relation,
    )
    statements = (asked, insert(None), *cleaned(work))
    return Transaction(statements, WHOLE, calls=landed(work, work.this))


def _as_first(work: Work) -> Work:
    """The same step as if there were no table."""
    return replace(work, step=replace(work.step, full=True))


def _anew(work: Work) -> tuple[Statement, ...]:
    """The whole relation, from the rows as they are on a first build."""
    query = rows_of(work)
    room = make_room(work, RelationType.TABLE)
    audits = key_audits(work, work.table)
    named = [pair for pair in named_columns(work) if pair[0] != "unique_key"]
    if not named:
        return (*room, create(work, query), *audits)

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        must_have(work, new, named_columns(work))
        return Fitted()

    sql = f"select * from {work.table}"
    asked = Statement(sql, Purpose.FIT, fit=fit, relation=work.relation)
    return (*room, create(work, query), asked, *audits)


def named_columns(work: Work) -> list[tuple[str, str]]:
    """(setting, column) of every column that the settings name."""
    how = work.asset.incremental
    found = [("unique_key", name) for name in work.asset.unique_key]
    found += [("updated_at", how.updated_at)] if how.updated_at else []
    found += [("merge_update_columns", name) for name in how.update_columns]
    return found + [("merge_exclude_columns", name) for name in how.exclude_columns]


def _written(work: Work, new: Columns, old: Columns) -> Columns:
    """The query's columns, less those that the table does not take up."""
    if work.asset.on_schema_change is SchemaChange.IGNORE:
        return both(new, old, work.warehouse.dialect)
    return new


def merge_sql(work: Work, columns: Columns) -> tuple[Statement, ...]:
    """The rows of the stage into the table: MERGE, or UPDATE and INSERT where there is none.

    A row that is updated gets those `columns` that are neither key nor excluded.
    """
    same = " and ".join(f"old.{name} = new.{name}" for name in key_names(work))
    newer = newer_sql(work)
    updated = ", ".join(
        f"{work.warehouse.can.sets}{name} = new.{name}"
        for name in names_of(updated_columns(work, columns), work.warehouse.can)
    )
    names = ", ".join(names_of(columns, work.warehouse.can))
    values = ", ".join(f"new.{name}" for name in names_of(columns, work.warehouse.can))
    if work.warehouse.can.merge:
        matched = f"when matched{f' and {newer}' if newer else ''} then update set {updated}\n"
        sql = (
            f"merge into {work.table} as old\nusing {work.stage} as new\non {same}\n"
            f"{matched if updated else ''}"
            f"when not matched then insert ({names}) values ({values})"
        )
        return (Statement(sql, Purpose.WRITE),)
    update = work.warehouse.can.update.format(
        table=work.table,
        values=updated,
        rows=work.stage,
        where=f"{same}{f' and {newer}' if newer else ''}",
    )
    insert = (
        f"insert into {work.table} ({names})\nselect {values} from {work.stage} as new\n"
        f"where not exists (select 1 from {work.table} as old where {same})"
    )
    found = [Statement(update, Purpose.WRITE)] if updated else []
    return (*found, Statement(insert, Purpose.WRITE))


def newer_sql(work: Work) -> str:
    """When a stored row gives way: not to an older one; a row of no known age gives way to any."""
    column = work.asset.incremental.updated_at
    if column is None:
        return ""
    name = work.warehouse.can.name(column)
    return f"(new.{name} >= old.{name} or old.{name} is null)"


def updated_columns(work: Work, columns: Columns) -> Columns:
    dialect, how = work.warehouse.dialect, work.asset.incremental
    found = without(columns, (*work.asset.unique_key, *how.exclude_columns), dialect)
    if not how.update_columns:
        return found
    wanted = {fold(name, True, dialect) for name in how.update_columns}
    wanted |= {fold(how.updated_at, True, dialect)} if how.updated_at else set()
    return tuple(column for column in found if fold(column[0], True, dialect) in wanted)


def key_names(work: Work) -> list[str]:
    return [work.warehouse.can.name(column) for column in work.asset.unique_key]


def key_audits(work: Work, table: str) -> tuple[Statement, ...]:
    """Rows without a key and keys of several rows, as faults; nothing for an asset without a key."""
    if not work.asset.unique_key or work.asset.incremental.strategy is Strategy.APPEND:
        return ()
    keys, said = ", ".join(key_names(work)), ", ".join(work.asset.unique_key)
    missing = " or ".join(f"{name} is null" for name in key_names(work))
    null = Problem(
        "BLD004",
        f"rows of '{work.asset.name}' have no value in the unique_key ({said})",
        work.asset.at,
        "no later build could find them again: filter them out",
    )
    double = Problem(
        "BLD003",
        f"several rows of '{work.asset.name}' have the same unique_key ({said})",
        work.asset.at,
        f"keep one of them, e.g. {FIRST if work.warehouse.can.qualifies else FIRST_BELOW}",
    )
    counted = (
        f"select {keys}, count(*) as rows_of_this_key from {table} "
        f"group by {keys} having count(*) > 1 limit {EXAMPLES}"
    )
    return (
        Statement(f"select * from {table} where {missing} limit {EXAMPLES}", Purpose.AUDIT, null),
        Statement(counted, Purpose.AUDIT, double),
    )
