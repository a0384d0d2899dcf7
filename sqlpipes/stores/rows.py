"""Rows of the tables of what is -> states and History. Plain tuples in, whichever driver read them.

A row begins with its asset; the names below are its columns, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlpipes.core.history import Built, History, Past
from sqlpipes.core.partitions import Axis, Labels
from sqlpipes.core.windows import Slot
from sqlpipes.stores.fold import AssetState, Mark, seen
from sqlpipes.stores.text import SliceRow, labels_from, moved_from, slices_from, slices_of_rows

EXTRAS = "+"  # in the column checks_version, before the version of the extras
FEW = 200  # names that are cheaper to ask for than to pick out of everything

ASSET = (
    "asset",
    "version",
    "version_since",
    "checks_version",
    "checked_at",
    "token",
    "relation",
    "failed",
    "broken",
    "shrunk_at",
    "loose_at",
)
SLICE = ("asset", "grain", "low", "high", "version", "read_at", "written_at", "moved")
WINDOW = ("grain", "low", "token")
MARK = ("asset", "step_id", "slices", "version", "read_at", "full_rewrite", "alive")

Row = Sequence[Any]


def history_of(
    rows: Iterable[Row], slice_rows: Iterable[Row], mark_rows: Iterable[Row], tick: int
) -> History:
    """The history that the rows of any number of assets hold."""
    assets = {row[0]: row for row in rows}
    slices, marks = _by_asset(slice_rows), _by_asset(mark_rows)
    found = {}
    for asset in {**assets, **slices, **marks}:
        state = state_of(assets.get(asset), slices.get(asset, []), marks.get(asset, []))
        found[asset] = seen(state) if state.marks else state.past
    return History(found, tick)


def state_of(row: Row | None, slice_rows: Iterable[Row], mark_rows: Iterable[Row]) -> AssetState:
    """One asset's state, its definition left out."""
    return AssetState(_past(row, slice_rows), _marks(mark_rows))


def tokens_of(rows: Iterable[Row], axis: Axis) -> dict[Slot, str]:
    """The tokens of a source's windows along this axis; rows of another one are left out."""
    labels: dict[str, Labels | None] = {}
    found: dict[Slot, str] = {}
    for grain, low, token in rows:
        if grain not in labels:
            labels[grain] = labels_from(grain, axis)
        if (known := labels[grain]) is not None:
            found[known, low] = token
    return found


def _by_asset(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def _past(row: Row | None, slice_rows: Iterable[Row]) -> Past:
    built = _built(slice_rows)
    if row is None:
        return Past(built=built)
    _, version, since, both, checked_at, token, relation, failed, *ticks = row
    broken, shrunk_at, loose_at = ticks
    checks_version, _, extras_version = both.partition(EXTRAS)
    return Past(
        built=built,
        version=version,
        version_since=since,
        checks_version=checks_version,
        extras_version=extras_version,
        checked_at=checked_at,
        token=token,
        relation=relation,
        failed=bool(failed),
        broken=slices_from(broken) if broken else None,
        shrunk_at=shrunk_at,
        loose_at=loose_at,
    )


def _built(rows: Iterable[Row]) -> tuple[Built, ...]:
    """Rows of ranges put together again as what one step wrote, oldest write first."""
    pieces: dict[tuple[int, int, str, str], list[SliceRow]] = {}
    for _, grain, low, high, version, read_at, written_at, moved in rows:
        pieces.setdefault((written_at, read_at, version, moved), []).append((grain, low, high))
    return tuple(
        [
            Built(slices, version, read_at, written_at, *moved_from(moved))
            for written_at, read_at, version, moved in sorted(pieces)
            for slices in slices_of_rows(sorted(pieces[written_at, read_at, version, moved]))
        ]
    )


def _marks(rows: Iterable[Row]) -> tuple[Mark, ...]:
    return tuple(
        [
            Mark(step, slices_from(slices), version, read_at, bool(full), bool(alive))
            for _, step, slices, version, read_at, full, alive in sorted(tuple(row) for row in rows)
        ]
    )
