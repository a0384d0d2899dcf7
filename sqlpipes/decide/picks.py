"""Reasons to build + an asset's past -> those that `--missing`, `--failed` and `--stale` ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import or_

from sqlpipes.core.history import Past
from sqlpipes.core.partitions import Partitions, meets
from sqlpipes.core.plan import Reason, Why
from sqlpipes.decide.wish import Wish


def picked(
    wish: Wish,
    past: Past,
    due: tuple[Reason, ...],
    asked: tuple[Reason, ...],
    wanted: Partitions,
) -> tuple[Reason, ...]:
    """The reasons, each with those of its slices that the wish picks; none are left for no slice.

    `due`: why slices must be built at all. `asked`: because it was said so, such as --force.
    """
    built = Partitions(wanted.axis) if _is_gone(due) else past.slices(wanted.axis) & wanted
    failed = _broken(past, wanted) if wish.failed else Partitions(wanted.axis)
    allowed = failed
    if wish.missing:
        allowed |= wanted - built
    if wish.stale:
        allowed |= _slices(due, wanted) & built
    found = asked + due
    left = failed - _slices(found, wanted)
    if left:  # what readers see may well be right, but somebody wanted it otherwise
        found = (Reason(Why.FAILED, slices=left), *found)
    cut = (replace(reason, slices=(reason.slices or wanted) & allowed) for reason in found)
    return tuple(reason for reason in cut if reason.slices)


def _is_gone(due: Iterable[Reason]) -> bool:
    return any(reason.why is Why.GONE for reason in due)


def _slices(reasons: Iterable[Reason], wanted: Partitions) -> Partitions:
    return reduce(or_, (reason.slices or wanted for reason in reasons), Partitions(wanted.axis))


def _broken(past: Past, wanted: Partitions) -> Partitions:
    """The wanted slices whose newest attempt failed; all of them when they were cut otherwise then."""
    if past.broken is None:
        return Partitions(wanted.axis)
    if past.broken.axis == wanted.axis or meets(past.broken.axis, wanted.axis):
        return past.broken.overlapping(wanted.axis) & wanted
    return wanted
