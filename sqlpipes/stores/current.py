"""The tables of what is: an asset's state out of rows, and the rows that changed back in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlpipes.core.history import NEVER, Built, History, Past
from sqlpipes.core.partitions import Axis, Partitions
from sqlpipes.core.windows import Sighting, Slot
from sqlpipes.stores.fold import AssetState, Mark, being_written
from sqlpipes.stores.rows import (
    ASSET,
    EXTRAS,
    FEW,
    MARK,
    SLICE,
    WINDOW,
    Row,
    history_of,
    state_of,
    tokens_of,
)
from sqlpipes.stores.statements import Db, assignments, one_of, put, run
from sqlpipes.stores.text import moved_text, plain_text, slice_rows, slices_text, window_text

SliceRow = tuple[str, int, int, str, int, int, str]  # grain, low, high, version, ticks, moved


def load_state(db: Db, target: str, asset: str) -> AssetState:
    """One asset's state, its definition left out."""
    at = {"target": target, "asset": asset}
    rows = run(db, _ONE_ASSET, at)
    return state_of(rows[0] if rows else None, run(db, _ONE_SLICES, at), run(db, _ONE_MARKS, at))


def load_history(db: Db, target: str, names: Iterable[str] | None) -> History:
    """Everything that is kept of `names` in four queries, however many they are."""
    wanted = None if names is None else frozenset(names)
    return history_of(
        _fetch(db, _ASSETS, target, wanted),
        _fetch(db, _SLICES, target, wanted),
        _fetch(db, _MARKS, target, wanted),
        tick(db, target),
    )


def tick(db: Db, target: str) -> int:
    """Moves with every change of what is."""
    found = run(db, "select tick from sqlpipes_ticks where target = :target", {"target": target})
    return int(found[0][0]) if found else 0


def definitions(db: Db, target: str, names: Iterable[str]) -> dict[str, str]:
    """asset -> the text of its newest build."""
    rows = _fetch(db, _DEFINITIONS, target, frozenset(names))
    return {asset: text for asset, text in rows if text is not None}


def running(db: Db, target: str) -> dict[str, Partitions]:
    """asset -> the slices that a step which has not ended is writing."""
    said = "select distinct asset from sqlpipes_marks where target = :target and alive"
    states = {name: load_state(db, target, name) for (name,) in run(db, said, {"target": target})}
    return {name: slices for name, state in states.items() if (slices := being_written(state))}


def built_at(db: Db, target: str, names: Iterable[str] | None) -> dict[str, datetime]:
    """asset -> when it was last written."""
    rows = _fetch(db, _BUILT_AT, target, None if names is None else frozenset(names))
    return {asset: datetime.fromisoformat(at) for asset, at in rows if at is not None}


def save_state(db: Db, target: str, asset: str, before: AssetState, after: AssetState) -> None:
    """Write what differs between two states of one asset."""
    _save_slices(db, target, asset, before.past.built, after.past.built)
    _save_marks(db, target, asset, before.marks, after.marks)
    if _asset_row(before.past) != _asset_row(after.past):
        _save_asset(db, target, asset, after.past, is_new=before.past == NEVER)


def save_build(db: Db, target: str, asset: str, definition: str, at: datetime) -> None:
    """Note the text of the newest build, and when it was. The asset's row is there by then."""
    values = {"target": target, "asset": asset, "built_at": at.isoformat()}
    run(db, _BUILD, values | {"definition": plain_text(definition)})


def load_windows(db: Db, target: str, asset: str, axis: Axis) -> dict[Slot, str]:
    """The tokens on record of a source's windows along this axis."""
    return tokens_of(run(db, _WINDOWS, {"target": target, "asset": asset}), axis)


def save_windows(db: Db, target: str, asset: str, sighting: Sighting | None) -> None:
    """Write the tokens that moved. Without a sighting the source was seen as a whole."""
    if sighting is None or sighting.anew:
        run(db, _DELETE_WINDOWS, {"target": target, "asset": asset})
    if sighting is None:
        return
    axis = sighting.moved.axis
    grain = {labels: window_text(axis, labels) for labels, _ in sighting.tokens}
    here = {"target": target, "asset": asset}
    if not sighting.anew and sighting.tokens:
        keys = [{**here, "grain": grain[labels], "low": low} for labels, low in sighting.tokens]
        run(db, _DELETE_WINDOW, keys)
    fresh = [
        {**here, "grain": grain[labels], "low": low, "token": plain_text(token)}
        for (labels, low), token in sorted(sighting.tokens.items())
        if token is not None
    ]
    put(db, "sqlpipes_windows", fresh)


def stamp(db: Db, target: str, key: str) -> str | None:
    found = run(db, _STAMP, {"target": target, "key": key})
    return str(found[0][0]) if found else None


def put_stamp(db: Db, target: str, key: str, value: str) -> None:
    """Replace one stamp. The writer's lock is held, so nobody comes in between."""
    drop_stamp(db, target, key)
    put(db, "sqlpipes_stamps", [{"target": target, "key": key, "value": plain_text(value)}])


def drop_stamp(db: Db, target: str, key: str) -> None:
    run(db, _DROP_STAMP, {"target": target, "key": key})


def forget(db: Db, target: str, names: Iterable[str]) -> None:
    """Drop the state of these assets from every table of what is."""
    for name in names:
        for table in ("assets", "slices", "marks", "windows", "automation"):
            run(db, f"delete from sqlpipes_{table} {_HERE}", {"target": target, "asset": name})


def _fetch(db: Db, query: str, target: str, wanted: frozenset[str] | None) -> Iterable[Row]:
    """Rows that begin with their asset, of those that are wanted."""
    if wanted is not None and not wanted:
        return []
    if wanted is not None and len(wanted) <= FEW:
        names, values = one_of(sorted(wanted))
        return run(db, f"{query} and asset in {names}", {"target": target, **values})
    rows = run(db, query, {"target": target})
    return rows if wanted is None else [row for row in rows if row[0] in wanted]


def _slice_rows(built: Iterable[Built]) -> set[SliceRow]:
    return {
        (grain, low, high, each.version, each.read_at, each.written_at, moved)
        for each in built
        for moved in [plain_text(moved_text(each.moved_at, each.columns))]
        for grain, low, high in slice_rows(each.slices)
    }


def _save_slices(
    db: Db, target: str, asset: str, before: tuple[Built, ...], after: tuple[Built, ...]
) -> None:
    kept = {id(each) for each in before} & {id(each) for each in after}  # most of them, untouched
    old, new = (
        _slice_rows(each for each in those if id(each) not in kept) for those in (before, after)
    )
    here = {"target": target, "asset": asset}
    gone = [{**here, "grain": row[0], "low": row[1]} for row in old - new]
    if gone:
        run(db, _DELETE_SLICE, gone)
    names = SLICE[1:]
    fresh = [{**here, **dict(zip(names, row, strict=True))} for row in sorted(new - old)]
    put(db, "sqlpipes_slices", fresh)


def _save_marks(
    db: Db, target: str, asset: str, before: tuple[Mark, ...], after: tuple[Mark, ...]
) -> None:
    here = {"target": target, "asset": asset}
    gone = [{**here, "step_id": mark.step} for mark in before if mark not in after]
    if gone:
        run(db, _DELETE_MARK, gone)
    fresh = [_mark_row(target, asset, mark) for mark in after if mark not in before]
    put(db, "sqlpipes_marks", fresh)


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


def _save_asset(db: Db, target: str, asset: str, past: Past, *, is_new: bool) -> None:
    here = {"target": target, "asset": asset}
    if past == NEVER:  # nothing is known of it any more: a row is there for what is
        run(db, _DELETE_ASSET, here)
    elif is_new:
        put(db, "sqlpipes_assets", [here | _asset_row(past)])
    else:
        run(db, _UPDATE_ASSET, here | _asset_row(past))


_HERE = "where target = :target and asset = :asset"
_ASSETS, _SLICES, _MARKS, _DEFINITIONS, _BUILT_AT = (
    f"select {', '.join(columns)} from sqlpipes_{table} where target = :target"
    for table, columns in (
        ("assets", ASSET),
        ("slices", SLICE),
        ("marks", MARK),
        ("assets", ("asset", "definition")),
        ("assets", ("asset", "built_at")),
    )
)
_ONE_ASSET, _ONE_SLICES, _ONE_MARKS = (
    f"{query} and asset = :asset" for query in (_ASSETS, _SLICES, _MARKS)
)
_DELETE_ASSET = f"delete from sqlpipes_assets {_HERE}"
_UPDATE_ASSET = f"update sqlpipes_assets set {assignments(tuple(_asset_row(NEVER)))} {_HERE}"
_BUILD = f"update sqlpipes_assets set {assignments(('built_at', 'definition'))} {_HERE}"
_DELETE_SLICE = f"delete from sqlpipes_slices {_HERE} and grain = :grain and low = :low"
_DELETE_MARK = f"delete from sqlpipes_marks {_HERE} and step_id = :step_id"
_WINDOWS = f"select {', '.join(WINDOW)} from sqlpipes_windows {_HERE}"
_DELETE_WINDOWS = f"delete from sqlpipes_windows {_HERE}"
_DELETE_WINDOW = f"{_DELETE_WINDOWS} and grain = :grain and low = :low"
_STAMP = "select value from sqlpipes_stamps where target = :target and key = :key"
_DROP_STAMP = "delete from sqlpipes_stamps where target = :target and key = :key"
