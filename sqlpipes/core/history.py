"""What has been built, as the planner asks it: per asset, which slices, of which version, when.

Time here is the store's tick, a number that only grows. A step takes one tick before it reads
(`read_at`) and one after its data is committed (`written_at`), so "my input was written after I
read" is a comparison of two integers, true across processes and machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import (
    WHOLE,
    Axis,
    Grain,
    Labels,
    Partitions,
    Ranges,
    TimeAxis,
    axis_of,
    first_of,
    meets,
)
from sqlpipes.core.windows import Sighting

GONE_SUFFIX = "-gone"  # of the version of a source's windows that have no rows any more


@dataclass(frozen=True, slots=True)
class Built:
    """A run of slices that one step wrote.

    `moved_at`: the tick at which any of it may last have changed; None: `written_at`. Since then only
    `columns` did, each by its folded name and the newest tick at which it may have.
    """

    slices: Partitions
    version: str
    read_at: int
    written_at: int
    moved_at: int | None = None
    columns: tuple[tuple[str, int], ...] = ()

    def changed_at(self, columns: frozenset[str] | None) -> int:
        """The tick at which its rows, or one of these columns of them, last changed; None: any column.

        >>> built = Built(WHOLE, "1", read_at=8, written_at=9, moved_at=2, columns=(("email", 9),))
        >>> built.changed_at(frozenset({"id"})), built.changed_at(frozenset({"id", "email"}))
        (2, 9)
        """
        if columns is None or self.moved_at is None:
            return self.written_at
        return max([self.moved_at, *(tick for name, tick in self.columns if name in columns)])


@dataclass(frozen=True, slots=True)
class Past:
    """One asset's state. `built` holds disjoint slices; a later build takes them from an earlier one.

    `version` is that of the newest build, and `version_since` the tick at which that version was
    first written: a view over it was bound to the right columns only if it was made after that.
    """

    built: tuple[Built, ...] = ()
    version: str = ""
    version_since: int = 0
    checks_version: str = ""  # of the checks that passed with the newest build
    extras_version: str = ""  # of the comments, rights and indexes that it was given
    checked_at: int = 0  # the tick before those checks read
    token: str | None = None  # of a source, or of a file that a function writes
    relation: str | None = None  # where the newest build wrote
    suspect: Partitions | None = None  # started and never ended: the data may be either
    failed: bool = False  # the newest step of it failed a blocking check
    broken: Partitions | None = None  # slices whose newest attempt failed, whatever the reason
    shrunk_at: int = 0  # the tick of the newest write after which slices were gone
    loose_at: int = 0  # of a source in windows: the tick at which rows in no window last moved

    def slices(self, axis: Axis | Grain) -> Partitions:
        """Everything that was ever built, is not in doubt and was not since invalidated, along `axis`."""
        rows: dict[Axis, list[tuple[Labels, Ranges]]] = {}
        for built in self.built:
            trusted = self.trusted(built)
            rows.setdefault(trusted.axis, []).extend(trusted.rows)
        found = Partitions(axis_of(axis))
        for each, pieces in rows.items():  # a month may have been built by several steps of days
            found |= Partitions.of_rows(each, pieces).within(found.axis)
        return found

    def trusted(self, built: Built) -> Partitions:
        """What of `built` counts as built: an interrupted step may have written over the rest."""
        return less(built.slices, self.suspect) if self.suspect else built.slices

    def in_doubt(self, axis: Axis | Grain) -> Partitions:
        """The slices of `axis` that an interrupted step may have written over."""
        axis = axis_of(axis)
        if self.suspect is None or not (axis == WHOLE.axis or meets(self.suspect.axis, axis)):
            return Partitions(axis)  # slices cut otherwise are just not built
        return self.suspect.overlapping(axis)

    def written_at(self) -> int:
        """The tick of the newest write; 0 when nothing was written."""
        return max([self.loose_at, *[built.written_at for built in self.built]])

    def add(
        self,
        new: Built,
        *,
        full: bool = False,
        same: Partitions | None = None,
        changed: Iterable[str] | None = None,
    ) -> Past:
        """The state after one more build. `full`: the relation was written anew, older slices are gone.

        Slices in doubt stay so until they are written again themselves. `same`: slices among the new
        ones that hold what they held before, so that for their readers nothing was written. `changed`:
        the only columns in which slices that were there may differ from before; None: any, or the rows.
        """
        shrunk = full and any(less(old.slices, new.slices) for old in self.built)
        broken = None if full or self.broken is None else settle(self.broken, new.slices)
        return replace(
            self,
            built=(*(() if full else self._kept(new.slices)), *self._written(new, same, changed)),
            version=new.version,
            version_since=self.version_since if new.version == self.version else new.written_at,
            suspect=None if full or self.suspect is None else settle(self.suspect, new.slices),
            failed=self.failed and broken is not None,  # a sibling may still be refused
            broken=broken,
            shrunk_at=new.written_at if shrunk else self.shrunk_at,
        )

    def _written(
        self, new: Built, same: Partitions | None, changed: Iterable[str] | None
    ) -> Iterator[Built]:
        """The new slices; those with the same content keep the tick at which that was written.

        One piece per tick: a state knows pieces by their ticks and their version.
        """
        rest = new.slices
        found: dict[Built, Partitions] = {}  # what holds of slices -> which they are
        moved = None if changed is None else frozenset(changed)
        for old in self.built if same or moved is not None else ():
            if old.slices.axis != new.slices.axis:
                continue
            before = self.trusted(old) & rest
            kept = before & same if same is not None else Partitions(before.axis)
            for slices, columns in ((kept, frozenset[str]()), (before - kept, moved)):
                if slices and columns is not None:
                    told = _told(old, new, columns)
                    found[told] = found.get(told, Partitions(slices.axis)) | slices
                    rest = rest - slices
        for told, slices in found.items():
            yield replace(told, slices=slices)
        if rest:
            yield replace(new, slices=rest)

    def _kept(self, taken: Partitions) -> tuple[Built, ...]:
        kept = ((old, less(old.slices, taken)) for old in self.built)
        return tuple(
            old if rest is old.slices else replace(old, slices=rest) for old, rest in kept if rest
        )

    def checked(self, checks_version: str, read_at: int) -> Past:
        """The state after checks passed that began to read at the tick `read_at`; no data moved."""
        return replace(self, checks_version=checks_version, checked_at=read_at, failed=False)

    def given(self, extras_version: str) -> Past:
        """The state after its comments, rights and indexes were put right; no data moved."""
        return replace(self, extras_version=extras_version)

    def observed(self, seen: Built, token: str | None, sighting: Sighting | None = None) -> Past:
        """The state of a source after a look at it. Without a token a change cannot be ruled out.

        `sighting`: which windows moved. Only these are written now, and the others keep their ticks.
        """
        if sighting is not None:
            moved = self._recut(seen, sighting) if sighting.anew else self._moved(seen, sighting)
            since = self.version_since if self.version == seen.version else seen.written_at
            moved = replace(moved, version=seen.version, version_since=since)
        else:
            unchanged = token is not None and token == self.token and self.built
            moved = self if unchanged else self.add(seen)
        return replace(moved, token=token, failed=False)

    def reported(self, told: Built) -> Past:
        """The state of a source after somebody said that it was written, all of it or some windows.

        What it looks like is not known yet: the token on record stays, and the next look may move it
        once more. A source that was seen as a whole keeps that, beside the windows.
        """
        at = told.written_at
        if told.slices.is_whole and any(not each.slices.is_whole for each in self.built):
            return replace(self, shrunk_at=at, loose_at=at, failed=False)
        whole = [] if told.slices.is_whole else [e for e in self.built if e.slices.is_whole]
        new = replace(self, built=tuple(e for e in self.built if e not in whole)).add(told)
        return replace(new, built=(*whole, *new.built), failed=False)

    def _moved(self, seen: Built, sighting: Sighting) -> Past:
        moved = self
        gone = replace(seen, slices=sighting.gone, version=seen.version + GONE_SUFFIX)
        for each in (replace(seen, slices=sighting.moved), gone):
            moved = moved.add(each) if each.slices else moved
        return replace(moved, loose_at=seen.written_at) if sighting.loose else moved

    def _recut(self, seen: Built, sighting: Sighting) -> Past:
        """Windows of a new axis. Rows that are as they were stay written when they were; otherwise
        rows may be gone from windows that nobody knows of."""
        if sighting.same:
            at = self.written_at()
            old = replace(seen, slices=sighting.moved, read_at=at, written_at=at)
            return replace(self.add(old, full=True), shrunk_at=self.shrunk_at)
        new = self.add(replace(seen, slices=sighting.moved), full=True)
        return replace(new, shrunk_at=seen.written_at if self.built else self.shrunk_at)


def _told(old: Built, new: Built, columns: frozenset[str]) -> Built:
    """What holds of slices of `old` that `new` wrote again, when only these columns of them changed."""
    if not columns:
        at = old.written_at, old.moved_at, old.columns
    else:
        moved_at = old.written_at if old.moved_at is None else old.moved_at
        ticks = dict(old.columns) | dict.fromkeys(columns, new.written_at)
        at = new.written_at, moved_at, tuple(sorted(ticks.items()))
    written_at, moved, ticks_of = at
    none = Partitions(new.slices.axis)
    return Built(none, new.version, new.read_at, written_at, moved, ticks_of)


def less(slices: Partitions, taken: Partitions) -> Partitions:
    """`slices` without all that share an instant with `taken`, in the finer of the two grains.

    The very same object when nothing is lost, so that nobody need compare the two. Slices that are cut
    otherwise, such as a whole and a day, always share something.

    >>> less(Partitions.of(Grain.MONTH, [(0, 2)]), Partitions.of(Grain.DAY, [(3, 31)])).ranges
    ((0, 3), (31, 59))
    """
    if not taken or slices.axis == taken.axis:
        return slices - taken if taken else slices
    if not meets(slices.axis, taken.axis):
        return Partitions(slices.axis)
    finer = _finer(slices.axis, taken.axis)
    return slices.within(finer) - taken.overlapping(finer)


def settle(doubtful: Partitions, written: Partitions) -> Partitions | None:
    """What stays in doubt after `written` was: only what it covers completely is settled."""
    if not meets(doubtful.axis, written.axis):
        return None if written else doubtful
    return (doubtful - written.within(doubtful.axis)) or None


def doubt(first: Partitions | None, second: Partitions) -> Partitions | None:
    """Slices in doubt for either of two reasons, in the finer of the two grains.

    >>> print(doubt(Partitions.of(Grain.MONTH, [(0, 1)]), Partitions.of(Grain.DAY, [(31, 32)])))
    1970-01-01..1970-02-02
    """
    if not first or not second:
        return first or second or None
    if not meets(first.axis, second.axis):
        return WHOLE
    finer = _finer(first.axis, second.axis)
    return first.overlapping(finer) | second.overlapping(finer)


def _finer(first: Axis, second: Axis) -> Axis:
    """The axis of shorter slices; in doubt either will do, as what is kept is what both allow."""
    return min(first, second, key=_length)


def _length(axis: Axis) -> tuple[int, int]:
    along = first_of(axis)
    if isinstance(along, TimeAxis):
        return -tuple(Grain).index(along.unit), along.step
    return 0, getattr(along, "width", 0)


NEVER = Past()


@dataclass(frozen=True, slots=True)
class History:
    """The state of all assets, and the newest tick."""

    assets: Mapping[str, Past] = field(default_factory=dict)
    tick: int = 0

    def of(self, asset: str) -> Past:
        return self.assets.get(asset, NEVER)

    def with_past(self, asset: str, past: Past) -> History:
        """The history in which `asset` has this state instead, two ticks later."""
        return History({**self.assets, asset: past}, self.tick + 2)
