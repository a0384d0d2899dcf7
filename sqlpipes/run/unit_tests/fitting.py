"""Staged rows + the columns that they must have -> a SELECT that yields them as the model would see them."""

from __future__ import annotations

import re

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError, Problem, ProjectError, did_you_mean
from sqlpipes.core.sql import identifier
from sqlpipes.run.unit_tests.samples import ROW, Staged

WHOLE_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")
FRACTIONS = re.compile(r"DOUBLE|FLOAT|DECIMAL.*")
UNTYPED = '"NULL"'  # the engine's type of a NULL that may become anything


@dataclass(frozen=True, slots=True)
class Known:
    """(name, type) of the columns of a table, as far as known. `listed`: these are all it has.

    `sure`: the types are the engine's own, so every value must be of them.
    """

    columns: tuple[tuple[str, str | None], ...] = ()
    listed: bool = False
    sure: bool = False


def fitted(staged: Staged, known: Known, what: str, connection: Connection) -> str:
    """The SELECT of all known columns, NULL where a row does not say. Raises ProjectError UTS006, UTS007."""
    spelt = {name.casefold(): name for name in staged.columns}
    refuse_unknown(staged, known, what)
    typed = {
        name: _type(staged, spelt.get(name.casefold()), kind, known.sure)
        for name, kind in known.columns
    }
    listed = {name.casefold() for name in typed}
    typed |= {
        n: _type(staged, n, None, False) for n in staged.columns if n.casefold() not in listed
    }
    casts = {
        spelt[n.casefold()]: kind for n, kind in typed.items() if kind and n.casefold() in spelt
    }
    refuse_misfits(staged, casts, what, connection)
    cells = [_cell(staged, spelt.get(name.casefold()), kind, name) for name, kind in typed.items()]
    if not cells:
        return "select null as nothing where false"
    rows = f"from {staged.table} order by {ROW}" if staged.table else "where false"
    return f"select {', '.join(cells)} {rows}"


def _type(staged: Staged, column: str | None, kind: str | None, sure: bool) -> str | None:
    """The type to cast to; None leaves a value, or an untyped NULL, as it is.

    A type that is only read off the queries does not touch a value that has one of its own.
    """
    kind = None if kind == UNTYPED else kind
    if column is None or column not in staged.filled or sure:
        return kind
    is_text = staged.types.get(column) == "VARCHAR"
    return (kind or staged.guesses.get(column)) if is_text else None


def _cell(staged: Staged, column: str | None, kind: str | None, name: str) -> str:
    written = column is not None and column in staged.filled
    value = identifier(column) if column is not None and written else "null"
    said = f"cast({value} as {kind})" if kind else value
    return f"{said} as {identifier(name)}"


def refuse_unknown(staged: Staged, known: Known, what: str) -> None:
    """UTS006 for every column that `what` does not have."""
    names = [name for name, _ in known.columns]
    folded = {name.casefold() for name in names}
    problems = []
    for column in staged.columns:
        if column.casefold() in folded:
            continue
        near = did_you_mean(column, names)
        if known.listed or near:
            hint = near or "it has " + ", ".join(names or ["none"])
            at = staged.column_at(column)
            problems.append(Problem("UTS006", f"{what} has no column '{column}'", at, hint))
    if problems:
        raise ProjectError(*problems)


def refuse_misfits(
    staged: Staged, casts: dict[str, str], what: str, connection: Connection
) -> None:
    """UTS007 for the first value of each column that is not of its type."""
    checks = {
        name: _misfit(staged, name, kind) for name, kind in casts.items() if name in staged.filled
    }
    if not checks:
        return
    rows = ", ".join(f"min(case when {bad} then {ROW} end)" for bad in checks.values())
    try:
        (found,) = connection.fetch(f"select {rows} from {staged.table}").rows
    except EngineError as error:
        hint = "the types are those that are declared for its columns"
        problem = Problem("UTS007", error.problems[0].message, staged.sample.at, hint)
        raise ProjectError(problem) from error
    problems = [
        _wrong_value(staged, int(row), name, casts[name], what, connection)
        for name, row in zip(checks, found, strict=True)
        if row is not None
    ]
    if problems:
        raise ProjectError(*problems)


def _misfit(staged: Staged, name: str, kind: str) -> str:
    """True for a value that cannot be cast, or that would lose its fraction."""
    column = identifier(name)
    bad = f"{column} is not null and try_cast({column} as {kind}) is null"
    if WHOLE_NUMBERS.fullmatch(kind) and FRACTIONS.fullmatch(staged.types.get(name, "")):
        bad = f"({bad}) or try_cast({column} as {kind}) <> {column}"
    return bad


def _wrong_value(
    staged: Staged, row: int, name: str, kind: str, what: str, connection: Connection
) -> Problem:
    sql = f"select {identifier(name)} from {staged.table} where {ROW} = {row}"
    ((value,),) = connection.fetch(sql).rows
    message = f"{value!r} is no {kind}, which is the type of '{name}' of {what}"
    return Problem("UTS007", message, staged.at(row, name))
