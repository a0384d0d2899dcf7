"""What the warehouse says of a statement -> the same at its place in the user's file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql.porting import is_proven
from sqlpipes.core.sql.spoken import looks_like_duckdb
from sqlpipes.run.python import Place
from sqlpipes.run.statement import Statement
from sqlpipes.run.windows import column_hint

NOT_UNDERSTOOD = "ENG004"
DUCKDB = "duckdb"  # the dialect


@contextmanager
def placing(statement: Statement, asset: Asset, place: Place) -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise _placed(error, statement, asset, place) from error


def _placed(error: EngineError, statement: Statement, asset: Asset, place: Place) -> EngineError:
    """The same error, with its place in the user's file instead of in the statement."""
    problems = []
    for problem in error.problems:
        if problem.at is not None and problem.at.file:  # a data file that the statement reads
            problems.append(_in_project(problem, asset, place.root))
            continue
        found = statement.place(problem.at.line, problem.at.column) if problem.at else None
        at = replace(found, length=problem.at.length) if found and problem.at else None
        hint = problem.hint if at else _own_hint(problem, asset)
        hint = _with_dialects(hint, problem, statement, place)
        problems.append(replace(problem, at=at or statement.at or asset.at, hint=hint))
    return EngineError(*problems, statement=statement.sql)


def _with_dialects(
    hint: str | None, problem: Problem, statement: Statement, place: Place
) -> str | None:
    said = _said_there(problem, statement) or _elsewhere(problem, statement, place)
    return "; ".join(filter(None, (hint, said))) or None


def _said_there(problem: Problem, statement: Statement) -> str | None:
    """The line that the warehouse stumbled over, where it is not the user's own."""
    query = statement.query
    if query is None or query.translation is None:
        return None
    read, write = query.translation.read, query.translation.write
    if problem.at is None:
        return f"it was translated from {read} to {write}: `sqlpipes compile` shows it"
    line = statement.sql.split("\n")[problem.at.line - 1].strip()
    return f"it was translated from {read}; in {write} it is: {line}"


def _elsewhere(problem: Problem, statement: Statement, place: Place) -> str | None:
    """The words of a query that this warehouse does not know may be those of DuckDB."""
    query, dialect = statement.query, place.warehouse.dialect
    if query is None or query.body.local or problem.code != NOT_UNDERSTOOD:
        return None
    if not is_proven(DUCKDB, dialect) or not looks_like_duckdb(query.rendered):
        return None
    where = f'`dialect = "{DUCKDB}"` under [tool.sqlpipes], or `dialect: {DUCKDB}` in sqlpipes.yml'
    return f"if it is written for {DUCKDB}, say so and it is translated: {where}"


def _in_project(problem: Problem, asset: Asset, root: str) -> Problem:
    assert problem.at is not None
    home = os.path.abspath(root) + os.sep
    file = problem.at.file.removeprefix(home).replace(os.sep, "/")
    others = () if file == asset.path else (asset.at,)
    return replace(problem, at=replace(problem.at, file=file), others=others)


def _own_hint(problem: Problem, asset: Asset) -> str | None:
    """For a refusal of what we put around the user's text: a type that is no date."""
    if problem.at is None or asset.partition is None or problem.hint:
        return problem.hint
    if isinstance(asset.body, PythonBody):
        columns = " and ".join(f"'{cut.column}'" for cut in asset.partition.cuts)
        return f"return values of the partition's own kind in {columns}: a date and not its text"
    return "; ".join(column_hint(cut.along, cut.column) for cut in asset.partition.cuts)
