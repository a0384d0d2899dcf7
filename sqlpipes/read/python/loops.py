"""Functions that are made in a loop, and their text -> those that would all see the loop's last value.

Python looks a name up when the function is called, which is after the loop: every table that is made
so would hold the rows of the last one.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from types import CodeType
from typing import Any

from sqlpipes.core.errors import Problem
from sqlpipes.read.python.source import Function, Text, function_at
from sqlpipes.read.python.texts import Texts

LOOPS = (ast.For, ast.AsyncFor, ast.While)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
HINT = (
    "make it in a function or method of its own, which is given the value: "
    "`for each in values: yield self.made(each)`"
)


def late_bindings(functions: list[Any], texts: Texts, code: str) -> Iterator[Problem]:
    """One problem for each function, where it stands."""
    seen: set[tuple[str, int]] = set()
    for given in functions:
        made = getattr(given, "__code__", None)
        if made is None or (made.co_filename, made.co_firstlineno) in seen:
            continue
        seen.add((made.co_filename, made.co_firstlineno))
        try:
            text = texts.of(made.co_filename)
        except (OSError, SyntaxError, ValueError):  # of no file, or of one that is not ours to read
            continue
        node = function_at(text, made.co_name, made.co_firstlineno)
        late = sorted(_used_later(made) & _moving(text, node)) if node else []
        if node and late:
            message = f"every {node.name}() that this loop makes would see the last '{late[0]}'"
            yield Problem(code, message, text.name_at(node), HINT)


def _used_later(code: CodeType) -> set[str]:
    """Names that the body finds outside of itself when it is called."""
    found = set(code.co_freevars)
    found |= {str(i.argval) for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    for inner in (each for each in code.co_consts if isinstance(each, CodeType)):
        found |= _used_later(inner) - set(code.co_cellvars)
    return found


def _moving(text: Text, function: Function) -> set[str]:
    """Names that the loops around a function, in the scope that it stands in, bind anew each time."""
    around: list[ast.AST] = []
    for node in _way_to(text.tree, function):
        around = [] if isinstance(node, SCOPES) else [*around, node]
    loops = [node for node in around if isinstance(node, LOOPS)]
    return {name for loop in loops[:1] for name in _bound(loop)}


def _way_to(tree: ast.AST, function: Function) -> list[ast.AST]:
    """All nodes around it, from the outermost."""
    for child in ast.iter_child_nodes(tree):
        if child is function:
            return [tree]
        if way := _way_to(child, function):
            return [tree, *way]
    return []


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that are set in a loop, but not in the functions that stand in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        if not isinstance(child, SCOPES):
            yield from _bound(child)
