"""A part of a step -> statements that build it beside its relation, for engines that cannot roll back DDL.

Rows are staged in tables of their own, audited there, and seen by the checks through a shadow of the
relation: what it is going to be. What then brings them before its readers is a PUBLISH, which is said last
and by way of the journal (`run/journal.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlpipes.core.asset import Materialized, PythonBody, SqlBody
from sqlpipes.core.engine import Connection, Deed, Publishing, RelationType
from sqlpipes.core.partitions import WHOLE, Partitioning, Partitions
from sqlpipes.core.plan import Action
from sqlpipes.core.sql import Relation
from sqlpipes.core.strategy import HardDeletes, SchemaChange, Strategy
from sqlpipes.run.columns import Difference, both, compared, difference, must_have
from sqlpipes.run.images import (
    final_columns,
    grown_image,
    listed,
    merged_image,
    slices_image,
    states_image,
)
from sqlpipes.run.journal import JOURNAL, OURS, mark_of
from sqlpipes.run.merge import key_audits, merge_sql, named_columns
from sqlpipes.run.parts import pieces, together
from sqlpipes.run.query import Query, asset_query
from sqlpipes.run.shadow import reading
from sqlpipes.run.slices import null_audit, outside_audit, scope
from sqlpipes.run.snapshot import OPENS, audits, changes_sql, first_sql, later, snapshot_scope
from sqlpipes.run.statement import (
    Beside,
    Call,
    Columns,
    Fitted,
    Purpose,
    Statement,
    Transaction,
)
from sqlpipes.run.windows import inside_sql, missing_sql, pruned_parts
from sqlpipes.run.work import Work, landed, rows_of, stage_of, whole_scope

Statements = tuple[Statement, ...]
VIEWS = ("shadow", "states")
TABLES = ("rows", "image")


def beside_sql(work: Work) -> Transaction:
    """See `part_sql`. Names hang on the build, the asset and the slices: parts do not meet, nor do builds,
    and a second try finds what the first has left."""
    work = replace(work, warehouse=replace(work.warehouse, temporary=_namer(work)))
    found = _shaped(work)
    shadow = found.beside.shadow if found.beside else _name(work, "shadow")
    tables = (*(_name(work, kind) for kind in TABLES), stage_of(work.asset, work.warehouse))
    views = tuple(_name(work, kind) for kind in VIEWS)
    return replace(found, beside=Beside(shadow, _name(work, "journal"), tables, views))


def _shaped(work: Work) -> Transaction:
    if work.asset.partition is not None:
        return _slices(work)
    if work.asset.materialized is Materialized.INCREMENTAL:
        return _incremental(work)
    if work.asset.materialized is Materialized.SNAPSHOT:
        return _snapshot(work)
    return _view(work) if work.step.action is Action.VIEW else _table(work)


def _namer(work: Work) -> partial[Relation]:
    said = f"{work.relation} {work.step.slices}"
    digest = hashlib.blake2b(said.encode(), digest_size=5).hexdigest()
    mark = f"{mark_of(_how(work).builder)}{digest}_"
    return partial(_beside, work.relation, mark, work.warehouse.temporary)


def _beside(
    relation: Relation, mark: str, elsewhere: Callable[[str], Relation], name: str
) -> Relation:
    """Small letters, digits and underlines, at most 60: what the strictest catalogs take."""
    if name.startswith("sqlpipes_from_"):  # what has crossed from another engine
        return elsewhere(name)
    kind = name.removeprefix("sqlpipes_")
    begin = (JOURNAL if kind == "journal" else OURS) + mark
    said = relation.name if kind == "journal" else f"{relation.name}_{kind}"
    plain = re.sub(r"[^a-z0-9_]", "_", said.lower())
    return Relation(begin + plain[len(begin) - 60 :], relation.schema, relation.catalog)


def _name(work: Work, kind: str) -> Relation:
    return work.warehouse.temporary(kind)


def _quoted(work: Work, kind: str) -> str:
    return work.warehouse.quote(_name(work, kind))


def _how(work: Work) -> Publishing:
    assert work.warehouse.publishing is not None
    return work.warehouse.publishing


# ------------------------------------------------------------------------------- pieces of all


def _into(
    work: Work,
    table: str,
    before: str,
    query: Query | str,
    after: str = "",
    along: Sequence[str] = (),
) -> Statements:
    """A table of these rows, whatever an earlier try has left at that name."""
    head = _how(work).head(table, along)
    made = replace(work.statement(head + before, query, after), purpose=Purpose.PREPARE)
    gone = Statement(f"drop table if exists {table}", Purpose.PREPARE, again=True)
    return (gone, replace(made, select=len(head)))


def _counted(table: str, where: str = "") -> Statement:
    """What the user is told to have been written; a CREATE says nothing of it on many an engine."""
    return Statement(f"select count(*) from {table}{where}", Purpose.COUNT)


def _shadowed(work: Work, rows: str) -> Statements:
    """What the relation is going to be, for those that look at it before it is."""
    if not work.step.checks:
        return ()
    sql = f"create or replace view {_quoted(work, 'shadow')} as\n{rows}"
    return (Statement(sql, Purpose.PREPARE),)


def _published(work: Work, deeds: Sequence[Deed]) -> Statements:
    return tuple(
        Statement(deed.sql, Purpose.CLEAN)
        if deed.cleans
        else Statement(";\n".join((deed.sql, *deed.then)), Purpose.PUBLISH, deed=deed)
        for deed in deeds
    )


def _cleaned(work: Work, *tables: str, shadow: bool = True) -> Statements:
    said = []
    if work.step.checks and shadow:
        said.append(f"drop view if exists {_quoted(work, 'shadow')}")
    said += [f"drop table if exists {table}" for table in dict.fromkeys(tables)]
    return tuple(Statement(sql, Purpose.CLEAN) for sql in said)


def _takes_place(
    work: Work, staged: Relation, *rest: str, along: Sequence[str] = (), shadow: bool = True
) -> Statements:
    """The staged table in the place of whatever is there; `rest` are tables that it was made from."""
    quoted = work.warehouse.quote(staged)
    there = RelationType.TABLE if work.made else work.warehouse.type_of(work.relation)
    swap = _how(work).swap(staged, work.relation, _name(work, "old"), there, along)
    left = rest if _how(work).moves else (quoted, *rest)
    seen = _shadowed(work, f"select * from {quoted}") if shadow else ()
    clean = _cleaned(work, *left, shadow=shadow)
    return (*seen, *_published(work, swap), *clean)


# ------------------------------------------------------------------------------- tables, views


def _table(work: Work) -> Transaction:
    rows = _name(work, "rows")
    staged: Statements = ()
    if work.landing is not None and not work.empty:
        rows = work.landing
    else:
        before, tail = "", ""
        if work.empty:
            before = "select * from (\n"
            tail = f"\n) as {work.warehouse.can.name('rows')} limit 0"
        staged = _into(work, work.warehouse.quote(rows), before, rows_of(work), tail)
    left = (work.stage,) if work.landing is not None and rows != work.landing else ()
    count = _counted(work.warehouse.quote(rows))
    put = (count, *_takes_place(work, rows, *left, shadow=False))
    beside = Beside(rows, rows)
    return Transaction((*staged, *put), WHOLE, calls=landed(work), fresh=True, beside=beside)


def _view(work: Work) -> Transaction:
    query = asset_query(work.asset, work.graph, work.warehouse, whole_scope(work))
    before, tail = "", ""
    if work.empty:
        before, tail = "select * from (\n", f"\n) as {work.warehouse.can.name('rows')} limit 0"

    def made(name: str) -> Statement:
        head = f"create or replace view {name} as\n"
        return replace(work.statement(head + before, query, tail), select=len(head))

    first = (replace(made(_quoted(work, "shadow")), purpose=Purpose.PREPARE),)
    deeds: list[Statement] = []
    old = _name(work, "old")
    if work.warehouse.type_of(work.relation) is RelationType.TABLE:
        away = _how(work).rename(work.relation, old)
        deed = Deed(away, needs=(work.relation,), lacks=(old,))
        deeds.append(Statement(away, Purpose.PUBLISH, deed=deed))
    put = made(work.table)
    deeds.append(replace(put, purpose=Purpose.PUBLISH, deed=Deed(put.sql)))
    left = (work.warehouse.quote(old),) if len(deeds) > 1 else ()  # until the note is struck
    seen = first if work.step.checks else ()
    return Transaction((*seen, *deeds, *_cleaned(work, *left)), WHOLE, fresh=True)


# -------------------------------------------------------------------------------------- slices


def _slices(work: Work) -> Transaction:
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
    along = () if old else _how(work).layout(_cut(work), new)
    staged = _query_slices(replace(work, picked=picked), parts, along, fresh=old is None)
    audit = null_audit(work, _quoted(work, "rows"))
    change = bool(found) and final != old
    put = _slices_put(work, together(parts), _name(work, "rows"), final, old, along, altered=change)
    return (*staged, audit, _counted(_quoted(work, "rows")), *put)


def _query_slices(
    work: Work, parts: tuple[Partitions, ...], along: Sequence[str], *, fresh: bool
) -> Statements:
    """The rows of all parts into one staging table. Who reads itself finds the earlier ones there."""
    rows, said = _name(work, "rows"), []
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
            return [*_into(work, table, before, query, tail, along)]
        return [replace(work.insert(table, before, query, tail), into=table)]

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
            said.append(
                replace(work.insert(work.stage, "select * from (\n", query, tail), into=work.stage)
            )
        else:
            said += _into(work, work.stage, "select * from (\n", query, tail)
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
        return _takes_place(work, rows, *left, along=along)
    there = old
    cut, staged = _cut(work), work.warehouse.quote(rows)
    inside = inside_sql(cut, slices, work.warehouse.can)
    image = slices_image(work, final, there, final, inside, staged)

    def decides(connection: Connection) -> Statements:
        how = _how(work)
        deeds = None if altered else how.slices(connection, rows, work.relation, final, cut, inside)
        if deeds is None:
            return _rewritten(work, image, staged, *left, along=how.layout(cut, final))
        put = _published(work, deeds)
        return (*_shadowed(work, image), *put, *_cleaned(work, staged, *left))

    said = f"-- slices of {work.table} give way to those in {staged}"
    return (Statement(said, Purpose.PREPARE, decides=decides),)


def _rewritten(
    work: Work, image: str, *rest: str, along: Sequence[str] = (), views: Sequence[str] = ()
) -> Statements:
    """All of the table as it is going to be, in its place."""
    whole = _name(work, "image")
    made = _into(work, work.warehouse.quote(whole), "", image, along=along)
    dropped = tuple(Statement(f"drop view if exists {view}", Purpose.CLEAN) for view in views)
    return (*made, *_takes_place(work, whole, *rest, along=along), *dropped)


def _python_slices(work: Work, parts: tuple[Partitions, ...]) -> Transaction:
    """The calls come first; where there are several, their rows are collected in one table."""
    whole = _name(work, "whole") if len(parts) > 1 else None
    calls = tuple(_call(work, part, whole, first=i == 0) for i, part in enumerate(parts))
    source = whole or calls[0].stage
    table, slices = work.warehouse.quote(source), together(parts)

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        there = None if work.fresh else old
        found = difference(new, there or (), work.warehouse.dialect) if there else Difference()
        final = final_columns(work, found, there) if there else new
        along = () if there else _how(work).layout(_cut(work), new)
        picked = listed(final, new, work, table=work.table) if there else "*"
        rows = _name(work, "rows")
        made = _into(
            work, work.warehouse.quote(rows), "", f"select {picked} from {table}", work.limit, along
        )
        left = tuple(dict.fromkeys((table, work.stage)))
        change = bool(found) and final != there
        put = _slices_put(work, slices, rows, final, there, along, altered=change, left=left)
        return Fitted((*made, _counted(work.warehouse.quote(rows)), *put))

    sql = f"{compared(work.asset)}select * from {table}"
    asked = Statement(sql, Purpose.FIT, fit=fit, relation=work.relation)
    return Transaction((asked,), slices, calls=calls, fresh=work.fresh)


def _call(work: Work, part: Partitions, whole: Relation | None, *, first: bool) -> Call:
    assert work.landing is not None
    then = [null_audit(work, work.stage), outside_audit(work, part)]
    if whole is not None:
        table = work.warehouse.quote(whole)
        if first:
            then += _into(work, table, "", f"select * from {work.stage}")
        else:
            then.append(replace(work.insert(table, "", f"select * from {work.stage}"), into=table))
    return Call(part, work.landing, tuple(then), whole, this=work.this)


# --------------------------------------------------------------------------- merge and append


def _incremental(work: Work) -> Transaction:
    appends = work.asset.incremental.strategy is Strategy.APPEND
    staged = _staged_whole(work)
    rows = work.stage

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        must_have(work, new, named_columns(work))
        found = difference(new, old or (), work.warehouse.dialect) if old else Difference()
        anew = work.fresh or old is None
        if found and work.asset.on_schema_change is SchemaChange.REBUILD:
            anew_work = replace(work, step=replace(work.step, full=True), made=False)
            again: Statements = ()
            if (
                not work.landing
            ):  # in the place of what is staged, so that must go whatever was tried
                made = _into(anew_work, rows, "", rows_of(anew_work), work.limit)
                again = tuple(replace(each, again=False) for each in made)
            first = _takes_place(anew_work, stage_of(work.asset, work.warehouse))
            audit = (*key_audits(anew_work, rows), _counted(rows))
            return Fitted((*again, *audit, *first), instead=True)
        audit = (*key_audits(work, rows), _counted(rows))
        if anew or old is None:
            return Fitted((*audit, *_takes_place(work, stage_of(work.asset, work.warehouse))))
        final = final_columns(work, found, old)
        image = (grown_image if appends else merged_image)(work, final, old, new, rows)
        ignores = work.asset.on_schema_change is SchemaChange.IGNORE
        written = both(new, old, work.warehouse.dialect) if ignores else new
        return Fitted((*audit, _added(work, image, written, change=bool(found) and final != old)))

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
            return _rewritten(work, image, rows)
        deeds = _appended(work, connection, new) if appends else _merged(work, new)
        return (*_shadowed(work, image), *_published(work, deeds), *_cleaned(work, rows))

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


def _staged_whole(work: Work) -> Statements:
    """The rows of the query in the stage, where a function's have landed already."""
    if work.landing is not None:
        return _emptied(work) if work.empty else ()
    scope_ = snapshot_scope(work) if work.asset.snapshot else whole_scope(work)
    query = asset_query(work.asset, work.graph, work.warehouse, scope_)
    tail = f"\n) as {work.warehouse.can.name(work.asset.name)}{work.limit}"
    made = _into(work, work.stage, "select * from (\n", query, tail)
    return tuple(replace(each, purpose=Purpose.PREPARE) for each in made)


def _emptied(work: Work) -> Statements:
    """The stage without the rows that have landed in it. Not every table has a DELETE."""
    shape = _quoted(work, "rows")
    none = _into(work, shape, "", f"select * from {work.stage}", " limit 0")
    again = _into(work, work.stage, "", f"select * from {shape}")
    return (*none, *again, Statement(f"drop table if exists {shape}", Purpose.PREPARE))


# ------------------------------------------------------------------------------------ snapshots


def _snapshot(work: Work) -> Transaction:
    fresh = work.fresh
    assert work.asset.snapshot is not None

    def fit(new: Columns, old: Columns | None, now: datetime) -> Fitted:
        if fresh or old is None:
            first = first_sql(work, new, now)
            made = _into(work, _quoted(work, "rows"), "", first)
            first_put = _takes_place(work, _name(work, "rows"), work.stage)
            count = _counted(_quoted(work, "rows"))
            return Fitted((*audits(work), *made, count, *first_put))
        return Fitted(_states(work, new, old, now))

    sql = f"{compared(work.asset)}select * from {work.stage}"
    asked = Statement(sql, Purpose.FIT, fit=fit, relation=work.relation)
    keeps = not fresh and work.asset.snapshot.hard_deletes is HardDeletes.IGNORE
    calls = landed(work, work.relation if keeps else None)
    return Transaction((*_staged_whole(work), asked), WHOLE, calls=calls, fresh=fresh)


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
        return _rewritten(work, image, work.stage) if final != old else _cleaned(work, work.stage)
    seen = _quoted(work, "states")
    shown = f"create or replace view {seen} as\nselect {states} from {work.table}"
    over = replace(work, relation=_name(work, "states"))
    parts = replace(parts, work=over)
    changes = parts.changes
    image = states_image(parts, final, changes)
    return (
        *audits(work),
        Statement(shown, Purpose.PREPARE),
        Statement(f"drop table if exists {changes}", Purpose.PREPARE),
        Statement(changes_sql(parts), Purpose.PREPARE),
        _counted(changes, f" where {OPENS}"),
        *_rewritten(work, image, changes, work.stage, views=(seen,)),
    )
