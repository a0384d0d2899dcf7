"""Plan -> the plan with what crosses between engines, and about how much that is, by the builds before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlpipes.api.project import Project
from sqlpipes.api.warehouses import blank_engines
from sqlpipes.core.asset import Asset, Kind
from sqlpipes.core.engine import Engines
from sqlpipes.core.errors import Problem
from sqlpipes.core.graph import Graph, borrowed
from sqlpipes.core.graph.engines import no_way
from sqlpipes.core.history import History
from sqlpipes.core.plan import Plan
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.decide.crossings import Size
    from sqlpipes.stores import Store
    from sqlpipes.stores.records import StepRecord

DONE = (Status.SUCCESS, Status.WARN)


def with_crossings(project: Project, store: Store, history: History, plan: Plan) -> Plan:
    """As it is where the target has one engine only."""
    if not project.target.engines or not plan.steps:
        return plan
    from sqlpipes.decide.crossings import crossed, left_on_other_engines

    @cache
    def traced() -> Any:
        from sqlpipes.api.columns import lineage

        return lineage(project, connect=False)

    @cache
    def notes(name: str) -> tuple[StepRecord, ...]:
        return tuple(note.step for note in store.notes(name) if note.step.status in DONE)

    def sizes(reader: str, source: str) -> Size:
        return _size(source, notes(source), notes(reader))

    plan = crossed(plan, project.graph, lambda name: traced().facts.get(name), sizes)
    left = left_on_other_engines(plan, project.graph, history, project.target.engines)
    return replace(plan, notes=(*plan.notes, *left))


def uncarried(
    project: Project, names: Iterable[str] | None = None, open_ones: Engines | None = None
) -> tuple[Problem, ...]:
    """XNG006 for each table that would have to cross and cannot, where it is read; of these assets only."""
    graph = project.graph
    read = [
        (asset, graph.assets[other])
        for asset in (graph.assets[name] for name in (graph.order if names is None else names))
        if project.target.engines
        for other in borrowed(graph, _read_by(asset, graph), asset.engine)
    ]
    if not read:
        return ()
    with nullcontext(open_ones) if open_ones else closing(blank_engines(project)) as engines:
        stuck = [
            (asset, other)
            for asset, other in read
            if not all(engines.named(each.engine).can.crosses for each in (asset, other))
        ]
    return tuple(no_way(asset, other, graph) for asset, other in stuck)


def _read_by(asset: Asset, graph: Graph) -> tuple[str, ...]:
    """What its query and its checks read in SQL. Functions are given their rows in other ways."""
    parents = graph.parents(asset.name) if asset.kind is Kind.SQL else ()
    checks = [check for check in graph.gate(asset.name) if check.type != "python"]
    return (*parents, *(name for check in checks for name in (check.asset, *check.inputs)))


def _size(name: str, own: Iterable[StepRecord], readers: Iterable[StepRecord]) -> Size:
    """Of all that was built since the whole was last written, and of what crossed to this reader last."""
    from sqlpipes.decide.crossings import Size

    rows, slices = _newest(list(own))
    came = [each for step in readers for each in _crossed(step) if each["asset"] == name]
    last = next((each for each in reversed(came) if each["rows"]), None)
    weight = last["bytes"] / last["rows"] if last else None
    if not slices:
        return Size(last["rows"] if last else None, None, weight)
    return Size(rows, rows / slices, weight)


def _newest(steps: Sequence[StepRecord]) -> tuple[int, int]:
    """Rows and slices as they stand: of a slice that was written again, only what came last."""
    rows, seen = 0.0, None
    for step in reversed(steps):
        if step.rows is None or not step.slices:
            continue
        if seen is not None and seen.axis != step.slices.axis:
            break
        fresh = step.slices if seen is None else step.slices - seen
        rows += step.rows * len(fresh) / len(step.slices)
        seen = fresh if seen is None else seen | fresh
        if step.full or step.slices.is_whole:
            break
    return round(rows), len(seen) if seen else 0


def _crossed(step: StepRecord) -> list[dict[str, Any]]:
    said = step.metadata.get("crossed", [])
    found = said.get("value") if isinstance(said, dict) else said
    return found if isinstance(found, list) else []
