"""What is known about a query once its text has been read. Plain values, cheap to store and to load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.sql.relation import FileReference, Reference

FACTS_VERSION = 2  # part of every cache key: raise it whenever the same text may yield other facts


@dataclass(frozen=True, slots=True)
class Cte:
    """A named query of a WITH clause."""

    name: str
    at: Location


@dataclass(frozen=True, slots=True)
class SqlFacts:
    """The facts of one query; lines and columns are those of the user's file, offsets those of the text.

    `references` and `files` come in text order. `docs` pairs an output column with its trailing
    comment. `volatile` names the calls whose answer changes without any input changing, once per
    use, lower case. `opaque`: the parser could not read it, `references` come from a token scan.
    """

    references: tuple[Reference, ...] = ()
    files: tuple[FileReference, ...] = ()
    digest: str = ""
    opaque: bool = False
    docs: tuple[tuple[str, str], ...] = ()
    volatile: tuple[str, ...] = ()
    unused_ctes: tuple[Cte, ...] = ()
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> list[Any]:
        """Lists, strings, numbers, booleans and None only; the file's name is left out."""
        return [
            [_dump_reference(reference) for reference in self.references],
            [[f.pattern, f.start, f.end, f.line, f.column, f.named, f.alias] for f in self.files],
            self.digest,
            int(self.opaque),
            [list(pair) for pair in self.docs],
            list(self.volatile),
            [[cte.name, *_dump_place(cte.at)] for cte in self.unused_ctes],
            [_dump_problem(problem) for problem in self.problems],
        ]

    @classmethod
    def from_json(cls, data: Sequence[Any], file: str = "") -> SqlFacts:
        """The facts that `to_json` wrote; `file` is the path that problems are to name."""
        references, files, digest, opaque, docs, volatile, ctes, problems = data
        return cls(
            tuple([_load_reference(row) for row in references]),
            tuple([FileReference(*row) for row in files]),
            digest,
            bool(opaque),
            tuple([(name, doc) for name, doc in docs]),
            tuple(volatile),
            tuple([Cte(name, Location(file, *place)) for name, *place in ctes]),
            tuple([_load_problem(row, file) for row in problems]),
        )


def _dump_reference(reference: Reference) -> list[Any]:
    r = reference
    quoted = [int(flag) for flag in r.quoted]
    return [list(r.parts), quoted, r.start, r.end, r.line, r.column, r.alias]


def _load_reference(row: Sequence[Any]) -> Reference:
    parts, quoted, *rest = row
    return Reference(tuple(parts), tuple([flag == 1 for flag in quoted]), *rest)


def _dump_place(at: Location) -> list[int]:
    return [at.line, at.column, at.length]


def _dump_problem(problem: Problem) -> list[Any]:
    places = [_dump_place(at) for at in ((problem.at,) if problem.at else ()) + problem.others]
    return [problem.code, problem.message, places, problem.hint, problem.severity.value]


def _load_problem(row: Sequence[Any], file: str) -> Problem:
    code, message, places, hint, severity = row
    at = [Location(file, *place) for place in places]
    first = at[0] if at else None
    return Problem(code, message, first, hint, Severity(severity), tuple(at[1:]))
