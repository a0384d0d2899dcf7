"""A part of a step + Graph + what exists -> what there is to do for it."""

from __future__ import annotations

from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Action, Step
from sqlpipes.run.crossing import crossings_of
from sqlpipes.run.materialize import part_sql
from sqlpipes.run.outcome import Order, needs_function
from sqlpipes.run.warehouse import Warehouse


def order_of(
    step: Step,
    graph: Graph,
    warehouse: Warehouse,
    *,
    made: bool,
    empty: bool,
    is_part: bool = False,
) -> Order:
    """The work for `step.slices`. `made`: an earlier part of the step has made the table. `is_part`: there
    are others.

    Raises ProjectError when a template cannot be rendered.
    """
    asset, warehouse = graph.assets[step.asset], warehouse.apart(step.asset, step.slices)
    checks = tuple(graph.checks[name] for name in step.checks)
    transaction = part_sql(step, graph, warehouse, made=made, empty=empty)
    # without rows there is nothing to write a file or to train a model with: the real one stays
    calls = transaction is None and step.action is Action.PYTHON and not empty
    calls = calls and needs_function(asset)
    crossings = crossings_of(step, graph) if step.crossings else ()
    return Order(asset, step.slices, checks, transaction, calls, crossings, empty, is_part)
