"""Places in the text that was analysed -> places in the file that the user wrote.

The text may be the file's end, a template's rendering, or a value in another file. Where a place
cannot be told exactly, the smallest piece of the file that certainly holds it is told instead.
"""

from __future__ import annotations

from sqlpipes.core.asset import Rendered, SqlBody
from sqlpipes.core.errors import Location


class InFile:
    """Of one query. `all` is the place of the query as a whole."""

    __slots__ = ("_lines", "all", "body", "file", "rendered")

    def __init__(self, file: str, body: SqlBody, rendered: Rendered) -> None:
        self.file, self.body, self.rendered = file, body, rendered
        self._lines: list[int] = []
        self.all = self._all()

    def of(self, at: Location) -> Location:
        """The place of a place in the rendered text; both count from 1."""
        body = self.body
        if body.template is not None:
            return self._of_template(at)
        if body.spot is not None:
            return self._at_spot(at)
        return Location(self.file, at.line + body.line - 1, at.column, at.length)

    def _all(self) -> Location:
        text = self.body.text
        ahead = text[: len(text) - len(text.lstrip())]
        line, column = ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n")
        at = Location("", line, column, max(len(text.strip()), 1))
        if self.body.spot is not None:
            return self._at_spot(at, text)
        return Location(self.file, line + self.body.line - 1, column, at.length)

    def _of_template(self, at: Location) -> Location:
        if self.rendered.written is None:
            return self.all
        start = self._offset(at)
        return self.rendered.written.span(start, start + at.length)

    def _at_spot(self, at: Location, text: str | None = None) -> Location:
        """Of a text that stands in a value of another file, such as a block of YAML."""
        spot = self.body.spot
        assert spot is not None
        if not spot.exact:
            return Location(self.file, spot.line, spot.column, 1)
        start = self._offset(at) if text is None else len(text) - len(text.lstrip())
        within = (text or self.rendered.text).count("\n", start, start + at.length)
        return Location(self.file, *spot.at(at.line, at.column), at.length + within * spot.indent)

    def _offset(self, at: Location) -> int:
        """In the rendered text."""
        if not self._lines:
            self._lines = [0]
            for line in self.rendered.text.split("\n"):
                self._lines.append(self._lines[-1] + len(line) + 1)
        return self._lines[at.line - 1] + at.column - 1
