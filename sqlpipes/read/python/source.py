"""A user's Python text -> where its functions stand, what they mean, and the SQL in them. Nothing is run.

The meaning of a function is its code in a normal form, with everything of its own module that it may
use: layout, comments and docstrings are no part of it, and neither are the module's other assets.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass

from sqlpipes.core.errors import Location

Function = ast.FunctionDef | ast.AsyncFunctionDef
DECORATORS = frozenset({"asset", "assets", "check"})
OP_OPTIONS = frozenset({"name", "retries", "timeout_s"})
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Text:
    """A parsed file. `file` is relative to the project."""

    file: str
    tree: ast.Module
    lines: tuple[str, ...]

    def at(self, node: ast.stmt | ast.expr | ast.arg, length: int = 1) -> Location:
        return self.place(node.lineno, node.col_offset, length)

    def place(self, line: int, offset: int, length: int = 1) -> Location:
        """Python counts columns in bytes of UTF-8 and from 0; people count characters from 1."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        column = len(text.encode()[:offset].decode("utf-8", "replace")) + 1
        return Location(self.file, line, column, max(length, 1))

    def name_at(self, function: Function) -> Location:
        """Where the function's name stands."""
        line = self.lines[function.lineno - 1]
        column = line.find(function.name, len(line[: function.col_offset]) + len("def"))
        return Location(self.file, function.lineno, column + 1, len(function.name))


def read_text(content: bytes, file: str) -> Text:
    """Raises SyntaxError."""
    tree = ast.parse(content, file)
    text = content.decode("utf-8-sig", "replace")
    return Text(file, tree, tuple(LINE_END.split(text)))


def function_at(text: Text, name: str, first_line: int) -> Function | None:
    """The function of that name whose first line, decorators included, is `first_line`."""
    for node in ast.walk(text.tree):
        if not isinstance(node, Function) or node.name != name:
            continue
        if first_line in (node.lineno, *(d.lineno for d in node.decorator_list)):
            return node
    return None


def parameters_at(text: Text, function: Function) -> dict[str, Location]:
    """Where each parameter stands."""
    said = function.args
    every = [*said.posonlyargs, *said.args, *said.kwonlyargs]
    return {each.arg: text.at(each, len(each.arg)) for each in every}


def meaning(text: Text, function: Function | None) -> str:
    """What a function does, as text that moves only when its code does, or code that it may use.

    None: a function that is made elsewhere; then the whole module is its meaning.
    """
    tree = text.tree
    if function is None:
        return normal_form(tree.body)
    own = _used_with(tree, function)
    kept = (node for node in tree.body if not _is_definition(node) or node in own)
    return normal_form(_nameless(node) if node is function else node for node in kept)


def _nameless(function: Function) -> Function:
    """The function under a name that says nothing: what it is called is not what it does."""
    found = copy(function)
    found.name = "_"
    return found


def normal_form(body: Iterable[ast.stmt]) -> str:
    """Code without layout, comments, docstrings and the decorators of sqlpipes."""
    return "\n".join(ast.unparse(_bare(node)) for node in body if not _is_docstring(node))


def _used_with(tree: ast.Module, function: Function) -> set[ast.stmt]:
    """The function and the assets and checks of its module whose functions it may call."""
    definitions = {node.name: node for node in tree.body if _is_definition(node)}  # type: ignore[attr-defined]
    rest = [node for node in tree.body if not _is_definition(node)]
    found: set[ast.stmt] = {function}
    todo: list[ast.stmt] = [function, *rest]
    while todo:
        for name in _names(todo.pop()):
            node = definitions.get(name)
            if node is not None and node not in found:
                found.add(node)
                todo.append(node)
    return found


def _names(node: ast.stmt) -> set[str]:
    """Names that a statement reads; a function's parameters hide the module's names."""
    used = {
        below.id
        for below in ast.walk(_bare(node))
        if isinstance(below, ast.Name) and isinstance(below.ctx, ast.Load)
    }
    return used - set(_parameter_names(node)) if isinstance(node, Function) else used


def _parameter_names(function: Function) -> Iterator[str]:
    said = function.args
    for each in (*said.posonlyargs, *said.args, *said.kwonlyargs):
        yield each.arg


def _is_definition(node: ast.stmt) -> bool:
    """Whether a statement is an asset or a check."""
    return isinstance(node, Function) and any(map(_is_ours, node.decorator_list))


def _is_ours(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(named, ast.Attribute):
        return named.attr in DECORATORS
    return isinstance(named, ast.Name) and named.id in DECORATORS


def _is_op(decorator: ast.expr) -> bool:
    """How often an op is tried and how long it may take is no part of what it does."""
    if not isinstance(decorator, ast.Call):
        return _names_it(decorator, "op")
    said = {given.arg for given in decorator.keywords}
    return _names_it(decorator.func, "op") and not decorator.args and said <= OP_OPTIONS


def _names_it(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (
        isinstance(node, ast.Attribute) and node.attr == name
    )


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
            return _is_ours(item) or _is_op(item)
        return name == "body" and isinstance(item, ast.stmt) and _is_docstring(item)


def _bare(node: ast.stmt) -> ast.stmt:
    found = _Bared().visit(node)
    assert isinstance(found, ast.stmt)
    return found


def returns_only(function: Function, name: str) -> bool:
    """Whether each value that a function returns is a call of `name`, and it returns one at all."""
    values: list[ast.expr] = []
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return) and node.value is not None:
            values.append(node.value)
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return False
        if not isinstance(node, (Function, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))
    return bool(values) and all(_calls(value, name) for value in values)


def _calls(value: ast.expr, name: str) -> bool:
    return isinstance(value, ast.Call) and _names_it(value.func, name)


def decorator_value(function: Function | None, keyword: str) -> ast.expr | None:
    """What our decorator is given for a keyword."""
    for decorator in function.decorator_list if function is not None else ():
        if isinstance(decorator, ast.Call) and _is_ours(decorator):
            for given in decorator.keywords:
                if given.arg == keyword:
                    return given.value
    return None


def out_value(function: Function | None, name: str, keyword: str | None = None) -> ast.expr | None:
    """Where one of several assets is named, or what its Out is given for a keyword."""
    outs = decorator_value(function, "outs")
    if not isinstance(outs, ast.Dict):
        return None
    for key, value in zip(outs.keys, outs.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == name:
            given = value.keywords if isinstance(value, ast.Call) else []
            found = next((each.value for each in given if each.arg == keyword), None)
            return key if keyword is None else found
    return None


def literal_marks(text: Text, node: ast.expr, path: str = "") -> dict[str, list[int]]:
    """Line, column and length (of a value, then line and column of its key) by JSON pointer.

    It is the form in which read.marked places the keys of YAML, so that checks read alike.
    """
    at = text.at(node, (node.end_col_offset or 0) - node.col_offset)
    marks = {path: [at.line, at.column, at.length]}
    if isinstance(node, (ast.List, ast.Tuple)):
        for index, item in enumerate(node.elts):
            marks |= literal_marks(text, item, f"{path}/{index}")
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                below = f"{path}/{str(key.value).replace('~', '~0').replace('/', '~1')}"
                marks |= literal_marks(text, value, below)
                key_at = text.at(key)
                marks[below] += [key_at.line, key_at.column + isinstance(key.value, str)]
    return marks


def used_functions(text: Text, function: Function) -> list[ast.stmt]:
    """The function and what it reaches by name in its own module: where its SQL may stand."""
    top = {n.name: n for n in text.tree.body if isinstance(n, (Function, ast.ClassDef))}
    found: dict[str, ast.stmt] = {}
    todo: list[ast.stmt] = [function]
    while todo:
        node = todo.pop()
        for name in _names(node):
            used = top.get(name)
            if used is None or used is function or name in found or _is_definition(used):
                continue
            found[name] = used
            todo.append(used)
    return [function, *found.values()]


def is_static(text: Text, functions: Iterable[str]) -> bool:
    """Whether importing the module could tell nothing about these functions that its text does not.

    True only for functions at the top level whose one decorator is given literals, or names of the
    module that are bound once, to literals. Then what was learned may be kept by content.
    """
    top = {node.name: node for node in text.tree.body if isinstance(node, ast.FunctionDef)}
    bound = _bound_literals(text.tree)
    for name in functions:
        node = top.get(name)
        if node is None or len(node.decorator_list) != 1 or not _is_ours(node.decorator_list[0]):
            return False
        if not _is_literal(node.decorator_list[0], bound | set(top)):
            return False
    return True


def _bound_literals(tree: ast.Module) -> set[str]:
    """Names from sqlpipes, and names that the module binds exactly once, to a literal."""
    counted: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            counted[node.id] = counted.get(node.id, 0) + 1
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and _is_face(statement.module):
            found |= {alias.asname or alias.name for alias in statement.names}
        elif isinstance(statement, ast.Import):
            found |= {a.asname or a.name for a in statement.names if _is_face(a.name)}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if not isinstance(target, ast.Name) or counted.get(target.id) != 1:
                continue
            if _is_literal(statement.value, found):
                found.add(target.id)
    return found


def _is_face(module: str | None) -> bool:
    return module in ("sqlpipes", "sqlpipes.core.definitions")


def _is_literal(node: ast.expr, bound: set[str]) -> bool:
    """Made of constants, and of calls of bound names with such."""
    for below in ast.walk(node):
        if isinstance(below, ast.Name) and below.id not in bound:
            return False
        if isinstance(below, ast.expr) and not isinstance(below, _LITERALS):
            return False
    return True


_LITERALS = (
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.UnaryOp,
    ast.Name,
    ast.Attribute,
    ast.Call,
)
