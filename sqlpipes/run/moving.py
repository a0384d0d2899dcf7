"""A step whose asset has another place than before -> the statements that take its rows along.

They stand first in the step's own transaction: whoever dies before its end leaves all where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import RelationType
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Plan, Step
from sqlpipes.core.sql import Relation
from sqlpipes.run.rename import rename_sql
from sqlpipes.run.statement import Purpose, Statement, Transaction
from sqlpipes.run.warehouse import Warehouse, Warehouses

TAKEN, NO_WAY = "MOV001", "MOV002"
MOVED = "moved from"  # of a step's metadata


def not_movable(plan: Plan, graph: Graph, warehouses: Warehouses) -> list[Problem]:
    """MOV001 where something stands in the new place, MOV002 where there is no way to it."""
    return [
        problem
        for step in plan.steps
        if step.moves
        for asset in [graph.assets[step.asset]]
        for problem in _faults(step, asset, warehouses.of(asset))
    ]


def _faults(step: Step, asset: Asset, warehouse: Warehouse) -> Iterator[Problem]:
    old, new = left(step, asset, warehouse), asset.relation
    if old is None or new is None:
        return
    at = asset.placed_at or asset.at
    begins = f"--full-refresh -s {asset.name} begins anew"
    if (taken := warehouse.type_of(new)) is not None:
        message = f"'{asset.name}' cannot move from {old} to {new}: there is a {taken} already"
        hint = f"drop or rename what is not needed; {begins}, in the place of what is there"
        yield Problem(TAKEN, message, at, hint)
        return
    why = ""
    if warehouse.type_of(old) is not RelationType.TABLE:
        why = f"{old} is a {warehouse.type_of(old)}"
    elif not warehouse.can.transactional_ddl:
        why = f"{warehouse.dialect} cannot roll back what moves a table"
    elif warehouse.name(old)[0] != warehouse.name(new)[0]:
        why = "they are in two databases"
    if why:
        hint = f"move the table by hand, or put the old place back; {begins}"
        yield Problem(NO_WAY, f"'{asset.name}' cannot move from {old} to {new}: {why}", at, hint)


def left(step: Step, asset: Asset, warehouse: Warehouse) -> Relation | None:
    """What still stands where it was built last; None: nothing does, or it is the same relation."""
    text = step.moves.partition(":")[2] if asset.engine else step.moves
    for relation in _readings(text):
        if warehouse.type_of(relation) is not None:
            same = asset.relation and warehouse.name(relation) == warehouse.name(asset.relation)
            return None if same else relation
    return None


def _readings(text: str) -> Iterator[Relation]:
    """What a relation may be that prints itself so: names may have dots.

    >>> [(r.catalog, r.schema, r.name) for r in _readings("mart.a.b")]
    [(None, 'mart.a', 'b'), ('mart', 'a', 'b'), (None, 'mart', 'a.b')]
    """
    parts = text.split(".")
    for i in range(len(parts) - 1, 0, -1):
        name, before = ".".join(parts[i:]), parts[:i]
        for j in range(len(before)):
            yield Relation(name, ".".join(before[j:]), ".".join(before[:j]) or None)


def moved_along(step: Step, asset: Asset, warehouse: Warehouse) -> tuple[str, ...]:
    """Statements for the beginning of the step's transaction; none where nothing is to be moved.

    ProjectError MOV001 or MOV002 where that cannot be.
    """
    old = left(step, asset, warehouse) if step.moves else None
    if old is None or asset.relation is None:
        return ()
    if wrong := list(_faults(step, asset, warehouse)):
        raise ProjectError(*wrong)
    bound = warehouse.can.indexes_bind and bool(asset.extras.indexes)
    return rename_sql(old, asset.relation, warehouse, copies=bound)


def once_moved(step: Step, asset: Asset, warehouse: Warehouse) -> Warehouse:
    """What the step finds after that."""
    old = left(step, asset, warehouse)
    assert old is not None
    assert asset.relation is not None
    types = {name: kind for name, kind in warehouse.types.items() if name != warehouse.name(old)}
    return replace(warehouse, types={**types, warehouse.name(asset.relation): RelationType.TABLE})


def after_moving(
    transaction: Transaction, statements: tuple[str, ...], old: Relation | None
) -> Transaction:
    """The move, then all else. A function that asks what is there already is asked before, so it is
    shown the old place."""
    said = tuple(Statement(sql, Purpose.PREPARE) for sql in statements)
    calls = tuple(replace(c, this=old if c.this is not None else None) for c in transaction.calls)
    every = said + transaction.statements
    return replace(transaction, statements=every, calls=calls, moved=str(old))
