"""A user's Python text -> what its functions mean: their code in a normal form. Nothing is run.

With everything of its own module that a function may use: layout, comments and docstrings are no part
of it, and neither are the module's other assets, nor functions and values that it does not use.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from copy import copy

from sqlpipes.core.definitions.resources import snake
from sqlpipes.read.python.source import (
    LITERALS,
    Function,
    Text,
    is_definition,
    is_ours,
    is_resource,
    names_it,
)

OP_OPTIONS = frozenset({"name", "retries", "timeout_s"})
SHAPES = (
    *LITERALS,
    *(ast.operator, ast.unaryop, ast.expr_context, ast.BinOp, ast.JoinedStr),
    *(ast.FormattedValue, ast.Subscript, ast.Slice),
)
PLAIN_BASES = frozenset(
    {"object", "Exception", "ValueError", "RuntimeError", "KeyError", "TypeError"}
)
METHODS = ("property", "staticmethod", "classmethod", "cached_property")
LOOKUPS = frozenset({"globals", "locals", "vars", "eval", "exec", "__import__", "import_module"})


def meaning(text: Text, function: Function | None, *, alone: bool = True) -> str:
    """What a function does, as text that moves only when its code does, or code that it may use.

    None: a function that is made elsewhere; then the whole module is its meaning. Not `alone`: other
    modules import this one, so they may use any of its functions and values.
    """
    tree = text.tree
    if function is None:
        return normal_form(tree.body)
    if not alone or _looks_up_names(tree):
        spared = [node for node in tree.body if is_definition(node)]
    else:
        spared = [node for node in tree.body if is_definition(node) or _is_idle(node)]
    used = _used_with(tree, function, spared)
    kept = (node for node in tree.body if node not in spared or node in used)
    return normal_form(_nameless(node) if node is function else node for node in kept)


def _nameless(function: Function) -> Function:
    """The function under a name that says nothing: what it is called is not what it does."""
    found = copy(function)
    found.name = "_"
    return found


def normal_form(body: Iterable[ast.stmt]) -> str:
    """Code without layout, comments, docstrings and the decorators of sqlpipes."""
    return "\n".join(ast.unparse(_bare(node)) for node in body if not _is_docstring(node))


def used_functions(text: Text, function: Function) -> list[ast.stmt]:
    """The function and what it reaches by name in its own module: where its SQL may stand."""
    top = {n.name: n for n in text.tree.body if isinstance(n, (Function, ast.ClassDef))}
    found: dict[str, ast.stmt] = {}
    todo: list[ast.stmt] = [function]
    while todo:
        node = todo.pop()
        for name in _names(node):
            used = top.get(name)
            if used is None or used is function or name in found or is_definition(used):
                continue
            found[name] = used
            todo.append(used)
    return [function, *found.values()]


def _used_with(tree: ast.Module, function: Function, spared: list[ast.stmt]) -> set[ast.stmt]:
    """The function and those of the `spared` statements that it, or what is not spared, may use."""
    by_name: dict[str, list[ast.stmt]] = {}
    for node in spared:
        by_name.setdefault(_bound_name(node), []).append(node)
    taken = [node for node in spared if is_resource(node) and _is_taken(node, function)]
    found: set[ast.stmt] = {function, *taken}
    todo: list[ast.stmt] = [function, *taken, *(node for node in tree.body if node not in spared)]
    while todo:
        for name in _names(todo.pop()):
            for node in by_name.pop(name, ()):
                found.add(node)
                todo.append(node)
    return found


def _is_taken(resource: ast.stmt, function: Function) -> bool:
    """Whether a parameter asks for the resource, by its name or by its class."""
    own = _bound_name(resource)
    decorators = getattr(resource, "decorator_list", ())
    given = (k.value for d in decorators if isinstance(d, ast.Call) for k in d.keywords)
    names = {own, snake(own), *(v.value for v in given if isinstance(v, ast.Constant))}
    said = function.args
    for each in (*said.posonlyargs, *said.args, *said.kwonlyargs):
        asked = ast.unparse(each.annotation) if each.annotation else ""
        if each.arg in names or own in re.findall(r"\w+", asked):
            return True
    return False


def _names(node: ast.stmt) -> set[str]:
    """Names that a statement uses; a function's parameters hide the module's names in its body."""
    bared = _bare(node)
    if not isinstance(bared, Function):
        return _names_in(bared)
    hidden = set(_parameter_names(bared))
    said = bared.args
    outside = [*bared.decorator_list, *said.defaults, *(d for d in said.kw_defaults if d)]
    inside = set().union(*map(_names_in, bared.body)) - hidden
    return inside.union(*map(_names_in, outside))


def _names_in(node: ast.AST) -> set[str]:
    """Those that are set as well: `global total; total += 1` needs the first value."""
    return {below.id for below in ast.walk(node) if isinstance(below, ast.Name)}


def _parameter_names(function: Function) -> Iterator[str]:
    said = function.args
    for each in (*said.posonlyargs, *said.args, *said.kwonlyargs):
        yield each.arg


def _bound_name(node: ast.stmt) -> str:
    """What a definition or an idle statement gives a value to."""
    if isinstance(node, (Function, ast.ClassDef)):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def _is_idle(node: ast.stmt) -> bool:
    """Whether a statement does nothing for those who do not name what it binds."""
    if isinstance(node, Function):
        said = node.args
        values = [*said.defaults, *(d for d in said.kw_defaults if d)]
        return all(map(_is_op, node.decorator_list)) and all(map(_only_looks, values))
    if isinstance(node, ast.Assign):
        plain = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        return plain and _only_looks(node.value)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and bool(node.value) and _only_looks(node.value)
    return isinstance(node, ast.ClassDef) and _is_idle_class(node)


def _is_idle_class(node: ast.ClassDef) -> bool:
    """Of its own kind or a plain exception: other bases, and metaclasses, may note who inherits."""
    plain = all(isinstance(base, ast.Name) and base.id in PLAIN_BASES for base in node.bases)
    known = all(_is_named(each, ("dataclass",)) for each in node.decorator_list)
    return plain and known and not node.keywords and all(map(_is_idle_member, node.body))


def _is_idle_member(node: ast.stmt) -> bool:
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return isinstance(node.target, ast.Name)
    if isinstance(node, Function):
        said = node.args
        values = [*said.defaults, *(d for d in said.kw_defaults if d)]
        known = all(_is_named(each, METHODS) for each in node.decorator_list)
        return known and all(map(_only_looks, values))
    return isinstance(node, ast.Pass) or _is_docstring(node) or _is_idle(node)


def _is_named(decorator: ast.expr, names: tuple[str, ...]) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return any(names_it(called, name) for name in names)


def _only_looks(node: ast.AST | None) -> bool:
    """Whether an expression is made of names and literals alone: nothing is called."""
    return all(
        isinstance(below, SHAPES) and not isinstance(below, ast.Call)
        for below in ast.walk(node or ast.Constant(None))
    )


def _looks_up_names(tree: ast.Module) -> bool:
    """Whether code may find the module's names by a text, which nobody can follow."""
    return any(
        (isinstance(node, ast.Name) and node.id in LOOKUPS)
        or (isinstance(node, ast.Attribute) and node.attr in (*LOOKUPS, "modules", "__dict__"))
        or (isinstance(node, ast.alias) and (node.name in LOOKUPS or node.name == "*"))
        for node in ast.walk(tree)
    )


def _is_op(decorator: ast.expr) -> bool:
    """How often an op is tried and how long it may take is no part of what it does."""
    if not isinstance(decorator, ast.Call):
        return names_it(decorator, "op")
    said = {given.arg for given in decorator.keywords}
    return names_it(decorator.func, "op") and not decorator.args and said <= OP_OPTIONS


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


class _Bared(ast.NodeTransformer):
    """Takes docstrings and our decorators away. It makes new nodes and leaves the given ones alone."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        fields: dict[str, object] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                kept = [self._item(item) for item in value if not self._drops(node, name, item)]
                fields[name] = kept or ([ast.Pass()] if name == "body" and value else kept)
            else:
                fields[name] = self.visit(value) if isinstance(value, ast.AST) else value
        return ast.copy_location(type(node)(**fields), node)

    def _item(self, item: object) -> object:
        return self.visit(item) if isinstance(item, ast.AST) else item

    def _drops(self, node: ast.AST, name: str, item: object) -> bool:
        if name == "decorator_list" and isinstance(item, ast.expr):
            return is_ours(item) or _is_op(item)
        return name == "body" and isinstance(item, ast.stmt) and _is_docstring(item)


def _bare(node: ast.stmt) -> ast.stmt:
    found = _Bared().visit(node)
    assert isinstance(found, ast.stmt)
    return found
