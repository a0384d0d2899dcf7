"""What is remembered: the state of each asset, the runs, what the newest run left undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlpipes.api.observe import observe
from sqlpipes.api.plan import wish_of
from sqlpipes.api.planning import plan_from, plan_wish, utc_now
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.selection import Ask
from sqlpipes.core.errors import LockedError
from sqlpipes.core.events import Status
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Plan, Step

if TYPE_CHECKING:
    from sqlpipes.decide.planner import Wish
    from sqlpipes.stores import RunRecord, Store

UNFINISHED = frozenset(
    {Status.FAIL, Status.ERROR, Status.SKIPPED, Status.CANCELLED, Status.INTERRUPTED}
    | {Status.RUNNING}
)


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """One asset as it stands. `step` is what a build would do to it now; None: it is current."""

    asset: str
    built: Partitions
    written_at: datetime | None
    last: Status | None  # how its newest step ended, when that was in the newest run
    step: Step | None


def status(project: Project, ask: Ask | None = None) -> tuple[AssetStatus, ...]:
    """The state of the selected assets, in graph order.

    While another process holds the warehouse, what it holds is taken to be as it was recorded.
    """
    project.raise_errors()
    wish = wish_of(project, ask or Ask())
    steps = {step.asset: step for step in _planned(project, wish).steps}
    names = [name for name in project.graph.order if name in wish.names or name in wish.observe]
    with _settled(project) as store:
        history = store.history(names)
        last = store.last_result()
        written = store.built_at(names)
    return tuple(
        AssetStatus(
            asset=name,
            built=history.of(name).slices(project.axis(name)),
            written_at=written.get(name),
            last=last.get(name),
            step=steps.get(name),
        )
        for name in names
    )


def _planned(project: Project, wish: Wish) -> Plan:
    try:
        return plan_wish(project, wish, utc_now())
    except LockedError:
        with closing(open_store_of(project)) as store:
            history = store.history()
            observed = observe(project, store, history, wish, None)
            return plan_from(project, store, history, wish, observed, utc_now())


def runs(project: Project, limit: int = 20) -> Sequence[RunRecord]:
    """The newest runs, newest first."""
    with _settled(project) as store:
        return store.runs(limit)


def run_details(project: Project, run_id: str = "last") -> RunRecord:
    """One run with its steps and checks, by id, the start of an id, or "last"."""
    with _settled(project) as store:
        return store.run(run_id)


def unfinished(project: Project) -> tuple[str, ...]:
    """Assets whose step in the newest run failed, was skipped, stopped or cut off."""
    with _settled(project) as store:
        last = store.last_result()
    return tuple(name for name in project.graph.order if last.get(name) in UNFINISHED)


@contextmanager
def _settled(project: Project) -> Iterator[Store]:
    """The store, in which a run counts as interrupted when nobody is building any more."""
    from sqlpipes.stores import build_lock

    with closing(open_store_of(project)) as store:
        with suppress(LockedError), build_lock(project.root):
            store.close_stale_runs()
        yield store
