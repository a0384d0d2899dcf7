"""Names + state + what is observed -> a plan. What `plan`, `build` and `stale:` share."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlpipes.api.aware import may_spare
from sqlpipes.api.crossings import with_crossings
from sqlpipes.api.observe import looking, observe
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.proofs import with_proofs
from sqlpipes.core.asset import Kind
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History
from sqlpipes.core.partitions import as_naive_utc
from sqlpipes.core.plan import Plan, Step

if TYPE_CHECKING:
    from sqlpipes.decide.aware import Aware
    from sqlpipes.decide.planner import Observed, Wish
    from sqlpipes.stores import Store


def utc_now() -> datetime:
    return datetime.now(UTC)


def plan_wish(project: Project, wish: Wish, now: datetime) -> Plan:
    """The plan for a wish; reads the state and, only if it may have changed, the warehouse."""
    with closing(open_store_of(project)) as store:
        history = store.history()
        with looking(project, store, history, wish) as engines:
            project = with_proofs(project, engines)
            observed = observe(project, store, history, wish, engines)
        return plan_from(project, store, history, wish, observed, now)


def everything(project: Project) -> Wish:
    """The wish of a bare `build`."""
    from sqlpipes.decide.planner import Wish

    return Wish(names=frozenset(project.graph.order))


def sources_seen_by(graph: Graph, names: Iterable[str]) -> frozenset[str]:
    """Sources that the named assets read directly or through views, which pass changes on."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = list(names)
    while todo:
        for parent in graph.parents(todo.pop()):
            asset = graph.assets[parent]
            if asset.kind is Kind.SOURCE:
                found.add(parent)
            elif not asset.is_stored and parent not in seen:
                seen.add(parent)
                todo.append(parent)
    return frozenset(found)


def plan_from(
    project: Project,
    store: Store,
    history: History,
    wish: Wish,
    observed: Observed,
    now: datetime,
) -> Plan:
    return plan_with(project, store, history, wish, observed, now)[0]


def plan_with(
    project: Project,
    store: Store,
    history: History,
    wish: Wish,
    observed: Observed,
    now: datetime,
) -> tuple[Plan, Aware | None]:
    """The plan, and what is known of columns where that may spare something of it."""
    plan, aware = _planned(project, store, history, wish, observed, now)
    plan = with_crossings(project, store, history, plan)
    if not project.secrets:
        return plan, aware
    from sqlpipes.run.masking import Mask

    return Mask(project.secrets).value(plan), aware


def _planned(
    project: Project,
    store: Store,
    history: History,
    wish: Wish,
    observed: Observed,
    now: datetime,
) -> tuple[Plan, Aware | None]:
    from sqlpipes.decide.planner import make_plan

    graph = project.graph
    changed = [
        name
        for name in wish.names
        if (past := history.of(name)).built and past.version != graph.version(name)
    ]
    definitions = store.definitions(changed) if changed else {}
    asked = (graph, history, wish, observed, as_naive_utc(now), definitions)
    plan = make_plan(*asked)
    if not may_spare(project, history, plan):
        return plan, None
    from sqlpipes.api.learning import Learner

    learner = Learner(project, store.definitions(history.assets))
    aware = learner.aware(history)
    plan = make_plan(*asked, aware=aware)
    learner.keep()
    return plan, aware


def step_now(
    project: Project,
    store: Store,
    wish: Wish,
    observed: Observed,
    now: datetime,
    step: Step,
) -> Step | None:
    """The step that a plan of its asset alone would have now, maybe of checks only; None: nothing to do."""
    alone = replace(
        wish,
        names=frozenset({step.asset}),
        observe=frozenset(),
        force=False,
        full_refresh=False,
    )
    plan = plan_from(project, store, store.history(), alone, observed, now)
    return next((each for each in plan.steps if each.asset == step.asset), None)
