"""Plan + Graph + what exists -> the tasks of the schedule: each step's parts, and what each waits for."""

from __future__ import annotations

from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Plan
from sqlpipes.run.parts import is_one, parts_of
from sqlpipes.run.roads import WHOLE_ROAD, roads
from sqlpipes.run.schedule import Task
from sqlpipes.run.warehouse import Warehouses


def tasks_of(plan: Plan, graph: Graph, warehouses: Warehouses) -> list[Task]:
    """The plan as the schedule sees it."""
    found = []
    where = {step.asset: warehouses.of(graph.assets[step.asset]) for step in plan.steps}
    at_once = {i for i, step in enumerate(plan.steps) if is_one(step, graph, where[step.asset])}
    for step, ways in zip(plan.steps, roads(plan, graph), strict=True):
        relation = graph.assets[step.asset].relation
        warehouse = where[step.asset]
        stands = relation is None or warehouse.type_of(relation) is not None
        if graph.assets[step.asset].export is not None:
            stands = not step.full  # the first part says that nothing of the old is left
        for other in at_once & ways.keys():
            ways[other] = WHOLE_ROAD  # slices that it held and does not write again are gone, too
        found.append(
            Task(
                parts_of(step, graph, warehouse),
                ways,
                chained=step.asset in graph.reads_self,
                stands=stands,
                stays=stands and not step.full,
                newest_first=step.newest_first,
            )
        )
    return found
