"""Rows that the server refused for a NUL -> where it is: in the file, or in which column and row."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlpipes.core.errors import EngineError, Location, Problem
from sqlpipes.core.faults import NOT_HELD
from sqlpipes.core.sql import identifier
from sqlpipes.engines.local import Cursor
from sqlpipes.engines.postgres.loading import Landed

STATE = "22021"  # SQLSTATE of a text that is none
READ = re.compile(r"\bread_(?:csv|json_auto)\(('(?:[^']|'')*')")
FORMS = (b"\0", b"\\u0000")  # as CSV and as JSON have it


def nul_error(landed: Landed, reads: str, statement: str) -> EngineError | None:
    """ENG069 with its place; None when there is no NUL. `reads`: the SELECT over a file, if it was one."""
    column = next(_columns(landed), None)
    if column is None:
        return None
    name, row = column
    message = f"row {row:,} has a NUL in its column '{name}', which Postgres' texts cannot hold"
    hint = "take it out, or replace it with something else"
    return EngineError(
        Problem(NOT_HELD, message, _in_file(landed.cursor, reads), hint), statement=statement
    )


def _columns(landed: Landed) -> Iterator[tuple[str, int]]:
    """(name, number of the first row) of those with a NUL."""
    described = landed.cursor.execute(f"describe {landed.table}").fetchall()
    for name, *_ in described:
        text = f"cast({identifier(str(name))} as varchar)"
        sql = (
            f"select min(n) from (select row_number() over () as n, {text} as t from {landed.table}) "
            "where contains(t, chr(0))"
        )
        found = landed.cursor.execute(sql).fetchone()
        if found and found[0] is not None:
            yield str(name), int(found[0])


def _in_file(cursor: Cursor, reads: str) -> Location | None:
    """None for a file that is no text, and for several."""
    pattern = READ.search(reads)
    if pattern is None:
        return None
    files = cursor.execute(f"select file from glob({pattern[1]})").fetchall()
    return _place(str(files[0][0])) if len(files) == 1 else None


def _place(path: str) -> Location | None:
    """Of the first in the file; line by line, as a file may be large."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            found = [line.find(form) for form in FORMS if form in line]
            if found:
                before = line[: min(found)].decode(errors="replace")
                return Location(path, number, len(before) + 1)
    return None
