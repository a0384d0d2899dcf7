"""`materialized: snapshot`: a query's rows -> every state that a key was seen in, with its time (SCD 2).

The states of one key follow each other and never overlap: one ends where the next begins. What is
stored is only ever ended, never written over, and nothing is written for a row that did not change.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlpipes.core.asset import Scope
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Capabilities, RelationType
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.sql import Relation
from sqlpipes.core.sql.relation import fold
from sqlpipes.core.strategy import HardDeletes, SchemaChange, Snapshot
from sqlpipes.run.columns import (
    Difference,
    altered,
    as_stored,
    both,
    difference,
    must_have,
    names_of,
    without,
)
from sqlpipes.run.merge import key_audits
from sqlpipes.run.statement import (
    Columns,
    Fitted,
    Purpose,
    Statement,
    Transaction,
    stage_head,
)
from sqlpipes.run.windows import scope_of
from sqlpipes.run.work import EXAMPLES, Work, clean, landed, make_room, staged

CLOSES, OPENS = "sqlpipes_closes", "sqlpipes_opens"  # what a row of the changes does


def snapshot(work: Work) -> Transaction:
    """Stage the query, compare it with the current rows, end what is over and add what is new."""
    fresh = work.fresh
    scope = snapshot_scope(work)
    said = (
        f"-- columns are compared, then {'written to' if fresh else 'states added to'} {work.table}"
    )

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        return Fitted(_first(work, new, now) if fresh else _later(work, new, old or (), now))

    sql = f"{said}\nselect * from {work.stage}"
    asked = Statement(sql, Purpose.FIT, fit=fit, relation=work.relation)
    calls = landed(work, work.relation if scope.incremental else None)
    statements = (*staged(work, scope), asked, clean(work.stage))
    return Transaction(statements, WHOLE, calls=calls, fresh=fresh)


def snapshot_scope(work: Work) -> Scope:
    """A query of only the newest rows would look as if all others had been deleted."""
    incremental = not work.fresh and _how(work).hard_deletes is HardDeletes.IGNORE
    return scope_of(WHOLE, work.table, None, incremental=incremental, full=work.step.full)


def _how(work: Work) -> Snapshot:
    assert work.asset.snapshot is not None
    return work.asset.snapshot


@dataclass(frozen=True, slots=True)
class Parts:
    """The pieces of SQL that one snapshot's statements are made of, all quoted."""

    work: Work
    written: Columns
    time: str  # the type of valid_from and valid_to
    now: str
    marks: bool  # the table says which keys are deleted
    compared: tuple[str, ...] = ()

    @property
    def changes_relation(self) -> Relation:
        return self.work.warehouse.temporary(f"sqlpipes_{self.work.asset.name}_changes")

    @property
    def changes(self) -> str:
        return self.work.warehouse.quote(self.changes_relation)

    @property
    def valid_from(self) -> str:
        return self.work.warehouse.can.name(_how(self.work).names.valid_from)

    @property
    def valid_to(self) -> str:
        return self.work.warehouse.can.name(_how(self.work).names.valid_to)

    @property
    def is_current(self) -> str:
        return self.work.warehouse.can.name(_how(self.work).names.is_current)

    @property
    def is_deleted(self) -> str:
        return self.work.warehouse.can.name(_how(self.work).names.is_deleted)

    @property
    def updated_at(self) -> str | None:
        column = _how(self.work).updated_at
        return self.work.warehouse.can.name(column) if column else None

    @property
    def keys(self) -> list[str]:
        return [self.work.warehouse.can.name(name) for name in self.work.asset.unique_key]

    def same_key(self, one: str, other: str) -> str:
        return " and ".join(f"{one}.{key} = {other}.{key}" for key in self.keys)

    def columns(self, alias: str = "") -> str:
        prefix = f"{alias}." if alias else ""
        return ", ".join(
            f"{prefix}{name}" for name in names_of(self.written, self.work.warehouse.can)
        )


def _first(work: Work, new: Columns, now: datetime) -> tuple[Statement, ...]:
    room = make_room(work, RelationType.TABLE)
    return (*audits(work), *room, work.put(True, "", first_sql(work, new, now)))


def first_sql(work: Work, new: Columns, now: datetime) -> str:
    """The states as they are now."""
    _check_query(work, new)
    how = _how(work)
    parts = Parts(work, new, _time(work, new), "", how.marks_deleted)
    parts = replace(parts, now=_now_sql(now, parts.time, work.warehouse.can))
    deleted = f", false as {parts.is_deleted}" if parts.marks else ""
    begin = parts.updated_at or parts.now
    ends = work.warehouse.can.null(parts.time, begin)
    return (
        f"select {parts.columns()}, {begin} as {parts.valid_from}, "
        f"{ends} as {parts.valid_to}, true as {parts.is_current}{deleted}\n"
        f"from {work.stage}"
    )


def _later(work: Work, new: Columns, old: Columns, now: datetime) -> tuple[Statement, ...]:
    """The states that were seen for the first time; old ones are ended where they are over."""
    parts, found, marked = later(work, new, old, now)
    alter = (*altered(work, found), *as_stored(work, found))
    if work.empty:  # no rows are not a sign that all are deleted
        return alter
    statements = [*alter, *audits(work)]
    if parts.marks and not marked:
        statements += _add_mark(parts)
    statements += [Statement(changes_sql(parts), Purpose.PREPARE), *_apply(parts)]
    return tuple(statements)


def later(work: Work, new: Columns, old: Columns, now: datetime) -> tuple[Parts, Difference, bool]:
    """The pieces, how the query's columns differ from the table's own, and whether that marks the deleted."""
    _check_query(work, new)
    _check_table(work, old)
    how, dialect = _how(work), work.warehouse.dialect
    names = how.names
    stored = without(old, (names.valid_from, names.valid_to, names.is_current), dialect)
    known = without(stored, (names.is_deleted,), dialect)
    found = difference(new, known, dialect)
    written = both(new, known, dialect) if _ignores(work) else new
    marked = len(known) < len(stored)
    time = _type_of(old, names.valid_from, dialect)
    now_sql = _now_sql(now, time, work.warehouse.can)
    parts = Parts(work, written, time, now_sql, marked or how.marks_deleted)
    return replace(parts, compared=_compared(work, written)), found, marked


def _ignores(work: Work) -> bool:
    return work.asset.on_schema_change is SchemaChange.IGNORE


def _compared(work: Work, written: Columns) -> tuple[str, ...]:
    """The values that make a state, with strategy check; {} stands for the row."""
    dialect = work.warehouse.dialect
    chosen = without(written, work.asset.unique_key, dialect)
    wanted = {fold(name, True, dialect) for name in _how(work).check_columns}
    return tuple(
        _value(column, kind, work)
        for column, kind in chosen
        if not wanted or fold(column, True, dialect) in wanted
    )


def _value(column: str, kind: str, work: Work) -> str:
    """What is compared of a column, with {} for the row; some types know no equality, or one of their own."""
    name = work.warehouse.can.name(column).replace("{", "{{").replace("}", "}}")
    plain = kind not in work.warehouse.can.incomparable
    return f"{{}}.{name}" if plain else f"cast({{}}.{name} as {work.warehouse.can.text})"


def _add_mark(parts: Parts) -> list[Statement]:
    """The table was begun when deletions left no mark."""
    table, mark = parts.work.table, parts.is_deleted
    return [
        Statement(f"alter table {table} add column {mark} boolean", Purpose.PREPARE),
        Statement(f"update {table} set {mark} = false", Purpose.PREPARE),
    ]


def changes_sql(parts: Parts) -> str:
    """A table of the rows that begin (OPENS) and of those whose current row ends (CLOSES)."""
    mark = f"false as {parts.is_deleted}, " if parts.marks else ""
    table, stage, first = parts.work.table, parts.work.stage, parts.keys[0]
    seen = (
        f"select {parts.columns('new')}, {_begin(parts)} as {parts.valid_from}, {mark}"
        f"old.{first} is not null as {CLOSES}, true as {OPENS}\n"
        f"from {stage} as new\n"
        f"left join {table} as old on {parts.same_key('old', 'new')} and old.{parts.is_current}\n"
        f"{_past(parts)}"
        f"where old.{first} is null or {_differs(parts)}"
    )
    head = stage_head(parts.changes, parts.work.warehouse.can)
    if _how(parts.work).hard_deletes is HardDeletes.IGNORE:
        return head + seen
    return f"{head}{seen}\nunion all\n{_missing(parts)}"


def _missing(parts: Parts) -> str:
    """Current rows whose key the query does not yield any more."""
    marks = _how(parts.work).marks_deleted
    mark = f"{'true' if marks else 'false'} as {parts.is_deleted}, " if parts.marks else ""
    alive = f" and not coalesce(old.{parts.is_deleted}, false)" if parts.marks else ""
    start = f"old.{parts.valid_from}"
    return (
        f"select {parts.columns('old')}, "
        f"case when {start} > {parts.now} then {start} else {parts.now} end, {mark}"
        f"true, {'true' if marks else 'false'}\n"
        f"from {parts.work.table} as old\n"
        f"where old.{parts.is_current}{alive} and not exists (\n"
        f"  select 1 from {parts.work.stage} as new where {parts.same_key('old', 'new')}\n)"
    )


def _past(parts: Parts) -> str:
    """The join that says when the last state of a key ended, which is over."""
    if parts.work.warehouse.can.finds_by_index:
        return ""
    keys = ", ".join(parts.keys)
    return (
        f"left join (\n  select {keys}, max({parts.valid_to}) as ended from {parts.work.table}\n"
        f"  where not {parts.is_current} group by {keys}\n) as past on {parts.same_key('past', 'new')}\n"
    )


def _ended(parts: Parts) -> str:
    """The same as a value: a subquery that is joined may have no index, the table has one."""
    if not parts.work.warehouse.can.finds_by_index:
        return "past.ended"
    return (
        f"(select max(past.{parts.valid_to}) from {parts.work.table} as past "
        f"where {parts.same_key('past', 'new')} and not past.{parts.is_current})"
    )


def _begin(parts: Parts) -> str:
    """When a state begins: never before the one of the same key that it follows.

    A row whose `updated_at` lies before that came back, or was told late: it is known from now on.
    """
    floor = f"coalesce(old.{parts.valid_from}, {_ended(parts)})"
    now = f"case when {floor} > {parts.now} then {floor} else {parts.now} end"
    if parts.updated_at is None:
        return now
    own = f"new.{parts.updated_at}"
    return f"case when {floor} is null or {own} > {floor} then {own} else {now} end"


def _differs(parts: Parts) -> str:
    """Whether the row is another state than the current one; a key that comes back always is."""
    if parts.updated_at is not None:
        column = parts.updated_at
        found = [f"old.{column} is null", f"new.{column} > old.{column}"]
    else:
        differs = parts.work.warehouse.can.differs
        found = [
            differs.format(value.format("new"), value.format("old")) for value in parts.compared
        ]
    if parts.marks:
        found.append(f"old.{parts.is_deleted}")
    return " or ".join(found) or "false"


def _apply(parts: Parts) -> tuple[Statement, ...]:
    table, changes = parts.work.table, parts.changes
    mark = f", {parts.is_deleted}" if parts.marks else ""
    sets = parts.work.warehouse.can.sets
    close = parts.work.warehouse.can.update.format(
        table=table,
        values=f"{sets}{parts.valid_to} = new.{parts.valid_from}, {sets}{parts.is_current} = false",
        rows=changes,
        where=f"{parts.same_key('old', 'new')} and old.{parts.is_current} and new.{CLOSES}",
    )
    add = (
        f"insert into {table} ({parts.columns()}, {parts.valid_from}, {parts.valid_to}, "
        f"{parts.is_current}{mark})\n"
        f"select {parts.columns()}, {parts.valid_from}, null, true{mark}\n"
        f"from {changes} where {OPENS}"
    )
    return (
        Statement(close, Purpose.PREPARE),
        Statement(add, Purpose.WRITE),
        Statement(f"drop table {changes}", Purpose.CLEAN),
    )


# ---------------------------------------------------------------------------------------- checks


def audits(work: Work) -> tuple[Statement, ...]:
    found = key_audits(work, work.stage)
    column = _how(work).updated_at
    if column is None:
        return found
    sql = f"select * from {work.stage} where {work.warehouse.can.name(column)} is null limit {EXAMPLES}"
    fault = Problem(
        "BLD013",
        f"rows of '{work.asset.name}' have no value in updated_at ({column})",
        work.asset.at,
        f"no one could say since when they are so: coalesce({column}, ...), or strategy: check",
    )
    return (*found, Statement(sql, Purpose.AUDIT, fault))


def _check_query(work: Work, new: Columns) -> None:
    how = _how(work)
    wanted = [("unique_key", name) for name in work.asset.unique_key]
    wanted += [("updated_at", how.updated_at)] if how.updated_at else []
    must_have(work, new, wanted + [("check_columns", name) for name in how.check_columns])
    if how.updated_at:
        _check_time(work, _type_of(new, how.updated_at, work.warehouse.dialect))
    taken = both(new, tuple((name, "") for name in how.added), work.warehouse.dialect)
    if taken:
        listed = ", ".join(f"'{name}'" for name, _ in taken)
        message = (
            f"the query of '{work.asset.name}' yields {listed}, which the snapshot adds itself"
        )
        hint = "give one of them another name: snapshot_columns: {valid_from: seen_from}"
        raise EngineError(Problem("BLD012", message, work.asset.at, hint))


def _check_table(work: Work, old: Columns) -> None:
    """A table of that name may be somebody else's; a history is never guessed."""
    names = _how(work).names
    wanted = (names.valid_from, names.valid_to, names.is_current)
    lacking = without(tuple((name, "") for name in wanted), [n for n, _ in old], _dialect(work))
    if lacking:
        listed = ", ".join(f"'{name}'" for name, _ in lacking)
        message = (
            f"the table {work.relation} is no snapshot of '{work.asset.name}': it lacks {listed}"
        )
        hint = "rename its columns or set snapshot_columns; --full-refresh begins a new history"
        raise EngineError(Problem("BLD015", message, work.asset.at, hint))


def _dialect(work: Work) -> str:
    return work.warehouse.dialect


def _time(work: Work, new: Columns) -> str:
    """The type of the validity: that of updated_at."""
    column = _how(work).updated_at
    return _type_of(new, column, work.warehouse.dialect) if column else "TIMESTAMP"


def _check_time(work: Work, kind: str) -> None:
    if not kind.upper().startswith(work.warehouse.can.times):
        column = _how(work).updated_at
        message = f"updated_at of '{work.asset.name}' is {kind}, not a date or a timestamp"
        hint = f"write cast({column} as timestamp) as {column}, or strategy: check"
        raise EngineError(Problem("BLD014", message, work.asset.at, hint))


def _type_of(columns: Columns, name: str, dialect: str) -> str:
    wanted = fold(name, True, dialect)
    return next(kind for column, kind in columns if fold(column, True, dialect) == wanted)


def _now_sql(now: datetime, time: str, can: Capabilities) -> str:
    literal = can.timestamp.format(f"{now:%Y-%m-%d %H:%M:%S.%f}")
    return literal if time == "TIMESTAMP" else can.converted.format(literal, time)
