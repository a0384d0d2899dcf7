"""What can be wrong, as values: where, what, and what to do about it.

    SqlpipesError                 carries one or more Problems; exit code 2 unless said otherwise
    |-- ProjectError              the user's files or command are wrong: mend them
    |-- EngineError               the warehouse refused a statement or a connection
    |   `-- LockedError           another process holds the database
    `-- StoreError                the state database cannot be read or written

A fault is found as a `Problem`, collected with its siblings, and raised once, all together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlpipes.core.dataclass import dataclass


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in one of the user's files. Lines and columns count from 1; `length` is in characters."""

    file: str
    line: int = 1
    column: int = 1
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `code` is three letters and three digits, documented in docs/errors.md.

    >>> str(Problem("REF002", "table 'ordes' does not exist", Location("models/daily.sql", 7, 6)))
    "models/daily.sql:7:6: REF002 table 'ordes' does not exist"
    """

    code: str
    message: str
    at: Location | None = None
    hint: str | None = None
    severity: Severity = Severity.ERROR
    others: tuple[Location, ...] = ()  # further places that take part, e.g. the second definition

    def __str__(self) -> str:
        return (
            f"{self.at}: {self.code} {self.message}" if self.at else f"{self.code} {self.message}"
        )

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


class SqlpipesError(Exception):
    """Carries every problem that was found, never only the first."""

    exit_code = 2

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ProjectError(SqlpipesError):
    """The user's files or command need mending."""


class EngineError(SqlpipesError):
    """The warehouse refused; `statement` is what it was given, when a statement was."""

    exit_code = 1

    def __init__(self, *problems: Problem, statement: str | None = None) -> None:
        super().__init__(*problems)
        self.statement = statement


class LockedError(EngineError):
    """Another process holds the database; the message says which."""


class StoreError(SqlpipesError):
    """The state database cannot be used."""


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest of `known`, or None when nothing is near.

    >>> did_you_mean("ordes", ["orders", "customers"])
    "did you mean 'orders'?"
    >>> did_you_mean("zzz", ["orders"])
    """
    near = nearest(name, known)
    if not near:
        return None
    return "did you mean " + " or ".join(f"'{match}'" for match in near) + "?"


def near_or_all(name: str, known: Sequence[str], otherwise: str) -> str:
    """A hint that names the nearest of `known`, or else all of them; `otherwise` when there are none.

    >>> near_or_all("zzz", ["orders", "customers"], "declare one")
    'there are: orders, customers'
    """
    if not known:
        return otherwise
    return did_you_mean(name, known) or f"there are: {', '.join(known)}"


def nearest(name: str, known: Iterable[str], limit: int = 1) -> list[str]:
    """The `limit` names of `known` most alike to `name`, letter case aside, best first."""
    from difflib import get_close_matches  # most runs of most commands have nothing to suggest

    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    found = get_close_matches(name.casefold(), by_folded, n=limit, cutoff=0.6)
    return [by_folded[match] for match in found]
