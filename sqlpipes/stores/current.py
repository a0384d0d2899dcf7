"""The tables of what is: an asset's state out of rows, and the rows that changed back in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from sqlpipes.core.history import NEVER, Built, History, Past
from sqlpipes.core.partitions import Axis
from sqlpipes.core.windows import Sighting, Slot
from sqlpipes.stores import tables as t
from sqlpipes.stores.connect import run
from sqlpipes.stores.fold import AssetState, Mark
from sqlpipes.stores.rows import (
    ASSET,
    EXTRAS,
    FEW,
    MARK,
    SLICE,
    WINDOW,
    history_of,
    state_of,
    tokens_of,
)
from sqlpipes.stores.text import moved_text, plain_text, slice_rows, slices_text, window_text

SliceRow = tuple[str, int, int, str, int, int, str]  # grain, low, high, version, ticks, moved

_ASSET = select(*(t.assets.c[name] for name in ASSET)).where(
    t.assets.c.target == bindparam("target")
)
_SLICES = select(*(t.slices.c[name] for name in SLICE)).where(
    t.slices.c.target == bindparam("target")
)
_MARKS = select(*(t.marks.c[name] for name in MARK)).where(t.marks.c.target == bindparam("target"))
_ONE_ASSET = _ASSET.where(t.assets.c.asset == bindparam("asset"))
_ONE_SLICES = _SLICES.where(t.slices.c.asset == bindparam("asset"))
_ONE_MARKS = _MARKS.where(t.marks.c.asset == bindparam("asset"))
_TICK = select(t.ticks.c.tick).where(t.ticks.c.target == bindparam("target"))


def load_state(db: Connection, target: str, asset: str) -> AssetState:
    """One asset's state, its definition left out."""
    at = {"target": target, "asset": asset}
    rows = run(db, _ONE_ASSET, at)
    return state_of(rows[0] if rows else None, run(db, _ONE_SLICES, at), run(db, _ONE_MARKS, at))


def load_history(db: Connection, target: str, names: Iterable[str] | None) -> History:
    """Everything that is kept of `names` in four queries, however many they are."""
    wanted = None if names is None else frozenset(names)
    return history_of(
        _fetch(db, _ASSET, t.assets.c.asset, target, wanted),
        _fetch(db, _SLICES, t.slices.c.asset, target, wanted),
        _fetch(db, _MARKS, t.marks.c.asset, target, wanted),
        db.scalar(_TICK, {"target": target}) or 0,
    )


def save_state(
    db: Connection, target: str, asset: str, before: AssetState, after: AssetState
) -> None:
    """Write what differs between two states of one asset."""
    _save_slices(db, target, asset, before.past.built, after.past.built)
    _save_marks(db, target, asset, before.marks, after.marks)
    if _asset_row(before.past) != _asset_row(after.past):
        _save_asset(db, target, asset, after.past, is_new=before.past == NEVER)


def save_build(db: Connection, target: str, asset: str, definition: str, at: datetime) -> None:
    """Note the text of the newest build, and when it was. The asset's row is there by then."""
    values = {"t": target, "a": asset, "built_at": at.isoformat()}
    run(db, _BUILD, values | {"definition": plain_text(definition)})


def load_windows(db: Connection, target: str, asset: str, axis: Axis) -> dict[Slot, str]:
    """The tokens on record of a source's windows along this axis."""
    return tokens_of(run(db, _WINDOWS, {"target": target, "asset": asset}), axis)


def save_windows(db: Connection, target: str, asset: str, sighting: Sighting | None) -> None:
    """Write the tokens that moved. Without a sighting the source was seen as a whole."""
    if sighting is None or sighting.anew:
        run(db, _DELETE_WINDOWS, {"t": target, "a": asset})
    if sighting is None:
        return
    axis = sighting.moved.axis
    grain = {labels: window_text(axis, labels) for labels, _ in sighting.tokens}
    here = {"target": target, "asset": asset}
    if not sighting.anew and sighting.tokens:
        keys = [
            {"t": target, "a": asset, "g": grain[labels], "l": low}
            for labels, low in sighting.tokens
        ]
        run(db, _DELETE_WINDOW, keys)
    fresh = [
        {**here, "grain": grain[labels], "low": low, "token": plain_text(token)}
        for (labels, low), token in sorted(sighting.tokens.items())
        if token is not None
    ]
    if fresh:
        run(db, _INSERT_WINDOWS, fresh)


def put_stamp(db: Connection, target: str, key: str, value: str) -> None:
    """Replace one stamp. The writer's lock is held, so nobody comes in between."""
    db.execute(delete(t.stamps).where(t.stamps.c.target == target, t.stamps.c.key == key))
    db.execute(insert(t.stamps), {"target": target, "key": key, "value": plain_text(value)})


def drop_stamp(db: Connection, target: str, key: str) -> None:
    db.execute(delete(t.stamps).where(t.stamps.c.target == target, t.stamps.c.key == key))


def forget(db: Connection, target: str, names: Iterable[str]) -> None:
    """Drop the state of these assets from every table of what is."""
    for name in names:
        for table in (t.assets, t.slices, t.marks, t.windows, t.automation):
            db.execute(delete(table).where(table.c.target == target, table.c.asset == name))


def _fetch(
    db: Connection, query: Any, asset: Any, target: str, wanted: frozenset[str] | None
) -> Iterable[Any]:
    if wanted is None:
        return db.execute(query, {"target": target})
    if len(wanted) <= FEW:
        return db.execute(query.where(asset.in_(sorted(wanted))), {"target": target})
    return (row for row in db.execute(query, {"target": target}) if row[0] in wanted)


def _slice_rows(built: Iterable[Built]) -> set[SliceRow]:
    return {
        (grain, low, high, each.version, each.read_at, each.written_at, moved)
        for each in built
        for moved in [plain_text(moved_text(each.moved_at, each.columns))]
        for grain, low, high in slice_rows(each.slices)
    }


def _save_slices(
    db: Connection, target: str, asset: str, before: tuple[Built, ...], after: tuple[Built, ...]
) -> None:
    kept = {id(each) for each in before} & {id(each) for each in after}  # most of them, untouched
    old, new = (
        _slice_rows(each for each in those if id(each) not in kept) for those in (before, after)
    )
    gone = [{"t": target, "a": asset, "g": row[0], "l": row[1]} for row in old - new]
    if gone:
        run(db, _DELETE_SLICE, gone)
    names = ("grain", "low", "high", "version", "read_at", "written_at", "moved")
    here = {"target": target, "asset": asset}
    fresh = [{**here, **dict(zip(names, row, strict=True))} for row in sorted(new - old)]
    if fresh:
        run(db, _INSERT_SLICES, fresh)


_DELETE_SLICE = delete(t.slices).where(
    t.slices.c.target == bindparam("t"),
    t.slices.c.asset == bindparam("a"),
    t.slices.c.grain == bindparam("g"),
    t.slices.c.low == bindparam("l"),
)
_WINDOWS = select(*(t.windows.c[name] for name in WINDOW)).where(
    t.windows.c.target == bindparam("target"), t.windows.c.asset == bindparam("asset")
)
_DELETE_WINDOWS = delete(t.windows).where(
    t.windows.c.target == bindparam("t"), t.windows.c.asset == bindparam("a")
)
_DELETE_WINDOW = _DELETE_WINDOWS.where(
    t.windows.c.grain == bindparam("g"), t.windows.c.low == bindparam("l")
)
_INSERT_WINDOWS = insert(t.windows)
_DELETE_MARK = delete(t.marks).where(
    t.marks.c.target == bindparam("t"),
    t.marks.c.asset == bindparam("a"),
    t.marks.c.step_id == bindparam("s"),
)


def _save_marks(
    db: Connection, target: str, asset: str, before: tuple[Mark, ...], after: tuple[Mark, ...]
) -> None:
    gone = [{"t": target, "a": asset, "s": mark.step} for mark in before if mark not in after]
    if gone:
        run(db, _DELETE_MARK, gone)
    fresh = [_mark_row(target, asset, mark) for mark in after if mark not in before]
    if fresh:
        run(db, _INSERT_MARKS, fresh)


def _mark_row(target: str, asset: str, mark: Mark) -> dict[str, Any]:
    return {
        "target": target,
        "asset": asset,
        "step_id": mark.step,
        "slices": slices_text(mark.slices),
        "version": mark.version,
        "read_at": mark.read_at,
        "full_rewrite": mark.full,
        "alive": mark.alive,
    }


def _asset_row(past: Past) -> dict[str, Any]:
    return {
        "version": past.version,
        "version_since": past.version_since,
        "checks_version": _after_rows(past),
        "checked_at": past.checked_at,
        "token": past.token if past.token is None else plain_text(past.token),
        "relation": past.relation,
        "failed": past.failed,
        "broken": slices_text(past.broken) if past.broken else None,
        "shrunk_at": past.shrunk_at,
        "loose_at": past.loose_at,
    }


def _after_rows(past: Past) -> str:
    """What was done once the rows stood: the checks, and the extras where there are any."""
    extras = f"{EXTRAS}{past.extras_version}" if past.extras_version else ""
    return past.checks_version + extras


def _save_asset(db: Connection, target: str, asset: str, past: Past, *, is_new: bool) -> None:
    if past == NEVER:  # nothing is known of it any more: a row is there for what is
        run(db, _DELETE_ASSET, {"t": target, "a": asset})
    elif is_new:
        run(db, _INSERT_ASSET, {"target": target, "asset": asset, **_asset_row(past)})
    else:
        run(db, _UPDATE_ASSET, {"t": target, "a": asset, **_asset_row(past)})


_INSERT_ASSET = insert(t.assets)
_INSERT_SLICES = insert(t.slices)
_INSERT_MARKS = insert(t.marks)
_THIS_ASSET = update(t.assets).where(
    t.assets.c.target == bindparam("t"), t.assets.c.asset == bindparam("a")
)
_DELETE_ASSET = delete(t.assets).where(
    t.assets.c.target == bindparam("t"), t.assets.c.asset == bindparam("a")
)
_UPDATE_ASSET = _THIS_ASSET.values({name: bindparam(name) for name in _asset_row(NEVER)})
_BUILD = _THIS_ASSET.values(built_at=bindparam("built_at"), definition=bindparam("definition"))
