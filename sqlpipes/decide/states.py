"""Past + step + who is at work -> the state that each slice of an asset is in. Sets in, sets out.

A slice is in exactly one state, so the sets are disjoint; nothing here looks at a single slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sqlpipes.core.history import Past
from sqlpipes.core.partitions import WHOLE, Partitions, meets
from sqlpipes.core.plan import Action, Step


class SliceState(StrEnum):
    """How a slice stands, the worst first."""

    FAILED = "failed"  # the newest attempt to write it failed
    IN_DOUBT = "in doubt"  # a step that wrote it was cut off
    RUNNING = "running"  # somebody writes it at this moment
    MISSING = "missing"  # it should exist and was never built
    STALE = "stale"  # built, and the next build will write it again
    BUILT = "built"


SliceStates = Mapping[SliceState, Partitions]
"""Disjoint sets, worst state first; no set is empty."""


def slice_states(
    past: Past, wanted: Partitions, step: Step | None, running: Partitions | None
) -> SliceStates:
    """The states of the slices in `wanted`.

    `step` is what a build would do now, `running` what living processes are writing, along any axis.
    """
    built = past.slices(wanted.axis) & wanted
    planned = Partitions(wanted.axis)
    if step is not None and step.action not in (Action.CHECK, Action.EXTRAS):
        planned = step.slices & wanted if step.slices.axis == wanted.axis else wanted
    alive = _among(wanted, running)
    doubtful = _among(wanted, past.suspect) - alive
    failed = _among(wanted, past.broken) - alive - doubtful
    open_still = wanted - alive - doubtful - failed
    found = {
        SliceState.FAILED: failed,
        SliceState.IN_DOUBT: doubtful,
        SliceState.RUNNING: alive,
        SliceState.MISSING: open_still - built,
        SliceState.STALE: open_still & built & planned,
        SliceState.BUILT: (open_still & built) - planned,
    }
    return {state: slices for state, slices in found.items() if slices}


def _among(wanted: Partitions, found: Partitions | None) -> Partitions:
    """The wanted slices that share something with `found`; all of them where that cannot be told."""
    if not found:
        return Partitions(wanted.axis)
    if wanted.axis == WHOLE.axis or not meets(found.axis, wanted.axis):
        return wanted
    return found.overlapping(wanted.axis) & wanted
