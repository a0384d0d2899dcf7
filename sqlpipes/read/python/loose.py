"""A module -> what it declares in vain: calls whose value is bound to no name, names bound twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import ModuleType

from sqlpipes.core.errors import Location, Problem
from sqlpipes.read.python.source import Text, is_definition

ENTRIES = ("job", "source", "sensor")  # functions of ours that give an Entry
LOOSE = "JOB008"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def loose_calls(text: Text, module: ModuleType) -> list[Problem]:
    """One problem for each that stands alone at the top level, or whose name the next one takes away."""
    found = []
    for node, repeats in _statements(text.tree.body, repeats=False):
        is_alone = isinstance(node, ast.Expr)
        is_taken = repeats and isinstance(node, ast.Assign) and _is_name(node)
        value = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
        if (is_alone or is_taken) and isinstance(value, ast.Call):
            called = value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in ENTRIES and _is_ours(called, name, module):
                why = "bound to no name" if is_alone else "overwritten by the next of its loop"
                message = f"this {name}(...) is {why}, so it is not found"
                at = text.at(called, len(ast.unparse(called)))
                hint = f"write it as `name = {name}(...)`"
                if repeats:
                    hint = f"keep each: `globals()[...] = {name}(...)`, or a name of its own"
                found.append(Problem(LOOSE, message, at, hint))
    return found


def _is_name(node: ast.Assign) -> bool:
    return all(isinstance(target, ast.Name) for target in node.targets)


def _statements(body: list[ast.stmt], *, repeats: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements that run when the module is imported, and whether they stand in a loop."""
    for node in body:
        yield node, repeats
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        again = repeats or isinstance(node, (ast.For, ast.While))
        for below in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, below, []), repeats=again)
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body, repeats=again)


def lost_definitions(text: Text) -> list[Problem]:
    """DUP005 for each asset, check or resource whose name the file binds to another one below it."""
    found = []
    first: dict[str, ast.stmt] = {}
    for node in text.tree.body:
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            _forget_used(node, first)
            continue
        above = first.pop(node.name, None)
        if above is not None:
            here, there = _name_at(text, node), _name_at(text, above)
            message = (
                f"'{node.name}' is defined twice in this file: the one in line {there.line} is lost"
            )
            hint = "rename one of the two functions; `name=...` keeps the name that it has outside"
            found.append(Problem("DUP005", message, here, hint, others=(there,)))
        _forget_used(node, first)
        if is_definition(node):
            first[node.name] = node
    return found


def _forget_used(node: ast.stmt, first: dict[str, ast.stmt]) -> None:
    """What is read by its name before that is bound again may be found by another way."""
    if first:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
                first.pop(each.id, None)


def _name_at(text: Text, node: ast.stmt) -> Location:
    if isinstance(node, FUNCTIONS):
        return text.name_at(node)
    name = getattr(node, "name", "")
    column = text.lines[node.lineno - 1].find(name, node.col_offset + len("class"))
    return Location(text.file, node.lineno, column + 1, len(name))


def _is_ours(called: ast.expr, name: str, module: ModuleType) -> bool:
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id == "sqlpipes"
    home = getattr(vars(module).get(name), "__module__", "")
    return str(home).startswith("sqlpipes.core.definitions")
