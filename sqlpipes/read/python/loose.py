"""A module -> its calls such as `job(...)` whose value is bound to no name, so that nobody finds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import ModuleType

from sqlpipes.core.errors import Problem
from sqlpipes.read.python.source import Text

ENTRIES = ("job", "source", "sensor")  # functions of ours that give an Entry
LOOSE = "JOB008"


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


def _is_ours(called: ast.expr, name: str, module: ModuleType) -> bool:
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id == "sqlpipes"
    home = getattr(vars(module).get(name), "__module__", "")
    return str(home).startswith("sqlpipes.core.definitions")
