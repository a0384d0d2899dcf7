"""What all shapes have that are built beside their relation: names, stages, shadows, what takes a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlpipes.core.engine import Connection, Deed, IndexesKeys, Publishing, RelationType
from sqlpipes.core.sql import Relation
from sqlpipes.run.query import Query, asset_query
from sqlpipes.run.snapshot import snapshot_scope
from sqlpipes.run.statement import Purpose, Statement
from sqlpipes.run.work import Work, whole_scope

Statements = tuple[Statement, ...]


def how_of(work: Work) -> Publishing:
    assert work.warehouse.publishing is not None
    return work.warehouse.publishing


def quoted_name(work: Work, kind: str) -> str:
    return work.warehouse.quote(named(work, kind))


def named(work: Work, kind: str) -> Relation:
    return work.warehouse.temporary(kind)


def into(
    work: Work,
    table: str,
    before: str,
    query: Query | str,
    after: str = "",
    along: Sequence[str] = (),
) -> Statements:
    """A table of these rows, whatever an earlier try has left at that name."""
    head = how_of(work).head(table, along)
    made = replace(work.statement(head + before, query, after), purpose=Purpose.PREPARE)
    gone = Statement(f"drop table if exists {table}", Purpose.PREPARE, again=True)
    return (gone, replace(made, select=len(head)))


def counted(table: str, where: str = "") -> Statement:
    """What the user is told to have been written; a CREATE says nothing of it on many an engine."""
    return Statement(f"select count(*) from {table}{where}", Purpose.COUNT)


def keyed(work: Work, table: Relation) -> Statements:
    """An index on the key, where the engine would else compare all rows of two tables that meet."""
    columns = work.asset.unique_key
    if not (columns and work.warehouse.can.finds_by_index):
        return ()

    def decides(connection: Connection) -> Statements:
        assert isinstance(connection, IndexesKeys)
        sql = connection.index_sql(table, columns)
        return (Statement(sql, Purpose.PREPARE),) if sql else ()

    said = f"-- {work.warehouse.quote(table)} has an index on its key, or is given one"
    return (Statement(said, Purpose.PREPARE, decides=decides),)


def shadowed(work: Work, rows: str) -> Statements:
    """What the relation is going to be, for those that look at it before it is."""
    if not work.step.checks:
        return ()
    sql = f"create or replace view {quoted_name(work, 'shadow')} as\n{rows}"
    return (Statement(sql, Purpose.PREPARE),)


def published(work: Work, deeds: Sequence[Deed]) -> Statements:
    return tuple(
        Statement(deed.sql, Purpose.CLEAN)
        if deed.cleans
        else Statement(";\n".join((deed.sql, *deed.then)), Purpose.PUBLISH, deed=deed)
        for deed in deeds
    )


def cleaned(work: Work, *tables: str, shadow: bool = True) -> Statements:
    said = []
    if work.step.checks and shadow:
        said.append(f"drop view if exists {quoted_name(work, 'shadow')}")
    said += [f"drop table if exists {table}" for table in dict.fromkeys(tables)]
    return tuple(Statement(sql, Purpose.CLEAN) for sql in said)


def takes_place(
    work: Work, staged: Relation, *rest: str, along: Sequence[str] = (), shadow: bool = True
) -> Statements:
    """The staged table in the place of whatever is there; `rest` are tables that it was made from."""
    quoted = work.warehouse.quote(staged)
    there = RelationType.TABLE if work.made else work.warehouse.type_of(work.relation)
    swap = how_of(work).swap(staged, work.relation, named(work, "old"), there, along)
    left = rest if how_of(work).moves else (quoted, *rest)
    seen = shadowed(work, f"select * from {quoted}") if shadow else ()
    clean = cleaned(work, *left, shadow=shadow)
    return (*seen, *published(work, swap), *clean)


def rewritten(
    work: Work, image: str, *rest: str, along: Sequence[str] = (), views: Sequence[str] = ()
) -> Statements:
    """All of the table as it is going to be, in its place."""
    whole = named(work, "image")
    made = into(work, work.warehouse.quote(whole), "", image, along=along)
    made = (*made, *keyed(work, whole))
    dropped = tuple(Statement(f"drop view if exists {view}", Purpose.CLEAN) for view in views)
    return (*made, *takes_place(work, whole, *rest, along=along), *dropped)


def staged_whole(work: Work) -> Statements:
    """The rows of the query in the stage, where a function's have landed already."""
    if work.landing is not None:
        return _emptied(work) if work.empty else ()
    scope_ = snapshot_scope(work) if work.asset.snapshot else whole_scope(work)
    query = asset_query(work.asset, work.graph, work.warehouse, scope_)
    tail = f"\n) as {work.warehouse.can.name(work.asset.name)}{work.limit}"
    made = into(work, work.stage, "select * from (\n", query, tail)
    return tuple(replace(each, purpose=Purpose.PREPARE) for each in made)


def _emptied(work: Work) -> Statements:
    """The stage without the rows that have landed in it. Not every table has a DELETE."""
    shape = quoted_name(work, "rows")
    none = into(work, shape, "", f"select * from {work.stage}", " limit 0")
    made = into(work, work.stage, "", f"select * from {shape}")
    again = tuple(replace(each, again=False) for each in made)  # it is there, whatever was tried
    return (*none, *again, Statement(f"drop table if exists {shape}", Purpose.PREPARE))
