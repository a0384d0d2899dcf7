"""What is remembered: the state of each asset, the runs, what the newest run left undone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlpipes.api.observe import observe
from sqlpipes.api.planning import plan_from, plan_wish, sources_seen_by, utc_now
from sqlpipes.api.plans import wish_of
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.proofs import with_proofs
from sqlpipes.api.selection import Ask
from sqlpipes.core.asset import Kind, SourceBody
from sqlpipes.core.automation import Automation
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, LockedError, Problem, ProjectError, SqlpipesError
from sqlpipes.core.events import DONE
from sqlpipes.core.history import Past, doubt
from sqlpipes.core.partitions import WHOLE, Partitions, as_naive_utc, narrowed
from sqlpipes.core.plan import Plan, Step, Why
from sqlpipes.core.status import Status
from sqlpipes.core.verdict import NOT_SEEN, Verdict
from sqlpipes.decide.states import SliceStates, slice_states

if TYPE_CHECKING:
    from sqlpipes.decide.planner import Wish
    from sqlpipes.stores import RunRecord, Store

UNFINISHED = frozenset(
    {Status.FAIL, Status.ERROR, Status.SKIPPED, Status.CANCELLED, Status.INTERRUPTED}
    | {Status.RUNNING}
)


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """One asset as it stands. `step` is what a build would do to it now; None: it is current.

    `columns`: what its slices are cut along; none for an asset that is not partitioned. `states` is
    about the slices that should exist, or that were asked for; `newest` was written last.
    """

    asset: str
    built: Partitions
    written_at: datetime | None
    last: Status | None  # how its newest step ended, when that was in the newest run
    step: Step | None
    columns: tuple[str, ...] = ()
    states: SliceStates = field(default_factory=dict)
    newest: Partitions | None = None
    verdicts: tuple[Verdict, ...] = ()  # what automation decided last, since `decided_at`
    decided_at: datetime | None = None
    auto: Automation | None = None


def status(
    project: Project, ask: Ask | None = None, *, looks: bool = True
) -> tuple[AssetStatus, ...]:
    """The state of the selected assets, in graph order.

    `ask.partitions` narrows it to some slices. While another process holds the warehouse, or if nobody
    `looks` into it, what it holds is taken to be as it was recorded.
    """
    project.raise_errors()
    ask = ask or Ask()
    wish = wish_of(project, ask)
    names = [name for name in project.graph.order if name in wish.names]
    now = utc_now()
    whole = _with_inputs(project, wish)
    planned = _planned(project, whole, now) if looks else _unasked(project, whole, now)
    steps = {step.asset: step for step in planned.steps}
    with suppress(SqlpipesError):  # the sources are cut as the plan has seen them
        project = with_proofs(project, None)
    with _settled(project) as store:
        history = store.history(names)
        last, written, running = store.last_result(), store.built_at(names), store.running()
        decided = store.asked().automation()
    wanted = {
        name: _wanted(project, history.of(name), steps.get(name), name, now) for name in names
    }
    if ask.partitions is not None:
        wanted = _narrowed(wanted, ask.partitions)
    return tuple(
        AssetStatus(
            asset=name,
            built=history.of(name).slices(project.axis(name)),
            written_at=written.get(name),
            last=last.get(name),
            step=steps.get(name),
            columns=cut.columns if (cut := project.graph.assets[name].partition) else (),
            states=slice_states(history.of(name), wanted[name], steps.get(name), running.get(name)),
            newest=_newest(history.of(name)),
            verdicts=decided.get(name, NOT_SEEN).verdicts,
            decided_at=decided.get(name, NOT_SEEN).at,
            auto=project.graph.assets[name].auto,
        )
        for name in names
    )


def _with_inputs(project: Project, wish: Wish) -> Wish:
    """What an asset looks like after a build hangs on its inputs, whichever are selected."""
    names = wish.names | project.graph.ancestors(wish.names)
    return replace(
        wish, names=names, observe=sources_seen_by(project.graph, names), partitions=None
    )


def _wanted(
    project: Project, past: Past, step: Step | None, name: str, now: datetime
) -> Partitions:
    """The slices that should exist, and those that do. Values that a query finds are in the plan."""
    cut = project.graph.assets[name].partition
    if cut is None:
        return WHOLE
    is_source = (
        project.graph.assets[name].kind is Kind.SOURCE
    )  # nobody says which windows it must have
    if not cut.asks and not is_source:
        return cut.wanted(as_naive_utc(now)) | past.slices(cut.axis)
    planned = step.slices if step else Partitions(cut.axis)
    gone = step is not None and any(reason.why is Why.VALUES_GONE for reason in step.reasons)
    return planned if gone else planned | past.slices(cut.axis)


def _narrowed(wanted: dict[str, Partitions], text: str) -> dict[str, Partitions]:
    """The slices that a text names, of the assets that it fits. ProjectError PLN002: it fits none."""
    found = {}
    faults = []
    for name, slices in wanted.items():
        if slices.is_whole:
            continue
        try:
            found[name] = narrowed(slices, text)
        except ValueError as error:
            faults.append(f"{error} (slices of '{name}')")
    if any(found.values()):
        return {name: found.get(name, Partitions(slices.axis)) for name, slices in wanted.items()}
    said = faults[0] if faults else "--partition is given, but names no slice that there is"
    at = Location("--partition", length=max(len(text), 1))
    hint = next((f"'{n}' has {s}" for n, s in wanted.items() if s and not s.is_whole), None)
    raise ProjectError(Problem("PLN002", said, at, hint))


def _newest(past: Past) -> Partitions | None:
    """What the newest write wrote, as far as nothing wrote over it since."""
    newest = max(past.built, key=lambda built: built.written_at, default=None)
    return newest.slices if newest else None


def _planned(project: Project, wish: Wish, now: datetime) -> Plan:
    try:
        return plan_wish(project, wish, now)
    except LockedError:
        return _as_recorded(project, wish, now)


def _unasked(project: Project, wish: Wish, now: datetime) -> Plan:
    """As recorded; nor is a function of the user's asked what its source looks like."""
    graph = project.graph
    told = {
        name
        for name in (*wish.names, *wish.observe)
        if isinstance(body := graph.assets[name].body, SourceBody) and body.observer
    }
    wish = replace(wish, names=wish.names - told, observe=wish.observe - told)
    return _as_recorded(project, wish, now)


def _as_recorded(project: Project, wish: Wish, now: datetime) -> Plan:
    """The plan if nobody but us has written. No warehouse is opened."""
    with suppress(SqlpipesError):  # columns that only the warehouse knows prove nothing today
        project = with_proofs(project, None)
    with closing(open_store_of(project)) as store:
        history = store.history()
        observed = observe(project, store, history, wish, None)
        return plan_from(project, store, history, wish, observed, now)


def runs(project: Project, limit: int = 20) -> Sequence[RunRecord]:
    """The newest runs, newest first."""
    with _settled(project) as store:
        return store.runs(limit)


def run_details(project: Project, run_id: str = "last") -> RunRecord:
    """One run with its steps and checks, by id, the start of an id, or "last"."""
    with _settled(project) as store:
        return store.run(run_id)


def unfinished(project: Project) -> dict[str, Partitions]:
    """Asset -> slices that the newest run did not get done: failed, skipped, stopped or cut off.

    All of them, where some were cut otherwise than others.
    """
    with _settled(project) as store:
        steps = store.run("last").steps if store.runs(1) else ()
    found: dict[str, Partitions] = {}
    for step in steps:
        if step.because.startswith(DONE):
            continue
        if step.status in UNFINISHED and step.asset in project.graph.assets:
            found[step.asset] = doubt(found.get(step.asset), step.slices) or step.slices
    return found


def forced_by_last(project: Project) -> str:
    """`--full-refresh` or `--force` when the newest run was given it: what it left is current, and was
    to be built all the same. Else nothing."""
    with closing(open_store_of(project)) as store:
        said = shlex.split(store.run("last").command) if store.runs(1) else []
    if "--full-refresh" in said or "-f" in said:
        return "--full-refresh"
    return "--force" if "--force" in said else ""


@contextmanager
def _settled(project: Project) -> Iterator[Store]:
    """The store, in which a run counts as interrupted when nobody is building any more."""
    from sqlpipes.stores import build_lock

    with closing(open_store_of(project)) as store:
        with suppress(LockedError), build_lock(project.root):
            store.close_stale_runs()
        yield store
