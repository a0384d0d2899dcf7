"""Slices -> predicates, and the templates that prune by hand.

Bounds are typed literals, never text: a DATE column compared with a TIMESTAMP is promoted, while text
would be cut down to the column's type and an hour's window on it would be empty. A session's clock is
UTC, so one literal is right for DATE, TIMESTAMP and TIMESTAMPTZ columns of a partition in UTC. In any
other zone the first two hold the zone's wall time, and TIMESTAMPTZ holds instants: a CASE on the
column's type says both, which the engine decides while it plans and pushes down like either alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlpipes.core.asset import Scope, SqlBody
from sqlpipes.core.engine import Capabilities
from sqlpipes.core.partitions import (
    IntegerAxis,
    Labels,
    Partitioning,
    Partitions,
    PlainAxis,
    Range,
    Ranges,
    TimeAxis,
    ValueAxis,
    bounds,
    first_of,
    first_place,
    keys_of,
    rest_places,
    window_text,
)

DUCKDB = Capabilities()


def inside_sql(cut: Partitioning, slices: Partitions, can: Capabilities = DUCKDB) -> str:
    """A predicate that is true for the rows of these slices; NULL for a row without a value.

    >>> from sqlpipes.core.partitions import Grain, TimeAxis
    >>> inside_sql(Partitioning("d", TimeAxis(Grain.DAY)), Partitions.of(Grain.DAY, [(0, 2)]))
    '"d" >= date \\'1970-01-01\\' and "d" < date \\'1970-01-03\\''
    """
    place = first_place(slices.axis)
    parts = []
    for ranges, labels in _groups(slices):
        along = [] if place is None else [_along(cut.cuts[place], ranges, can)]
        parts.append(_all([*along, *_labelled(cut, slices, labels, can)]))
    return _any(parts)


def missing_sql(cut: Partitioning, can: Capabilities = DUCKDB) -> str:
    """A predicate that is true for rows without a value in a column of the partition."""
    return " or ".join(f"{can.name(column)} is null" for column in cut.columns)


def _groups(slices: Partitions) -> list[tuple[Ranges, list[Labels]]]:
    """Rows of the same ranges together: their predicates differ in the labels only."""
    found: dict[Ranges, list[Labels]] = {}
    for labels, ranges in slices.rows:
        found.setdefault(ranges, []).append(labels)
    return list(found.items())


def _all(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return " and ".join(f"({part})" for part in parts)


def _any(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return " or ".join(f"({part})" for part in parts) or "false"


def _along(cut: Partitioning, ranges: Ranges, can: Capabilities) -> str:
    if isinstance(cut.along, IntegerAxis):
        return _any([_numbers(cut.column, cut.along, found, can) for found in ranges])
    assert isinstance(cut.along, TimeAxis)
    return _times(cut.column, cut.along, ranges, can)


def _numbers(column: str, axis: IntegerAxis, found: Range, can: Capabilities) -> str:
    name = can.name(column)
    return f"{name} >= {axis.number(found[0])} and {name} < {axis.number(found[1])}"


def _times(column: str, axis: TimeAxis, ranges: Ranges, can: Capabilities) -> str:
    name = can.name(column)
    walls = [
        (_bound(axis.boundary(low), can), _bound(axis.boundary(high), can)) for low, high in ranges
    ]
    on_wall = _any([f"{name} >= {low} and {name} < {high}" for low, high in walls])
    if axis.zone == "UTC":
        return on_wall
    instants = [
        (_instant(axis.instant(low), can), _instant(axis.instant(high), can))
        for low, high in ranges
    ]
    in_utc = _any([f"{name} >= {low} and {name} < {high}" for low, high in instants])
    return f"case when {can.is_instant.format(name)} then {in_utc} else {on_wall} end"


def _bound(at: datetime, can: Capabilities) -> str:
    text = window_text(at)
    return (can.date if len(text) == 10 else can.timestamp).format(text)


def _instant(at: datetime, can: Capabilities) -> str:
    return can.instant.format(f"{at.isoformat(sep=' ')}+00")


def _labelled(
    cut: Partitioning, slices: Partitions, labels: list[Labels], can: Capabilities
) -> list[str]:
    """What the axes of the labels say; labels that differ in the last one only share a list."""
    places = rest_places(slices.axis)
    if not places:
        return []
    groups: dict[Labels, list[Labels]] = {}
    for each in labels:
        groups.setdefault(each[:-1], []).append(each)
    parts = []
    for fixed, group in groups.items():
        firsts = zip(places[:-1], fixed, strict=True)
        alone = [_label(cut.cuts[p], (one,), can) for p, one in firsts]
        last = _label(cut.cuts[places[-1]], tuple(each[-1] for each in group), can)
        parts.append(_all([*alone, last]))
    return [_any(parts)]


def _label(cut: Partitioning, labels: Labels, can: Capabilities) -> str:
    """Values are written as text, which the engine casts to the column's type."""
    if isinstance(cut.along, ValueAxis):
        return f"{can.exact.format(can.name(cut.column))} in ({can.any_of(str(one) for one in labels)})"
    ordinals = [(int(one), int(one) + 1) for one in labels]
    return _along(cut, Partitions.of(cut.along, ordinals).ranges, can)


def scope_of(
    slices: Partitions, this: str, cut: Partitioning | None, *, incremental: bool, full: bool
) -> Scope:
    """What a template may know of the slices it is rendered for."""
    if not slices or cut is None:
        return Scope(this, incremental, full)
    window = window_of(slices)
    start, end = window or (None, None)
    key = slices.keys[0] if len(slices) == 1 else None
    return Scope(this, incremental, full, start, end, key, column_keys(slices, cut))


def window_of(slices: Partitions) -> tuple[str, str] | None:
    """Where the slices begin and end along time or integers, as text; None where there is neither."""
    ranges = slices.ranges
    return bounds(first_of(slices.axis), ranges[0][0], ranges[-1][1])


def column_keys(slices: Partitions, cut: Partitioning) -> dict[str, str | None]:
    """The key per column of the partition; None for a column in which there are several.

    >>> from sqlpipes.core.partitions import ValueAxis
    >>> column_keys(Partitions.of_values(["eu"]), Partitioning("region", ValueAxis()))
    {'region': 'eu'}
    """
    first, ranges = first_of(slices.axis), slices.ranges
    single = ranges[0][1] - ranges[-1][0] == 1 and len(ranges) == 1
    one = first.key(ranges[0][0])
    seen = [keys_of(slices.axis, labels, one) for labels in slices.labels]
    place = first_place(slices.axis)
    return {
        column: found.pop() if len(found) == 1 and (single or i != place) else None
        for i, column in enumerate(cut.columns)
        for found in ({keys[i] for keys in seen},)
    }


def batches(slices: Partitions, batch: int | None) -> Iterator[Partitions]:
    """Stretches of at most `batch` adjacent slices each; without a bound, all slices at once.

    Values have no neighbours, so each of them is a stretch of its own then.

    >>> from sqlpipes.core.partitions import Grain
    >>> [found.ranges for found in batches(Partitions.of(Grain.DAY, [(0, 3), (5, 6)]), 2)]
    [((0, 2),), ((2, 3),), ((5, 6),)]
    """
    if batch is None:
        yield slices
        return
    for labels, ranges in slices.rows:
        for low, high in ranges:
            for first in range(low, high, batch):
                found = (first, min(first + batch, high))
                yield Partitions(slices.axis, ((labels, (found,)),))


def stretches(slices: Partitions, batch: int | None) -> tuple[Partitions, ...]:
    """The slices of each call of a function: adjacent ones, at most a batch of them."""
    return tuple(run for part in batches(slices, batch) for run in part.runs())


def pruned_parts(
    body: SqlBody, slices: Partitions, this: str, cut: Partitioning
) -> tuple[Partitions, ...] | None:
    """How a template that asks for its window must be rendered: once for each of these parts.

    None when it does not ask: then its output is guarded instead. Asking is found by rendering with
    one bound or key moved: a template that does not use it yields the same text.
    """
    if body.template is None or not slices or not getattr(body.template, "uses_partition", True):
        return None
    place = first_place(slices.axis)
    along = None if place is None else cut.columns[place]
    rest = [column for column in cut.columns if column != along]
    if _moves(body, this, cut, key=True) or (along and _moves(body, this, cut, columns=[along])):
        return tuple(slices.each())
    by_label = bool(rest) and _moves(body, this, cut, columns=rest)
    by_window = _moves(body, this, cut, window=True)
    if by_label and by_window:
        return tuple(slices.runs())
    if by_label:
        return tuple(Partitions(slices.axis, (row,)) for row in slices.rows)
    return tuple(_by_window(slices)) if by_window else None


def _by_window(slices: Partitions) -> Iterator[Partitions]:
    for found, labels in slices.boxes():
        yield Partitions.of_rows(slices.axis, [(each, [found]) for each in labels])


def _moves(
    body: SqlBody,
    this: str,
    cut: Partitioning,
    *,
    window: bool = False,
    key: bool = False,
    columns: list[str] | None = None,
) -> bool:
    """Whether the text is another one for another window, key, or key in one of the columns."""
    first, other = ("1970-01-01", "1970-01-02"), ("1970-01-03", "1970-01-04")
    keys = dict.fromkeys(cut.columns, "1970-01-01")
    moved = keys | dict.fromkeys(columns or (), "1970-01-02")
    for incremental in (False, True):
        before = Scope(this, incremental, False, *first, "1970-01-01", keys)
        bounds = other if window else first
        after = Scope(
            this, incremental, False, *bounds, "1970-01-02" if key else "1970-01-01", moved
        )
        if body.render(before).text != body.render(after).text:
            return True
    return False


def column_hint(cut: PlainAxis, column: str) -> str:
    """What a column must be for the guard to be of its type."""
    if isinstance(cut, TimeAxis):
        return (
            f"the partition column '{column}' must be a date or a timestamp: cast({column} as date)"
        )
    if isinstance(cut, IntegerAxis):
        return f"the partition column '{column}' must be a number: cast({column} as bigint)"
    return f"the values of the partition must be such as the column '{column}' can hold"
