"""A function's text -> where its context goes, through helpers of the project, and what is done with it.

Nothing is run: a context is followed by its names. Where it is handed to code that is not the
project's, or put where nobody can follow it, that is told, since it may read by SQL there.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import TypeGuard

from sqlpipes.core.dataclass import dataclass
from sqlpipes.read.python.meaning import used_functions
from sqlpipes.read.python.source import Function, Text, is_definition

CONTEXT = "context"
HARMLESS = frozenset(dir(builtins)) - {"map", "filter", "exec", "eval", "setattr"}
Find = Callable[[str], Text | None]  # dotted name of a module of the project -> its text
Scope = Function | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Use:
    """A call of a method of the context, or where the context is lost: then `call` is None."""

    text: Text
    scope: Scope
    node: ast.expr
    method: str = ""
    call: ast.Call | None = None


@dataclass(slots=True)
class _Walk:
    """What was seen on one walk: functions with the names of the context in them."""

    find: Find
    seen: set[tuple[int, frozenset[str]]] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)  # self.x = context
    todo: list[tuple[Text, Scope, frozenset[str]]] = field(default_factory=list)


def context_uses(text: Text, function: Function, find: Find) -> Iterator[Use]:
    """Every use of the context by a function and by what it hands the context to."""
    walk = _Walk(find)
    for used in used_functions(text, function):
        if isinstance(used, Scope):
            walk.todo.append((text, used, frozenset({CONTEXT})))
    while walk.todo:
        text, scope, names = walk.todo.pop()
        if (id(scope), names) not in walk.seen:
            walk.seen.add((id(scope), names))
            yield from _uses(text, scope, set(names), walk)


def _uses(text: Text, scope: Scope, names: set[str], walk: _Walk) -> Iterator[Use]:
    _take_aliases(scope, names, walk.attributes)
    fine: set[int] = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and _is_handle(node.func.value, names, walk):
                fine |= {id(node.func), id(node.func.value)}
                yield Use(text, scope, node, node.func.attr, node)
            handed = [each for each in _arguments(node) if _is_handle(each[1], names, walk)]
            for place, value in handed:
                fine.add(id(value))
                if not _follow(node.func, place, text, walk):
                    yield Use(text, scope, node)
        elif isinstance(node, ast.Attribute) and _is_handle(node.value, names, walk):
            fine.add(id(node.value))
            if node.attr == "sql" and id(node) not in fine:
                yield Use(text, scope, node)
        elif isinstance(node, ast.Compare):
            fine |= {id(node.left), *map(id, node.comparators)}
        elif isinstance(node, ast.FormattedValue) or _renames(node):
            fine |= {id(node.value)} if _is_handle(node.value, names, walk) else set()
        elif _is_handle(node, names, walk) and id(node) not in fine and _is_read(node):
            assert isinstance(node, ast.expr)
            yield Use(text, scope, node)


def _renames(node: ast.AST) -> TypeGuard[ast.Assign | ast.AnnAssign]:
    if isinstance(node, ast.AnnAssign):
        return node.value is not None and isinstance(node.target, (ast.Name, ast.Attribute))
    named = (ast.Name, ast.Attribute)
    return isinstance(node, ast.Assign) and all(isinstance(each, named) for each in node.targets)


def _is_read(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Load)


def _is_handle(node: ast.AST | None, names: Iterable[str], walk: _Walk) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    return isinstance(node, ast.Attribute) and node.attr in walk.attributes


def _take_aliases(scope: Scope, names: set[str], attributes: set[str]) -> None:
    """`ctx = context` gives it another name, `self.context = context` an attribute."""
    found = -1
    while found != len(names) + len(attributes):
        found = len(names) + len(attributes)
        for node in ast.walk(scope):
            if _renames(node) and _names_one(node.value, names, attributes):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {each.id for each in targets if isinstance(each, ast.Name)}
                attributes |= {each.attr for each in targets if isinstance(each, ast.Attribute)}


def _names_one(node: ast.expr | None, names: set[str], attributes: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    return isinstance(node, ast.Attribute) and node.attr in attributes


def _arguments(call: ast.Call) -> Iterator[tuple[int | str, ast.expr]]:
    """(position or keyword, value); nothing that is unpacked."""
    yield from enumerate(call.args)
    yield from ((given.arg, given.value) for given in call.keywords if given.arg is not None)


def _follow(callee: ast.expr, place: int | str, text: Text, walk: _Walk) -> bool:
    """Whether what is called is the project's own; then the walk goes on there."""
    if isinstance(callee, ast.Name) and callee.id in HARMLESS:
        return True
    found = _called(callee, text, walk.find)
    named = [(home, scope, _parameter(scope, place)) for home, scope in found]
    walk.todo += [(home, scope, frozenset({name})) for home, scope, name in named if name]
    return bool(named) and all(name for _, _, name in named)


def _called(callee: ast.expr, text: Text, find: Find) -> list[tuple[Text, Scope]]:
    """What a call may mean: a function or class of this file or of one that it imports, or methods
    of that name of this file's classes."""
    imports = _imports(text.tree)
    if isinstance(callee, ast.Name):
        if (own := _defined(text.tree, callee.id)) is not None:
            return [(text, own)]
        imported = imports.get(callee.id)
    elif isinstance(callee, ast.Attribute):
        top, _, rest = ast.unparse(callee).partition(".")
        if top not in imports:
            return [(text, method) for method in _methods(text.tree, callee.attr)]
        imported = f"{imports[top]}.{rest}"
    else:
        return []
    module, _, name = (imported or "").rpartition(".")
    home = find(module) if module else None
    scope = _defined(home.tree, name) if home else None
    return [(home, scope)] if home and scope else []


def _defined(tree: ast.Module, name: str) -> Scope | None:
    """Also when it is defined inside of another function; nothing for an asset, a check or a method."""
    methods = {id(each) for each in _methods(tree, name)}
    found = (node for node in ast.walk(tree) if isinstance(node, Scope) and node.name == name)
    return next((n for n in found if not is_definition(n) and id(n) not in methods), None)


def _methods(tree: ast.Module, name: str) -> list[Function]:
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    every = (node for scope in classes for node in scope.body if isinstance(node, Function))
    return [node for node in every if node.name == name]


def _imports(tree: ast.Module) -> dict[str, str]:
    """Name -> dotted name of what it stands for; what is relative begins with dots."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            base = f"{'.' * node.level}{node.module or ''}"
            found |= {each.asname or each.name: f"{base}.{each.name}" for each in node.names}
    return found


def _parameter(scope: Scope, place: int | str) -> str | None:
    """What the parameter is called that an argument goes to."""
    function: ast.stmt | None = scope
    if isinstance(scope, ast.ClassDef):
        function = next(iter(n for n in scope.body if _is_init(n)), None)
    if not isinstance(function, Function):
        return None
    said = function.args
    placed = [each.arg for each in (*said.posonlyargs, *said.args)]
    placed = placed[1:] if placed[:1] in (["self"], ["cls"]) else placed
    if isinstance(place, int):
        return placed[place] if place < len(placed) else None
    return place if place in {*placed, *(each.arg for each in said.kwonlyargs)} else None


def _is_init(node: ast.stmt) -> bool:
    return isinstance(node, Function) and node.name == "__init__"
