"""Where a query begins that is no file of its own: in a YAML value, or in a call in Python."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.sql.facts import SqlFacts
from sqlpipes.core.sql.relation import FileReference, Reference


@dataclass(frozen=True, slots=True)
class Spot:
    """The text's first line begins at `column` of `line`, each other one behind `indent` characters.

    Not `exact`: its letters are not those of the file, so that all of it has this one place.

    >>> Spot(7, 5, 4).at(1, 3), Spot(7, 5, 4).at(2, 3), Spot(7, 5, exact=False).at(2, 3)
    ((7, 7), (8, 7), (7, 5))
    """

    line: int = 1
    column: int = 1
    indent: int = 0
    exact: bool = True

    def at(self, line: int, column: int) -> tuple[int, int]:
        """The place in the file of a place in the text; all count from 1."""
        if not self.exact:
            return self.line, self.column
        before = self.column - 1 if line == 1 else self.indent
        return self.line + line - 1, before + column

    def location(self, at: Location) -> Location:
        line, column = self.at(at.line, at.column)
        return replace(at, line=line, column=column)


def spotted(facts: SqlFacts, spot: Spot) -> SqlFacts:
    """Facts with the places of the text -> with those of the file that it stands in."""

    def problem(found: Problem) -> Problem:
        at = spot.location(found.at) if found.at else None
        return replace(found, at=at, others=tuple(map(spot.location, found.others)))

    def reference(found: Reference) -> Reference:
        line, column = spot.at(found.line, found.column)
        return replace(found, line=line, column=column)

    def file(found: FileReference) -> FileReference:
        line, column = spot.at(found.line, found.column)
        return replace(found, line=line, column=column)

    return replace(
        facts,
        references=tuple(map(reference, facts.references)),
        files=tuple(map(file, facts.files)),
        unused_ctes=tuple(replace(c, at=spot.location(c.at)) for c in facts.unused_ctes),
        problems=tuple(map(problem, facts.problems)),
    )
