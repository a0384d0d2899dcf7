"""A module -> its calls such as `job(...)` whose value is bound to no name, so that nobody finds it."""

from __future__ import annotations

import ast
from types import ModuleType

from sqlpipes.core.errors import Problem
from sqlpipes.read.python.source import Text

ENTRIES = ("job", "source", "sensor")  # functions of ours that give an Entry
LOOSE = "JOB008"


def loose_calls(text: Text, module: ModuleType) -> list[Problem]:
    """One problem for each that stands alone at the top level."""
    found = []
    for node in text.tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in ENTRIES and _is_ours(called, name, module):
                message = f"this {name}(...) is bound to no name, so it is not found"
                at = text.at(called, len(ast.unparse(called)))
                found.append(Problem(LOOSE, message, at, f"write it as `name = {name}(...)`"))
    return found


def _is_ours(called: ast.expr, name: str, module: ModuleType) -> bool:
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id == "sqlpipes"
    home = getattr(vars(module).get(name), "__module__", "")
    return str(home).startswith("sqlpipes.core.definitions")
