"""Which build may write which slices right now, for builds that share one state.

A build is a *builder* as long as its process gives signs of life, and takes a lease on slices
before it writes them. Two leases of different builders never share a slice. A builder that gives no
sign is buried: its leases go, its steps count as interrupted, and its records are refused from then
on (STO014), so that a process that was only asleep cannot claim what others have built meanwhile.

No clock is asked here and none is stored. Whoever wants to bury a builder names the beat that it has
seen for too long (`stores/pulse.py`); a beat that has moved since refuses the burial.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, StoreError
from sqlpipes.core.events import Event, StepFinished
from sqlpipes.core.partitions import Partitions, meets
from sqlpipes.stores import journal
from sqlpipes.stores.journal import OfTarget, Writing
from sqlpipes.stores.statements import Db, put, run
from sqlpipes.stores.text import plain_text, slices_from, slices_text

LOST = "STO014"


@dataclass(frozen=True, slots=True)
class Builder:
    """A build that is under way. `beat` grows for as long as its process lives."""

    run_id: str
    beat: int
    pid: int
    place: str  # host:/path of the project
    command: str

    def __str__(self) -> str:
        host = self.place.partition(":")[0]
        return f"'{self.command}' (run {self.run_id}, process {self.pid} on {host})"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write these slices. `fence` is the tick at which it was given, and its name."""

    fence: int
    run_id: str
    asset: str
    slices: Partitions
    full: bool  # the relation is written anew: nobody else may write any of it


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of asking for slices: a lease on those that are free, and who has the others."""

    lease: Lease | None
    held: tuple[Lease, ...] = ()


def free_of(slices: Partitions, full: bool, held: Iterable[Lease]) -> Partitions:
    """The part of `slices` that none of these leases touches; all or nothing of a full rewrite.

    >>> from sqlpipes.core.partitions import Grain
    >>> days = Partitions.of(Grain.DAY, [(0, 60)])
    >>> month = Lease(7, "r1", "orders", Partitions.of(Grain.MONTH, [(1, 2)]), False)
    >>> free_of(days, False, [month]).ranges, free_of(days, True, [month]).ranges
    (((0, 31), (59, 60)), ())
    """
    nothing = Partitions(slices.axis)
    for lease in held:
        if full or lease.full or not meets(lease.slices.axis, slices.axis):
            return nothing
        slices -= lease.slices.overlapping(slices.axis)
    return slices


class Leases(OfTarget):
    """The leases of one target. Every method is one transaction, and raises StoreError."""

    def enlist(self, run_id: str, command: str, *, pid: int) -> None:
        """A build begins that will take leases."""
        with self._write() as to:
            new = {"target": to.target, "run_id": run_id, "beat": 0, "pid": pid}
            said = {"place": plain_text(to.place), "command": plain_text(command)}
            put(to.db, "sqlpipes_builders", [new | said])

    def leave(self, run_id: str) -> None:
        """It has ended; whatever it still holds is free."""
        with self._write() as to:
            journal.next_tick(to)
            _strike(to, run_id)

    def beat(self, run_id: str) -> bool:
        """Give a sign of life. False: it comes too late, the builder has been buried."""
        with self._write() as to:
            return bool(run(to.db, _BEAT, {"target": to.target, "run_id": run_id}))

    def builders(self) -> tuple[Builder, ...]:
        """Those under way, or dead and not yet buried, by run."""
        with self._read() as db:
            return tuple(Builder(*row) for row in run(db, _BUILDERS, {"target": self._target}))

    def bury(self, run_id: str, beat: int) -> bool:
        """Take a builder for dead whose beat has stood at `beat` for too long.

        False when it has moved since, or somebody else was quicker.
        """
        with self._write() as to:
            journal.next_tick(to)
            if not run(to.db, _BURY, {"target": to.target, "run_id": run_id, "beat": beat}):
                return False
            journal.close_runs(to, [run_id])
            _strike(to, run_id)
            return True

    def claim(self, run_id: str, asset: str, slices: Partitions, *, full: bool = False) -> Claim:
        """Lease what is free of `slices`. StoreError STO014 when the builder was buried."""
        with self._write() as to:
            fence = journal.next_tick(to)
            if not run(to.db, _KNOWN, {"target": to.target, "run_id": run_id}):
                raise StoreError(lost(run_id))
            others = [each for each in _leases(to.db, to.target, asset) if each.run_id != run_id]
            held = tuple(each for each in others if free_of(slices, full, [each]) != slices)
            granted = free_of(slices, full, held)
            if not granted:
                return Claim(None, held)
            lease = Lease(fence, run_id, asset, granted, full)
            put(to.db, "sqlpipes_leases", [_row(to.target, lease)])
            return Claim(lease, held)

    def share(self, fence: int) -> None:
        """Turn the lease of a full rewrite into one of its slices alone."""
        with self._write() as to:
            run(to.db, _SHARE, {"target": to.target, "fence": fence})

    def release(self, fence: int) -> None:
        """Give a lease back without having written."""
        with self._write() as to:
            run(to.db, _RELEASE, {"target": to.target, "fence": fence})

    def holds(self, fence: int) -> bool:
        """Whether the lease still stands."""
        with self._read() as db:
            return bool(run(db, _HOLDS, {"target": self._target, "fence": fence}))

    def held(self, asset: str) -> tuple[Lease, ...]:
        """Every lease on an asset, oldest first."""
        with self._read() as db:
            return tuple(_leases(db, self._target, asset))

    def record(self, event: Event, fence: int) -> None:
        """Note the end of what was done under a lease, which is given back in the same transaction.

        StoreError STO014 when the lease is gone and the event says that slices were written: then
        they are noted as in doubt, as others may have written them, before or after.
        """
        with self._write() as to:
            journal.next_tick(to)
            is_late = not run(to.db, _RELEASE, {"target": to.target, "fence": fence})
            if is_late and isinstance(event, StepFinished):
                journal.record_late(to, event)
            else:
                is_late = False
                journal.record(to, event)
        if is_late:
            raise StoreError(lost(event.run_id))


def lost(run_id: str) -> Problem:
    """STO014, which every late word of a buried builder is answered with."""
    return Problem(
        LOST,
        f"run {run_id} was taken for dead, as it gave no sign of life, and may not publish any more",
        hint="did this machine sleep, or lose its way to the state? "
        "build again: only what is not there yet is built",
    )


def _leases(db: Db, target: str, asset: str) -> list[Lease]:
    rows = run(db, _OF_ASSET, {"target": target, "asset": asset})
    return [
        Lease(fence, run_id, asset, slices_from(text), bool(full))
        for fence, run_id, text, full in rows
    ]


def _row(target: str, lease: Lease) -> dict[str, object]:
    return {
        "target": target,
        "fence": lease.fence,
        "run_id": lease.run_id,
        "asset": lease.asset,
        "slices": slices_text(lease.slices),
        "full_rewrite": lease.full,
    }


def _strike(to: Writing, run_id: str) -> None:
    for statement in (_LEAVE, _RELEASE_ALL):
        run(to.db, statement, {"target": to.target, "run_id": run_id})


_BUILDER = "where target = :target and run_id = :run_id"
_LEASE = "where target = :target and fence = :fence"
_BEAT = f"update sqlpipes_builders set beat = beat + 1 {_BUILDER} returning beat"
_KNOWN = f"select beat from sqlpipes_builders {_BUILDER}"
_BUILDERS = (
    "select run_id, beat, pid, place, command from sqlpipes_builders "
    "where target = :target order by run_id"
)
_BURY = f"delete from sqlpipes_builders {_BUILDER} and beat = :beat returning run_id"
_LEAVE = f"delete from sqlpipes_builders {_BUILDER}"
_SHARE = f"update sqlpipes_leases set full_rewrite = false {_LEASE}"
_RELEASE = f"delete from sqlpipes_leases {_LEASE} returning fence"
_RELEASE_ALL = f"delete from sqlpipes_leases {_BUILDER}"
_HOLDS = f"select fence from sqlpipes_leases {_LEASE}"
_OF_ASSET = (
    "select fence, run_id, slices, full_rewrite from sqlpipes_leases "
    "where target = :target and asset = :asset order by fence"
)
