"""Project + store + wish -> a plan, with the warehouse opened if anything of it must run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from sqlpipes.api.build_report import Report
from sqlpipes.api.observe import is_as_we_left_it, observe, untouched
from sqlpipes.api.planning import plan_with
from sqlpipes.api.project import Project
from sqlpipes.api.proofs import with_proofs
from sqlpipes.api.terms import Terms
from sqlpipes.api.values import asking
from sqlpipes.api.warehouses import are_there, open_engines, targets
from sqlpipes.core.asset import Asset
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.history import History
from sqlpipes.core.plan import Plan

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engine, Engines
    from sqlpipes.decide.aware import Aware
    from sqlpipes.decide.planner import Observed, Wish
    from sqlpipes.stores import Store

READERS_S = 2.0  # for a `show` or `status` of another process to let go of the database


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan with what it was made from. No engines: there is nothing to do and nobody looked.

    `project` is the one that was asked about, with all that its queries prove of their inputs.
    `trusted`: nobody but us wrote to the warehouse since a build of ours that saw everything.
    """

    project: Project
    plan: Plan
    observed: Observed
    engines: Engines | None
    trusted: bool
    tick: int  # of the history that the plan was made from
    aware: Aware | None = None  # what is known of columns, where it may spare something


def get_ready(project: Project, store: Store, wish: Wish, terms: Terms, stack: ExitStack) -> Ready:
    """Plan, and open the warehouse if anything must run. What was seen before it was ours is seen anew:
    others may have built, here or from another folder, while we waited for it."""

    def ready(engines: Engines | None, history: History, trusted: bool) -> Ready:
        proven = with_proofs(project, engines)
        observed = observe(proven, store, history, wish, engines)
        plan, aware = plan_with(proven, store, history, wish, observed, terms.now())
        if engines is not None:
            plan = _with_notes(proven, plan, engines)
        return Ready(proven, plan, observed, engines, trusted, history.tick, aware)

    history = store.history()
    trusted = is_as_we_left_it(project, store)
    there = are_there(project)
    if not there or untouched(project, store, history, wish):
        found = ready(None, history, trusted)
        if not found.plan.steps:
            return found
        engines = _open(project, terms, stack)
        moved = store.tick() != history.tick or (not there and _hold_something(engines))
        if not moved and (not trusted or is_as_we_left_it(project, store)):
            return replace(found, engines=engines, plan=_with_notes(project, found.plan, engines))
    else:
        engines = _open(project, terms, stack)
    return ready(engines, store.history(), trusted and is_as_we_left_it(project, store))


def _with_notes(project: Project, plan: Plan, engines: Engines) -> Plan:
    """The plan with a warning for what its assets ask for and such an engine does not have."""
    for name, engine in engines.each.items():
        plan = _with_notes_of(project, plan, name, engine)
    return plan


def _with_notes_of(project: Project, plan: Plan, name: str, engine: Engine) -> Plan:
    assets = [project.graph.assets[step.asset] for step in plan.steps]
    assets = [asset for asset in assets if asset.engine == name]
    notes: list[Problem] = []
    if mute := [asset for asset in assets if asset.extras.grants and not engine.can.grants]:
        first = (mute[0].extras.grants or ())[0].at
        notes.append(_left_out("the grants", f"{engine.dialect} has no roles", mute, first))
    if whole := [a for a in assets if a.native_partitions and not engine.can.partitions]:
        why = f"{engine.dialect} cuts no tables"
        notes.append(_left_out("the native_partitions", why, whole, None))
    return replace(plan, notes=(*plan.notes, *notes)) if notes else plan


def _left_out(what: str, why: str, assets: Sequence[Asset], at: Location | None) -> Problem:
    more = f" and {len(assets) - 1} more" if len(assets) > 1 else ""
    message = f"{what} of '{assets[0].name}'{more} are left out: {why}"
    return Problem("ENG042", message, at or assets[0].at, severity=Severity.WARNING)


def look_again(
    project: Project, store: Store, engines: Engines, wish: Wish, done: Report, now: datetime
) -> Ready | None:
    """What is left to do after a build from which a partition's query may find other values.

    A plan is made before anything is built, so new values, and on a first build all of them, are
    found only now.
    """
    graph = project.graph
    names = [n for n in asking(graph, wish.names) if graph.ancestors([n]) & done.plan.names]
    if not names or not done.ok or wish.only_checks or wish.empty:
        return None
    below = graph.descendants(names) & wish.names
    rest = replace(wish, names=frozenset({*names, *below}), force=False, full_refresh=False)
    history = store.history()
    observed = observe(project, store, history, rest, engines)
    plan, aware = plan_with(project, store, history, rest, observed, now)
    if not plan.names & set(names):
        return None
    return Ready(project, plan, observed, engines, False, history.tick, aware)


def _hold_something(engines: Engines) -> bool:
    return any(engine.relations() for engine in engines.each.values())


def _open(project: Project, terms: Terms, stack: ExitStack) -> Engines:
    """Builds are waited for as long as it takes; any other program may keep the database for ever."""
    wait_s = terms.patience.wait_s if terms.patience.wait_s < inf else READERS_S
    engines = open_engines(project, wait_s=wait_s, on_wait=terms.watch.on_retry)
    with ExitStack() as opened:
        opened.enter_context(closing(engines))
        engines = _claimed(project, engines, terms, opened)
        opened.pop_all()
    stack.enter_context(closing(engines))
    return engines


def _claimed(project: Project, engines: Engines, terms: Terms, opened: ExitStack) -> Engines:
    """Where nothing is rolled back one build is at work at a time, and mends what dead ones have left."""
    held = {n: engine for n, engine in engines.each.items() if not engine.can.transactional_ddl}
    if not held:
        return engines
    from sqlpipes.run.claim import Claim, Hold, hold
    from sqlpipes.run.claim import Patience as ForClaims
    from sqlpipes.run.journal import mend
    from sqlpipes.stores.lock import place_of

    holds: list[Hold] = []
    watch, at = terms.watch, targets(project)
    patience = ForClaims(terms.patience.wait_s, watch.on_wait, watch.cancel.is_set)
    for name, engine in held.items():
        builder = getattr(getattr(engine, "publishing", None), "builder", "")
        if builder:
            who = f"'{terms.command}' (process {os.getpid()})"
            claim = Claim(builder, who, place_of(project.root))
            holds.append(hold(engine, at[name].schema, claim, patience))
            opened.callback(holds[-1].release)
        mend(engine)
    ends = tuple(each.release for each in holds)
    return replace(engines, at_end=ends, permits=tuple(each.demand for each in holds))
