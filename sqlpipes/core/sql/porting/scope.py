"""A FROM clause -> the tables that a column's name may mean, with what is known of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sqlglot import exp

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.sql.porting.families import named
from sqlpipes.core.sql.porting.porting import Porting

Outs = tuple[tuple[str, str | None], ...]
"""(name, family) of each column; a name "" is one that nobody gave."""

Ctes = Mapping[str, Outs | None]


@dataclass(frozen=True, slots=True)
class Source:
    """`columns` None: nobody knows them. `outer`: its rows may be padded with nulls."""

    alias: str
    columns: Outs | None

    def has(self, name: str) -> bool | None:
        """Whether there is such a column; None when that is not known."""
        if self.columns is None:
            return None
        return any(column.casefold() == name for column, _ in self.columns)


@dataclass(slots=True)
class Scope:
    """The sources of one SELECT, which grow while its joins are read, and those around it."""

    sources: list[Source] = field(default_factory=list)
    around: Scope | None = None

    def owner(self, table: str, column: str) -> Source | None:
        """The source that a column is of, if that is certain."""
        if table:
            for source in self.sources:
                if source.alias == table.casefold():
                    return source
            return self.around.owner(table, column) if self.around else None
        has = [source.has(column.casefold()) for source in self.sources]
        if True in has:
            return self.sources[has.index(True)]
        if None in has:
            return self.sources[0] if len(has) == 1 else None
        return self.around.owner(table, column) if self.around else None

    def lacks(self, column: str) -> bool:
        """Whether it is certain that no source has such a column."""
        return all(source.has(column.casefold()) is False for source in self.sources)

    def family(self, table: str, column: str) -> str | None:
        source = self.owner(table, column)
        for name, found in (source.columns or ()) if source else ():
            if name.casefold() == column.casefold():
                return found
        return None


def table_columns(porting: Porting, table: Any, ctes: Ctes) -> Outs | None:
    """Of a name in FROM: a CTE's, or what is known of the table."""
    name = str(table.name)
    if not table.args.get("db") and name.casefold() in ctes:
        return ctes[name.casefold()]
    found = porting.columns_of(name)
    return tuple((column, named(kind)) for column, kind in found) if found is not None else None


def renamed(columns: Outs | None, alias: Any) -> Outs | None:
    """The columns under the names that stand behind the alias: `as t(a, b)`."""
    names = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    if not names:
        return columns
    said = [str(column.name) for column in names]
    if columns is None or len(columns) < len(said):
        return None
    rest = columns[len(said) :]
    return (*zip(said, (found for _, found in columns), strict=False), *rest)
