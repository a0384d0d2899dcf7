"""Text -> compiled templates that know the exact place of everything in them. The only door to jinja2.

Jinja knows lines only. Here every token carries its offset in the place of a line number, so syntax
errors, compile errors and the line table of the compiled code all speak of offsets, and each piece
that a template puts out says where it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import partial
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.read.jinja.names import INSTEAD_OF_TAG
from sqlpipes.read.jinja.source import Source

TEXT, VALUE = "sqlpipes_text", "sqlpipes_value"  # the recorders, by name, in the compiled code
OPENERS = frozenset({"if", "for", "macro", "call", "filter", "block", "with", "autoescape", "set"})
# Their content goes into a buffer and comes out later, or not at all: no place to record from.
BUFFERED = (nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.AssignBlock)


class UnknownName(UndefinedError):
    """A name or attribute without a value was used."""

    def __init__(self, message: str, *, name: Any, owner: Any) -> None:
        super().__init__(message)
        self.name, self.owner = name, owner


class NamedUndefined(StrictUndefined):
    """StrictUndefined whose error says which name it was."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[Exception] = UndefinedError,
    ) -> None:
        named = exc
        if exc is UndefinedError and hint is None:
            named = partial(UnknownName, name=name, owner=obj)  # type: ignore[assignment]
        super().__init__(hint, obj, name, named)  # type: ignore[arg-type]


class PositionedEnvironment(SandboxedEnvironment):
    """Jinja whose line numbers are offsets + 1."""

    def __init__(self) -> None:
        super().__init__(
            undefined=NamedUndefined,
            keep_trailing_newline=True,
            autoescape=False,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        )

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        placed = _placed(self.lexer.tokeniter(source, name, filename, state), source)
        return TokenStream(self.lexer.wrap(placed, name, filename), name, filename)


def _placed(tokens: Iterable[tuple[int, str, str]], source: str) -> Iterator[tuple[int, str, str]]:
    """The tokens with their offset + 1 instead of the line; errors of the lexer likewise."""
    position = start = 0
    kind = ""
    try:
        for _, kind, value in tokens:
            # `{%-` drops white space before it; what follows the gap starts with a brace
            start = source.index(value, position) if value else position
            yield start + 1, kind, value
            position = start + len(value)
    except TemplateSyntaxError as fault:
        unclosed = kind in ("comment_begin", "raw_begin")
        fault.lineno = (start if unclosed else position) + 1
        raise


@dataclass(frozen=True, slots=True)
class Mentions:
    """Offsets, sorted, at which a text mentions a name, calls f('x') (of the 'x'), reads an attribute.

    `own` are the names that the text gives a value itself: loop variables, parameters, `set`.
    """

    names: dict[str, list[int]] = field(default_factory=dict)
    calls: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    attributes: dict[str, list[int]] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template ready to run, and where things are in its text."""

    source: Source
    template: Template
    macros: tuple[str, ...]  # defined at its top level
    mentions: Mentions


def compile_source(environment: PositionedEnvironment, source: Source) -> Compiled:
    """Raises ProjectError (JIN001, JIN002) with the place in the user's file."""
    try:
        tree = Parser(environment, source.text, source.file, source.file).parse()
        macros = tuple(node.name for node in tree.body if isinstance(node, nodes.Macro))
        mentions = _mentions(tree)
        _record_pieces(tree)
        code = environment.compile(tree, source.file, source.file)
    except TemplateSyntaxError as fault:
        raise ProjectError(_syntax_problem(environment, source, fault)) from None
    template = Template.from_code(environment, code, {})
    return Compiled(source, template, macros, mentions)


def _mentions(tree: nodes.Template) -> Mentions:
    into = Mentions()
    todo: list[nodes.Node] = [tree]
    while todo:
        node = todo.pop()
        _note(node, into)
        todo.extend(node.iter_child_nodes())
    tables: tuple[dict[Any, list[int]], ...] = (into.names, into.calls, into.attributes)
    for table in tables:
        for offsets in table.values():
            offsets.sort()
    return into


def _note(node: nodes.Node, into: Mentions) -> None:
    if isinstance(node, nodes.Name):
        if node.ctx == "load":
            into.names.setdefault(node.name, []).append(node.lineno - 1)
        else:
            into.own.add(node.name)
    elif isinstance(node, nodes.Getattr):
        # Jinja places an attribute at its dot
        into.attributes.setdefault(node.attr, []).append(node.lineno)
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.args:
        first = node.args[0]
        if isinstance(first, nodes.Const):
            asked = (node.node.name, str(first.value))
            into.calls.setdefault(asked, []).append(first.lineno - 1)


def _record_pieces(node: nodes.Node, buffered: bool = False) -> None:
    """Wrap every piece of output in a call that notes where it was written, where that can be known."""
    if isinstance(node, nodes.Output):
        node.nodes = [_recorded(piece, buffered) for piece in node.nodes]
        return
    buffered = buffered or isinstance(node, (*BUFFERED, nodes.ScopedEvalContextModifier))
    buffered = buffered or (isinstance(node, nodes.For) and node.recursive)
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Stmt):
            _record_pieces(child, buffered)


def _recorded(piece: nodes.Expr, buffered: bool) -> nodes.Expr:
    """The same piece with its beginning as the place that the line table of the code tells."""
    start = _start(piece)
    is_text = isinstance(piece, nodes.TemplateData)
    wrapped: nodes.Expr
    if buffered:
        wrapped = piece if is_text else nodes.Concat([piece])
    else:
        value = nodes.Const(piece.data) if isinstance(piece, nodes.TemplateData) else piece
        name = nodes.Name(TEXT if is_text else VALUE, "load")
        wrapped = nodes.Call(name, [nodes.Const(start - 1), value], [], None, None)
    wrapped.set_lineno(start)  # of the nodes that have none yet
    return wrapped


def _start(node: nodes.Node) -> int:
    """Where an expression begins: Jinja places an operator's node at the operator, some nodes nowhere."""
    return min(_places(node), default=1)


def _places(node: nodes.Node) -> Iterator[int]:
    if isinstance(node.lineno, int):
        yield node.lineno
    for below in node.iter_child_nodes():
        yield from _places(below)


def _syntax_problem(
    environment: PositionedEnvironment, source: Source, fault: TemplateSyntaxError
) -> Problem:
    message = (fault.message or "bad syntax").rstrip(".")
    if message.startswith("Unexpected end of template"):
        return _unclosed(environment, source, message)
    offset = fault.lineno - 1
    if unknown := re.match(r"No (filter|test) named '(.+)'", message):
        known = environment.filters if unknown[1] == "filter" else environment.tests
        offset = max(source.text.find(unknown[2], offset), offset)  # a test is placed at its `is`
        at = source.at(offset, len(unknown[2]))
        hint = did_you_mean(unknown[2], known)
        return Problem("JIN002", f"there is no {unknown[1]} '{unknown[2]}'", at, hint)
    if unknown := re.match(r"Encountered unknown tag '(\w+)'", message):
        return _unknown_tag(unknown[1], source.at(offset, len(unknown[1])), message)
    message = re.sub(r"^unexpected char (.+) at \d+$", r"unexpected character \1", message)
    return Problem("JIN001", f"bad Jinja: {message[:1].lower()}{message[1:]}", source.at(offset))


def _unknown_tag(tag: str, at: Location, message: str) -> Problem:
    if tag in INSTEAD_OF_TAG:
        return Problem("JIN007", f"{{% {tag} %}} is not available", at, INSTEAD_OF_TAG[tag])
    known = {*OPENERS, *(f"end{name}" for name in OPENERS), "else", "elif"}
    near = None if tag in known else did_you_mean(tag, known)
    return Problem("JIN001", f"bad Jinja: {message[:1].lower()}{message[1:]}", at, near)


def _unclosed(environment: PositionedEnvironment, source: Source, message: str) -> Problem:
    """The place of the innermost tag without its end; the end of the text says nothing."""
    stack: list[tuple[int, str]] = []
    for offset, name, assigns in _tags(environment, source):
        if name.startswith("end"):
            if stack and stack[-1][1] == name[3:]:
                stack.pop()
        elif name in OPENERS and not assigns:
            stack.append((offset, name))
    if not stack:
        return Problem("JIN001", f"bad Jinja: {message}", source.at(len(source.text)))
    offset, name = stack[-1]
    hint = f"add {{% end{name} %}}"
    return Problem("JIN001", f"{{% {name} %}} is never closed", source.at(offset, 2), hint)


def _tags(environment: PositionedEnvironment, source: Source) -> Iterator[tuple[int, str, bool]]:
    """(offset, name, whether an = stands in it) of every {% tag %}."""
    offset, name, assigns = 0, "", False
    for place, kind, value in _placed(environment.lexer.tokeniter(source.text, None), source.text):
        if kind == "block_begin":
            offset, name, assigns = place - 1, "", False
        elif kind == "name" and not name:
            name = value
        elif kind == "operator" and value == "=":
            assigns = name == "set"
        elif kind == "block_end":
            yield offset, name, assigns
