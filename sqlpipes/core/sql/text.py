"""Text and offsets in, text and places out. No parser: what runs on every step costs nothing to import.

Offsets count characters from 0, spans are half-open.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location

BACKSLASH_ESCAPES = frozenset(
    {"bigquery", "clickhouse", "databricks", "doris", "hive", "mysql", "snowflake", "spark"}
    | {"mariadb", "singlestore", "starrocks"}
)
HASH_COMMENTS = frozenset({"bigquery", "mysql", "mariadb", "clickhouse", "singlestore"})
_LEX = re.compile(
    r"(?P<comment>--[^\n]*|/\*)"
    r"|(?P<hash>\#[^\n]*)"
    r"|(?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')"
    r"|(?P<string>')"
    r'|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)'
    r"|(?P<dollar>\$(?P<tag>[^\W\d]\w*|)\$(?:.*?)\$(?P=tag)\$)"
    r"|(?P<end>;)"
    r"|(?P<space>\s+)"
    r"|(?P<word>\w+|.)",
    re.DOTALL,
)
_PLAIN = re.compile(r"'(?:[^']|'')*'")
_BACKSLASHED = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_SPACE_AND_ENDS = " \t\r\n\f\v;"
_QUOTE_OR_HASH = re.compile(r"""['"`$#]""")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the lines of a text start, and where the text begins in the user's file."""

    at: Location
    starts: tuple[int, ...]

    def place(self, start: int, length: int = 1) -> Location:
        """The place in the file of `length` characters at offset `start` of the text."""
        row = bisect_right(self.starts, start) - 1
        column = start - self.starts[row] + (self.at.column if row == 0 else 1)
        return Location(self.at.file, self.at.line + row, column, length)


def lines_of(text: str, at: Location) -> Lines:
    """
    >>> lines_of("select 1\\nfrom t", Location("m.sql", 5, 3)).place(14)
    Location(file='m.sql', line=6, column=6, length=1)
    """
    starts = [0, *(found + 1 for found in _newlines(text))]
    return Lines(at, tuple(starts))


def _newlines(text: str) -> Iterable[int]:
    found = text.find("\n")
    while found >= 0:
        yield found
        found = text.find("\n", found + 1)


def rewrite(text: str, replacements: Iterable[tuple[int, int, str]]) -> str:
    """`text` with each span (start, end, new) replaced; the spans may come in any order.

    Raises ValueError when two spans overlap or one lies outside the text.

    >>> rewrite("select * from orders", [(14, 20, "dev.orders")])
    'select * from dev.orders'
    """
    pieces: list[str] = []
    done = 0
    for start, end, new in sorted(replacements):
        if not done <= start <= end <= len(text):
            raise ValueError(f"replacement {start}:{end} overlaps another or leaves the text")
        pieces += (text[done:start], new)
        done = end
    return "".join((*pieces, text[done:]))


def bare(text: str, dialect: str = "duckdb") -> str:
    """`text` without what follows its last word: semicolons, comments, white space.

    The result can be wrapped in parentheses on the same line.

    >>> bare("select ';' -- all\\nfrom t -- the end;\\n; /* bye */ ;")
    "select ';' -- all\\nfrom t"
    """
    plain = _plain_end(text)
    if plain is not None:
        return text[:plain]
    end = position = 0
    while position < len(text):
        position, meant = _next(text, position, dialect)
        if meant:
            end = position
    return text[:end]


def _plain_end(text: str) -> int | None:
    """Where the last word ends, when the last line shows it: every step asks for its query's end.

    None when a comment or a quote may reach to it: then the text must be read from its beginning.
    """
    end = len(text.rstrip(_SPACE_AND_ENDS))
    if "/*" in text or text[end - 1 : end].isspace():
        return None
    tail = text[text.rfind("\n", 0, end) + 1 :]
    return None if "--" in tail or _QUOTE_OR_HASH.search(tail) else end


def _next(text: str, position: int, dialect: str) -> tuple[int, bool]:
    """Where the lexeme at `position` ends, and whether it means anything to the query."""
    found = _LEX.match(text, position)
    assert found is not None  # the last branch matches any character
    if found["comment"] == "/*":
        return _comment_end(text, position), False
    if found["string"]:
        pattern = _BACKSLASHED if dialect in BACKSLASH_ESCAPES else _PLAIN
        whole = pattern.match(text, position)
        return (whole.end() if whole else len(text)), True
    if found["hash"] and dialect not in HASH_COMMENTS:
        return position + 1, True
    blank = found["comment"] or found["hash"] or found["end"] or found["space"]
    return found.end(), not blank


def _comment_end(text: str, position: int) -> int:
    """The end of the block comment that starts at `position`; they nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)


def unfinished(text: str, dialect: str = "duckdb") -> int | None:
    """The offset of the quote or block comment that never ends, None if all do.

    >>> unfinished("select 'abc"), unfinished("select 'abc'")
    (7, None)
    """
    position = 0
    while position < len(text):
        start = position
        position, _ = _next(text, position, dialect)
        lexeme = text[start:position]
        open_quote = lexeme[0] == "'" and (len(lexeme) == 1 or lexeme[-1] != "'")
        if open_quote or lexeme in ('"', "`") or (lexeme[:2] == "/*" and lexeme[-2:] != "*/"):
            return start
    return None
