"""A user's Python text -> where its functions stand, and what their decorators are given. Nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Set

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions.entries import Span
from sqlpipes.core.errors import Location
from sqlpipes.core.sql import Spot

Function = ast.FunctionDef | ast.AsyncFunctionDef
DECORATORS = frozenset({"asset", "assets", "check", "observe", "resource", "sensor"})
MADE_OF = frozenset({*DECORATORS, "dataclass", "contextmanager"})  # what may stand above a resource
LINE_END = re.compile(r"\r\n|\r|\n")
OPENING = re.compile(r"[a-zA-Z]*('''|\"\"\"|'|\")")


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


def is_definition(node: ast.stmt) -> bool:
    """Whether a statement is an asset, a check or a resource."""
    if isinstance(node, ast.ClassDef):
        return is_resource(node)
    return isinstance(node, Function) and any(map(is_ours, node.decorator_list))


def is_resource(node: ast.stmt) -> bool:
    if not isinstance(node, (Function, ast.ClassDef)):
        return False
    return any(names_it(_called(decorator), "resource") for decorator in node.decorator_list)


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def is_ours(decorator: ast.expr) -> bool:
    named = _called(decorator)
    if isinstance(named, ast.Attribute):
        return named.attr in DECORATORS
    return isinstance(named, ast.Name) and named.id in DECORATORS


def names_it(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (
        isinstance(node, ast.Attribute) and node.attr == name
    )


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
    return isinstance(value, ast.Call) and names_it(value.func, name)


def decorator_value(function: Function | None, keyword: str) -> ast.expr | None:
    """What our decorator is given for a keyword."""
    for decorator in function.decorator_list if function is not None else ():
        if isinstance(decorator, ast.Call) and is_ours(decorator):
            for given in decorator.keywords:
                if given.arg == keyword:
                    return given.value
    return None


def decorator_marks(text: Text, function: Function | None) -> dict[str, list[int]]:
    """What our decorator is given by keyword, placed as read.marked places the keys of YAML."""
    for decorator in function.decorator_list if function is not None else ():
        if isinstance(decorator, ast.Call) and is_ours(decorator):
            return call_marks(text, decorator)
    return {}


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


def literal_spot(text: Text, node: ast.expr, value: str) -> Spot:
    """Where a text begins that is written as it is read: one literal, in which nothing is escaped."""
    at = text.at(node)
    opening = OPENING.match(text.lines[at.line - 1], at.column - 1)
    said = value.split("\n")
    if isinstance(node, ast.Constant) and opening and "f" not in opening[0].lower():
        column = opening.end() + 1
        lines = text.lines[at.line - 1 : at.line - 1 + len(said)]
        rest = [line[: len(want)] for line, want in zip(lines[1:], said[1:], strict=False)]
        if lines[0][opening.end() :].startswith(said[0]) and rest == said[1:]:
            return Spot(at.line, column)
    return Spot(at.line, at.column, exact=False)


def call_at(text: Text, span: Span) -> ast.Call | None:
    """The call that stands there."""
    calls = (node for node in ast.walk(text.tree) if isinstance(node, ast.Call))
    return next((call for call in calls if _span(call) == span), None)


def _span(call: ast.Call) -> Span:
    last = call.end_lineno or call.lineno
    return call.lineno, last, call.col_offset, call.end_col_offset or 0


def call_marks(text: Text, call: ast.Call) -> dict[str, list[int]]:
    """As literal_marks, of what a call is given by keyword; its first argument is the name."""
    marks = {"": literal_marks(text, call.func)[""]}
    if call.args:
        marks |= literal_marks(text, call.args[0], "/name")
    for given in call.keywords:
        if given.arg is not None:
            marks |= literal_marks(text, given.value, f"/{given.arg}")
            key_at = text.place(given.lineno, given.col_offset)
            marks[f"/{given.arg}"] += [key_at.line, key_at.column]
    return marks


def is_static(
    text: Text,
    functions: Iterable[str],
    spans: Iterable[Span | None] = (),
    lists: int = 0,
    resources: Iterable[str] = (),
) -> bool:
    """Whether importing the module could tell nothing about what it declares that its text does not.

    True only for functions at the top level whose one decorator is given literals, or names of the
    module that are bound once, to literals; when the calls at `spans` stand at the top level and are
    given such; and all of its `lists` (Definitions) too; and its `resources`, classes or functions, stand
    there under plain decorators. Then what was learned may be kept by content.
    """
    top = {node.name: node for node in text.tree.body if isinstance(node, ast.FunctionDef)}
    bound, own = _bound_literals(text.tree), set(top)
    stand = [node.value for node in text.tree.body if isinstance(node, (ast.Assign, ast.Expr))]
    calls = [node for node in stand if isinstance(node, ast.Call) and _is_literal(node, bound, own)]
    places = {_span(call) for call in calls}
    if any(span not in places for span in spans):
        return False
    if sum(names_it(call.func, "Definitions") for call in calls) < lists:
        return False
    for name in functions:
        node = top.get(name)
        if node is None or len(node.decorator_list) != 1 or not is_ours(node.decorator_list[0]):
            return False
        if not _is_literal(node.decorator_list[0], bound, own):
            return False
    return all(_is_plain_resource(name, text.tree, bound) for name in resources)


def _is_plain_resource(name: str, tree: ast.Module, bound: set[str]) -> bool:
    stand = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    found = [node for node in stand if node.name == name]
    if len(found) != 1:
        return False
    above = found[0].decorator_list
    said = [g.value for each in above if isinstance(each, ast.Call) for g in each.keywords]
    plain = all(_is_literal(value, bound) for value in said)
    return plain and all(any(names_it(_called(d), n) for n in MADE_OF) for d in above)


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


def _is_literal(node: ast.expr, bound: set[str], named: Set[str] = frozenset()) -> bool:
    """Made of constants, of names, and of calls of bound names with such; nothing `named` is called."""
    for below in ast.walk(node):
        if isinstance(below, ast.Call) and isinstance(below.func, ast.Name):
            if below.func.id not in bound:
                return False
        elif isinstance(below, ast.Name) and below.id not in bound | named:
            return False
        if isinstance(below, ast.expr) and not isinstance(below, LITERALS):
            return False
    return True


LITERALS = (
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
