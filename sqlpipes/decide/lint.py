"""Graph + lineage + facts of the queries -> what is wrong that needs no warehouse to be seen.

Unknown tables, cycles and syntax errors were told when the graph was linked; they are not repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from sqlpipes.core.asset import Check
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage import Lineage
from sqlpipes.core.sql import fold


class NamedPlace(Protocol):
    """A name and where it stands."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> Location: ...


class QueryFacts(Protocol):
    """What lint asks of a query's facts."""

    @property
    def unused_ctes(self) -> tuple[NamedPlace, ...]: ...


def lint(graph: Graph, lineage: Lineage, facts: Mapping[str, QueryFacts]) -> tuple[Problem, ...]:
    """COL001-003 (columns), CTE001 (unused WITH), CHK004 (checks), ENG041 (indexes), by place."""
    found = [
        *_column_problems(graph, lineage),
        *_unused_ctes(graph, facts),
        *_missing_checked(graph, lineage),
        *_missing_indexed(graph, lineage),
    ]
    return tuple(sorted(dict.fromkeys(found), key=_place))


def _column_problems(graph: Graph, lineage: Lineage) -> Iterator[Problem]:
    for name in graph.order:
        if name in lineage.facts:
            yield from lineage.facts[name].problems


def _unused_ctes(graph: Graph, facts: Mapping[str, QueryFacts]) -> Iterator[Problem]:
    for name in graph.order:
        for cte in facts[name].unused_ctes if name in facts else ():
            yield Problem(
                "CTE001",
                f"nothing reads '{cte.name}'",
                cte.at,
                "remove it, or select from it",
                Severity.WARNING,
            )


def _missing_checked(graph: Graph, lineage: Lineage) -> Iterator[Problem]:
    """Checks of columns that the asset certainly does not have."""
    for check in graph.checks.values():
        if not lineage.is_listed(check.asset):
            continue
        names = names_of(check.asset, graph, lineage)
        known = {fold(name, True, graph.dialect) for name in names}
        for column in check.columns:
            if not is_known(column, known, graph.dialect):
                yield missing_check(check, column, names)


def _missing_indexed(graph: Graph, lineage: Lineage) -> Iterator[Problem]:
    """Indexes on columns that the asset certainly does not have."""
    for name, asset in graph.assets.items():
        if not asset.extras.indexes or not lineage.is_listed(name):
            continue
        names = names_of(name, graph, lineage)
        known = {fold(each, True, graph.dialect) for each in names}
        for index in asset.extras.indexes:
            for column in index.columns:
                if not is_known(column, known, graph.dialect):
                    message = f"an index of '{name}' names '{column}', which it does not have"
                    hint = did_you_mean(column, names) or f"it has {', '.join(names)}"
                    yield Problem("ENG041", message, index.place(column) or asset.at, hint)


def names_of(name: str, graph: Graph, lineage: Lineage) -> list[str]:
    """The columns of an asset, those of a snapshot included."""
    snapshot = graph.assets[name].snapshot
    names = [column.name for column in lineage.columns(name)]
    return [*names, *(snapshot.added if snapshot is not None else ())]


def is_known(column: str, known: set[str], dialect: str) -> bool:
    """A check's column may be spelt as the catalog does, or as one writes it unquoted."""
    return fold(column, True, dialect) in known or fold(column, False, dialect) in known


def missing_check(check: Check, column: str, names: list[str]) -> Problem:
    hint = did_you_mean(column, names) or (f"it has {', '.join(names)}" if names else None)
    message = f"{check.type} checks '{column}', which {check.asset} does not have"
    return Problem("CHK004", message, check.at, hint)


def _place(problem: Problem) -> tuple[str, int, int, str, str]:
    at = problem.at or Location("")
    return at.file, at.line, at.column, problem.code, problem.message
