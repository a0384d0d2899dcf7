"""Project + state -> what is known of the columns that its queries read, now and when they were built.

Asked for only where it may spare something, and kept: while no query and no column changes, nothing
is parsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

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
    from sqlpipes.core.lineage import Defined, Lineage
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


def learnt(project: Project) -> tuple[Lineage, Mapping[str, Defined]]:
    """The lineage of the project, and what each query that is understood makes of its tables."""
    from sqlpipes.api.columns import traced
    from sqlpipes.core.lineage import Defined, Lineage, defined

    if dialect_named(project.config.dialect) is None:  # an engine's own, that nobody can read
        return Lineage(), {}
    lineage = traced(project, columns_of_tables(project))
    known = read_json(project.root, DEFINED) or {}
    kept, used = dict(known), dict[str, Any]()
    found: dict[str, Defined] = {}
    for name, asset in project.graph.assets.items():
        if not isinstance(asset.body, SqlBody):
            continue
        key = _key(project, lineage, name)
        if key not in kept:
            said = defined(project.graph, lineage, name)
            kept[key] = said.to_plain() if said else None
        used[key] = kept[key]
        if told := Defined.from_plain(kept[key]):
            found[name] = told
    if used.keys() != known.keys():
        write_json(project.root, DEFINED, used, project.secrets)
    return lineage, found


def definer(project: Project, aware: Aware | None) -> Callable[[str], dict[str, Any]]:
    """asset -> what is kept of its queries with a build; what is not known yet is learnt when asked for."""
    if not project.config.column_aware:
        return lambda name: {}

    @cache
    def known() -> Mapping[str, Defined]:
        return aware.now if aware else learnt(project)[1]

    def told(name: str) -> dict[str, Any]:
        if not isinstance(project.graph.assets[name].body, SqlBody):
            return {}
        parts = {OWN: name} | {each: each for each in project.graph.inlined(name)}
        found = ((key, known().get(part)) for key, part in parts.items())
        return {key: each.to_plain() for key, each in found if each is not None}

    return told


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
