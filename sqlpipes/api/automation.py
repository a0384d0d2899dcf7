"""Project + state + now -> what its automated assets ask for, and why the others do not.

    automatic(project, store, now) -> Evaluated: a Request at most, and every verdict; writes nothing
    remember(store, evaluated)     -> keeps what changed, before the request goes into the queue

What became of an earlier request is looked up in the queue of jobs under its key: while it is open
its slices are not asked for again, and once it ended they are not without a change.
Looked at is what these assets read, and only if somebody else may have written to the warehouse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from sqlpipes.api.aware import knows_columns
from sqlpipes.api.observe import looking, observe
from sqlpipes.api.planning import sources_seen_by
from sqlpipes.api.project import Project
from sqlpipes.api.proofs import with_proofs
from sqlpipes.core.asset import Kind
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import LockedError, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History, doubt
from sqlpipes.core.job import AUTOMATION, Request
from sqlpipes.core.partitions import Partitions, as_naive_utc
from sqlpipes.core.plan import Step, Why
from sqlpipes.core.status import Status
from sqlpipes.core.verdict import Decision, Seen, Verdict

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engines
    from sqlpipes.decide.automation import Evaluation
    from sqlpipes.decide.aware import Aware
    from sqlpipes.decide.due import Written
    from sqlpipes.decide.wish import Observed, Wish
    from sqlpipes.stores import Store

WHOLE_AGAIN = frozenset({Why.VALUES_GONE, Why.SLICES_GONE})


@dataclass(frozen=True, slots=True)
class Evaluated:
    """`verdicts` are those of every automated asset in graph order; `request` asks for all of them at
    once that are to be built; None: for nothing. `seen` is what to remember. `busy`: who holds the
    warehouse, so that nobody could look.
    """

    verdicts: tuple[Verdict, ...] = ()
    request: Request | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    busy: str = ""


def automatic(project: Project, store: Store, now: datetime) -> Evaluated:
    """What the automated assets ask for at `now` (aware). Raises ProjectError for files to mend."""
    from sqlpipes.decide.automation import automated

    project.raise_errors()
    if not automated(project.graph):
        return Evaluated()
    try:
        found = _evaluate(project, store, now)
    except LockedError as error:  # whoever builds there may be done the next time
        return Evaluated(busy=error.problems[0].message)
    names = tuple(step.asset for step in found.steps)
    if not names:
        return Evaluated(found.verdicts, None, found.seen)
    key = _key(project.graph, found.steps, store.history(), found.seen)
    request = Request(
        AUTOMATION,
        key,
        because="; ".join(_because(found.verdicts, name) for name in names),
        only=names,
        slices=_slices(found.steps),
        forced=found.forced,
    )
    seen = {name: _under(key, each) for name, each in found.seen.items()}
    return Evaluated(found.verdicts, request, seen)


def _under(key: str, seen: Seen) -> Seen:
    """What is asked for now is found in the queue under this key."""
    return replace(seen, tries=tuple(t if t.key else replace(t, key=key) for t in seen.tries))


def remember(store: Store, evaluated: Evaluated) -> None:
    """Keep what is different from what is on record; nothing is written when nothing is."""
    before = store.asked().automation()
    changed = {n: seen for n, seen in evaluated.seen.items() if before.get(n) != seen}
    if changed:
        store.asked().save_automation(changed)


def _followed(
    store: Store, seen: Mapping[str, Seen]
) -> tuple[dict[str, Seen], dict[str, Partitions]]:
    """What is on record, with what became of it: (seen, slices that are still in the queue by asset).

    What never came into the queue, or was taken out of it, was never asked for.
    """
    keys = {t.key for each in seen.values() for t in each.tries if not t.ended}
    runs = store.jobs().named(AUTOMATION, keys) if keys else {}
    lost = {key for key in keys if key not in runs or runs[key].status is Status.SKIPPED}
    ended = {key for key, run in runs.items() if not run.is_open}
    found, queued = {}, {}
    for name, each in seen.items():
        tries = [
            replace(t, ended=t.ended or t.key in ended) for t in each.tries if t.key not in lost
        ]
        found[name] = replace(each, tries=tuple(tries))
        open_still = [t.slices for t in tries if not t.ended]
        if open_still:
            queued[name] = reduce(lambda one, other: doubt(one, other) or one, open_still)
    return found, queued


def _evaluate(project: Project, store: Store, now: datetime) -> Evaluation:
    from sqlpipes.decide.automation import Situation, automated, evaluate

    graph, history = project.graph, store.history()
    seen, queued = _followed(store, store.asked().automation())
    names = automated(graph)
    timed = [name for name in names if _is_due(graph, seen, name, now)]
    wish = _wish(graph, names, timed)
    with looking(project, store, history, wish) as engines:
        project = with_proofs(project, engines)
        observed, unreadable = _observe(project, store, history, wish, engines)
    graph = project.graph
    aware = _aware(project, store, history) if knows_columns(project, history) else None
    situation = Situation(
        now,
        seen,
        store.running(),
        _written(store, graph, timed),
        _stale(graph, history, observed, now, aware) if timed else {},
        queued,
        unreadable,
        store.definitions([n for n in names if history.of(n).version != graph.version(n)]),
        aware,
    )
    return evaluate(graph, history, observed, situation)


def _aware(project: Project, store: Store, history: History) -> Aware:
    from sqlpipes.api.learning import Learner

    return Learner(project, store.definitions(history.assets)).aware(history)


def _is_due(graph: Graph, seen: Mapping[str, Seen], name: str, now: datetime) -> bool:
    from sqlpipes.decide.automation import is_due

    auto = graph.assets[name].auto
    return auto is not None and name in seen and is_due(auto, seen[name], now)


def _wish(graph: Graph, names: Iterable[str], timed: Iterable[str]) -> Wish:
    """What is looked at: of an asset whose time has come all that it stands on."""
    from sqlpipes.decide.wish import Wish

    above = graph.ancestors(timed)
    seen = sources_seen_by(graph, {*names, *above})
    return Wish(names=frozenset(names), observe=seen)


def _observe(
    project: Project, store: Store, history: History, wish: Wish, engines: Engines | None
) -> tuple[Observed, dict[str, str]]:
    """What there is to see; a source that cannot be read holds up its readers and nobody else."""
    try:
        return observe(project, store, history, wish, engines, strict=True), {}
    except ProjectError:
        unreadable: dict[str, str] = {}
    for name in sorted(wish.observe):
        alone = replace(wish, names=frozenset(), observe=frozenset({name}))
        try:
            observe(project, store, history, alone, engines, strict=True)
        except ProjectError as error:
            unreadable[name] = error.problems[0].message
    rest = replace(wish, observe=wish.observe - unreadable.keys())
    return observe(project, store, history, rest, engines), unreadable


def _stale(
    graph: Graph, history: History, observed: Observed, now: datetime, aware: Aware | None
) -> dict[str, Partitions]:
    """What a build of everything would write; sources that were not looked at are as recorded."""
    from sqlpipes.decide.planner import make_plan
    from sqlpipes.decide.wish import Wish

    names = (n for n in graph.order if graph.assets[n].kind is not Kind.SOURCE)
    wish = Wish(names=frozenset(names), observe=frozenset(observed.tokens))
    everything = make_plan(
        graph,
        history,
        wish,
        observed,
        as_naive_utc(now),
        {},
        admit=lambda _, step, __, ___: step,
        aware=aware,
    )
    return {step.asset: step.slices for step in everything.steps}


def _written(store: Store, graph: Graph, timed: Iterable[str]) -> Written:
    """When what these assets stand on, and they themselves, was written."""
    timed = set(timed)
    return {
        name: tuple((each.slices, each.at) for each in store.slices(name))
        for name in graph.order
        if name in timed | graph.ancestors(timed) and graph.assets[name].kind is not Kind.SOURCE
    }


def _slices(steps: Iterable[Step]) -> dict[str, Partitions]:
    """Of partitioned assets the slices that may be built, however long it takes until they are. One
    whose slices are gone is written anew, so it has to be taken as a whole."""
    return {
        step.asset: step.slices
        for step in steps
        if not step.slices.is_whole and not WHOLE_AGAIN & {r.why for r in step.reasons}
    }


def _key(graph: Graph, steps: Iterable[Step], history: History, seen: Mapping[str, Seen]) -> str:
    """The same for all who look at the same state, and another one when anything of it has changed."""
    steps = tuple(steps)
    names = sorted({s.asset for s in steps} | graph.ancestors(s.asset for s in steps))
    said = [f"{s.asset} {s.slices} {seen[s.asset].handled}" for s in steps]
    said += [f"{n} {graph.version(n)} {graph.checks_version(n)} {history.of(n)}" for n in names]
    return hashlib.blake2b("|".join(said).encode(), digest_size=8).hexdigest()


def _because(verdicts: Iterable[Verdict], name: str) -> str:
    said = (v.because for v in verdicts if v.asset == name and v.decision is Decision.RUN)
    return f"{name}: {'; '.join(said)}"
