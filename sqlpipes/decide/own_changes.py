"""One asset in two images -> what its own files change of it, whatever is above it.

A column is taken for unchanged only with a proof: equal digests over equal rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from sqlpipes.core.asset import Asset
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.impact import AssetImage, Change, ColumnChange
from sqlpipes.core.sql import fold

ANY = "*"
HARMLESS = frozenset(
    {"materialized", "description", "tags", "owners", "owner", "group", "meta", "links", "kinds"}
    | {"docs", "columns", "checks", "tests", "data_tests", "indexes", "grants", "persist_docs"}
    | {"auto", "retry", "timeout", "native_partitions", "contract", "freshness", "unit_tests"}
)
"""Settings that no row hangs on."""


@dataclass(slots=True)
class Moved:
    """What of one asset is no longer what it was: columns by folded name, or its rows.

    `doubt`: perhaps nothing, as what it reads is not known.
    """

    columns: dict[str, str] = field(default_factory=dict)  # -> the name as it is spelt
    rows: bool = False
    doubt: bool = False
    ways: dict[str, str] = field(default_factory=dict)  # column -> the columns by which it moved

    def __bool__(self) -> bool:
        return self.rows or self.doubt or bool(self.columns)


@dataclass(slots=True)
class Own:
    """What the asset's own files changed."""

    change: Change | None = None
    columns: tuple[ColumnChange, ...] = ()
    settings: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    moved: Moved = field(default_factory=Moved)


def own_change(name: str, asset: Asset, old: AssetImage, new: AssetImage, dialect: str) -> Own:
    """What is different about it, whatever is above it."""
    settings = _keys(old.settings, new.settings)
    checks = _keys(old.checks, new.checks)
    found = Own(settings=settings, checks=checks)
    if (old.kind, old.body) != (new.kind, new.body):
        found.moved = _moved_body(old, new)
        found.columns = tuple(_column_changes(old, new, found.moved, dialect))
        found.change = Change.CHANGED if found.moved or found.columns else Change.SAME
    elif old.inputs != new.inputs:  # the same words mean other tables
        found.moved.rows, found.change = True, Change.CHANGED
    if set(settings) - HARMLESS:
        found.moved.rows = True
    if settings or checks:
        found.change = Change.CHANGED
    return found


def conditions(old: AssetImage, new: AssetImage) -> tuple[str, ...]:
    """What decided the rows and does so no more, and what does so now."""
    gone = [f"- {each}" for each in old.conditions if each not in new.conditions]
    come = [f"+ {each}" for each in new.conditions if each not in old.conditions]
    return (*gone, *come)


def _keys(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key))


def _moved_body(old: AssetImage, new: AssetImage) -> Moved:
    """Of two queries by their digests; of a function or of data nothing can be told."""
    if not (old.rows and new.rows) or old.kind != new.kind:
        return Moved(rows=True)
    if old.rows != new.rows:
        return Moved(rows=True)
    keys = {key for key in old.digests.keys() | new.digests.keys() if _differs(old, new, key)}
    return Moved({key: key for key in keys})


def _differs(old: AssetImage, new: AssetImage, key: str) -> bool:
    return not old.digests.get(key) or old.digests.get(key) != new.digests.get(key)


def _column_changes(
    old: AssetImage, new: AssetImage, moved: Moved, dialect: str
) -> Iterator[ColumnChange]:
    """A column that is gone and a new one that is computed in the same way are one, renamed."""
    before = {fold(name, True, dialect): (name, kind) for name, kind in old.columns}
    after = {fold(name, True, dialect): (name, kind) for name, kind in new.columns}
    renamed = _renamed(old, new, before.keys() - after.keys(), after.keys() - before.keys())
    for key, (name, kind) in after.items():
        if key in renamed:
            yield ColumnChange(name, Change.RENAMED, before[renamed[key]][0])
        elif key not in before:
            if old.listed:
                yield ColumnChange(name, Change.ADDED)
        elif is_retyped(before[key][1], kind):
            yield ColumnChange(name, Change.RETYPED, before[key][1] or "", kind or "")
        elif key in moved.columns or (moved.rows and _is_told(old, new, key)):
            is_known = bool(old.digests.get(key) and new.digests.get(key))
            how = Change.COMPUTED if is_known else Change.UNSURE
            was, now = old.said.get(key, ""), new.said.get(key, "")
            yield ColumnChange(name, how, *((was, now) if was != now else ()))
    for key in before.keys() - after.keys() - set(renamed.values()) if new.listed else ():
        yield ColumnChange(before[key][0], Change.REMOVED)
    if [key for key in before if key in after] != [key for key in after if key in before]:
        yield ColumnChange(ANY, Change.ORDERED)


def _is_told(old: AssetImage, new: AssetImage, key: str) -> bool:
    """Whether a column is another beside rows that are others, too."""
    return bool(old.digests.get(key) and new.digests.get(key)) and _differs(old, new, key)


def _renamed(old: AssetImage, new: AssetImage, gone: set[str], added: set[str]) -> dict[str, str]:
    """New key -> old key."""
    if not old.rows or old.rows != new.rows:
        return {}
    by_digest = {old.digests[key]: key for key in sorted(gone) if old.digests.get(key)}
    found: dict[str, str] = {}
    for key in sorted(added):
        twin = by_digest.pop(new.digests.get(key) or "-", None)
        if twin is not None:
            found[key] = twin
    return found


def is_retyped(old: str | None, new: str | None) -> bool:
    return old is not None and new is not None and old != new
