"""Plan + state -> whether columns may spare something of it, and which a write has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.project import Project
from sqlpipes.core.asset import Kind
from sqlpipes.core.events import Event, StepFinished, StepStarted
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History, Past
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Plan, Step, Why

if TYPE_CHECKING:
    from sqlpipes.decide.aware import Aware
    from sqlpipes.stores import Store

QUERIES = (Action.VIEW, Action.TABLE, Action.SLICES)


def may_spare(project: Project, history: History, plan: Plan) -> bool:
    """Whether a column may be all that moves for some step of a plan, or of one after it.

    What reads something newer may be spared itself; another query only spares those that read it.
    """
    whys = {step.asset: {reason.why for reason in step.reasons} for step in plan.steps}
    changed = [name for name, reasons in whys.items() if Why.SQL_CHANGED in reasons]
    is_newer = any(Why.INPUT_NEWER in reasons for reasons in whys.values())
    if not is_newer and not (changed and _are_read(project.graph, changed)):
        return False
    return knows_columns(project, history)


def _are_read(graph: Graph, names: Iterable[str]) -> bool:
    readers = graph.children()
    return any(readers[name] for name in names)


def knows_columns(project: Project, history: History) -> bool:
    """Whether a query is another one than was built, or was at a build that not all has been since."""
    if not project.config.column_aware:
        return False
    graph = project.graph
    for name, past in history.assets.items():
        known = graph.assets.get(name)
        if known is None or known.kind is not Kind.SQL:
            continue
        if past.version != graph.version(name) or any(each.columns for each in past.built):
            return True
    return False


class Teller:
    """What a write may have changed, asked of the state as it is once the write is done and before it is
    recorded: whatever its inputs were by then, it has read them no later. What it wrote over is as it was
    known before the step began, which puts it in doubt.
    """

    def __init__(self, plan: Plan, graph: Graph, store: Store, aware: Aware | None) -> None:
        self._steps = {step.asset: step for step in plan.steps}
        self._graph, self._store, self._aware = graph, store, aware
        self._before: dict[tuple[str, Partitions], Past] = {}

    def told(self, event: Event) -> Event:
        """To be asked of each event before it is recorded: the end says what may have changed."""
        if self._aware is None or not isinstance(event, (StepStarted, StepFinished)):
            return event
        key = event.asset, event.slices
        step = self._steps.get(event.asset)
        if step is None or step.action != event.action or event.action not in QUERIES:
            return event
        if isinstance(event, StepStarted):
            self._before[key] = self._store.history([event.asset]).of(event.asset)
            return event
        before = self._before.pop(key, None)
        changed = None if before is None else self._changed(self._aware, step, event, before)
        if event.action == Action.VIEW:
            self._aware = self._aware.with_fresh(event.asset)
        return event if changed is None else replace(event, changed=tuple(sorted(changed)))

    def _changed(
        self, aware: Aware, step: Step, event: StepFinished, before: Past
    ) -> frozenset[str] | None:
        from sqlpipes.decide.aware import what_changed

        if event.version != self._graph.version(event.asset):
            return None
        history = self._store.history(self._graph.ancestors([step.asset]))
        history = history.with_past(step.asset, before)
        return what_changed(aware, self._graph, history, step, event.slices)
