"""The slices of one asset -> a document: ranges by state with reasons, and the picture of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from sqlpipes.api import AssetStatus, SliceState
from sqlpipes.core.partitions import Partitions, WholeAxis, first_of, keys_of
from sqlpipes.show.grid import caption_of, picture_of
from sqlpipes.show.status import range_texts

WIDTH = 100  # as a terminal's columns: which picture is taken hangs on it
MOST = 200  # ranges of a state, and values, that are told one by one
LETTERS = MappingProxyType(
    {
        SliceState.FAILED: "f",
        SliceState.IN_DOUBT: "d",
        SliceState.RUNNING: "r",
        SliceState.MISSING: "m",
        SliceState.STALE: "s",
        SliceState.BUILT: "b",
    }
)

States = Mapping[SliceState, Partitions]


def slices_document(item: AssetStatus) -> dict[str, Any] | None:
    """None for an asset that is not cut into slices."""
    if not item.columns:
        return None
    states = item.states
    found: dict[str, Any] = {
        "columns": list(item.columns),
        "by": str(next(iter(states.values())).axis) if states else "",
        "count": sum(map(len, states.values())),
        "states": [_state(item, state, slices) for state, slices in states.items()],
    }
    return found | (_picture(states) if states else {})


def _state(item: AssetStatus, state: SliceState, slices: Partitions) -> dict[str, Any]:
    ranges = range_texts(slices)
    reasons = [
        str(reason)
        for reason in (item.step.reasons if item.step else ())
        if reason.slices is not None
        and reason.slices.axis == slices.axis
        and reason.slices & slices
    ]
    return {
        "state": str(state),
        "count": len(slices),
        "ranges": ranges[:MOST],
        "more": max(len(ranges) - MOST, 0),
        "reasons": [] if state is SliceState.RUNNING else reasons,
    }


def _picture(states: States) -> dict[str, Any]:
    if isinstance(first_of(next(iter(states.values())).axis), WholeAxis):
        return {"values": list(islice(_values(states), MOST * 10))}
    picture = picture_of(states, WIDTH)
    rows = [
        [label, "".join(LETTERS[cell] if cell else " " for cell in cells)]
        for label, cells in picture.rows
    ]
    return {
        "picture": {
            "rows": rows,
            "heads": [list(head) for head in picture.heads],
            "block": picture.block,
            "caption": caption_of(states, picture),
        }
    }


def _values(states: States) -> Iterator[list[str]]:
    """Every value with its state, the worst first."""
    axis = next(iter(states.values())).axis
    for state, slices in states.items():
        for labels in sorted(slices.labels):
            yield ["|".join(keys_of(axis, labels, "")), LETTERS[state]]
