"""A component's class -> its fields as a user is told of them: type in words, default, documentation."""

from __future__ import annotations

import ast
import enum
import inspect
import io
import tokenize
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, Union

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions.secret import Secret

WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
    type(None): "nothing",
    object: "anything",
    Secret: "a secret text",
}
SEVERAL = {
    "a text": "texts",
    "a secret text": "secret texts",
    "a whole number": "whole numbers",
    "a number": "numbers",
    "a mapping": "mappings",
    "a list": "lists",
}
LISTS = (list, tuple, set, frozenset, Sequence, Iterable)
RAW = "raw"  # Annotated[str, "raw"]: braces in it are not for YAML but for whoever gets the text


@dataclass(frozen=True, slots=True)
class Field:
    """One of the attributes. `kind` is its type in Python, `wanted` the same in words."""

    name: str
    kind: Any
    wanted: str
    required: bool
    default: Any = None
    doc: str = ""

    @property
    def is_raw(self) -> bool:
        return RAW in getattr(self.kind, "__metadata__", ())


def fields_of(cls: type) -> list[Field]:
    """In their order. Raises TypeError or NameError for an annotation that means nothing."""
    import msgspec

    info = msgspec.inspect.type_info(cls)
    kinds = typing.get_type_hints(cls, include_extras=True)
    docs = field_docs(cls)
    return [
        Field(
            each.encode_name,
            kinds[each.name],
            wanted(kinds[each.name]),
            each.required,
            _default(each),
            docs.get(each.name, ""),
        )
        for each in getattr(info, "fields", ())
    ]


def _default(field: Any) -> Any:
    import msgspec

    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    found = None if field.default is msgspec.NODEFAULT else field.default
    if isinstance(found, Secret):  # is nobody's to see
        return None
    return found.value if isinstance(found, enum.Enum) else found


def holds_secret(kind: Any) -> bool:
    """Whether a value of this type may hold a Secret."""
    return kind is Secret or any(map(holds_secret, typing.get_args(kind)))


def is_of_fields(kind: Any) -> bool:
    """Whether a value of this type is a mapping with known keys."""
    return isinstance(kind, type) and (
        "__dataclass_fields__" in vars(kind)
        or hasattr(kind, "__struct_fields__")
        or typing.is_typeddict(kind)
    )


def bare(kind: Any) -> Any:
    """A type without what is annotated about it."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind


def members(kind: Any) -> tuple[Any, ...]:
    """The types that a union is of; a type that is none, alone."""
    kind = bare(kind)
    if typing.get_origin(kind) in (Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def wanted(kind: Any) -> str:
    """A type in words.

    >>> wanted(list[str]), wanted(str | list[int] | None), wanted(Literal["a", "b"])
    ('a list of texts', 'a text or a list of whole numbers', "'a' or 'b'")
    """
    kind = bare(kind)
    parts = [part for part in members(kind) if part is not type(None)]
    if len(parts) > 1 or len(parts) < len(members(kind)):
        return " or ".join(map(wanted, parts))
    if typing.get_origin(kind) is Literal:
        return " or ".join(map(repr, typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return " or ".join(repr(member.value) for member in kind)
    origin, below = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in LISTS:
        said = wanted(below[0]) if below else "anything"
        return "a list" if said == "anything" else f"a list of {_several(said)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        said = wanted(below[1]) if len(below) > 1 else "anything"
        return "a mapping" if said == "anything" else f"a mapping to {_several(said)}"
    if is_of_fields(kind):
        return "a mapping"
    return WORDS.get(kind) or ("anything" if kind is Any else _named(kind))


def _several(word: str) -> str:
    return SEVERAL.get(word, word)


def _named(kind: Any) -> str:
    named = {"date": "a date", "datetime": "a time", "timedelta": "a duration"}
    name = getattr(kind, "__name__", str(kind))
    return named.get(name, name)


def field_docs(cls: type) -> dict[str, str]:
    """Field -> the comment behind it, or the ones in the lines before it, of the class and its bases."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if each.__module__ != "builtins":
            with suppress(OSError, TypeError, SyntaxError, tokenize.TokenError):
                file = inspect.getsourcefile(each)
                if file is not None:
                    with open(file, encoding="utf-8") as stream:
                        found |= docs_in(stream.read(), each.__qualname__)
    return found


def docs_in(text: str, name: str) -> dict[str, str]:
    """
    >>> docs_in("class A:\\n    x: int  # how many\\n    # what\\n    # it is\\n    y: str = 'a'", "A")
    {'x': 'how many', 'y': 'what it is'}
    """
    comments, alone = _comments(text)
    found = {}
    for node in _class(ast.parse(text), name.split(".")):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        own = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        lines = [comments[line] for line in own if line in comments]
        line = node.lineno - 1
        while line in alone and not any(map(comments.get, own)):
            lines.insert(0, comments[line])
            line -= 1
        if said := " ".join(filter(None, lines)):
            found[node.target.id] = said
    return found


def _comments(text: str) -> tuple[dict[int, str], set[int]]:
    """Comments by line, and the lines that hold nothing else."""
    found: dict[int, str] = {}
    alone: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            found[token.start[0]] = token.string.lstrip("#").strip()
            if not token.line[: token.start[1]].strip():
                alone.add(token.start[0])
    return found, alone


def _class(tree: ast.Module, path: Sequence[str]) -> list[ast.stmt]:
    body: list[ast.stmt] = tree.body
    for part in path:
        body = next((n.body for n in body if isinstance(n, ast.ClassDef) and n.name == part), [])
    return body
