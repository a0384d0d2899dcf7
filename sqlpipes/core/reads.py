"""Which slices of an input a slice reads: as declared, as proven from the query, or in doubt all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, did_you_mean
from sqlpipes.core.partitions import (
    Axis,
    Partitioning,
    Partitions,
    Reach,
    TimeAxis,
    first_of,
    first_place,
    read_ranges,
)


class Mapped(StrEnum):
    """Which slices of an input a slice reads."""

    ALL = "all"  # any change of the input re-opens every slice
    SAME = "same"  # the slices of the same window, however coarse either side is
    LATEST = "latest"  # the input's newest slice: a change of an older one re-opens nothing
    AS_OF_BUILD = "as_of_build"  # read as it is; a later change re-opens nothing
    PROVEN = "proven"  # what the query says, through its columns: nobody declares this


@dataclass(frozen=True, slots=True)
class Proof:
    """Rows with `own` in a window hang on no rows of the input but those with `source` in its reach.

    `reaches`: one per place of the query that reads the input; what any of them reaches is read.
    `text` is the expression at `at` that says so; `via` lists those of the views in between.
    """

    own: str  # the reader's partition column
    source: str  # the input's column
    reaches: tuple[Reach, ...]
    at: Location
    text: str
    via: tuple[tuple[Location, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reads:
    """`back` and `ahead`: so many slices of the input before and after its own window (how: same).

    `proofs`: at most one per cut of the reader (how: proven).
    """

    how: Mapped = Mapped.ALL
    back: int = 0
    ahead: int = 0
    proofs: tuple[Proof, ...] = ()
    declared: bool = False
    at: Location | None = field(default=None, compare=False)  # where it is declared

    def __str__(self) -> str:
        """
        >>> print(Reads(Mapped.SAME, back=6))
        same, 6 back
        """
        near = [f"{n} {word}" for n, word in ((self.back, "back"), (self.ahead, "ahead")) if n]
        return ", ".join([str(self.how), *near])


EVERYTHING = Reads()
DECLARABLE = tuple(str(how) for how in Mapped if how is not Mapped.PROVEN)
FORMS = f"{', '.join(DECLARABLE[:-1])}, {DECLARABLE[-1]} or {{back: 6, ahead: 0}}"


def declared_reads(given: object) -> Reads:
    """What stands under `inputs:`: one of the words, or so many slices around the slice's own.

    >>> print(declared_reads("latest"), declared_reads({"back": 6}), sep="; ")
    latest; same, 6 back

    Raises ValueError for anything else.
    """
    if isinstance(given, Mapping):
        near = {str(key): count for key, count in given.items()}
        sound = all(type(n) is int and n >= 0 for n in near.values())
        if not near or near.keys() - {"back", "ahead"} or not sound:
            raise ValueError("back and ahead are numbers of slices, from 0 on")
        return Reads(Mapped.SAME, near.get("back", 0), near.get("ahead", 0), declared=True)
    word = str(given).casefold().replace("-", "_")
    if word not in DECLARABLE:
        hint = did_you_mean(word, DECLARABLE)
        raise ValueError(f"'{given}' is none of {FORMS}" + (f": {hint}" if hint else ""))
    return Reads(Mapped(word), declared=True)


def touched(
    mine: Partitions,
    theirs: Partitions,
    reads: Reads,
    own: Sequence[str] = (),
    their: Sequence[str] = (),
) -> Partitions:
    """The slices of a reader that read something of `theirs`, slices of an input.

    `own` and `their`: the columns that the two are cut along, in the order of the axes. For `latest`,
    `theirs` must hold the newest slice only.
    """
    if reads.how is Mapped.AS_OF_BUILD or not theirs:
        return Partitions(mine.axis)
    if mine.is_whole or theirs.is_whole or reads.how in (Mapped.ALL, Mapped.LATEST):
        return mine
    if reads.how is Mapped.SAME:
        return mine.touched_by(theirs.widened(reads.ahead, reads.back))
    found = mine
    for proof in reads.proofs:
        if proof.source in their and proof.own in own:
            pair = own.index(proof.own), their.index(proof.source)
            found &= mine.reached_by(theirs, [pair], proof.reaches)
    return found


def reads_loose(
    mine: Partitions,
    axis: Axis,
    reads: Reads,
    own: Sequence[str] = (),
    their: Sequence[str] = (),
) -> bool:
    """Whether slices of a reader may read rows of an input that lie in none of its slices along `axis`.

    A row may lack one column of several, so a slice must be parted from others along all of them.
    """
    if reads.how in (Mapped.AS_OF_BUILD, Mapped.LATEST):
        return False
    if mine.is_whole or reads.how is Mapped.ALL:
        return True
    if reads.how is Mapped.SAME:
        return not mine.separates(axis)
    pairs = [
        (own.index(proof.own), their.index(proof.source), any(proof.reaches))
        for proof in reads.proofs
        if proof.source in their and proof.own in own
    ]
    return not mine.separates(axis, pairs)


def window_read(
    mine: Partitions, reads: Reads, own: Sequence[str], cut: Partitioning
) -> Partitions | None:
    """The slices of an input along its first axis that hold all rows which the slices `mine` of a
    reader hang on; None where that is not known, so that it may be any row.

    `own`: the columns that the reader is cut along; `cut`: how the input is.
    """
    here, there = first_place(mine.axis), first_place(cut.axis)
    if here is None or there is None or reads_loose(mine, cut.axis, reads, own, cut.columns):
        return None
    one, other = first_of(mine.axis), first_of(cut.axis)
    if type(one) is not type(other):
        return None
    along = Partitions.of(one, mine.ranges)
    if reads.how is Mapped.SAME:
        return along.overlapping(other).widened(reads.back, reads.ahead)
    pair = own[here], cut.columns[there]
    for proof in reads.proofs if reads.how is Mapped.PROVEN else ():
        if (proof.own, proof.source) == pair:
            return _reached_from(along, one, other, proof.reaches)
    return None


def _reached_from(
    along: Partitions, one: Axis, other: Axis, reaches: Sequence[Reach]
) -> Partitions | None:
    if isinstance(one, TimeAxis) and isinstance(other, TimeAxis):
        ranges = [each for r in reaches for each in read_ranges(along.ranges, one, other, r)]
        return Partitions.of(other, ranges)
    return None if any(reaches) else along.overlapping(other)
