"""Project + state -> what is known of the columns that its queries read, now and when they were built.

Asked for only where it may spare something, and kept: while no query and no column changes, nothing
is parsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlpipes.api.columns import keep_traced, tracer_of
from sqlpipes.api.kept import read_json, write_json
from sqlpipes.api.project import Project
from sqlpipes.api.proofs import columns_of_tables
from sqlpipes.core.asset import Kind, SqlBody
from sqlpipes.core.events import Event, StepFinished, StepStarted
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History, Past
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Plan, Step, Why
from sqlpipes.core.sql.dialects import dialect_named

if TYPE_CHECKING:
    from sqlpipes.core.lineage import Defined, Lineage, Tracer
    from sqlpipes.decide.aware import Aware
    from sqlpipes.stores import Store

DEFINED = "defined.json"
QUERIES = (Action.VIEW, Action.TABLE, Action.SLICES)
OWN_DOING = frozenset({Why.INPUT_NEWER, Why.SQL_CHANGED})
OWN = ""  # the key of the asset itself beside what is inlined in it


def may_spare(project: Project, history: History, plan: Plan) -> bool:
    """Whether a column may be all that moves for some step of a plan, or of one after it."""
    whys = {reason.why for step in plan.steps for reason in step.reasons}
    return not whys.isdisjoint(OWN_DOING) and knows_columns(project, history)


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


def aware_of(project: Project, store: Store, history: History) -> Aware:
    """What is known of all queries; what was built by a sqlpipes that did not tell is in doubt."""
    from sqlpipes.core.lineage import Defined
    from sqlpipes.decide.aware import Aware

    lineage, now = learnt(project)
    then: dict[str, dict[str, Defined]] = {}
    for name, recorded in store.definitions(now).items():
        kept = json.loads(recorded).get("defined") or {}
        told = {key or name: Defined.from_plain(plain) for key, plain in kept.items()}
        then[name] = {key: each for key, each in told.items() if each is not None}
    return Aware(lineage, now, then, {name: history.of(name).version for name in then})


class Learner:
    """What each query makes of its tables, learnt when it is first asked for: of it and of what it reads.

    `known`: what was learnt already, of all. A build learns so, step by step, while others go on.
    """

    def __init__(self, project: Project, known: Mapping[str, Defined] | None = None) -> None:
        self._project = project
        self._found: dict[str, Defined | None] = dict(known or {})
        asks = project.config.column_aware and is_understood(project)
        self._is_done = known is not None or not asks
        self._used: dict[str, Any] = {}
        self._sources: tuple[Tracer, dict[str, Any]] | None = None

    def of(self, name: str) -> Defined | None:
        if name not in self._found:
            self._found[name] = None if self._is_done else self._learn(name)
        return self._found[name]

    def told(self, name: str) -> dict[str, Any]:
        """What is kept of an asset's queries with a build."""
        if not isinstance(self._project.graph.assets[name].body, SqlBody):
            return {}
        parts = {OWN: name} | {each: each for each in self._project.graph.inlined(name)}
        found = ((key, self.of(part)) for key, part in parts.items())
        return {key: each.to_plain() for key, each in found if each is not None}

    def all(self) -> tuple[Lineage, Mapping[str, Defined]]:
        """Of the whole project, with its lineage."""
        from sqlpipes.core.lineage import Lineage

        tracer, _ = self._opened()
        tracer.reach(self._project.graph.order)
        found = {name: self.of(name) for name in self._project.graph.order}
        return Lineage(tracer.facts), {name: each for name, each in found.items() if each}

    def keep(self) -> None:
        """Keep what is new, for those who ask the next time."""
        if self._sources is None:
            return
        tracer, kept = self._sources
        keep_traced(self._project, tracer)
        is_whole = tracer.facts.keys() >= set(self._project.graph.order)
        wanted = self._used if is_whole else {**kept, **self._used}
        if wanted.keys() != kept.keys():
            write_json(self._project.root, DEFINED, wanted, self._project.secrets)

    def _opened(self) -> tuple[Tracer, dict[str, Any]]:
        if self._sources is None:
            tracer = tracer_of(self._project, columns_of_tables(self._project))
            self._sources = tracer, read_json(self._project.root, DEFINED) or {}
        return self._sources

    def _learn(self, name: str) -> Defined | None:
        from sqlpipes.core.lineage import Defined, Lineage, defined

        graph = self._project.graph
        if not isinstance(graph.assets[name].body, SqlBody):
            return None
        tracer, kept = self._opened()
        tracer.reach([name])
        lineage = Lineage(tracer.facts)
        key = _key(self._project, lineage, name)
        if key in kept:
            self._used[key] = kept[key]
        else:
            said = defined(graph, lineage, name)
            self._used[key] = said.to_plain() if said else None
        return Defined.from_plain(self._used[key])


def learnt(project: Project) -> tuple[Lineage, Mapping[str, Defined]]:
    """The lineage of the project, and what each query that is understood makes of its tables."""
    from sqlpipes.core.lineage import Lineage

    if not is_understood(project):
        return Lineage(), {}
    learner = Learner(project)
    found = learner.all()
    learner.keep()
    return found


def is_understood(project: Project) -> bool:
    """Not in an engine's own dialect, that nobody can read."""
    return dialect_named(project.config.dialect) is not None


def _key(project: Project, lineage: Lineage, name: str) -> str:
    """Moves with the query, with the columns of all that it reads, and with what the names in it mean."""
    from sqlpipes.core.lineage import DIGESTS, rendered_once

    graph = project.graph
    text = rendered_once(graph, name)
    said: list[Any] = [DIGESTS, graph.dialect, text.text if text else None]
    for reference in text.references if text else ():
        asset = graph.resolve(reference)
        columns = lineage.columns(asset) if asset and lineage.is_listed(asset) else None
        said += [reference.parts, asset, [each.name for each in columns] if columns else columns]
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


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
