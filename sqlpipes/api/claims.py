"""Who does what was asked of a job: a claim that lives as long as its process, and the burial of the others.

A process registers as a builder and gives signs of life before it claims; on one machine a lock that
the operating system drops with the process says the same at once. What a dead process had claimed is
queued again, a few times, and told when it is given up.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlpipes.api.queue import Outcome
from sqlpipes.api.sharing import Patience
from sqlpipes.api.terms import Watch
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.job import Request
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.stores import JobRun, Store

MOST_ATTEMPTS = 3  # of a run whose process dies each time
LOOK_S = 0.2
DIED = "its process died"
BY_DEFAULT = Patience()


@dataclass(frozen=True, slots=True)
class Claim:
    """What this process is about to do. `name` is that of its builder."""

    request: Request
    name: str
    run_id: str
    command: str


@dataclass(frozen=True, slots=True)
class Died:
    """A run whose process is gone, and whether it will be tried again."""

    run: JobRun
    again: bool


def claimed(
    store: Store,
    root: str,
    claim: Claim,
    do: Callable[[Watch], Outcome],
    *,
    watch: Watch,
    clock: Callable[[], datetime],
    may_wait: bool,
    patience: Patience = BY_DEFAULT,
) -> Outcome | None:
    """What came of it; None when somebody else has it, or another run of the job is under way.

    What is stopped from outside is queued again if it `may_wait`.
    """
    jobs = store.jobs()
    with _alive(store, root, claim, patience) as lost:
        if not jobs.claim(claim.request, claim.name, claim.run_id, clock()):
            return None
        outcome = do(replace(watch, cancel=Either(watch.cancel, lost)))
        if lost.is_set():
            return replace(outcome, status=Status.INTERRUPTED, message="it was taken for dead")
        if outcome.status is Status.CANCELLED and may_wait:
            jobs.give_back(claim.request, claim.name, "it was stopped", tried=False)
            return outcome
        end = (outcome.status, clock(), outcome.run_id, outcome.message)
        if not jobs.end(claim.request, claim.name, *end):
            return replace(outcome, status=Status.INTERRUPTED, message="it was taken for dead")
        return outcome


def bury_dead(
    store: Store, root: str, now: datetime, *, patience: Patience = BY_DEFAULT
) -> tuple[Died, ...]:
    """Queue again what dead processes had begun, or end it as interrupted after too many attempts."""
    running = [run for run in store.jobs().open() if run.status is Status.RUNNING]
    if not running or (alive := _still_alive(store, root, running, patience)) is None:
        return ()
    found = []
    for run in running:
        if run.claim in alive:
            continue
        again = _is_done_again(run)
        if again:
            noted = store.jobs().give_back(run.request, run.claim, DIED)
        else:
            end = (Status.INTERRUPTED, now, run.run_id, _given_up(run))
            noted = store.jobs().end(run.request, run.claim, *end)
        if noted:  # else it has just ended, or another process was quicker
            found.append(Died(run, again))
    return tuple(found)


def seen_dead(store: Store, root: str) -> tuple[Died, ...]:
    """What dead processes had begun, as far as one look shows; nothing is changed. Of a process on another
    machine one look shows nothing."""
    from sqlpipes.stores.lock import gives_sign, place_of

    running = [run for run in store.jobs().open() if run.status is Status.RUNNING]
    leases = store.leases() if running else None
    if leases is None:
        return ()
    builders = {each.run_id: each for each in leases.builders()}
    found = []
    for run in running:
        builder = builders.get(run.claim)
        is_here = builder is not None and builder.place == place_of(root)
        if builder is None or (is_here and gives_sign(root, _lock_of(run.claim)) is False):
            found.append(Died(run, _is_done_again(run)))
    return tuple(found)


def _is_done_again(run: JobRun) -> bool:
    return run.attempts < MOST_ATTEMPTS and not is_by_hand(run.request)


def is_by_hand(request: Request) -> bool:
    """Whether somebody asked for it and saw it die."""
    return request.key.startswith(BY_HAND)


BY_HAND = "asked "


def _given_up(run: JobRun) -> str:
    return DIED if is_by_hand(run.request) else f"{DIED}, {run.attempts} times in a row"


def _still_alive(
    store: Store, root: str, running: list[JobRun], patience: Patience
) -> frozenset[str] | None:
    """The claims whose processes live; those of others are watched for as long as that needs."""
    from sqlpipes.stores.lock import clear_sign, gives_sign, place_of
    from sqlpipes.stores.pulse import watch

    leases = store.leases()
    if leases is None:
        return None
    claims = {run.claim for run in running}
    seen, began, before = watch({}, (), 0.0), time.monotonic(), 0.0
    unsure = set(claims)
    while True:
        builders = {each.run_id: each for each in leases.builders() if each.run_id in claims}
        elapsed = time.monotonic() - began
        after = watch(seen, builders.values(), elapsed - before)
        for name, builder in builders.items():
            sign = gives_sign(root, _lock_of(name)) if builder.place == place_of(root) else None
            moved = name in seen and seen[name].beat != builder.beat
            if sign or moved:
                unsure.discard(name)
            elif sign is False or after[name].seconds >= patience.dead_after_s:
                leases.bury(name, builder.beat)
                clear_sign(root, _lock_of(name))
        seen, before = after, elapsed
        unsure &= {each.run_id for each in leases.builders()}
        if not unsure:
            return frozenset(each.run_id for each in leases.builders())
        time.sleep(LOOK_S)


def _lock_of(claim: str) -> str:
    return f"{claim}.lock"


@contextmanager
def _alive(store: Store, root: str, claim: Claim, patience: Patience) -> Iterator[threading.Event]:
    """While it lasts, others see that this process lives. The event is set when they no longer do."""
    from sqlpipes.stores.lock import sign_of_life
    from sqlpipes.stores.pulse import Pulse

    leases = store.leases()
    if leases is None:  # nobody else can see this state
        yield threading.Event()
        return
    with sign_of_life(root, _lock_of(claim.name)):
        leases.enlist(claim.name, claim.command, pid=os.getpid())
        pulse = Pulse(leases, claim.name, beat_s=patience.beat_s, patience_s=patience.dead_after_s)
        pulse.start()
        try:
            yield pulse.lost
        finally:
            pulse.stop()
            leases.leave(claim.name)


class Either(threading.Event):
    """Set when it, or any of the others, is. It is to be asked, not waited for."""

    def __init__(self, *others: threading.Event) -> None:
        super().__init__()
        self._others = others

    def is_set(self) -> bool:
        return super().is_set() or any(other.is_set() for other in self._others)
