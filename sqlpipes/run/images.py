"""What a table is going to hold, as a SELECT over what it holds and the rows that are staged.

Where rows cannot be changed in place and rolled back, the whole of them is written beside the table, or
looked at by the checks, before anybody else sees it.
"""

from __future__ import annotations

from sqlpipes.core.engine import Capabilities
from sqlpipes.core.sql.relation import fold
from sqlpipes.core.strategy import SchemaChange
from sqlpipes.run.columns import Difference, altered, without
from sqlpipes.run.merge import key_names, newer_sql, updated_columns
from sqlpipes.run.snapshot import CLOSES, OPENS, Parts
from sqlpipes.run.statement import Columns
from sqlpipes.run.work import Work


def final_columns(work: Work, found: Difference, old: Columns) -> Columns:
    """The table's columns once it follows its query as `on_schema_change` says, in their order.

    Raises EngineError BLD010 for what the policy refuses.
    """
    policy = work.asset.on_schema_change
    altered(work, found)
    if policy is SchemaChange.ADD:
        return (*old, *found.added)
    if policy is SchemaChange.SYNC:
        dialect = work.warehouse.dialect
        kinds = {fold(name, True, dialect): kind for name, _, kind in found.retyped}
        kept = without(old, [name for name, _ in found.removed], dialect)
        return (
            *((name, kinds.get(fold(name, True, dialect), kind)) for name, kind in kept),
            *found.added,
        )
    return old


def listed(
    final: Columns,
    have: Columns,
    work: Work,
    alias: str = "",
    *,
    table: str = "",
    told: bool = False,
) -> str:
    """A SELECT list of the final columns over rows that `have` these; `table` has the others.

    `told`: their types are told as the table's where those can hold them, and may be others.
    """
    can, dialect = work.warehouse.can, work.warehouse.dialect
    there = {fold(name, True, dialect): (name, kind) for name, kind in have}
    found = []
    for name, kind in final:
        own = there.get(fold(name, True, dialect))
        if own is None:
            like = f"(select {can.name(name)} from {table} limit 1)" if table else ""
            found.append(f"{can.null(kind, like)} as {can.name(name)}")
        else:
            found.append(_as(own, name, kind, can, alias, told=told))
    return ", ".join(found)


def _as(
    own: tuple[str, str], name: str, kind: str, can: Capabilities, alias: str, *, told: bool
) -> str:
    said = f"{alias}{can.name(own[0])}"
    if own == (name, kind) and not alias and not told:
        return said
    same = own[1] == kind and not told
    return f"{said if same else can.converted.format(said, kind)} as {can.name(name)}"


def slices_image(
    work: Work, final: Columns, old: Columns, new: Columns, inside: str, rows: str
) -> str:
    """All other rows and, of these slices, the staged ones."""
    return (
        f"select {listed(final, old, work)} from {work.table} where not coalesce({inside}, false)\n"
        f"union all\nselect {listed(final, new, work, told=True)} from {rows}"
    )


def grown_image(work: Work, final: Columns, old: Columns, new: Columns, rows: str) -> str:
    """The rows that are there, and the staged ones."""
    return (
        f"select {listed(final, old, work)} from {work.table}\n"
        f"union all\nselect {listed(final, new, work, told=True)} from {rows}"
    )


def merged_image(work: Work, final: Columns, old: Columns, new: Columns, rows: str) -> str:
    """Staged rows in the place of those of the same key, which keep what is not to be updated."""
    can, dialect = work.warehouse.can, work.warehouse.dialect
    keys = key_names(work)
    first, newer = keys[0], newer_sql(work)
    is_new = f"old.{first} is null"
    taken = f"new.{first} is not null and ({is_new}{f' or {newer}' if newer else ' or true'})"
    updated = {fold(name, True, dialect) for name, _ in updated_columns(work, new)}
    theirs = {fold(name, True, dialect): (name, kind) for name, kind in old}
    ours = {fold(name, True, dialect): (name, kind) for name, kind in new}
    key = {fold(name, True, dialect) for name in work.asset.unique_key}
    shown = []
    for name, kind in final:
        folded = fold(name, True, dialect)
        before, after = (
            _value(theirs, folded, kind, "old", can),
            _value(ours, folded, kind, "new", can, told=True),
        )
        if folded in key:
            said = f"coalesce({before}, {after})"
        else:
            said = (
                f"case when {taken if folded in updated else is_new} then {after} else {before} end"
            )
        shown.append(f"{said} as {can.name(name)}")
    same = " and ".join(f"old.{each} = new.{each}" for each in keys)
    select = f"select {', '.join(shown)}\nfrom"
    if can.full_join:
        return f"{select} {work.table} as old\nfull outer join {rows} as new on {same}"
    return (
        f"{select} {work.table} as old\nleft join {rows} as new on {same}\nunion all\n"
        f"{select} {rows} as new\nleft join {work.table} as old on {same}\nwhere {is_new}"
    )


def _value(
    there: dict[str, tuple[str, str]],
    folded: str,
    kind: str,
    alias: str,
    can: Capabilities,
    *,
    told: bool = False,
) -> str:
    if folded not in there:
        return can.null(kind)
    name, own = there[folded]
    said = f"{alias}.{can.name(name)}"
    return said if own == kind and not told else can.converted.format(said, kind)


def states_image(parts: Parts, old: Columns, changes: str) -> str:
    """All states: those that are over are ended, and those that begin come to them."""
    can, table = parts.work.warehouse.can, parts.work.table
    ended = f"new.{parts.keys[0]} is not null"
    over = {
        parts.valid_to: f"case when {ended} then new.{parts.valid_from} else old.{parts.valid_to} end",
        parts.is_current: f"case when {ended} then false else old.{parts.is_current} end",
    }
    names = [can.name(name) for name, _ in old]
    kept = [f"{over.get(name, f'old.{name}')} as {name}" for name in names]
    begun = {
        parts.valid_from: parts.valid_from,
        parts.valid_to: can.null(parts.time),
        parts.is_current: "true",
    }
    if parts.marks:
        begun[parts.is_deleted] = parts.is_deleted
    dialect = parts.work.warehouse.dialect
    written = {fold(name, True, dialect) for name, _ in parts.written}
    fresh = []
    for (column, kind), name in zip(old, names, strict=True):
        own = name if fold(column, True, dialect) in written else can.null(kind)
        fresh.append(f"{begun.get(name, own)} as {name}")
    return (
        f"select {', '.join(kept)}\nfrom {table} as old\n"
        f"left join {changes} as new on {parts.same_key('old', 'new')} and old.{parts.is_current} "
        f"and new.{CLOSES}\nunion all\nselect {', '.join(fresh)} from {changes} where {OPENS}"
    )
