"""A function's `context.sql("...")` and `context.file("...")` -> what it reads and writes, each placed
in the user's file."""

from __future__ import annotations

import ast
import re

from sqlpipes.core.asset import Dependency
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.sql import Reference, analyse
from sqlpipes.read.python.handles import Find, Use, context_uses
from sqlpipes.read.python.meaning import used_functions
from sqlpipes.read.python.source import Function, Text, names_it

HOLE = "sqlpipes_hole"  # stands where an f-string computes something
ASKING = frozenset({"this", "incremental", "newest"})  # of the context
SYSTEM = frozenset({"information_schema", "pg_catalog"})
OPENING = re.compile(r"[a-zA-Z]*('''|\"\"\"|'|\")")


@dataclass(frozen=True, slots=True)
class Query:
    """SQL in a Python text. `begins` is None when its letters are not those of the text, one by one."""

    sql: str
    node: ast.expr
    begins: Location | None
    written: str  # as it stands in the file


@dataclass(frozen=True, slots=True)
class Seen:
    """What a function does with its context, as its text says."""

    tables: tuple[Dependency, ...] = ()  # of its SQL
    files: tuple[Dependency, ...] = ()  # of its SQL: paths and patterns
    paths: tuple[Dependency, ...] = ()  # context.path("...")
    written: tuple[str, ...] = ()  # context.file("..."); * stands for what is computed
    problems: tuple[Problem, ...] = ()


def seen_in(text: Text, function: Function, dialect: str, declared: bool, find: Find) -> Seen:
    """What the function, and what it hands its context to, reads and writes. PYT004 tells of SQL whose
    tables cannot be seen.

    `declared`: `deps` are given, so nobody needs to be told to give them. `find` gives the text of a
    module of the project.
    """
    tables: dict[str, Dependency] = {}
    files: dict[str, Dependency] = {}
    paths: dict[str, Dependency] = {}
    written: list[str] = []
    problems: list[Problem] = []
    for use in context_uses(text, function, find):
        if use.call is None:
            problems += [] if declared else [_lost(use)]
        elif use.method == "sql":
            if not _read_sql(use, dialect, tables, files) and not declared:
                problems.append(_unseen(use.text, use.call))
        elif use.method in ("path", "file") and use.call.args:
            named = path_pattern(use.text, use.scope, use.call.args[0])
            if named and use.method == "file":
                written.append(named)
            elif named:
                paths.setdefault(named, Dependency(named, use.text.at(use.call.args[0])))
    return Seen(
        tuple(tables.values()),
        tuple(files.values()),
        tuple(paths.values()),
        tuple(dict.fromkeys(written)),
        tuple(dict.fromkeys(problems)),
    )


def written_files(text: Text, function: Function) -> list[str]:
    """The paths of File("...") in a function; * stands for what is computed."""
    named = []
    for statement in used_functions(text, function):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and names_it(node.func, "File") and node.args:
                named.append(path_pattern(text, statement, node.args[0]))
    return [each for each in named if each]


def asks_what_is_there(text: Text, function: Function) -> bool:
    """Whether a function, or one of its module that it uses, looks at the rows of earlier builds."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in ASKING
        for statement in used_functions(text, function)
        for node in ast.walk(statement)
    )


def path_pattern(text: Text, scope: ast.AST, given: ast.expr) -> str | None:
    """A path that stands in the text; a * stands for what is computed in it."""
    query = _query(text, scope, given)
    if query is None:
        return None
    pattern = re.sub(rf"\s*{HOLE}\s*", "*", query.sql)
    return pattern if pattern.strip("*/") else None


def _read_sql(
    use: Use, dialect: str, tables: dict[str, Dependency], files: dict[str, Dependency]
) -> bool:
    """Whether all that a query reads can be seen; what can is added."""
    assert use.call is not None
    given = use.call.args[0] if use.call.args else None
    query = _query(use.text, use.scope, given) if given is not None else None
    if query is None:
        return False
    begins = query.begins or use.text.at(query.node)
    facts = analyse(query.sql, dialect, at=begins)
    names = [str(reference) for reference in facts.references]
    for name, reference in zip(names, facts.references, strict=True):
        if HOLE not in name and not set(reference.parts[:-1]) & SYSTEM:
            tables.setdefault(name, Dependency(name, _place(reference, query, use.text)))
    for file in facts.files:
        pattern = re.sub(rf"\s*{HOLE}\s*", "*", file.pattern)
        files.setdefault(pattern, Dependency(pattern, use.text.at(query.node)))
    return not any(HOLE in name for name in names)


HINT = "name them in the decorator: deps=[...], or deps=[] when it reads no table of ours"


def _unseen(text: Text, call: ast.Call) -> Problem:
    message = "the tables of this SQL are computed and cannot be seen"
    length = len(ast.unparse(call.func))
    return Problem("PYT004", message, text.at(call, length), HINT)


def _lost(use: Use) -> Problem:
    at = use.text.at(use.node)
    if isinstance(use.node, ast.Call):
        called = ast.unparse(use.node.func)
        message = f"the context goes to {called}(), where its SQL cannot be seen"
        return Problem("PYT004", message, use.text.at(use.node, len(called)), HINT)
    return Problem("PYT004", "the context is kept where its SQL cannot be seen", at, HINT)


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


def _query(text: Text, function: ast.AST, given: ast.expr) -> Query | None:
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


def _bound(tree: ast.Module, function: ast.AST, name: str) -> ast.expr | None:
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
