"""The noun of the prover: which rows of a table a window of an output column hangs on. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from sqlpipes.core.lineage.hops import road
from sqlpipes.core.partitions import Reach, reach_from, reach_plain, reach_text


@dataclass(frozen=True, slots=True)
class Local:
    """Rows with `column` in a window hang on no rows of `table` but those with `source` in its reach.

    All of the row, and how often it is there. `reaches`: one per place of the query that reads the
    table; what any of them reaches counts. NULL is in no window. A reach that is not empty speaks
    of time: where the columns are no times, it proves nothing. `text` at `line` and `column_at` is
    the expression that says so.
    """

    column: str
    table: str
    source: str
    reaches: tuple[Reach, ...]
    text: str = ""
    line: int = 1
    column_at: int = 1

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


def locals_json(found: Locals) -> str:
    """Compact: `locals_from_json` gives an equal value back."""
    rows = [local.to_plain() for local in found]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def locals_from_json(text: str) -> Locals:
    """Raises ValueError, KeyError or TypeError on text that `locals_json` did not write."""
    return tuple(Local.from_plain(plain) for plain in json.loads(text))


def through(reader: Local, view: Local) -> Local | None:
    """What a query proves of a view, and the view's query of its table, in one; None when too long.

    The place is the reader's own.
    """
    if reader.source.casefold() != view.column.casefold():
        return None
    roads = [road(one, other) for one, other in product(reader.reaches, view.reaches)]
    if None in roads:
        return None
    reaches = ordered(each for each in roads if each is not None)
    return replace(reader, table=view.table, source=view.source, reaches=reaches)


def ordered(reaches: Iterable[Reach]) -> tuple[Reach, ...]:
    return tuple(sorted(set(reaches), key=lambda reach: (len(reach), reach_text(reach))))
