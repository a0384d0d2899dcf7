"""Whether what a component makes hangs on nothing but its attributes, its code and its `context`.

Only then may it be kept between commands. Code that opens files, asks the clock or calls what nobody
can look into is asked again each time; what the functions do that it makes is no part of this.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from sqlpipes.read.python.source import Function, is_ours

PURE = frozenset(
    {
        *("__future__", "abc", "collections", "dataclasses", "enum", "functools", "itertools"),
        *("json", "math", "operator", "re", "string", "textwrap", "typing", "sqlpipes", "msgspec"),
        *("decimal", "fractions", "hashlib", "types", "typing_extensions", "urllib.parse"),
    }
)
UNSEEN = frozenset(
    {
        *("open", "exec", "eval", "compile", "input", "globals", "locals", "vars", "id", "hash"),
        *("__import__", "breakpoint"),
    }
)
OPS = frozenset({"op"})


def hangs_on_itself(tree: ast.Module, cls: str) -> bool:
    """Whether the class at the top level of a module, and all that it uses of it, is pure.

    >>> def says(text): return hangs_on_itself(ast.parse(text), "A")
    >>> says("class A:\\n  def build(self, context): return [len(context.glob('*'))]")
    True
    >>> says("import os\\nclass A:\\n  def build(self, context): return os.listdir()")
    False
    """
    top = _top_level(tree)
    pure, todo, seen = _pure_imports(tree), [cls], set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in top.get(name, ()):
            for used in _free_names(node):
                if used in top:
                    todo.append(used)
                elif used not in pure and (used in UNSEEN or not hasattr(builtins, used)):
                    return False
    return cls in top


def _top_level(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """Statements by the name that they bind."""
    found: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        if isinstance(node, (Function, ast.ClassDef)):
            found.setdefault(node.name, []).append(node)
        elif not isinstance(node, (ast.Import, ast.ImportFrom)):
            for below in ast.walk(node):
                if isinstance(below, ast.Name) and isinstance(below.ctx, ast.Store):
                    found.setdefault(below.id, []).append(node)
    return found


def _pure_imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [a for a in node.names if a.name in PURE]
            found |= {a.asname or a.name.partition(".")[0] for a in names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module in PURE:
            found |= {a.asname or a.name for a in node.names}
    return found


def _free_names(node: ast.AST) -> set[str]:
    """Names that a statement uses and does not bind itself; bodies of what it declares are left out."""
    used: set[str] = set()
    bound: set[str] = set()
    for below in _walk(node):
        if isinstance(below, ast.Name):
            (bound if isinstance(below.ctx, ast.Store) else used).add(below.id)
        elif isinstance(below, ast.arg):
            bound.add(below.arg)
        elif isinstance(below, (Function, ast.ClassDef)):
            bound.add(below.name)
        elif isinstance(below, (ast.Import, ast.ImportFrom)):
            used |= {alias.name for alias in below.names}  # what only the body imports is unknown
        elif isinstance(below, ast.ExceptHandler) and below.name:
            bound.add(below.name)
    return used - bound


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, Function) and any(map(_declares, node.decorator_list)):
        for decorator in node.decorator_list:
            yield from _walk(decorator)
        return
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)


def _declares(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    last = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
    return is_ours(decorator) or last in OPS
