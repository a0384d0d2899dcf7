"""Step + Graph + what exists -> what there is to do for it, part by part."""

from __future__ import annotations

from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Step
from sqlpipes.run.materialize import step_sql
from sqlpipes.run.publish import Order, needs_function
from sqlpipes.run.statement import Transaction
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import stretches


def orders_of(step: Step, graph: Graph, warehouse: Warehouse, *, empty: bool) -> list[Order]:
    """At least one. Raises ProjectError when a template cannot be rendered."""
    asset = graph.assets[step.asset]
    checks = tuple(graph.checks[name] for name in step.checks)
    transactions = step_sql(step, graph, warehouse, empty=empty)
    if transactions:
        return [
            Order(asset, _slices_of(step, part), checks, part, empty=empty) for part in transactions
        ]
    calls = step.action is Action.PYTHON and needs_function(asset)
    parts = stretches(step.slices, asset.partition) if calls else (step.slices,)
    return [Order(asset, part, checks, None, calls, empty) for part in parts]


def _slices_of(step: Step, transaction: Transaction) -> Partitions:
    """An unpartitioned transaction covers the step's one slice."""
    return transaction.slices if transaction.slices.axis == step.slices.axis else step.slices
