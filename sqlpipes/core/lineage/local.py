"""The noun of the prover: which rows of a table a window of an output column hangs on. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.hops import road
from sqlpipes.core.partitions import (
    DrillDown,
    Near,
    Reach,
    RollUp,
    Span,
    reach_from,
    reach_plain,
    reach_text,
)


@dataclass(frozen=True, slots=True)
class Passed:
    """A place in the query of a view that is looked through, and which says more than a copy."""

    view: str
    text: str
    line: int
    column_at: int


@dataclass(frozen=True, slots=True)
class Local:
    """Rows with `column` in a window hang on no rows of `table` but those with `source` in its reach.

    All of the row, and how often it is there. `reaches`: one per place of the query that reads the
    table; what any of them reaches counts. NULL is in no window. A reach that is not empty speaks
    of time: where the columns are no times, it proves nothing. `text` at `line` and `column_at` is
    the expression that says so; `via` adds what views say, and is made by `through` only.
    """

    column: str
    table: str
    source: str
    reaches: tuple[Reach, ...]
    text: str = ""
    line: int = 1
    column_at: int = 1
    via: tuple[Passed, ...] = ()

    def to_plain(self) -> list[Any]:
        """A list that JSON can hold."""
        reaches = [reach_plain(reach) for reach in self.reaches]
        return [self.column, self.table, self.source, reaches, self.text, self.line, self.column_at]

    @staticmethod
    def from_plain(plain: Any) -> Local:
        """ValueError, KeyError or TypeError for what `to_plain` never wrote."""
        column, table, source, reaches, text, line, at = plain
        return Local(column, table, source, tuple(reach_from(r) for r in reaches), text, line, at)


Locals = tuple[Local, ...]


def through(reader: Local, view: Local) -> Local | None:
    """What a query proves of a view, and the view's query of its table, in one; None when too long.

    The place is the reader's own; that of the view stands besides, unless it copies.
    """
    if reader.source.casefold() != view.column.casefold():
        return None
    roads = [road(one, other) for one, other in product(reader.reaches, view.reaches)]
    if None in roads:
        return None
    reaches = ordered(each for each in roads if each is not None)
    here = Passed(reader.table, view.text, view.line, view.column_at)
    via = reader.via if view.reaches == ((),) else (*reader.via, here)
    return replace(reader, table=view.table, source=view.source, reaches=reaches, via=via)


def ordered(reaches: Iterable[Reach]) -> tuple[Reach, ...]:
    """Those that say something that no other does."""
    every = set(reaches)
    needed = [r for r in every if not any(_covers(other, r) for other in every if other != r)]
    return tuple(sorted(needed, key=lambda reach: (len(reach), reach_text(reach))))


def _covers(wide: Reach, narrow: Reach) -> bool:
    """Whether the one is the other with something between that widens and moves nothing."""
    extra = len(wide) - len(narrow)
    if extra <= 0:
        return False
    return any(
        wide[:i] == narrow[:i] and wide[i + extra :] == narrow[i:] and _widens(wide[i : i + extra])
        for i in range(len(narrow) + 1)
    )


def _widens(hops: Reach) -> bool:
    if len(hops) == 2 and isinstance(hops[0], DrillDown) and isinstance(hops[1], RollUp):
        return hops[0].unit == hops[1].unit
    return all(
        isinstance(hop, Near)
        and all(n >= 0 for span in (hop.back, hop.ahead) for n in _numbers(span))
        for hop in hops
    )


def _numbers(span: Span) -> tuple[int, int, int]:
    return span.months, span.days, span.micros
