"""One run among the builds that share its warehouse: whose turn it is, what others have built, who died.

Only for engines that several processes may write to at once; with any other the build lock lets one
build run at a time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlpipes.api.planning import step_now
from sqlpipes.api.project import Project
from sqlpipes.api.warehouses import are_shared
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import EngineError, LockedError, Problem, StoreError
from sqlpipes.core.events import Event, StepFailed, StepFinished
from sqlpipes.core.history import less
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Step
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.core.engine import Connection, Engine, Engines
    from sqlpipes.decide.planner import Observed, Wish
    from sqlpipes.run.fences import Fences, Steady
    from sqlpipes.run.turns import Turn
    from sqlpipes.stores import Store
    from sqlpipes.stores.leases import Builder, Leases
    from sqlpipes.stores.pulse import Pulse
    from sqlpipes.stores.records import SliceRecord

ASK_S = 0.3  # between two questions whether what others hold is free
LOCK_MS = 2_000


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two signs of life, and until a build without any counts as dead."""

    beat_s: float = 3.0
    dead_after_s: float = 20.0
    wait_s: float = float("inf")  # for slices that another build holds


@dataclass(frozen=True, slots=True)
class Asked:
    """What the run was asked for, and the tick of the history that its plan was made from."""

    wish: Wish
    observed: Observed
    since: int
    clock: Callable[[], datetime]


@contextmanager
def sharing(
    project: Project,
    store: Store,
    engines: Engines,
    asked: Asked,
    *,
    run_id: str,
    command: str,
    patience: Patience,
) -> Iterator[Sharing | None]:
    """The run's turns, for as long as it lasts; None when it is alone."""
    from sqlpipes.core.engine import EndsRuns
    from sqlpipes.run.fences import Steady, fences_of
    from sqlpipes.stores.lock import place_of
    from sqlpipes.stores.pulse import Pulse

    leases = store.leases() if are_shared(project) else None
    if leases is None:
        yield None
        return
    with ExitStack() as stack:
        gates, burials = {}, []
        for name, engine in engines.each.items():
            if isinstance(engine, EndsRuns):
                engine.belong(run_id)
            fences = fences_of(engine, project.target.on(name).schema)
            gates[name] = Gate(stack.enter_context(closing(Steady(engine.connect))), fences)
            pulses = stack.enter_context(closing(Steady(partial(_impatient, engine))))
            burials.append(Gate(pulses, fences))
        leases.enlist(run_id, command, pid=os.getpid())
        stack.callback(leases.leave, run_id)
        pulse = Pulse(
            leases,
            run_id,
            beat_s=patience.beat_s,
            patience_s=patience.dead_after_s,
            before_burial=lambda dead: _bury(engines, burials, dead),
            is_gone=partial(_is_gone, place_of(project.root)),
        )
        pulse.start()
        stack.callback(_drop_fences, gates.values(), run_id)
        stack.callback(pulse.stop)
        yield Sharing(project, store, leases, pulse, asked, run_id, gates, patience)


def _impatient(engine: Engine) -> Connection:
    """A connection that does not wait for a part that is being published."""
    connection = engine.connect()
    if engine.can.lock_timeout:
        connection.execute(engine.can.lock_timeout.format(LOCK_MS))
    return connection


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the fences of one engine stand, and a connection of this run to it."""

    connection: Steady
    fences: Fences


def _is_gone(place: str, builder: Builder) -> bool:
    """Whether it ran on this machine, where there is no process of its number any more."""
    here, there = (each.partition(":")[0] for each in (place, builder.place))
    if here != there or os.name != "posix":  # elsewhere signal 0 is no question
        return False
    try:
        os.kill(builder.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _bury(engines: Engines, gates: Iterable[Gate], run_id: str) -> None:
    """What it holds open first: a process that only sleeps keeps its locks for as long as it does."""
    from sqlpipes.core.engine import EndsRuns

    for engine in engines.each.values():
        if isinstance(engine, EndsRuns):
            with suppress(EngineError):  # then whatever waits for its locks waits
                engine.end_run(run_id)
    _drop_fences(gates, run_id)


def _drop_fences(gates: Iterable[Gate], run_id: str) -> None:
    from sqlpipes.run.fences import drop_fences

    for gate in gates:
        drop_fences(gate.connection, gate.fences, run_id)


class Sharing:
    """See `sqlpipes.run.turns.Turns`."""

    def __init__(
        self,
        project: Project,
        store: Store,
        leases: Leases,
        pulse: Pulse,
        asked: Asked,
        run_id: str,
        gates: Mapping[str, Gate],
        patience: Patience,
    ) -> None:
        self.lost = pulse.lost
        self._project = project
        self._store = store
        self._leases = leases
        self._asked = asked
        self._run_id = run_id
        self._gates = gates
        self._patience = patience
        self._fences: dict[str, int] = {}  # of the part that each asset is at
        self._waits: dict[str, float] = {}  # asset -> since when
        self._asked_at = 0.0
        self._told = False  # that this run was taken for dead

    def is_due(self) -> bool:
        now = time.monotonic()
        if now - self._asked_at < ASK_S:
            return False
        self._asked_at = now
        return True

    def take(self, step: Step, *, makes: bool) -> Turn:
        """Asked before and after the claim: what is done needs none, and others may end it in between.

        Raises LockedError LCK003 when others hold the slices for longer than may be waited."""
        from sqlpipes.run.fences import put_fence
        from sqlpipes.run.turns import Turn

        first = self._still_needed(step)
        if first.step is None:
            return first
        full = makes or first.step.full
        claim = self._leases.claim(self._run_id, step.asset, step.slices, full=full)
        if claim.held:
            holder = self._name(claim.held[0].run_id)
            free = claim.lease.slices if claim.lease else None
            if claim.lease:
                self._leases.release(claim.lease.fence)
            else:
                self._be_patient(step.asset, holder)
            held = less(step.slices, free) if free else step.slices
            alone = full or any(lease.full for lease in claim.held)
            return Turn(free=free, held=held, holder=holder, all_held=alone)
        assert claim.lease is not None
        self._waits.pop(step.asset, None)
        turn = self._still_needed(step)
        if turn.step is None:
            self._leases.release(claim.lease.fence)
            return turn
        self._fences[step.asset] = claim.lease.fence
        gate = self._gate_of(step.asset)
        put_fence(gate.connection, gate.fences, claim.lease.fence, self._run_id)
        return turn

    def share(self, asset: str) -> None:
        self._leases.share(self._fences[asset])

    def demand(self, asset: str, connection: Connection) -> None:
        from sqlpipes.run.fences import pass_fence
        from sqlpipes.stores.leases import lost

        fence = self._fences[asset]
        fences = self._gate_of(asset).fences
        if self._leases.holds(fence) and pass_fence(connection, fences, fence, self._run_id):
            return
        self.lost.set()
        raise StoreError(lost(self._run_id))

    def record(self, event: Event) -> Event:
        """Keep the event, or what became of it: data of a lost run comes too late."""
        if isinstance(event, StepFailed):
            event = self._failed(event)
        fence = None
        if isinstance(event, (StepFinished, StepFailed)):
            fence = self._fences.pop(event.asset, None)
        if fence is None:
            self._store.append(event)
            return event
        try:
            self._leases.record(event, fence)
        except StoreError as error:
            if not isinstance(event, StepFinished) or error.problems[0].code != "STO014":
                raise
            self.lost.set()
            event = _too_late(event, error)
            self._store.append(event)
        return event

    def _failed(self, event: StepFailed) -> StepFailed:
        """That the run was taken for dead is told by its first step that ends so; others were stopped."""
        from sqlpipes.stores.leases import LOST, lost

        if not self.lost.is_set() and LOST not in {problem.code for problem in event.problems}:
            return event
        if not self._told:
            self._told = True
            return replace(event, status=Status.ERROR, problems=(lost(self._run_id),))
        message = f"'{event.asset}' was stopped; what readers see is as it was"
        stopped = Problem("BLD007", message, self._project.graph.assets[event.asset].at)
        return replace(event, status=Status.CANCELLED, problems=(stopped,))

    def _gate_of(self, asset: str) -> Gate:
        """Where the asset's parts are published."""
        return self._gates[self._project.graph.assets[asset].engine]

    def _name(self, run_id: str) -> str:
        found = [str(each) for each in self._leases.builders() if each.run_id == run_id]
        return found[0] if found else f"run {run_id}"

    def _be_patient(self, asset: str, holder: str) -> None:
        now = time.monotonic()
        if now - self._waits.setdefault(asset, now) < self._patience.wait_s:
            return
        hint = "wait for it to end, with a longer --wait or none at all"
        raise LockedError(Problem("LCK003", f"{holder} is building '{asset}'", hint=hint))

    def _still_needed(self, step: Step) -> Turn:
        """What others have not built since the plan was made, asked of the planner again."""
        from sqlpipes.run.turns import Turn

        wish, since = self._asked.wish, self._asked.since
        past = self._store.history([step.asset]).of(step.asset)
        if past.written_at() <= since or wish.empty:
            return Turn(step)
        again = self._ask_again(step)
        done = step.slices
        forced = wish.force or wish.full_refresh
        if forced:  # what was begun before this build was asked for is not what was asked for
            fresh = [built.slices for built in past.built if built.read_at > since]
            done = _all_of(fresh, step.slices)
        if again is not None:
            done = less(done, again.slices)
        left = step.slices - done
        if not done:
            full = step.full if forced or again is None else again.full
            return Turn(replace(step, full=full))
        by = builders_of(self._store.slices(step.asset), done, self._run_id)
        if not left:
            return Turn(None, done, by)
        full = again.full if again is not None and not forced else step.full
        return Turn(replace(step, slices=left, full=full), done, by)

    def _ask_again(self, step: Step) -> Step | None:
        """The step that a plan of this asset alone would have now. Whoever built it since saw to its
        relation, so that is taken to be there."""
        asked = self._asked
        observed = replace(asked.observed, existing=None, gone_files=frozenset())
        now = asked.clock()
        found = step_now(self._project, self._store, asked.wish, observed, now, step)
        rowless = (Action.CHECK, Action.EXTRAS)
        return found if found and found.action not in rowless else None


def builders_of(written: Iterable[SliceRecord], done: Partitions, own: str) -> str:
    """The runs that wrote these slices, others than our own, as a message names them."""
    found = dict.fromkeys(
        each.run_id
        for each in written
        if each.run_id and each.slices.axis == done.axis and each.slices & done
    )
    return " and ".join(run for run in found if run != own) or own


def _all_of(found: list[Partitions], within: Partitions) -> Partitions:
    """What of `within` any of these covers."""
    rest = within
    for slices in found:
        rest = less(rest, slices)
    return within - rest if rest.axis == within.axis else Partitions(within.axis)


def _too_late(event: StepFinished, error: StoreError) -> StepFailed:
    return StepFailed(
        event.run_id,
        event.at,
        event.asset,
        event.action,
        Status.ERROR,
        event.slices,
        event.seconds,
        error.problems,
        in_doubt=True,
    )
