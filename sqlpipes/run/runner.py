"""Plan + Engines -> Events, as they happen.

A generator: the consumer has recorded an event when it asks for the next one, so a step's start is
on record before the step touches anything, and its end after its commit. The consumer may close it
at any time; running statements are then interrupted and rolled back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlpipes.core.config import NOTHING, Plain, Target
from sqlpipes.core.engine import Engine, Engines
from sqlpipes.core.errors import EngineError, Problem, ProjectError
from sqlpipes.core.events import Event, RunFinished, RunStarted
from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Action, Plan, Step
from sqlpipes.core.resource import ReadyResource
from sqlpipes.core.windows import Sighting
from sqlpipes.run.blocked import Watch
from sqlpipes.run.capture import captured
from sqlpipes.run.crew import Crew
from sqlpipes.run.holdable import not_holdable
from sqlpipes.run.masking import Mask
from sqlpipes.run.moving import not_movable
from sqlpipes.run.parts import LOOKS_ONLY
from sqlpipes.run.record import Columns, Settings
from sqlpipes.run.resources import Resources
from sqlpipes.run.running import Running
from sqlpipes.run.turns import Turns
from sqlpipes.run.warehouse import warehouses_of
from sqlpipes.run.wearable import not_wearable

GRACE_S = 5.0  # how long a stopped function may go on before it is left alone


def run_plan(
    plan: Plan,
    graph: Graph,
    engine: Engine | Engines,
    *,
    run_id: str,
    command: str,
    target: Target,
    root: str,
    clock: Callable[[], datetime],
    definition: Callable[[str, Columns], str] = lambda name, columns: "",
    tokens: Mapping[str, str | None] = NOTHING,  # type: ignore[assignment]
    sightings: Mapping[str, Sighting] = NOTHING,  # type: ignore[assignment]
    vars: Mapping[str, Plain] = NOTHING,
    threads: int = 4,
    fail_fast: bool = False,
    cancel: threading.Event | None = None,
    grace_s: float = GRACE_S,
    selected: tuple[str, ...] = (),
    turns: Turns | None = None,
    again: Callable[[Step], Step | None] | None = None,
    outputs: Mapping[str, str] = NOTHING,  # type: ignore[assignment]
    resources: Mapping[str, ReadyResource] = NOTHING,  # type: ignore[assignment]
    secrets: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
    commit: str = "",
    job: str = "",
) -> Generator[Event, None, None]:
    """Run the steps, at most `threads` at once, each after those that it waits for.

    A step of several batches starts and ends once for each of them. Ctrl-C while it waits, or
    `cancel` set from anywhere, ends the run with CANCELLED; a Python function that does not return
    within `grace_s` seconds after that is left alone, unable to publish. Other builds may
    write here, too, if there are `turns`. `again` tells what is left of a step once an input of it was
    written and holds what it held. `outputs`: where the files of assets were written last; `kept`:
    absolute paths that no function may write. `secrets`: further texts that no event may hold, beside
    those of the resources. Raises EngineError before the first event when the warehouse cannot be
    looked at; after that, what goes wrong is an event.
    """
    asked = (run_id, target, root, clock, definition, tokens, vars, fail_fast)
    limits = (cancel or threading.Event(), grace_s)
    mask = Mask((*secrets, *_held_by(resources)))
    opened = Resources(resources, root)
    settings = Settings(*asked, *limits, sightings, turns, again, outputs, opened, mask, kept)
    engines = engine if isinstance(engine, Engines) else Engines(engine)
    running = _running(plan, graph, engines, settings, threads)
    began = time.perf_counter()
    counts = len(plan.steps), len(plan.current)
    yield RunStarted(run_id, clock(), command, target.name, *counts, selected, commit, job)
    yield from _to_its_end(running, settings, began)


def _held_by(resources: Mapping[str, ReadyResource]) -> Iterator[str]:
    if resources:
        from sqlpipes.core.definitions import secrets_in  # all that users write in Python

        for ready in resources.values():
            yield from secrets_in(ready.values)


def _running(
    plan: Plan, graph: Graph, engines: Engines, settings: Settings, threads: int
) -> Running:
    """Nothing of it has begun. EngineError when the warehouse cannot be looked at, ProjectError for names
    that it cannot hold."""
    target, root = settings.target, settings.root
    for name, engine in engines.each.items():
        steps = tuple(step for step in plan.steps if graph.assets[step.asset].engine == name)
        if wrong := not_holdable(replace(plan, steps=steps), graph, engine.can, engine.dialect):
            raise ProjectError(*wrong)
        dressed = [graph.assets[step.asset] for step in steps if step.action not in LOOKS_ONLY]
        if wrong := not_wearable(dressed, engine):
            raise ProjectError(*wrong)
    look = partial(warehouses_of, engines, target, root)
    if any(step.moves for step in plan.steps) and (wrong := not_movable(plan, graph, look())):
        raise ProjectError(*wrong)
    for (name, catalog), schemas in _schemas(plan, graph, target).items():
        try:
            engines.named(name).create_schemas(sorted(schemas), catalog)
        except EngineError as error:
            raise _for_writer(error, catalog, plan, graph) from error
    parallel = all(each.can.parallel for each in engines.each.values())
    size = max(1, threads) if parallel else 1
    watch = Watch(engines, settings.mask)
    return Running(plan, graph, look(), Crew(engines, size), settings, look, watch, engines.permit)


def _for_writer(error: EngineError, catalog: str | None, plan: Plan, graph: Graph) -> EngineError:
    """What is wrong with a database that an asset names, where it names it."""
    assets = (graph.assets[step.asset] for step in plan.steps if _writes(step))
    found = (
        a.database_at or a.at
        for a in assets
        if catalog and a.relation and a.relation.catalog == catalog
    )
    at = next(found, None)
    told = (replace(problem, at=at or problem.at) for problem in error.problems)
    return EngineError(*told, statement=error.statement)


def _to_its_end(running: Running, settings: Settings, began: float) -> Iterator[Event]:
    problems: tuple[Problem, ...] = ()
    try:
        with captured() as around:
            running.mend = around.mend
            yield from map(settings.mask.value, running.events())
    finally:
        problems = _close(running, settings)
    seconds = time.perf_counter() - began
    yield RunFinished(settings.run_id, settings.clock(), running.status, seconds, problems)


def _close(running: Running, settings: Settings) -> tuple[Problem, ...]:
    """Stop what runs, then close its resources: what could not be closed."""
    try:
        running.close()
    finally:
        with captured():
            problems = settings.resources.close(settings.mask)
    return settings.mask.value(problems)


def _schemas(plan: Plan, graph: Graph, target: Target) -> dict[tuple[str, str | None], set[str]]:
    """The schemas that are written to, by engine and database."""
    found: dict[tuple[str, str | None], set[str]] = {("", None): {target.schema}}
    for step in plan.steps:
        asset = graph.assets[step.asset]
        if asset.relation and _writes(step):
            where = asset.engine, asset.relation.catalog
            found.setdefault((asset.engine, None), {target.on(asset.engine).schema})
            found.setdefault(where, set()).add(asset.relation.schema)
    return found


def _writes(step: Step) -> bool:
    return step.action not in (Action.OBSERVE, Action.CHECK, Action.EXTRAS)
