"""A query + the columns of its tables -> Defined: what it makes of them, as digests to compare.

Of two of them can be told which columns a changed text may have changed. Not understood: None, as then
nothing can be told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.basis import Bound, Columns

if TYPE_CHECKING:
    from sqlglot import exp

    from sqlpipes.core.lineage.types import Types

DIGESTS = "2"
"""Moves when the same text may have other digests; those that were kept before count for nothing then."""

UNSTEADY = re.compile(
    r"\b(current_(user|role|schemas?|database|catalog|setting)|session_user|getenv|getvariable|txid_current"
    r"|pg_\w+|duckdb_\w+|pragma_\w+|information_schema|sqlite_\w+|mode\s*\(|user\s*\(|approx_\w+"
    r"|reservoir_\w+)",
    re.IGNORECASE,
)
"""What may be another value although no table is: of the session or the server, or of rows in any order.
It may stand in a comment or a text: then less is known than could be."""


@dataclass(frozen=True, slots=True)
class Defined:
    """`columns`: (folded name, digest) in order. `loose`: columns that may differ without any input doing so.

    `tables`: each name of a table as it is written -> the asset that it means.
    """

    rows: str
    columns: tuple[tuple[str, str], ...]
    tables: tuple[tuple[str, str], ...]
    loose: frozenset[str] = frozenset()

    def moved_since(self, old: Defined) -> frozenset[str] | None:
        """Columns whose values another text may have changed, were all tables as before; None: the rows.

        New columns and those that are gone are among them, and "" where anything of the columns is another:
        nobody reads that, but who reads all of them sees it.
        """
        before, now = dict(old.columns), dict(self.columns)
        meant = dict(old.tables)
        if old.rows != self.rows or any(meant.get(k, v) != v for k, v in self.tables):
            return None
        names = before.keys() | now.keys()
        moved = {name for name in names if before.get(name) != now.get(name)}
        moved |= old.loose | self.loose | ({""} if old.columns != self.columns else set())
        return frozenset(name.casefold() for name in moved)

    def to_plain(self) -> list[Any]:
        return [DIGESTS, self.rows, self.columns, self.tables, sorted(self.loose)]

    @staticmethod
    def from_plain(plain: Any) -> Defined | None:
        """None for what another version wrote, or nobody."""
        if not plain or plain[0] != DIGESTS:
            return None
        _, rows, columns, tables, loose = plain
        return Defined(rows, _pairs(columns), _pairs(tables), frozenset(loose))


def defined(query: Bound, dialect: str, columns: Mapping[str, Columns | None]) -> Defined | None:
    """What a query makes of its tables. `columns`: asset -> all that it has; None: not known."""
    from sqlpipes.core.lineage.digests import digests_of_trees, parsed
    from sqlpipes.core.lineage.types import Types

    if UNSTEADY.search(query.text):
        return None
    types = Types(dialect)
    trees = parsed(query.text, types)
    if not _calls_known(trees, types):
        return None
    found = digests_of_trees(
        trees, types, {parts: columns.get(name) for parts, name in query.tables}
    )
    if not found.rows or not found.listed or None in found.loose:
        return None
    unread = {name for name, digest in found.columns.items() if not digest}
    meant = tuple((json.dumps(parts), asset) for parts, asset in query.tables)
    loose = frozenset(name for name in found.loose if name is not None)
    return Defined(found.rows, tuple(found.columns.items()), meant, loose | unread)


def _pairs(plain: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, said) for name, said in plain)


def _calls_known(trees: list[exp.Expr], types: Types) -> bool:
    """Whether all functions are the engine's own: what a macro does may be another thing tomorrow."""
    from sqlglot import exp

    from sqlpipes.core.lineage.builtins import BUILTINS

    own = BUILTINS if types.dialect_name == "duckdb" else frozenset[str]()
    return all(
        str(node.name).lower() in own and not isinstance(node.parent, exp.Dot)
        for tree in trees
        for node in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc)
    )
