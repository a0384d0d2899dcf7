"""What of a statement is known only when its turn has come, on engines that replace and match less.

A CREATE where a relation of that name stands: rows are put in the place of rows where the columns are
the same, so that the table keeps its rights, its indexes and the views on it, and its readers never wait.
Where they are others, it is dropped and made, and with it the views on it that are assets of ours. An
INSERT by name: the columns are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlpipes.core.asset import Asset, Materialized, SqlBody
from sqlpipes.core.engine import Capabilities, Dependant, RelationType, Standing
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.graph import Graph
from sqlpipes.core.sql import Relation
from sqlpipes.core.strategy import SchemaChange
from sqlpipes.run.extras import Worn, demand_columns, difference, extras
from sqlpipes.run.fit import demand_fit
from sqlpipes.run.native import PARTITIONED, demand_plain, is_cut_by_us, opened, table_sql
from sqlpipes.run.placing import placing
from sqlpipes.run.python import Place
from sqlpipes.run.query import asset_query
from sqlpipes.run.statement import Columns, Made, Purpose, Statement, stage_head
from sqlpipes.run.warehouse import Warehouse

Statements = tuple[Statement, ...]


def found_out(statement: Statement, asset: Asset, place: Place) -> Statements | None:
    """What to say instead; None when the statement can be said as it is.

    Raises EngineError ENG013 when something that is not ours stands on what must be dropped.
    """
    can = place.warehouse.can
    if statement.extras is not None:
        return _extras(statement.extras, place)
    if statement.plain is not None:
        demand_plain(statement.plain, asset, place)
    if statement.opens is not None and statement.makes is None:
        return (*opened(statement.opens, asset, place), replace(statement, opens=None))
    if statement.decides is not None:
        return statement.decides(place.connection)
    if statement.makes is not None and not can.create_or_replace_table:
        return _made(statement, statement.makes, asset, place)
    if statement.fills is not None and not can.insert_by_name:
        return (_listed(statement, statement.fills, asset, place),)
    if statement.disturbs is not None and not can.create_or_replace_table:
        return _around(statement, statement.disturbs, asset, place)
    return None


def _extras(asset: Asset, place: Place) -> Statements:
    relation = asset.relation
    assert relation is not None
    asks = asset.extras.grants is not None and place.warehouse.can.grants
    seen = place.connection.extras(relation, grants=asks)
    if not seen:
        return ()
    worn = Worn(asset, relation, place.warehouse)
    demand_columns(worn, seen)
    return difference(worn, seen)


def _listed(statement: Statement, table: str, asset: Asset, place: Place) -> Statement:
    if statement.into is not None:
        with placing(statement.rows, asset, place):
            demand_fit(statement, asset, place.connection)
    new = _columns(statement, asset, place)
    head = _filling(table, new, place.warehouse.can)
    if asset.on_schema_change is not SchemaChange.IGNORE:
        return statement.headed(head)
    stored = dict(place.connection.describe(f"select * from {table}"))
    can = place.warehouse.can
    cast = (
        can.converted.format(can.name(n), stored[n]) if n in stored else can.name(n) for n, _ in new
    )
    before = f"{head}select {', '.join(cast)} from (\n"
    found = statement.headed(before)
    return replace(found, sql=f"{found.sql}\n) as {can.name('stored')}", select=len(head))


def _filling(table: str, columns: Columns, can: Capabilities) -> str:
    return f"insert into {table} ({', '.join(can.name(name) for name, _ in columns)})\n"


def _columns(statement: Statement, asset: Asset, place: Place) -> Columns:
    with placing(statement.rows, asset, place):
        return place.connection.describe(statement.rows.sql)


def _made(statement: Statement, made: Made, asset: Asset, place: Place) -> Statements:
    """A query that reads the relation which it is written to is staged before anything is taken away."""
    there = place.connection.standing(made.relation, alone=True)
    table = place.warehouse.quote(made.relation)
    plain: Statements = (statement.headed(f"create {made.kind} {table} as\n"),)
    unread = made.kind is RelationType.VIEW and not place.warehouse.can.reads_views
    if unread:
        plain = (*plain, _read_once(table, statement))
    if there is None and statement.opens is None and not unread:
        return plain
    new = _columns(statement, asset, place)
    if statement.opens is not None:
        put = statement.headed(_filling(table, new, place.warehouse.can))
        plain = (*table_sql(statement.opens, new, place.warehouse), put)
    if there is None:
        return plain
    same_kind = _is_of_that_kind(there, statement, made, place)
    # What is dropped anyway is not asked: a view may be one that cannot be read any more.
    asks = same_kind and (made.kind is RelationType.TABLE or place.warehouse.can.replaces_views)
    old = (place.connection.columns(made.relation) or ()) if asks else ()
    if made.kind is RelationType.VIEW:
        if asks and new[: len(old)] == old:
            return (statement.headed(f"create or replace view {table} as\n"),)
        return _remade(made, new, plain, asset, place)
    before: Statements = ()
    after: Statements = ()
    if asset.name in place.graph.reads_self:
        stage = place.warehouse.quote(place.warehouse.temporary(f"sqlpipes_{asset.name}_anew"))
        staged = statement.headed(stage_head(stage, place.warehouse.can))
        before = (replace(staged, purpose=Purpose.PREPARE),)
        after = (Statement(f"drop table {stage}", Purpose.CLEAN),)
        head = f"create table {table} as\n"
        staged = Statement(f"{head}select * from {stage}", Purpose.WRITE, select=len(head))
        filled = (
            staged.headed(_filling(table, new, place.warehouse.can)) if statement.opens else staged
        )
        plain = (*plain[:-1], filled)
    if same_kind and new == old:
        empty = Statement(f"delete from {table}", Purpose.PREPARE)
        parts = opened(statement.opens, asset, place) if statement.opens else ()
        return (
            *before,
            *parts,
            empty,
            plain[-1].headed(_filling(table, new, place.warehouse.can)),
            *after,
        )
    return (*before, *_remade(made, new, plain, asset, place), *after)


def _read_once(table: str, statement: Statement) -> Statement:
    """A view is no view before it was read, where a CREATE looks at nothing."""
    sql = f"select * from {table} where 1 = 0"
    return replace(statement.rows, sql=sql, purpose=Purpose.AUDIT, query=None, into=None)


def _is_of_that_kind(there: Standing, statement: Statement, made: Made, place: Place) -> bool:
    """A table that somebody else has partitioned stays as it is; one that we have does so only as long
    as that is asked for."""
    if statement.opens is not None or there.kind != PARTITIONED:
        return there.kind == (PARTITIONED if statement.opens else made.kind)
    return made.kind is RelationType.TABLE and not is_cut_by_us(made.relation, place)


def _remade(made: Made, new: Columns, create: Statements, asset: Asset, place: Place) -> Statements:
    """Drop what stands there and what stands on it, and make all of it again; an index or a constraint
    goes when a column of it does."""
    table = place.warehouse.quote(made.relation)
    there = place.connection.standing(made.relation)
    assert there is not None
    views = _views_on(there, made.relation, asset, place)
    drop = Statement(f"drop {_word(there.kind)} {table}", Purpose.PREPARE)
    names = {name for name, _ in new}
    kept = [sql for sql, needed in there.on_columns if names.issuperset(needed)]
    kept = kept if made.kind is RelationType.TABLE else []
    restore = [Statement(sql, Purpose.PREPARE) for sql in (*there.restore, *kept)]
    return (*_dropped(there, place), drop, *create, *restore, *views)


def _around(statement: Statement, relation: Relation, asset: Asset, place: Place) -> Statements:
    """An ALTER between the fall and the rise of the views on its table."""
    there = place.connection.standing(relation)
    alter = replace(statement, disturbs=None)
    if there is None or not there.dependants:
        return (alter,)
    views = _views_on(there, relation, asset, place)
    return (*_dropped(there, place), alter, *views)


def _dropped(there: Standing, place: Place) -> Statements:
    return tuple(
        Statement(
            f"drop {_word(each.kind)} {place.warehouse.quote(each.relation)}", Purpose.PREPARE
        )
        for each in there.dependants
    )


def _word(kind: str) -> str:
    """What a DROP calls it."""
    return RelationType.TABLE if kind == PARTITIONED else kind


def _views_on(there: Standing, relation: Relation, asset: Asset, place: Place) -> Statements:
    """The nearest first, each from the query of its own file."""
    ours = {each: _owner(each, place.graph, place.warehouse) for each in there.dependants}
    if strangers := [each for each, owner in ours.items() if owner is None]:
        raise EngineError(_in_the_way(relation, strangers, asset))
    found: list[Statement] = []
    for each, owner in reversed(ours.items()):
        assert owner is not None
        query = asset_query(owner, place.graph, place.warehouse)
        head = f"create view {place.warehouse.quote(each.relation)} as\n"
        made = Statement(head + query.text, Purpose.PREPARE, query=query, offset=len(head))
        found += [made, *(Statement(sql, Purpose.PREPARE) for sql in each.restore)]
        found += extras(owner, place.warehouse) if owner.extras else ()
    return tuple(found)


def _owner(dependant: Dependant, graph: Graph, warehouse: Warehouse) -> Asset | None:
    """The asset of ours that the view is."""
    if dependant.kind != RelationType.VIEW:
        return None
    name = warehouse.name(dependant.relation)
    for asset in graph.assets.values():
        is_view = asset.materialized is Materialized.VIEW and isinstance(asset.body, SqlBody)
        if is_view and asset.relation and warehouse.name(asset.relation) == name:
            return asset
    return None


def _in_the_way(relation: Relation, found: Sequence[Dependant], asset: Asset) -> Problem:
    said = ", ".join(f"{each.kind} {each.relation}" for each in found[:5])
    if len(found) > 5:
        said += f" and {len(found) - 5} more"
    message = f"{relation} must be dropped to get other columns, but these depend on it: {said}"
    hint = "drop them first, or make them assets of the project; nothing is ever dropped by CASCADE"
    return Problem("ENG013", message, asset.at, hint)
