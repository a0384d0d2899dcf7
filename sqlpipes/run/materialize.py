"""Step + Graph + what exists -> the transactions that make it so. Nothing is run here.

Every part of a step is staged, checked and published in one transaction; where an engine cannot roll back
DDL, beside its relation (`run/beside/`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from sqlpipes.core.asset import Asset, Materialized
from sqlpipes.core.engine import RelationType
from sqlpipes.core.errors import EngineError, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.plan import Action, Step
from sqlpipes.core.strategy import Strategy
from sqlpipes.run.export import export
from sqlpipes.run.extras import extras
from sqlpipes.run.merge import append, merge
from sqlpipes.run.moving import after_moving, left, moved_along, once_moved
from sqlpipes.run.parts import LOOKS_ONLY, parts_of
from sqlpipes.run.query import asset_query
from sqlpipes.run.slices import slices
from sqlpipes.run.snapshot import snapshot
from sqlpipes.run.statement import Made, Purpose, Statement, Transaction
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.work import Work, cleaned, create, landed, make_room, rows_of, whole_scope

TRANSACTION_WORDS = re.compile(
    r"(?:^|;)\s*(begin|start\s+transaction|commit|end|rollback|abort)\s*(?:work\b|transaction\b|;|$)",
    re.IGNORECASE,
)


def step_sql(
    step: Step, graph: Graph, warehouse: Warehouse, *, empty: bool = False
) -> tuple[Transaction, ...]:
    """The transactions of a step's parts, as they are when all of them end well.

    None for an asset that writes nothing to the warehouse. Raises like `part_sql`.
    """
    parts = parts_of(step, graph, warehouse)
    found = (
        part_sql(replace(step, slices=part), graph, warehouse, made=i > 0, empty=empty)
        for i, part in enumerate(parts)
    )
    return tuple(transaction for transaction in found if transaction is not None)


def part_sql(
    step: Step, graph: Graph, warehouse: Warehouse, *, made: bool = False, empty: bool = False
) -> Transaction | None:
    """The transaction that writes `step.slices`; `made`: an earlier part has made the table.

    `empty` writes relations without rows. Raises ProjectError when a template cannot be rendered,
    EngineError BLD009 for an engine that neither rolls back DDL nor says how else to publish.
    """
    asset = graph.assets[step.asset]
    relation = asset.relation
    if asset.export is not None:
        relation = warehouse.temporary(f"sqlpipes_{asset.name}_file")
    if step.action in LOOKS_ONLY or relation is None:
        return None
    beside = extras(asset, warehouse) if (step.extras or asset.extras) and asset.relation else ()
    if step.action is Action.EXTRAS:
        return Transaction((), step.slices, after=beside)
    if not warehouse.can.transactional_ddl and warehouse.publishing is None:
        message = f"{warehouse.dialect} cannot roll back a CREATE TABLE, which publishing needs"
        raise EngineError(Problem("BLD009", message, asset.at))
    moved = moved_along(step, asset, warehouse)
    old = left(step, asset, warehouse) if moved else None
    if moved:
        warehouse = once_moved(step, asset, warehouse)
        step = replace(step, full=False)
    work = Work(step, asset, relation, graph, warehouse, empty, made)
    refuse_hooks(asset, graph, warehouse)
    rolls_back = warehouse.can.transactional_ddl or asset.export is not None
    found = _transaction(work) if rolls_back else _beside(work)
    found = _with_hooks(asset, replace(found, after=found.after + beside))
    return after_moving(found, moved, old) if moved else found


def _beside(work: Work) -> Transaction:
    from sqlpipes.run.beside import beside_sql  # seven modules that few engines need

    return beside_sql(work)


def _transaction(work: Work) -> Transaction:
    if work.asset.export is not None:
        return export(work)
    if work.asset.partition is not None:
        return slices(work)
    if work.asset.materialized is Materialized.INCREMENTAL:
        appends = work.asset.incremental.strategy is Strategy.APPEND
        return append(work) if appends else merge(work)
    if work.asset.materialized is Materialized.SNAPSHOT:
        return snapshot(work)
    if work.step.action is Action.VIEW:
        return _view(work)
    return _table(work)


def _with_hooks(asset: Asset, transaction: Transaction) -> Transaction:
    before, after = (
        tuple(_hook(sql, asset) for sql in said) for said in (asset.before, asset.after)
    )
    return replace(
        transaction,
        statements=before + transaction.statements,
        after=transaction.after + after,
    )


OF_ANOTHER = re.compile(r"\s*--\s*(\w+)\s*(?:\n|$)")


def refuse_hooks(asset: Asset, graph: Graph, warehouse: Warehouse) -> None:
    """Statements are not translated: one must say in its first line that it is the target's own."""
    porter = graph.porter_to(warehouse.dialect)
    if porter is None or porter.unchecked:
        return
    for sql in (*asset.before, *asset.after):
        found = OF_ANOTHER.match(sql)
        if found is None or found[1].lower() != warehouse.dialect:
            message = (
                f"a hook of '{asset.name}' is said in {graph.dialect}, and hooks are not translated"
            )
            hint = f"say it in {warehouse.dialect}, with a first line `-- {warehouse.dialect}`"
            raise ProjectError(Problem("TRN009", message, asset.hooks_at.get(sql, asset.at), hint))


def _hook(sql: str, asset: Asset) -> Statement:
    """Raises EngineError BLD011 for one that would publish rows which are not checked yet, or drop them."""
    if found := TRANSACTION_WORDS.search(sql):
        message = (
            f"a hook of '{asset.name}' says {found[1].upper()}, which would end its transaction"
        )
        hint = "leave it out: all hooks are committed with the asset, once its checks have passed"
        raise EngineError(Problem("BLD011", message, asset.hooks_at.get(sql, asset.at), hint))
    return Statement(sql, Purpose.HOOK, at=asset.hooks_at.get(sql))


def _view(work: Work) -> Transaction:
    query = asset_query(work.asset, work.graph, work.warehouse, whole_scope(work))
    head, before, tail = f"create or replace view {work.table} as\n", "", ""
    if work.empty:
        before, tail = "select * from (\n", f"\n) as {work.warehouse.can.name('rows')} limit 0"
    write = work.statement(head + before, query, tail)
    made = Made(work.relation, RelationType.VIEW)
    write = replace(write, select=len(head), makes=made)
    return Transaction((*make_room(work, RelationType.VIEW), write), WHOLE, fresh=True)


def _table(work: Work) -> Transaction:
    statements = (*make_room(work, RelationType.TABLE), create(work, rows_of(work)), *cleaned(work))
    return Transaction(statements, WHOLE, calls=landed(work), fresh=True)
