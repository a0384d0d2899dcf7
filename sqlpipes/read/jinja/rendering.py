"""A compiled template + names -> its text and where each character of it was written; or a Problem."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

from jinja2 import Undefined
from jinja2.exceptions import SecurityError, TemplateRuntimeError, TemplateSyntaxError
from jinja2.utils import missing

from sqlpipes.core.config import NOTHING
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.read.jinja.macros import Library
from sqlpipes.read.jinja.names import INSTEAD, Fault
from sqlpipes.read.jinja.positions import TEXT, VALUE, Compiled, UnknownName
from sqlpipes.read.jinja.source import Source

PLACE = re.compile(r" on line \d+( in '[^']*')?")


@dataclass(frozen=True, slots=True)
class Trace:
    """Rendered text. Piece i begins at `starts[i]` of it and was written at `offsets[i]` of the source.

    `exact[i]`: the piece is the user's own text, letter for letter; else an expression made it.
    """

    text: str
    source: Source
    starts: tuple[int, ...]
    offsets: tuple[int, ...]
    exact: tuple[bool, ...]

    def locate(self, position: int, length: int = 1) -> Location:
        """The place in the user's file that a position of the rendered text comes from."""
        piece = max(bisect_right(self.starts, position) - 1, 0)
        if not self.starts:
            return self.source.at(0)
        if not self.exact[piece]:
            return self.source.at(self.offsets[piece])
        return self.source.at(self.offsets[piece] + position - self.starts[piece], length)

    def span(self, start: int, end: int) -> Location:
        """The smallest place that made this part of the text: letters, or the tag that put them out."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = max(bisect_right(self.starts, max(end - 1, start)) - 1, first)
        if not self.starts:
            return self.source.span(0, len(self.source.text))
        parts = [self._made(i, start, end) for i in range(first, last + 1)]
        return self.source.span(min(part[0] for part in parts), max(part[1] for part in parts))

    def _made(self, piece: int, start: int, end: int) -> tuple[int, int]:
        """Offsets in the source of what made this piece, cut to the part from `start` to `end`."""
        begin, offset = self.starts[piece], self.offsets[piece]
        if not self.exact[piece]:
            return self.source.tag(offset)
        over = piece + 1
        after = self.starts[over] if over < len(self.starts) else len(self.text)
        return offset + max(start, begin) - begin, offset + min(end, after) - begin

    def place(self, line: int, column: int = 1, length: int = 1) -> Location:
        """As `locate`, for a line and column of the rendered text, both from 1."""
        start = Source("", self.text).offset_of_line(line)
        return self.locate(start + column - 1, length)

    def line_of(self, line: int) -> int:
        """The line of the user's file that a line of the rendered text comes from, both from 1."""
        return self.place(line).line


class _Recorder:
    """Notes the piece that is about to come out. One a rendering, so threads never share it."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.offset = 0
        self.exact = False

    def own(self, offset: int, text: str) -> str:
        self.text, self.offset, self.exact = text, offset, True
        return text

    def value(self, offset: int, value: object) -> str:
        text = str(value)
        if callable(value) and not isinstance(value, Undefined):
            raise TemplateRuntimeError("this is a function and not yet a text: call it with ()")
        self.text, self.offset, self.exact = text, offset, False
        return text


def render(
    compiled: Compiled,
    library: Library,
    names: dict[str, Any],
    instead: Mapping[str, Any] = NOTHING,
) -> Trace:
    """Raises ProjectError with the place of whatever fails, in the template or in a macro.

    `instead`: functions and macros that give a constant.
    """
    recorder = _Recorder()
    known = {**library.environment.globals, **names, TEXT: recorder.own, VALUE: recorder.value}
    involved = [compiled]
    try:
        for file in library.needed(compiled):
            involved.append(file)
            shared = file.template.new_context(known, shared=True)
            for _ in file.template.root_render_func(shared):
                pass  # what stands between macros is no output, only definitions matter
            known.update(shared.get_exported())
        known.update({name: _constant(value) for name, value in instead.items()})
        return _collect(compiled, known, recorder)
    except Exception as fault:
        raise ProjectError(_problem(fault, involved, set(names) | set(library.homes))) from fault


def _constant(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def _collect(compiled: Compiled, known: dict[str, Any], recorder: _Recorder) -> Trace:
    pieces: list[str] = []
    starts: list[int] = []
    offsets: list[int] = []
    exact: list[bool] = []
    length = 0
    for text, offset, own in _pieces(compiled, known, recorder):
        if text:
            pieces.append(text)
            starts.append(length)
            offsets.append(offset)
            exact.append(own)
            length += len(text)
    return Trace("".join(pieces), compiled.source, tuple(starts), tuple(offsets), tuple(exact))


def _pieces(
    compiled: Compiled, known: dict[str, Any], recorder: _Recorder
) -> Iterator[tuple[str, int, bool]]:
    """(text, offset in the source, whether it is the user's own text) in output order."""
    template = compiled.template
    running = template.root_render_func(template.new_context(known, shared=True))
    for text in running:
        if text is recorder.text:
            yield text, recorder.offset, recorder.exact
        else:  # a call or filter block: it comes out of a buffer, at the line of the block
            frame = running.gi_frame  # type: ignore[attr-defined]
            yield text, template.get_corresponding_lineno(frame.f_lineno) - 1, False
        recorder.text = None


def _problem(fault: Exception, involved: list[Compiled], known: set[str]) -> Problem:
    places = _places(fault.__traceback__, involved)
    compiled, offset = places[-1] if places else (involved[0], 0)
    code, message, hint = _explained(fault, known)
    at = _refined(fault, compiled, offset)
    outer = tuple(dict.fromkeys(found.source.at(where) for found, where in reversed(places[:-1])))
    return Problem(code, message, at, hint, others=tuple(o for o in outer if o.file != at.file))


def _places(trace: TracebackType | None, involved: list[Compiled]) -> list[tuple[Compiled, int]]:
    """The templates on the stack with the offset each had reached, outermost first."""
    by_template = {id(compiled.template): compiled for compiled in involved}
    found = []
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        compiled = by_template.get(id(template))
        if compiled is not None and template is not None:
            found.append((compiled, template.get_corresponding_lineno(trace.tb_lineno) - 1))
        trace = trace.tb_next
    return found


def _refined(fault: Exception, compiled: Compiled, offset: int) -> Location:
    """The name that is at fault, when it stands in the statement that failed or after its start."""
    mentions = compiled.mentions
    if isinstance(fault, Fault):
        asked = mentions.calls.get((fault.function, fault.asked or ""), [])
        if asked and fault.asked:
            return compiled.source.at(_from(asked, offset) + 1, len(fault.asked))
        called = mentions.names.get(fault.function, [])
        return compiled.source.at(_from(called, offset), len(fault.function))
    if isinstance(fault, UnknownName) and isinstance(fault.name, str):
        table = mentions.names if fault.owner is missing else mentions.attributes
        return compiled.source.at(_from(table.get(fault.name, []), offset), len(fault.name))
    return compiled.source.at(offset)


def _from(offsets: list[int], least: int) -> int:
    """The first of some sorted offsets at or after `least`, else `least`."""
    index = bisect_left(offsets, least)
    return offsets[index] if index < len(offsets) else least


def _explained(fault: Exception, known: set[str]) -> tuple[str, str, str | None]:
    """(code, message, hint) of whatever came out of a template."""
    if isinstance(fault, Fault):
        return fault.code, fault.message, fault.hint
    if isinstance(fault, UnknownName):
        return _unknown(fault, known)
    if isinstance(fault, SecurityError):
        return "JIN005", f"not allowed in a template: {fault}", None
    if isinstance(fault, TypeError) and "no loader" in str(fault):
        hint = "macros under macros/ can be called by name, without an import"
        return "JIN007", "include, import and extends are not available", hint
    if isinstance(fault, RecursionError):
        return "JIN005", "a macro calls itself without end", None
    if isinstance(fault, (TemplateRuntimeError, TemplateSyntaxError)):
        # Jinja's own lines are offsets here, and the place is told anyway
        return "JIN005", PLACE.sub("", str(fault.message)), None
    return "JIN005", f"{type(fault).__name__} in the template: {fault}", None


def _unknown(fault: UnknownName, known: set[str]) -> tuple[str, str, str | None]:
    name = str(fault.name)
    if fault.owner is missing:
        if name in INSTEAD:
            return "JIN007", f"'{name}' is not available in templates", INSTEAD[name]
        hint = did_you_mean(name, known) or "a macro must stand in a file under macros/"
        return "JIN002", f"'{name}' is not defined", hint
    parts = [part for part in dir(fault.owner) if not part.startswith("_")]
    return "JIN002", f"there is no '{name}' here", did_you_mean(name, parts)
