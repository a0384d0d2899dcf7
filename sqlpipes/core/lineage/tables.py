"""What is known of a relation while a query is read: its columns, their origins, and what feeds its rows.

A *leaf* is a table that the query names and does not define itself. Everything else (CTE, subquery,
join, set operation) is a `Table` whose columns trace back to leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from enum import IntEnum
from typing import Any, NamedTuple

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.facts import ANY, RowSetKind


class Level(IntEnum):
    """Edge kinds by how much they change; along a chain the highest stays."""

    STAR = 0
    COPIED = 1
    CAST = 2
    COMPUTED = 3
    WINDOW = 4
    AGGREGATED = 5
    UNKNOWN = 6


Origin = tuple[str, str]  # leaf, its column
Origins = dict[Origin, Level]
RowKey = tuple[str, str, RowSetKind]  # leaf, its column, how it decides
Rows = dict[RowKey, int]  # -> offset in the text of the first place that says so


@dataclass(slots=True)
class Out:
    """One column of a relation. `offset` is where it is defined, None in a leaf."""

    name: str
    key: str  # the name as the dialect compares it
    origins: Origins
    type: Any = None  # sqlglot's DataType, None when unknown
    offset: int | None = None
    aggregated: bool = False  # its expression has an aggregate: no key of GROUP BY ALL
    twin: str | None = None  # the name it was given, when another column has it


class Opening(NamedTuple):
    """A leaf of which further columns pass through: under their own names (`exact`), or turned somehow."""

    leaf: str
    exact: bool = True


@dataclass(slots=True)
class Table:
    """A relation. `open`: there are further columns, of these leaves, that could not be listed.

    `guessed`: a column's name is not certain, so nothing can be said to be missing.
    """

    outs: list[Out] = field(default_factory=list)
    open: tuple[Opening, ...] = ()
    leaves: tuple[str, ...] = ()
    rows: Rows = field(default_factory=dict)
    guessed: bool = False

    @property
    def is_certain(self) -> bool:
        return not self.open and not self.guessed


@dataclass(slots=True)
class Source:
    """A relation under a name in FROM. `parts`: schema and catalog before it, folded, when spelt."""

    name: str
    table: Table
    parts: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()  # keys that an unqualified star or name does not see here
    lateral: bool = True


@dataclass(slots=True)
class Scope:
    """The names that an expression can see. `parent` is the query around a subquery."""

    parent: Scope | None = None
    ctes: Mapping[str, Table] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Out] = field(default_factory=dict)  # columns of USING and NATURAL, by key
    aliases: dict[str, Out] = field(default_factory=dict)
    alias_first: bool = False  # ORDER BY sees the output before the input
    windows: dict[str, Any] = field(default_factory=dict)
    implicit: bool = False  # a subquery in FROM without LATERAL: reaches out only as a last resort

    @property
    def is_certain(self) -> bool:
        """Whether a name that is not found here or around here is certainly missing."""
        return all(source.table.is_certain for scope in self.chain() for source in scope.sources)

    def chain(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def leaves(self) -> tuple[str, ...]:
        return unique(leaf for source in self.sources for leaf in source.table.leaves)

    def names(self) -> list[str]:
        """Every column name in sight, nearest scope first."""
        scopes = list(self.chain())
        return [out.name for s in scopes for source in s.sources for out in source.table.outs] + [
            out.name for s in scopes for out in s.aliases.values()
        ]


def unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def merge(into: Origins, origins: Origins, level: Level) -> None:
    for origin, own in origins.items():
        into[origin] = max(into.get(origin, Level.STAR), own, level)


def merge_rows(into: Rows, rows: Rows) -> None:
    for key, offset in rows.items():
        into.setdefault(key, offset)


def any_of(leaves: Iterable[str], level: Level) -> Origins:
    """Origins in rows (or unknown columns) of `leaves`."""
    return {(leaf, ANY): level for leaf in leaves}


def unknown_of(opened: Iterable[Opening]) -> Origins:
    """Origins in columns that could not be listed."""
    return any_of((opening.leaf for opening in opened), Level.UNKNOWN)


def open_origins(opened: tuple[Opening, ...], name: str) -> Origins:
    """Where a column that no known table has comes from: certain when only one table can have it."""
    if len(opened) == 1 and opened[0].exact:
        return {(opened[0].leaf, name): Level.COPIED}
    return {(leaf, name if exact else ANY): Level.UNKNOWN for leaf, exact in opened}


def openings(sources: Iterable[Source]) -> tuple[Opening, ...]:
    return tuple(dict.fromkeys(opening for source in sources for opening in source.table.open))
