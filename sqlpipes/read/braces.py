"""`{{ ... }}` in YAML values -> text. Only look-ups: env_var, var and target; all else is a Problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.read.marked import Node

if TYPE_CHECKING:
    import ast

# patterns stay text: compiling one costs every start, most projects have no braces
EXPRESSION = r"(?s)\{\{(.*?)\}\}"
WORDS: Mapping[str, Plain] = {"true": True, "false": False, "none": None}  # as Jinja has them
KNOWN = (
    "in YAML there are env_var('NAME', 'default'), var('name', default), target.name, "
    "and == or != between these"
)
FILTER = r"\|\s*(as_number|as_bool|as_native|as_text|int|string)\s*$"


@dataclass(frozen=True, slots=True)
class Names:
    """What braces may name."""

    environ: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Plain] = field(default_factory=dict)
    target: Mapping[str, Plain] = field(default_factory=dict)


class Asked(Mapping[str, str]):
    """An environment that notes what was looked up in it: `names_asked`, and `values_asked`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.names_asked: set[str] = set()
        self.values_asked: list[str] = []

    def __getitem__(self, name: str) -> str:
        value = self._environ[name]
        self.names_asked.add(name)
        self.values_asked.append(value)
        return value

    @property
    def all(self) -> Mapping[str, str]:
        """The environment itself: what is read here is not noted."""
        return self._environ

    def __contains__(self, name: object) -> bool:
        return name in self._environ

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def fill(node: Node, names: Names, problems: list[Problem]) -> Node:
    """The node with every `{{ }}` in its texts evaluated; what cannot be is TPL001 and left as it is."""
    return node.with_value(_filled(node, names, problems)) if has_braces(node.value) else node


def has_braces(value: Plain) -> bool:
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, dict):
        return any(map(has_braces, value.values()))
    return isinstance(value, list) and any(map(has_braces, value))


def _filled(node: Node, names: Names, problems: list[Problem]) -> Plain:
    value = node.value
    if isinstance(value, dict):
        return {  # prose may show braces, and dbt's doc() blocks stand there
            key: below.value if key == "description" else _filled(below, names, problems)
            for key, below in node.entries()
        }
    if isinstance(value, list):
        return [_filled(item, names, problems) for item in node.items()]
    if isinstance(value, str) and "{{" in value:
        return _filled_text(value, node, names, problems)
    return value


def _filled_text(text: str, node: Node, names: Names, problems: list[Problem]) -> Plain:
    whole = re.fullmatch(EXPRESSION, text.strip())
    try:
        if not re.search(EXPRESSION, text):
            raise _Refused("this {{ is never closed")
        if whole and "{{" not in whole[1]:
            return _evaluate(whole[1], names)
        return re.sub(EXPRESSION, lambda found: str(_evaluate(found[1], names)), text)
    except _Refused as fault:
        problems.append(Problem("TPL001", fault.message, node.at, fault.hint))
        return text


class _Refused(Exception):
    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _evaluate(text: str, names: Names) -> Plain:
    import ast

    text = text.strip().strip("-").strip()
    asked = re.search(FILTER, text)
    tree = _parsed(text[: asked.start()] if asked else text)
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (str, int, float)):
        return tree.value
    if isinstance(tree, ast.Attribute) and isinstance(tree.value, ast.Name):
        if tree.value.id == "target" and tree.attr in names.target:
            return names.target[tree.attr]
    elif isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        value = _call(tree.func.id, _literals(tree), names)
        return _converted(value, asked[1]) if asked else value
    if isinstance(tree, ast.Compare) and (value := _compared(tree, names)) is not None:
        return value
    raise _Refused(f"{{{{ {text} }}}} cannot be evaluated here", KNOWN)


def _compared(tree: ast.Compare, names: Names) -> bool | None:
    """`a == b` and `a != b` of what can be evaluated; None for all else."""
    import ast

    if len(tree.ops) != 1 or not isinstance(tree.ops[0], (ast.Eq, ast.NotEq)):
        return None
    left, right = (_evaluate(ast.unparse(each), names) for each in (tree.left, tree.comparators[0]))
    return (left == right) == isinstance(tree.ops[0], ast.Eq)


def _parsed(text: str) -> ast.expr:
    import ast

    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as fault:
        why = f": {fault.msg}" if isinstance(fault, SyntaxError) else ""
        raise _Refused(f"{{{{ {text} }}}} cannot be evaluated here{why}", KNOWN) from fault


def _literals(call: ast.Call) -> list[Plain]:
    import ast

    try:
        return [
            WORDS[argument.id]
            if isinstance(argument, ast.Name) and argument.id in WORDS
            else ast.literal_eval(argument)
            for argument in call.args
        ]
    except ValueError as fault:
        raise _Refused("only plain values may stand between the parentheses") from fault


def _call(name: str, arguments: list[Plain], names: Names) -> Plain:
    known: dict[str, tuple[str, Mapping[str, Plain]]] = {
        "env_var": ("the environment variable", names.environ),
        "var": ("the variable", names.vars),
    }
    if name not in known:
        raise _Refused(f"{name}() is not known here", did_you_mean(name, known))
    what, values = known[name]
    if not arguments or not isinstance(arguments[0], str) or len(arguments) > 2:
        raise _Refused(f"write {name}('NAME') or {name}('NAME', 'default')")
    if arguments[0] in values:
        return values[arguments[0]]
    if len(arguments) == 2:
        return arguments[1]
    hint = did_you_mean(arguments[0], values) or f"set it, or give {name}() a default"
    raise _Refused(f"{what} {arguments[0]} is not set", hint)


def _converted(value: Plain, how: str) -> Plain:
    kinds: dict[str, Callable[[Plain], Plain]] = {
        "as_number": _number,
        "int": _number,
        "as_bool": lambda v: str(v).strip().casefold() in ("true", "1", "yes", "on"),
        "as_text": str,
        "string": str,
    }
    return kinds[how](value) if how in kinds else value


def _number(value: Plain) -> Plain:
    text = str(value)
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise _Refused(f"'{text}' is not a number")
