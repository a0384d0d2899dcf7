"""`partition:` of a source -> how it is cut into windows, which are wherever its rows are.

Nobody builds a window, so nothing bounds them: `start` and `end` are checked, and say no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.core.partitions import IntegerAxis, Partitioning, ValueAxis
from sqlpipes.read.marked import Node
from sqlpipes.read.partition import (
    INTEGER_KEYS,
    TIME_KEYS,
    VALUE_KEYS,
    check_order,
    column_of,
    instant_of,
    needed,
    number_of,
    read_partitioning,
    time_axis,
    zone_of,
)
from sqlpipes.read.settings import count

EXAMPLE = "for example partition: {by: day, column: ordered_at}"
OF_TIME = ("by", "column", "start", "end", "timezone")
OF_VALUES = ("by", "column")
OF_INTEGERS = ("by", "column", "width", "start", "end")
OF_MODELS = frozenset({*TIME_KEYS, *VALUE_KEYS, *INTEGER_KEYS})
PATH = "path"  # where the keys of the windows stand in the paths of files


def source_partitioning(node: Node | None, problems: list[Problem]) -> Partitioning | None:
    """None without a partition, or when it has a fault (PAR001: start or end, PAR002: the rest)."""
    return read_partitioning(node, problems, EXAMPLE, _product, partial(_cut, more=(PATH,)))


def _product(node: Node, faults: list[Problem]) -> Partitioning | None:
    _check_keys(node, ("by", PATH), faults)
    by = node.get("by")
    assert by is not None
    cuts: list[Partitioning] = []
    for part in by.items():
        if not isinstance(part.value, dict):
            message = "each part of 'by' must be a mapping"
            faults.append(Problem("PAR002", message, part.at, EXAMPLE))
        elif (cut := _cut(part, faults)) is not None:
            if any(cut.column == other.column for other in cuts):
                message = f"two parts are cut along the column '{cut.column}'"
                faults.append(Problem("PAR002", message, part.at, "name another column"))
            cuts.append(cut)
    if len(list(by.items())) < 2:
        faults.append(Problem("PAR002", "a product has two parts or more", by.at, EXAMPLE))
    return replace(cuts[0], others=tuple(cuts[1:])) if cuts else None


def _cut(node: Node, faults: list[Problem], more: tuple[str, ...] = ()) -> Partitioning | None:
    by = node.get("by")
    name = str(by.value).casefold() if by is not None else ""
    if name in ("values", "value"):
        _check_keys(node, (*OF_VALUES, *more), faults)
        column = column_of(node, faults)
        return Partitioning(column, ValueAxis()) if column else None
    if name in ("integer", "integers"):
        return _by_integers(node, faults, more)
    return _by_time(node, faults, more)


def _by_integers(node: Node, faults: list[Problem], more: tuple[str, ...]) -> Partitioning | None:
    _check_keys(node, (*OF_INTEGERS, *more), faults)
    column = column_of(node, faults)
    width = count(needed(node, "width", faults), faults, least=1)
    axis = IntegerAxis(width) if width else None
    start, end = (number_of(node.get(key), axis, faults) for key in ("start", "end"))
    check_order(node, start, end, faults)
    return Partitioning(column, axis, end=0) if column and axis else None


def _by_time(node: Node, faults: list[Problem], more: tuple[str, ...]) -> Partitioning | None:
    by = needed(node, "by", faults)
    axis = time_axis(by, zone_of(node.get("timezone"), faults), faults) if by else None
    if by is not None and axis is None:
        return None  # which keys it has depends on what it is cut by
    _check_keys(node, (*OF_TIME, *more), faults)
    column = column_of(node, faults)
    start, end = (instant_of(node.get(key), axis, faults) for key in ("start", "end"))
    check_order(node, start, end, faults)
    return Partitioning(column, axis) if column and axis else None


def _check_keys(node: Node, keys: Sequence[str], faults: list[Problem]) -> None:
    for key, below in node.entries():
        if key in keys:
            continue
        hint = did_you_mean(key, keys) or f"known keys: {', '.join(keys)}"
        if key in OF_MODELS:
            hint = "its windows are wherever its rows are, and nobody builds them: leave it out"
        message = f"the partition of a source has no key '{key}'"
        faults.append(Problem("PAR002", message, below.key_at, hint))
