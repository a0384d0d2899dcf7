"""A relation + how it is cut -> the token of each of its windows, in one query grouped by window.

Every engine says the same in its own words (`Words`).

A window is what a slice of a model would be, to the microsecond: DATE and TIMESTAMP columns hold what
the zone's clock shows, TIMESTAMPTZ instants. So its ordinal is computed in SQL from the stretches of
the zone's clock, which are those that slices are cut by. Rows without a value, and those beyond the
years 2 to 9998 or what 62 bits hold, lie in no window.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError, Problem, did_you_mean
from sqlpipes.core.partitions import (
    Grain,
    IntegerAxis,
    Label,
    Labels,
    Partitioning,
    Stretch,
    TimeAxis,
    ValueAxis,
    beat,
    first_place,
    rest_places,
    stretches_of,
    value_text,
)
from sqlpipes.core.windows import Slot, Windows

ROW = "sqlpipes row"  # an alias that is no column's name, so that it means the whole row

DAY = 86_400_000_000  # microseconds
MONDAY = 4  # the fifth of January 1970 was one
FIRST, LAST = "0002-01-01", "9999-01-01"  # every type of time compares with a date
LONG_AGO = 70_000_000_000_000_000  # microseconds: more than lie between the years 1 and 1970
LARGEST = 2**62

MOST_LABELS = 10_000  # each is a row of ranges in the state
MOST_WINDOWS = 1_000_000  # each is a row of the state


@dataclass(frozen=True, slots=True)
class Words:
    """What an engine calls its types, and how it says what dialects say differently."""

    zoned: str  # the type of instants
    times: tuple[str, ...]
    sizes: tuple[str, ...]  # types of whole numbers
    numbers: tuple[str, ...]
    texts: tuple[str, ...]  # types whose values can name a window
    wide: str  # whole numbers that no product overflows
    row_hash: str
    epoch_us: str  # microseconds since 1970 of a timestamp
    at_us: str  # the timestamp of these
    year: str
    month: str
    divided: str  # whole numbers above zero, rounded down
    identifier: Callable[[str], str]
    date: str = "date '{}'"
    shown: str = "cast({} as timestamp)"  # what the column shows; of an instant, a clock in UTC
    whole: str = "cast({} as bigint)"
    text: str = "cast({} as varchar)"
    floor: str = "floor({})"
    greatest: str = "greatest({}, {})"
    least: str = "least({}, {})"
    summed: str = "sum({})"
    joined: str = "concat({}, ':', {})"


Seen = dict[int, tuple[Stretch, ...]]  # place of a cut -> the stretches of its zone's clock


def windows_of(
    connection: Connection,
    relation: str,
    columns: Sequence[tuple[str, str]],
    changes: str,
    cut: Partitioning,
    words: Words,
) -> Windows:
    """Raises EngineError SRC002 when a column is missing or does not fit, or windows are too many."""
    kinds = _kinds(columns, cut, words)
    clocks = _clocks(connection, relation, cut, kinds, words)
    sql = windows_sql(relation, changes, cut, kinds, clocks, words)
    rows = connection.fetch(sql, MOST_WINDOWS + 1).rows
    if len(rows) > MOST_WINDOWS:
        raise _fault(f"it has more than {MOST_WINDOWS:,} windows", "cut it into longer ones")
    return _folded(rows, cut, changes)


def windows_sql(
    relation: str,
    changes: str,
    cut: Partitioning,
    kinds: Sequence[str],
    clocks: Seen,
    words: Words,
) -> str:
    """One row per window: its ordinal or text per cut (NULL: in no window), and what its token says."""
    keys = [_key(each, kinds[i], clocks.get(i, ()), words) for i, each in enumerate(cut.cuts)]
    shown = ",\n".join([*keys, *_measures(changes, words)])
    grouped = ", ".join(str(i + 1) for i in range(len(keys)))
    return f"select {shown}\nfrom {relation} as {words.identifier(ROW)}\ngroup by {grouped}"


def token_sql(relation: str, changes: str, words: Words) -> str:
    """One row and one column that differs when the relation's content does."""
    if changes == "count":
        return f"select {words.text.format('count(*)')} from {relation}"
    if changes == "hash":
        row = words.identifier(ROW)
        both = words.joined.format("count(*)", words.summed.format(words.row_hash.format(row)))
        return f"select {both} from {relation} as {row}"
    return f"select {_as_text(changes, words)} from {relation}"


def _as_text(changes: str, words: Words) -> str:
    """A user's aggregate, which may end with a comment."""
    return words.text.format(f"(\n{changes}\n)")


def _measures(changes: str, words: Words) -> list[str]:
    if changes == "count":
        return ["count(*)"]
    if changes == "hash":
        row = words.row_hash.format(words.identifier(ROW))
        return ["count(*)", words.summed.format(row)]
    return [_as_text(changes, words)]


def _kinds(columns: Sequence[tuple[str, str]], cut: Partitioning, words: Words) -> tuple[str, ...]:
    """The type of each cut's column."""
    there = {name.lower(): kind for name, kind in columns}
    found = []
    for each in cut.cuts:
        kind = there.get(each.column.lower())
        if kind is None:
            names = [name for name, _ in columns]
            near = did_you_mean(each.column, names) or f"it has {', '.join(names[:8])}"
            raise _fault(f"it has no column '{each.column}'", near)
        found.append(_fitting(each, kind, words))
    return tuple(found)


def _fitting(cut: Partitioning, kind: str, words: Words) -> str:
    """The type without what stands in parentheses."""
    allowed, wanted = words.texts, "a text, a number or a date"
    if isinstance(cut.along, TimeAxis):
        allowed, wanted = words.times, "a date or a timestamp"
    elif isinstance(cut.along, IntegerAxis):
        allowed, wanted = words.numbers, "a number"
    plain = re.sub(r"\(.*\)", "", kind)
    if plain not in allowed:
        message = f"its column '{cut.column}' is {kind}, which is cut by no {cut.along}"
        raise _fault(message, f"the column of the windows must be {wanted}")
    return plain


def _clocks(
    connection: Connection, relation: str, cut: Partitioning, kinds: Sequence[str], words: Words
) -> Seen:
    """The clock of each cut that needs one, between its first and its last row."""
    found: Seen = {}
    for place, each in enumerate(cut.cuts):
        if _needs_clock(each, kinds[place], words):
            assert isinstance(each.along, TimeAxis)
            name = words.identifier(each.column)
            ends = [words.shown.format(f"{end}({name})") for end in ("min", "max")]
            rows = f"{relation} as {words.identifier(ROW)}"
            sql = f"select {', '.join(ends)} from {rows} where {_inside(name, words)}"
            ((first, last),) = connection.fetch(sql).rows
            span = (_read(first), _read(last)) if first else (datetime(1970, 1, 1),) * 2
            found[place] = _around(each.along.zone, *span)
    return found


def _read(at: Any) -> datetime:
    """Where there is no type of time, it is ISO text."""
    return at if isinstance(at, datetime) else datetime.fromisoformat(str(at))


def _around(zone: str, first: datetime, last: datetime) -> tuple[Stretch, ...]:
    """A clock is never a day ahead of UTC, nor behind it, so whole days around hold all that counts."""
    wide = (TimeAxis(Grain.DAY).ordinal(first) - 2, TimeAxis(Grain.DAY).ordinal(last) + 3)
    return stretches_of(zone, *(TimeAxis(Grain.DAY).instant(day) for day in wide))


def _needs_clock(cut: Partitioning, kind: str, words: Words) -> bool:
    """Hours of instants are counted in UTC anyway, and days on a clock are what it shows."""
    axis = cut.along
    if not isinstance(axis, TimeAxis) or axis.zone == "UTC":
        return False
    return (kind == words.zoned) == (beat(axis) is None)


def _key(cut: Partitioning, kind: str, clock: tuple[Stretch, ...], words: Words) -> str:
    name = words.identifier(cut.column)
    if isinstance(cut.along, ValueAxis):
        return words.text.format(name)
    if isinstance(cut.along, IntegerAxis):
        return _number_key(name, cut.along, kind, words)
    found = _time_key(name, cut.along, kind, clock, words)
    return f"case when {_inside(name, words)} then {found} end"


def _number_key(name: str, axis: IntegerAxis, kind: str, words: Words) -> str:
    whole = name if kind in words.sizes else words.floor.format(name)
    steps = f"(cast({whole} as {words.wide}) - ({axis.origin}))"
    inside = f"{name} >= -{LARGEST} and {name} < {LARGEST}"
    rest = f"((({steps} % {axis.width}) + {axis.width}) % {axis.width})"
    found = f"({steps} - {rest}) {words.divided} {axis.width}"
    return f"case when {inside} then {words.whole.format(found)} end"


def _time_key(
    name: str, axis: TimeAxis, kind: str, clock: tuple[Stretch, ...], words: Words
) -> str:
    instants = kind == words.zoned and axis.zone != "UTC"
    us = words.epoch_us.format(name if instants else words.shown.format(name))
    if clock:
        us = _on_clock(us, clock, words) if instants else _in_utc(us, clock, words)
    length = beat(axis)
    if length is not None:
        return _steps(us, *length, words)
    if axis.unit is Grain.DAY:
        return _steps(us, 0, DAY, words)
    if axis.unit is Grain.WEEK:
        return _steps(us, MONDAY * DAY, 7 * DAY, words)
    at = words.at_us.format(us) if clock else words.shown.format(name)
    year, month = words.year.format(at), words.month.format(at)
    if axis.unit is Grain.YEAR:
        return f"{year} - 1970"
    months = f"12 * {year} + {month} - 1"
    if axis.unit is Grain.MONTH:
        return f"{months} - {12 * 1970}"
    return f"({months}) {words.divided} 3 - {4 * 1970}"


def _inside(name: str, words: Words) -> str:
    first, last = words.date.format(FIRST), words.date.format(LAST)
    return f"{name} >= {first} and {name} < {last}"


def _steps(us: str, begin: int, length: int, words: Words) -> str:
    """Division that rounds down: the engine's own rounds towards zero, so it is kept above that."""
    far = LONG_AGO // length + 1
    return f"({us} - ({begin}) + {far * length}) {words.divided} {length} - {far}"


def _on_clock(us: str, clock: Sequence[Stretch], words: Words) -> str:
    """An instant -> what the zone's clock shows, or has shown: set back over midnight, it stays."""

    def shown(one: Stretch) -> str:
        moved = f"{us} + ({one.ahead})"
        if one.start is None or one.ahead >= one.ahead_before:
            return moved
        return words.greatest.format(moved, one.start + one.ahead_before - 1)

    return _chosen(us, clock, lambda one: one.start or 0, shown)


def _in_utc(us: str, clock: Sequence[Stretch], words: Words) -> str:
    """What the zone's clock shows -> the instant: the later one of two, and where the clock skips an
    hour, the last one before that."""

    def instant(one: Stretch) -> str:
        moved = f"{us} - ({one.ahead})"
        return moved if one.end is None else words.least.format(moved, one.end - 1)

    return _chosen(us, clock, lambda one: (one.start or 0) + one.ahead, instant)


def _chosen(
    us: str,
    clock: Sequence[Stretch],
    begins: Callable[[Stretch], int],
    said: Callable[[Stretch], str],
) -> str:
    """The stretch is found by halving: a long clock costs a few comparisons more."""
    if len(clock) == 1:
        return said(clock[0])
    middle = len(clock) // 2
    left = _chosen(us, clock[:middle], begins, said)
    right = _chosen(us, clock[middle:], begins, said)
    return f"(case when {us} < {begins(clock[middle])} then {left} else {right} end)"


def _folded(rows: Sequence[tuple[Any, ...]], cut: Partitioning, changes: str) -> Windows:
    width = len(cut.cuts)
    along, rest = first_place(cut.axis), rest_places(cut.axis)
    found: dict[Slot, str] = {}
    loose: list[str] = []
    for row in rows:
        keys, token = row[:width], ":".join(map(str, row[width:]))
        if None in keys:
            loose.append(f"{keys} {token}")
        else:
            labels = tuple([keys[place] for place in rest])
            found[labels, 0 if along is None else keys[along]] = token
    if rest:
        _demand_names({labels for labels, _ in found})
    total = _total([row[width:] for row in rows], changes)
    return Windows(cut.axis, found, "\n".join(sorted(loose)), total)


def _total(measures: Sequence[tuple[Any, ...]], changes: str) -> str:
    """The token of the whole relation, as `token_sql` would find it, where windows add up to it."""
    if changes not in ("count", "hash"):
        return ""
    sums = [str(sum(map(int, column))) for column in zip(*measures, strict=True)]
    return ":".join(sums) or ("0" if changes == "count" else "0:")


def _demand_names(found: set[Labels]) -> None:
    if len(found) > MOST_LABELS:
        hint = "they are meant to be few: cut it by integers or by time"
        raise _fault(f"it has more than {MOST_LABELS:,} values, each a window", hint)
    for labels in found:
        for label in labels:
            _demand_name(label)


def _demand_name(label: Label) -> None:
    try:
        value_text(label)
    except ValueError as fault:
        raise _fault(
            f"a window cannot be named after the value '{label!s:.40}...'", str(fault)
        ) from None


def _fault(message: str, hint: str) -> EngineError:
    return EngineError(Problem("SRC002", message, hint=hint))
