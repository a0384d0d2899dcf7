"""`partition: {by, column, ...}` -> Partitioning; the start must be where a slice starts.

Which keys a partition has depends on what it is cut by: time, values, integers, or several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.core.partitions import (
    UNITS,
    IntegerAxis,
    Partitioning,
    TimeAxis,
    ValueAxis,
    is_zone,
    parse_instant,
    parse_step,
    value_text,
    window_text,
    zone_names,
)
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import count, flag, text, wrong

TIME_KEYS = (
    *("by", "column", "start", "end", "timezone", "include_current"),
    *("lookback", "batch", "order"),
)
Reader = Callable[[Node, list[Problem]], Partitioning | None]
VALUE_KEYS = ("by", "column", "values", "values_from", "batch")
INTEGER_KEYS = ("by", "column", "width", "start", "end", "lookback", "batch", "order")
PRODUCT_KEYS = ("by", "lookback", "batch", "order")
OF_THE_WHOLE = ("lookback", "batch", "order")  # in a product: beside its list, not in it
KINDS = ("values", "integer")
ORDERS = ("oldest", "newest")
EXAMPLE = "for example partition: {by: day, column: order_date, start: 2024-01-01}"


def partitioning(node: Node | None, problems: list[Problem]) -> Partitioning | None:
    """None without a partition, or when it has a fault (PAR001: start or end, PAR002: the rest)."""
    return read_partitioning(node, problems, EXAMPLE, _product, _cut)


def read_partitioning(
    node: Node | None, problems: list[Problem], example: str, product: Reader, cut: Reader
) -> Partitioning | None:
    """The same with other readers: of what is cut by a list under `by`, and of one part alone."""
    if node is None:
        return None
    if not isinstance(node.value, dict):
        problems.append(Problem("PAR002", "'partition' must be a mapping", node.at, example))
        return None
    faults: list[Problem] = []
    by = node.get("by")
    several = by is not None and isinstance(by.value, list)
    found = product(node, faults) if several else cut(node, faults)
    problems += faults
    return None if faults else found


def asked_values(node: Node | None) -> dict[str, Node]:
    """column -> the text of the query that finds its values."""
    by = node.get("by") if node is not None else None
    parts = by.items() if by is not None and isinstance(by.value, list) else [node] if node else []
    found = {}
    for part in parts:
        column, asked = part.get("column"), part.get("values_from")
        if column is not None and asked is not None:
            found[str(column.value)] = asked
    return found


def _product(node: Node, faults: list[Problem]) -> Partitioning | None:
    check_keys(node, PRODUCT_KEYS, faults)
    by = node.get("by")
    assert by is not None
    cuts: list[Partitioning] = []
    for part in by.items():
        if not isinstance(part.value, dict):
            faults.append(
                Problem("PAR002", "each part of 'by' must be a mapping", part.at, EXAMPLE)
            )
            continue
        for key in OF_THE_WHOLE:
            if (below := part.get(key)) is not None:
                hint = "write it beside `by:`, for it is said of the whole"
                message = f"'{key}' does not go with one part of a product"
                faults.append(Problem("PAR002", message, below.key_at, hint))
        if (cut := _cut(part, faults)) is not None:
            if any(cut.column == other.column for other in cuts):
                message = f"two parts are cut along the column '{cut.column}'"
                faults.append(Problem("PAR002", message, part.at, "name another column"))
            cuts.append(cut)
    if len(list(by.items())) < 2:
        faults.append(Problem("PAR002", "a product has two parts or more", by.at, EXAMPLE))
    lookback, batch = _counts(node, faults)
    newest = _newest_first(node, faults)
    if faults or not cuts:
        return None
    others = tuple(cuts[1:])
    return replace(cuts[0], others=others, lookback=lookback, batch=batch, newest_first=newest)


def _cut(node: Node, faults: list[Problem]) -> Partitioning | None:
    by = node.get("by")
    name = str(by.value).casefold() if by is not None else ""
    if by is None and (node.get("values") or node.get("values_from")):
        name = "values"
    if name in ("values", "value"):
        return _by_values(node, faults)
    if name in ("integer", "integers"):
        return _by_integers(node, faults)
    return _by_time(node, by, faults)


def _by_time(node: Node, by: Node | None, faults: list[Problem]) -> Partitioning | None:
    zone = zone_of(node.get("timezone"), faults)
    axis = time_axis(by, zone, faults) if by is not None else None
    if by is not None and axis is None:
        return None  # which keys it has depends on what it is cut by
    check_keys(node, TIME_KEYS, faults)
    if by is None:
        faults.append(Problem("PAR002", "the partition needs 'by'", node.key_at))
    column = column_of(node, faults)
    start = instant_of(needed(node, "start", faults), axis, faults)
    end = instant_of(node.get("end"), axis, faults)
    check_order(node, start, end, faults)
    include = flag(node.get("include_current"), False, faults)
    lookback, batch = _counts(node, faults)
    newest = _newest_first(node, faults)
    if axis is None or start is None or column is None:
        return None
    return Partitioning(column, axis, start, end, include, lookback, batch, newest_first=newest)


def _by_values(node: Node, faults: list[Problem]) -> Partitioning | None:
    check_keys(node, VALUE_KEYS, faults)
    column = column_of(node, faults)
    listed, asked = node.get("values"), node.get("values_from")
    if (listed is None) == (asked is None):
        message = "a partition by values needs either 'values' or 'values_from'"
        hint = "values: [eu, us], or values_from: select distinct region from ..."
        at = asked.key_at if asked is not None else node.key_at
        faults.append(Problem("PAR002", message, at, hint))
    values = _values(listed, faults) if listed is not None else ()
    query = text(asked, faults).strip() or None
    _, batch = _counts(node, faults)
    if column is None:
        return None
    return Partitioning(column, ValueAxis(), batch=batch, values=values, values_from=query)


def _values(node: Node, faults: list[Problem]) -> tuple[str, ...]:
    if not isinstance(node.value, list) or not node.value:
        faults.append(Problem("PAR002", "'values' must be a list of values", node.at, "[eu, us]"))
        return ()
    found: dict[str, None] = {}
    for item, value in zip(_members(node), node.value, strict=True):
        if isinstance(value, (list, dict)):
            faults.append(wrong(item, "a text or a number"))
            continue
        try:
            said = value_text(value)
        except ValueError as fault:
            faults.append(Problem("PAR002", str(fault), item.at))
            continue
        if said in found:
            faults.append(
                Problem("PAR002", f"the value '{said}' stands twice in the list", item.at)
            )
        found[said] = None
    return tuple(found)


def _members(node: Node) -> Sequence[Node]:
    return tuple(node.items())


def _by_integers(node: Node, faults: list[Problem]) -> Partitioning | None:
    check_keys(node, INTEGER_KEYS, faults)
    column = column_of(node, faults)
    said = needed(node, "width", faults)
    width = count(said, faults, least=1)
    axis = IntegerAxis(width) if width else None
    start = number_of(needed(node, "start", faults), axis, faults)
    end = number_of(needed(node, "end", faults), axis, faults)
    check_order(node, start, end, faults)
    lookback, batch = _counts(node, faults)
    newest = _newest_first(node, faults)
    if axis is None or start is None or end is None or column is None:
        return None
    return Partitioning(
        column, axis, start, end, lookback=lookback, batch=batch, newest_first=newest
    )


def number_of(node: Node | None, axis: IntegerAxis | None, faults: list[Problem]) -> int | None:
    if node is None or axis is None:
        return None
    if not isinstance(node.value, int) or isinstance(node.value, bool):
        faults.append(wrong(node, "a whole number"))
        return None
    ordinal = axis.ordinal(node.value)
    if not axis.fits(node.value):
        before, after = axis.number(ordinal), axis.number(ordinal + 1)
        message = f"no slice of {axis} starts at {node.value}"
        faults.append(Problem("PAR001", message, node.at, f"write {before} or {after}"))
        return None
    return ordinal


def check_keys(node: Node, keys: Sequence[str], faults: list[Problem]) -> None:
    for key, below in node.entries():
        if key not in keys:
            hint = did_you_mean(key, keys) or f"known keys: {', '.join(keys)}"
            faults.append(Problem("PAR002", f"a partition has no key '{key}'", below.key_at, hint))


def check_order(node: Node, start: int | None, end: int | None, faults: list[Problem]) -> None:
    if start is not None and end is not None and end <= start and (at := node.get("end")):
        message = "the end of the partitions lies before their start"
        faults.append(Problem("PAR001", message, at.at))


def _counts(node: Node, faults: list[Problem]) -> tuple[int, int | None]:
    lookback = count(node.get("lookback"), faults) or 0
    return lookback, count(node.get("batch"), faults, least=1)


def column_of(node: Node, faults: list[Problem]) -> str | None:
    return text(needed(node, "column", faults), faults) or None


def _newest_first(node: Node, faults: list[Problem]) -> bool:
    """`order`: which of the batches are built first."""
    said = node.get("order")
    if said is None or said.value in ORDERS:
        return said is not None and said.value == "newest"
    hint = did_you_mean(str(said.value), ORDERS)
    faults.append(replace(wrong(said, "oldest or newest"), hint=hint))
    return False


def needed(node: Node, key: str, faults: list[Problem]) -> Node | None:
    found = node.get(key)
    if found is None:
        faults.append(Problem("PAR002", f"the partition needs '{key}'", node.key_at))
    return found


def zone_of(node: Node | None, faults: list[Problem]) -> str:
    if node is None:
        return "UTC"
    name = text(node, faults)
    if not is_zone(name):
        hint = did_you_mean(name, zone_names()) or "write it as in Europe/Berlin"
        faults.append(Problem("PAR002", f"there is no timezone '{name}'", node.at, hint))
        return "UTC"
    return name


def time_axis(by: Node, zone: str, faults: list[Problem]) -> TimeAxis | None:
    try:
        return parse_step(str(by.value), zone)
    except ValueError as fault:
        message, _, hint = str(fault).partition(": ")
        hint = hint or "any number of minutes or hours that divides a day, such as 15 minutes"
        if message.startswith("nothing is cut"):
            hint = did_you_mean(str(by.value).casefold(), (*UNITS, *KINDS)) or hint
        faults.append(Problem("PAR002", message, by.at, hint))
        return None


def instant_of(node: Node | None, axis: TimeAxis | None, faults: list[Problem]) -> int | None:
    if node is None or axis is None:
        return None
    try:
        at = parse_instant(str(node.value), axis.zone)
        ordinal = axis.ordinal(at)
        fits = axis.fits(at)
        near = (axis.boundary(ordinal), axis.boundary(ordinal + 1))
    except (ValueError, OverflowError):
        faults.append(wrong(node, "a date such as 2024-01-01 (also 2024-01, 2024-Q1, 2024)"))
        return None
    if not fits:
        hint = f"write {window_text(near[0])} or {window_text(near[1])}"
        message = f"no {axis} starts at {node.value}"
        faults.append(Problem("PAR001", message, node.at, hint))
        return None
    return ordinal
