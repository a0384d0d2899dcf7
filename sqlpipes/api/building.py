"""Plan + engines + store -> a report. The only place where something is written to a warehouse."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlpipes.api.aware import Teller
from sqlpipes.api.bases import Bases
from sqlpipes.api.build_report import Report, together
from sqlpipes.api.commit import commit_of
from sqlpipes.api.config import check_arguments, settings_of, with_config
from sqlpipes.api.hiding import hide_all
from sqlpipes.api.kept import TABLES, is_kept
from sqlpipes.api.listeners import beside, sent, with_artifacts
from sqlpipes.api.observe import WAREHOUSE
from sqlpipes.api.own_files import own_places
from sqlpipes.api.planning import step_now, utc_now
from sqlpipes.api.plans import wish_of
from sqlpipes.api.portability import refuse_unportable
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.proofs import remember_built, remember_tables
from sqlpipes.api.ready import Ready, get_ready, look_again
from sqlpipes.api.renaming import refuse_half_renamed
from sqlpipes.api.resources import ready_resources
from sqlpipes.api.selection import Ask
from sqlpipes.api.sharing import Asked, Patience, Sharing, sharing
from sqlpipes.api.terms import Terms, Watch
from sqlpipes.api.testing import gate_of
from sqlpipes.api.values import asking
from sqlpipes.api.warehouses import are_shared, stamp_of
from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.events import CheckFinished, Event, RunFinished, StepSaid
from sqlpipes.core.plan import Action, Plan, Step
from sqlpipes.core.unit_test import UnitResult

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engines
    from sqlpipes.core.resource import ReadyResource
    from sqlpipes.decide.planner import Wish
    from sqlpipes.stores import Store

BY_DEFAULT = Patience()


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
    on_retry: Callable[[str], None] = lambda said: None,
    on_unit_test: Callable[[UnitResult], None] | None = None,
    cancel: threading.Event | None = None,
    clock: Callable[[], datetime] = utc_now,
    patience: Patience = BY_DEFAULT,
    config: Mapping[str, Mapping[str, Plain]] | None = None,
    artifacts: bool | None = None,
) -> Report:
    """Make what is asked for current. Every event is recorded before `on_event` sees it.

    `config`: asset -> parameter -> value, for this once, as `--config`.
    Unit tests that did not pass as they are run first; what fails one, and what reads that, is not built.

    Raises ProjectError for files that need mending, LockedError when another process is building
    for longer than `wait_s` seconds, which may be math.inf; `on_wait` is told who that is, `on_retry` why
    the warehouse does not open yet and when it is asked again. A failed
    step is no exception: it is in the report. `job` is the one that it is a run of. `artifacts`: dbt's
    are written at the end, however it ended; None: if the project says so.
    """
    project.raise_errors()
    ask = replace(ask or Ask(), config=(*(ask.config if ask else ()), *settings_of(config or {})))
    project = with_config(project, ask.config).project
    cancel = cancel or threading.Event()
    patience, threads = replace(patience, wait_s=wait_s), threads or project.target.threads
    command = hide_all(project.secrets)(command)  # it may hold --vars
    gate = gate_of(project, ask, on_unit_test)
    run_id = run_id or new_run_id(clock())
    with sent(project, cancel) as sending:
        heard = beside(on_event, sending)
        watch = Watch(on_plan, heard, on_wait, on_retry, cancel)
        terms = Terms(command, job, threads, fail_fast, patience, clock, watch, ask.now)
        report = _build(project, wish_of(project, gate.ask), terms, run_id)
    notes = sending.problems(run_id) if sending else ()
    report = replace(report, unit_tests=gate.results, notes=notes)
    wanted = project.config.artifacts if artifacts is None else artifacts
    return with_artifacts(project, report) if wanted else report


def _build(project: Project, wish: Wish, terms: Terms, run_id: str) -> Report:
    with ExitStack() as stack:
        store = _open_store(project, terms, stack)
        ready = get_ready(project, store, wish, terms, stack)
        _tell(terms, ready.plan)
        refuse_unportable(project, ready.plan, ready.engines)
        if ready.engines is None:
            return Report(run_id, ready.plan)
        return _run_all(ready, ready.engines, store, wish, terms, run_id)


def _open_store(project: Project, terms: Terms, stack: ExitStack) -> Store:
    """The state, once no other build may write to the warehouse, or all that do can share it."""
    from sqlpipes.stores import build_lock

    if not are_shared(project):
        watch, wait_s = terms.watch, terms.patience.wait_s
        lock = build_lock(
            project.root,
            wait_s=wait_s,
            command=terms.command,
            on_wait=watch.on_wait,
            stop=watch.cancel.is_set,
        )
        stack.enter_context(lock)
    store = stack.enter_context(closing(open_store_of(project)))
    refuse_half_renamed(project, store)
    store.close_stale_runs()
    return store


def _tell(terms: Terms, plan: Plan) -> None:
    if terms.watch.on_plan:
        terms.watch.on_plan(plan)


def _run_all(
    ready: Ready, engines: Engines, store: Store, wish: Wish, terms: Terms, run_id: str
) -> Report:
    """Run the plan, and plans of what it left to do for as long as there are any."""
    project = ready.project
    if not is_kept(project.root, TABLES):
        remember_tables(project, engines)
    report = _run(ready, engines, store, wish, terms, run_id)
    for _ in asking(project.graph, wish.names):  # one query may wait for what another cuts
        again = look_again(project, store, engines, wish, report, terms.now())
        if again is None:
            break
        _tell(terms, again.plan)
        more = _run(again, engines, store, wish, terms, new_run_id(terms.clock()))
        report = together(report, more)
    if ready.trusted:
        remember_built(project, engines, report.finished)
    else:
        remember_tables(project, engines)
    engines.close()
    is_part = wish.narrows or wish.only_checks  # a source that moved may have been left out
    saw_all = report.ok and not is_part and wish.names >= set(project.graph.order)
    _remember_stamp(project, store, known=ready.trusted or saw_all)
    return report


def _remember_stamp(project: Project, store: Store, *, known: bool) -> None:
    """Keep what the warehouse looks like now, but only if all that others did to it is known.

    A build of a part, or one that failed, may have passed over a source that changed or a relation
    that is gone: the next build must look again.
    """
    seen = stamp_of(project) if known else None
    store.set_stamp(WAREHOUSE, seen or "")


def _run(
    ready: Ready, engines: Engines, store: Store, wish: Wish, terms: Terms, run_id: str
) -> Report:
    """Run one plan. Each event is recorded, then told."""
    project, clock = ready.project, terms.clock
    check_arguments(project, ready.plan)
    resources = ready_resources(project, ready.plan)
    if not ready.plan.steps:
        return Report(run_id, ready.plan)
    events: list[Event] = []
    started = clock()
    asked = Asked(wish, ready.observed, ready.tick, terms.now)
    shared = sharing(
        project,
        store,
        engines,
        asked,
        run_id=run_id,
        command=terms.command,
        patience=terms.patience,
    )
    teller = Teller(ready.plan, project.graph, store, ready.aware)
    with shared as turns:
        bases = Bases(project, store, shared=turns is not None)
        running = _events(ready, engines, store, asked, resources, turns, terms, bases, run_id)
        with closing(running):  # whatever a listener raises: it is rolled back by a living engine
            happening = map(bases.told, map(teller.told, running))
            for event in _recorded(happening, store, turns):
                if isinstance(event, StepSaid):
                    continue
                events.append(event)
                if terms.watch.on_event:
                    terms.watch.on_event(event)
    status = next(e.status for e in reversed(events) if isinstance(e, RunFinished))
    return Report(run_id, ready.plan, tuple(events), status, (clock() - started).total_seconds())


def _recorded(events: Iterable[Event], store: Store, turns: Sharing | None) -> Iterator[Event]:
    """Each event once it is on record; checks with the end of their step, which follows them at once."""
    checks: list[Event] = []
    for event in events:
        if turns is not None:
            yield turns.record(event)
        elif isinstance(event, CheckFinished):
            checks.append(event)
        else:
            store.append(*checks, event)
            yield from (*checks, event)
            checks.clear()


def _events(
    ready: Ready,
    engines: Engines,
    store: Store,
    asked: Asked,
    resources: Mapping[str, ReadyResource],
    turns: Sharing | None,
    terms: Terms,
    bases: Bases,
    run_id: str,
) -> Generator[Event, None, None]:
    from sqlpipes.run.runner import run_plan

    project, wish = ready.project, asked.wish
    whatever_inputs_hold = wish.force or wish.forced or wish.full_refresh or wish.empty
    return run_plan(
        ready.plan,
        project.graph,
        engines,
        run_id=run_id,
        command=terms.command,
        job=terms.job,
        commit=commit_of(project.root),
        target=project.target,
        root=project.root,
        vars=project.config.vars,
        clock=terms.clock,
        definition=bases.definition,
        tokens=ready.observed.tokens,
        sightings=ready.observed.windows,
        turns=turns,
        again=None if whatever_inputs_hold else partial(_again, project, store, asked),
        outputs=_outputs(project, store),
        resources=resources,
        secrets=project.secrets,
        kept=own_places(project.root, project.config, project.target, project.graph),
        threads=terms.threads,
        fail_fast=terms.fail_fast,
        cancel=terms.watch.cancel,
    )


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
    return step if found and found.action in (Action.CHECK, Action.EXTRAS) else found


def new_run_id(now: datetime) -> str:
    """Sorts by time, short enough to type the end of."""
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
