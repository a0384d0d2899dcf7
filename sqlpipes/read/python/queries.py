"""A function's `context.sql("...")` calls -> the tables they read, each placed in the user's file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlpipes.core.asset import Dependency
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.sql import Reference, analyse
from sqlpipes.read.python.meaning import used_functions
from sqlpipes.read.python.source import Function, Text

CONTEXT = "context"
HOLE = "sqlpipes_hole"  # stands where an f-string computes something
SYSTEM = frozenset({"information_schema", "pg_catalog"})
OPENING = re.compile(r"[a-zA-Z]*('''|\"\"\"|'|\")")


@dataclass(frozen=True, slots=True)
class Query:
    """SQL in a Python text. `begins` is None when its letters are not those of the text, one by one."""

    sql: str
    node: ast.expr
    begins: Location | None
    written: str  # as it stands in the file


def sql_inputs(
    text: Text, function: Function, dialect: str, declared: bool
) -> tuple[list[Dependency], list[Problem]]:
    """What the function reads by SQL. PYT004 warns of SQL whose tables cannot be seen.

    `declared`: `deps` are given, so nobody needs to be told to give them.
    """
    found: dict[str, Dependency] = {}
    problems: list[Problem] = []
    for call in _calls(text, function):
        query = _query(text, function, call.args[0]) if call.args else None
        unseen = query is None or HOLE in _tables(query, dialect, found, text)
        if unseen and not declared:
            problems.append(_unseen(text, call))
    return list(found.values()), problems


def _calls(text: Text, function: Function) -> Iterator[ast.Call]:
    for statement in used_functions(text, function):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if node.func.attr == "sql" and isinstance(owner, ast.Name) and owner.id == CONTEXT:
                    yield node


def _unseen(text: Text, call: ast.Call) -> Problem:
    return Problem(
        "PYT004",
        "the tables of this SQL are computed and cannot be seen",
        text.at(call, len("context.sql")),
        "name them in the decorator: @asset(deps=[...]), or deps=[] when it reads no table of ours",
    )


def _tables(query: Query, dialect: str, found: dict[str, Dependency], text: Text) -> str:
    """Add the tables of a query to `found`; all names in one text, to look for holes."""
    begins = query.begins or text.at(query.node)
    references = analyse(query.sql, dialect, at=begins).references
    for reference in references:
        name = str(reference)
        if HOLE not in name and not set(reference.parts[:-1]) & SYSTEM:
            found.setdefault(name, Dependency(name, _place(reference, query, text)))
    return " ".join(map(str, references))


def _place(reference: Reference, query: Query, text: Text) -> Location:
    if query.begins is not None:
        length = reference.end - reference.start
        return Location(text.file, reference.line, reference.column, length)
    last = re.escape(reference.parts[-1])
    match = re.search(rf"(?<!\w){last}(?!\w)", query.written)
    if match is None:
        return text.at(query.node)
    return _moved(text.at(query.node), query.written[: match.start()], len(match[0]))


def _moved(start: Location, over: str, length: int) -> Location:
    """The place behind some text that begins at `start`."""
    lines = over.split("\n")
    column = len(lines[-1]) + (start.column if len(lines) == 1 else 1)
    return Location(start.file, start.line + len(lines) - 1, column, length)


def _query(text: Text, function: Function, given: ast.expr) -> Query | None:
    """The SQL that an expression is, when its text can be known without running anything."""
    if isinstance(given, ast.Name):
        bound = _bound(text.tree, function, given.id)
        return _query(text, function, bound) if bound is not None else None
    written = _written(text, given)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return Query(given.value, given, _begins(text, given, written, given.value), written)
    if isinstance(given, ast.JoinedStr):
        parts = [str(p.value) if isinstance(p, ast.Constant) else f" {HOLE} " for p in given.values]
        return Query(_closed(parts), given, None, written)
    return None


def _closed(parts: list[str]) -> str:
    """The parts as one text; a hole next to a letter or a quote is part of what stands there."""
    text = ""
    for part in parts:
        if part.strip() == HOLE and text and not text[-1].isspace() and text[-1] not in "(,=<>":
            part = HOLE
        text += part
    return text.replace(f"{HOLE} '", f"{HOLE}'").replace(f'{HOLE} "', f'{HOLE}"')


def _bound(tree: ast.Module, function: Function, name: str) -> ast.expr | None:
    """The value of a name that the function, or else the module, binds exactly once and plainly."""
    for scope in (function, tree):
        stores = [
            node
            for node in ast.walk(scope)
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        ]
        if not stores:
            continue
        values = [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and node.targets == stores
        ]
        plain = values and isinstance(values[0], (ast.Constant, ast.JoinedStr))
        return values[0] if len(stores) == 1 and plain else None
    return None


def _written(text: Text, node: ast.expr) -> str:
    """The node as it stands in the file."""
    start = text.at(node)
    end = text.place(node.end_lineno or node.lineno, node.end_col_offset or 0)
    lines = list(text.lines[start.line - 1 : end.line])
    if not lines:
        return ""
    lines[-1] = lines[-1][: end.column - 1]
    lines[0] = lines[0][start.column - 1 :]
    return "\n".join(lines)


def _begins(text: Text, node: ast.expr, written: str, value: str) -> Location | None:
    """Where the first letter of a literal stands, if its letters stand there one by one."""
    opening = OPENING.match(written)
    if opening is None or written != f"{opening[0]}{value}{opening[1]}":
        return None
    start = text.at(node)
    return Location(start.file, start.line, start.column + len(opening[0]))
