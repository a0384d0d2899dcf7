"""Plan + engine + store -> a report. The only place where something is written to a warehouse."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from sqlpipes.api.commit import commit_of
from sqlpipes.api.config import check_arguments, settings_of, with_config
from sqlpipes.api.observe import WAREHOUSE, is_as_we_left_it, observe, untouched
from sqlpipes.api.plan import wish_of
from sqlpipes.api.planning import plan_from, step_now, utc_now
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.proofs import remember_tables, with_proofs
from sqlpipes.api.rename import refuse_half_renamed
from sqlpipes.api.resources import ready_resources
from sqlpipes.api.selection import Ask
from sqlpipes.api.sharing import Asked, Patience, sharing
from sqlpipes.api.unit_tests import gate_of
from sqlpipes.api.values import asking
from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Problem
from sqlpipes.core.events import (
    CheckFinished,
    Event,
    RunFinished,
    Status,
    StepFailed,
    StepFinished,
    StepSkipped,
)
from sqlpipes.core.history import History
from sqlpipes.core.plan import Action, Plan, Step
from sqlpipes.core.unit_test import UnitResult

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engine
    from sqlpipes.decide.planner import Observed, Wish
    from sqlpipes.stores import Store

BY_DEFAULT = Patience()
READERS_S = 2.0  # for a `show` or `status` of another process to let go of the database


@dataclass(frozen=True, slots=True)
class Report:
    """What a build did: its plan, every event in order, and how it ended."""

    run_id: str
    plan: Plan
    events: tuple[Event, ...]
    status: Status
    seconds: float
    unit_tests: tuple[UnitResult, ...] = ()  # those that ran before; the others passed earlier

    @property
    def ok(self) -> bool:
        well = self.status in (Status.SUCCESS, Status.WARN)
        return well and all(result.ok for result in self.unit_tests)

    @property
    def finished(self) -> tuple[StepFinished, ...]:
        return tuple(event for event in self.events if isinstance(event, StepFinished))

    @property
    def failed(self) -> tuple[StepFailed, ...]:
        """Parts that failed for good: one that was split is told by its halves."""
        found = (event for event in self.events if isinstance(event, StepFailed))
        return tuple(event for event in found if event.status is not Status.SPLIT)

    @property
    def skipped(self) -> tuple[StepSkipped, ...]:
        """What did not run, and is not there: another build may have done the rest."""
        found = (event for event in self.events if isinstance(event, StepSkipped))
        return tuple(event for event in found if not event.is_done)

    @property
    def shared(self) -> tuple[StepSkipped, ...]:
        """What another build has done meanwhile."""
        found = (event for event in self.events if isinstance(event, StepSkipped))
        return tuple(event for event in found if event.is_done)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was wrong at its end and failed no step, such as a resource that did not close."""
        found = (event for event in self.events if isinstance(event, RunFinished))
        return tuple(problem for event in found for problem in event.problems)

    @property
    def checks(self) -> tuple[CheckFinished, ...]:
        return tuple(event for event in self.events if isinstance(event, CheckFinished))


def build(
    project: Project,
    ask: Ask | None = None,
    *,
    threads: int | None = None,
    fail_fast: bool = False,
    wait_s: float = 0.0,
    command: str = "build",
    job: str = "",
    run_id: str | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    on_unit_test: Callable[[UnitResult], None] | None = None,
    cancel: threading.Event | None = None,
    clock: Callable[[], datetime] = utc_now,
    patience: Patience = BY_DEFAULT,
    config: Mapping[str, Mapping[str, Plain]] | None = None,
) -> Report:
    """Make what is asked for current. Every event is recorded before `on_event` sees it.

    `config`: asset -> parameter -> value, for this once, as `--config`.
    Unit tests that did not pass as they are run first; what fails one, and what reads that, is not built.

    Raises ProjectError for files that need mending, LockedError when another process is building
    for longer than `wait_s` seconds, which may be math.inf; `on_wait` is told who that is. A failed
    step is no exception: it is in the report. `job` is the one that it is a run of.
    """
    from sqlpipes.engines import is_shared
    from sqlpipes.stores import build_lock

    project.raise_errors()
    ask = replace(ask or Ask(), config=(*(ask.config if ask else ()), *settings_of(config or {})))
    project = with_config(project, ask.config).project
    gate, cancel = gate_of(project, ask, on_unit_test), cancel or threading.Event()
    ask = gate.ask
    wish = wish_of(project, ask)
    run_id = run_id or new_run_id(clock())
    with ExitStack() as stack:
        if not is_shared(project.target):
            said: dict[str, Any] = {"command": command, "on_wait": on_wait, "stop": cancel.is_set}
            stack.enter_context(build_lock(project.root, wait_s=wait_s, **said))
        store = stack.enter_context(closing(open_store_of(project)))
        refuse_half_renamed(project, store)
        store.close_stale_runs()
        ready = _get_ready(project, store, wish, wait_s, clock, stack)
        if on_plan:
            on_plan(ready.plan)
        if ready.engine is None:
            return Report(run_id, ready.plan, (), Status.SUCCESS, 0.0, gate.results)
        options: dict[str, Any] = {
            "command": command,
            "job": job,
            "threads": threads or project.target.threads,
            "fail_fast": fail_fast,
            "clock": clock,
            "cancel": cancel,
            "on_event": on_event,
            "patience": replace(patience, wait_s=wait_s),
            "wish": wish,
        }
        project = ready.project
        report = _run(project, store, ready.engine, ready, run_id=run_id, **options)
        for _ in asking(project.graph, wish.names):  # one query may wait for what another cuts
            again = _look_again(project, store, ready.engine, wish, report, clock())
            if again is None:
                break
            if on_plan:
                on_plan(again.plan)
            next_id = new_run_id(clock())
            more = _run(project, store, ready.engine, again, run_id=next_id, **options)
            report = _together(report, more)
        remember_tables(project, ready.engine)
        ready.engine.close()
        report = replace(report, unit_tests=gate.results)
        is_part = wish.narrows or wish.only_checks  # a source that moved may have been left out
        saw_all = report.ok and not is_part and wish.names >= set(project.graph.order)
        _remember_stamp(project, store, known=ready.trusted or saw_all)
        return report


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan with what it was made from. No engine: there is nothing to do and nobody looked.

    `project` is the one that was asked about, with all that its queries prove of their inputs.
    `trusted`: nobody but us wrote to the warehouse since a build of ours that saw everything.
    """

    project: Project
    plan: Plan
    observed: Observed
    engine: Engine | None
    trusted: bool
    tick: int  # of the history that the plan was made from


def _get_ready(
    project: Project,
    store: Store,
    wish: Wish,
    wait_s: float,
    clock: Callable[[], datetime],
    stack: ExitStack,
) -> Ready:
    """Plan, and open the warehouse if anything must run. What was seen before it was ours is seen anew:
    others may have built, here or from another folder, while we waited for it."""
    from sqlpipes.engines import exists

    def ready(engine: Engine | None, history: History, trusted: bool) -> Ready:
        proven = with_proofs(project, engine)
        observed = observe(proven, store, history, wish, engine)
        plan = plan_from(proven, store, history, wish, observed, clock())
        return Ready(proven, plan, observed, engine, trusted, history.tick)

    history = store.history()
    trusted = is_as_we_left_it(project, store)
    there = exists(project.target, project.root)
    if not there or untouched(project, store, history, wish):
        found = ready(None, history, trusted)
        if not found.plan.steps:
            return found
        engine = _open(project, wait_s, stack)
        moved = store.history().tick != history.tick or (not there and bool(engine.relations()))
        if not moved and (not trusted or is_as_we_left_it(project, store)):
            return replace(found, engine=engine)
    else:
        engine = _open(project, wait_s, stack)
    return ready(engine, store.history(), trusted and is_as_we_left_it(project, store))


def _look_again(
    project: Project, store: Store, engine: Engine, wish: Wish, done: Report, now: datetime
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
    observed = observe(project, store, history, rest, engine)
    plan = plan_from(project, store, history, rest, observed, now)
    if not plan.names & set(names):
        return None
    return Ready(project, plan, observed, engine, trusted=False, tick=history.tick)


def _together(first: Report, second: Report) -> Report:
    """One report of a build and of what it found left to do; the first run lends its name."""
    plan = replace(second.plan, steps=first.plan.steps + second.plan.steps)
    status = second.status if first.status is Status.SUCCESS or not second.ok else first.status
    events = first.events + second.events
    return Report(first.run_id, plan, events, status, first.seconds + second.seconds)


def _open(project: Project, wait_s: float, stack: ExitStack) -> Engine:
    """Builds are waited for as long as it takes; any other program may keep the database for ever."""
    from sqlpipes.engines import open_engine

    wait_s = wait_s if wait_s < inf else READERS_S
    return stack.enter_context(closing(open_engine(project.target, project.root, wait_s=wait_s)))


def _remember_stamp(project: Project, store: Store, *, known: bool) -> None:
    """Keep what the warehouse looks like now, but only if all that others did to it is known.

    A build of a part, or one that failed, may have passed over a source that changed or a relation
    that is gone: the next build must look again.
    """
    from sqlpipes.engines import stamp

    seen = stamp(project.target, project.root) if known else None
    store.set_stamp(WAREHOUSE, seen or "")


def _run(
    project: Project,
    store: Store,
    engine: Engine,
    ready: Ready,
    *,
    on_event: Callable[[Event], None] | None,
    clock: Callable[[], datetime],
    run_id: str,
    command: str,
    wish: Wish,
    patience: Patience,
    **options: Any,
) -> Report:
    from sqlpipes.decide.planner import definition_of
    from sqlpipes.run.runner import run_plan

    def definition(name: str) -> str:
        return json.dumps(definition_of(project.graph, name), default=str)

    check_arguments(project, ready.plan)
    resources = ready_resources(project, ready.plan)
    if not ready.plan.steps:
        return Report(run_id, ready.plan, (), Status.SUCCESS, 0.0)
    events: list[Event] = []
    started = clock()
    asked = Asked(wish, ready.observed, ready.tick, clock)
    decided = (
        wish.force or wish.forced or wish.full_refresh or wish.empty
    )  # whatever its inputs hold
    again = None if decided else partial(_again, project, store, asked)
    named: dict[str, Any] = {"run_id": run_id, "command": command}
    with sharing(project, store, engine, asked, patience=patience, **named) as turns:
        for event in run_plan(
            ready.plan,
            project.graph,
            engine,
            target=project.target,
            root=project.root,
            vars=project.config.vars,
            clock=clock,
            definition=definition,
            tokens=ready.observed.tokens,
            sightings=ready.observed.windows,
            turns=turns,
            again=again,
            outputs=_outputs(project, store),
            resources=resources,
            commit=commit_of(project.root),
            **named,
            **options,
        ):
            if turns is None:
                store.append(event)
            else:
                event = turns.record(event)
            events.append(event)
            if on_event:
                on_event(event)
    status = next(e.status for e in reversed(events) if isinstance(e, RunFinished))
    return Report(run_id, ready.plan, tuple(events), status, (clock() - started).total_seconds())


def _outputs(project: Project, store: Store) -> dict[str, str]:
    """Where the assets that are files were written last, relative to the project."""
    assets = project.graph.assets.values()
    files = [asset.name for asset in assets if asset.materialized is Materialized.FILE]
    history = store.history(files) if files else None
    found = {name: history.of(name).relation for name in files} if history else {}
    return {name: path for name, path in found.items() if path}


def _again(project: Project, store: Store, asked: Asked, step: Step) -> Step | None:
    """What is left of a step. One whose checks are due is done whole: they run with it."""
    found = step_now(project, store, asked.wish, asked.observed, asked.clock(), step)
    return step if found and found.action is Action.CHECK else found


def new_run_id(now: datetime) -> str:
    """Sorts by time, short enough to type the end of."""
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
