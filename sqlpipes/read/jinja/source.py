"""A text of the user's and where it begins in its file: offsets -> places."""

from __future__ import annotations

import re

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.sql import Spot

LINE_END = re.compile(r"\r\n|\r|\n")
OPENED = re.compile(r"\{\{[-+]?(?:[\s(-]|not\b)*")  # what stands before an expression's first token
IN_TAG = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[{}]""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """Text whose first line is line `first_line` of `file`. Line ends are \\n; make it by `source_of`."""

    file: str
    text: str
    first_line: int = 1
    spot: Spot | None = None  # of a text that is no file of its own

    def at(self, offset: int, length: int = 1) -> Location:
        """The place of a character, counted from 0; one past the end is allowed.

        >>> str(Source("a.sql", "x\\nyz", 10).at(3))
        'a.sql:11:2'
        """
        offset = min(max(offset, 0), len(self.text))
        line_start = self.text.rfind("\n", 0, offset) + 1
        line = self.text.count("\n", 0, offset)
        if self.spot is not None:
            place = self.spot.at(line + 1, offset - line_start + 1)
            return Location(self.file, *place, max(length, 1))
        return Location(self.file, self.first_line + line, offset - line_start + 1, max(length, 1))

    def span(self, start: int, end: int) -> Location:
        """The place of the text from `start` to `end`, counted from 0.

        In a block that is indented in its file, the indent of its further lines counts as well.

        >>> Source("a.sql", "x\\nyz", 10, Spot(7, 5, 4)).span(0, 4).length
        8
        """
        if self.spot is not None and not self.spot.exact:
            return self.at(start)
        indent = self.spot.indent if self.spot is not None else 0
        return self.at(start, end - start + indent * self.text.count("\n", start, end))

    def tag(self, offset: int) -> tuple[int, int]:
        """Where the `{{ }}` begins and ends in which an expression begins at `offset`.

        All of the text, when it is another sort of tag.

        >>> Source("a.sql", "a {{ x['}}'] }} b").tag(5)
        (2, 15)
        """
        start = self.text.rfind("{{", 0, offset)
        if start < 0 or not OPENED.fullmatch(self.text, start, offset):
            return 0, len(self.text)
        depth = 0
        for match in IN_TAG.finditer(self.text, offset):
            if match[0] == "{":
                depth += 1
            elif match[0] == "}" and depth:
                depth -= 1
            elif match[0] == "}" and self.text.startswith("}}", match.start()):
                return start, match.start() + 2
        return 0, len(self.text)

    def offset_of_line(self, line: int) -> int:
        """Where a line of the text, counted from 1, begins.

        >>> Source("a.sql", "x\\nyz", 10).offset_of_line(2)
        2
        """
        offset = 0
        for _ in range(line - 1):
            offset = self.text.find("\n", offset) + 1 or len(self.text)
        return offset


def source_of(file: str, text: str, first_line: int = 1, spot: Spot | None = None) -> Source:
    return Source(file, LINE_END.sub("\n", text), first_line, spot)
