"""Offsets in a text -> lines, columns and the short text of the expression around them.

One pass over the tokens finds the segments: each item of a SELECT, GROUP BY or ORDER BY list, each
condition of WHERE, ON, HAVING and QUALIFY. The text shown is the user's own, never generated.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Any

from sqlglot.tokenizer_core import Token, TokenType

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location

NEWLINE = re.compile("\n")
SHORT = 120  # characters of an expression that are kept

OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
LISTS = frozenset({TokenType.SELECT, TokenType.GROUP_BY, TokenType.ORDER_BY})
CONDITIONS = frozenset({TokenType.WHERE, TokenType.ON, TokenType.HAVING, TokenType.QUALIFY})
JOINS = frozenset(
    {
        TokenType.JOIN, TokenType.LEFT, TokenType.RIGHT, TokenType.FULL, TokenType.INNER,
        TokenType.CROSS, TokenType.NATURAL, TokenType.ASOF, TokenType.SEMI, TokenType.ANTI,
    }
)  # fmt: skip
ENDS = JOINS | {
    TokenType.FROM, TokenType.LIMIT, TokenType.OFFSET, TokenType.WINDOW, TokenType.UNION,
    TokenType.EXCEPT, TokenType.INTERSECT, TokenType.SEMICOLON,
}  # fmt: skip

BOUNDS = LISTS | CONDITIONS | ENDS | {TokenType.COMMA}  # what may begin or end a segment

OPERANDS = CLOSING | {TokenType.VAR, TokenType.NUMBER, TokenType.STRING, TokenType.END}


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens `first` to `last`, both included; `start` and `end` are offsets in the text."""

    start: int
    end: int
    first: int
    last: int


@dataclass(slots=True)
class _Level:
    """One depth of parentheses: the segment that is open there, if any."""

    first: int | None = None
    splits: bool = False
    is_query: bool = False


class Places:
    """What `offset`s of one text mean."""

    __slots__ = ("lines", "segments", "starts", "text", "tokens")

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.lines = [0, *(match.end() for match in NEWLINE.finditer(text))]
        self.segments = sorted(_segments(tokens), key=lambda segment: segment.start)
        self.starts = [segment.start for segment in self.segments]

    def line_column(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def segment(self, offset: int) -> Segment | None:
        """The innermost one around `offset`."""
        for i in range(bisect_right(self.starts, offset) - 1, -1, -1):
            if self.segments[i].end >= offset:
                return self.segments[i]
        return None

    def expression(self, offset: int) -> str:
        """The text of the segment around `offset`, its alias left off, on one line."""
        segment = self.segment(offset)
        if segment is None:
            return self._bare(offset)
        return self._short(_without_alias(self.tokens[segment.first : segment.last + 1]))

    def span(self, offset: int) -> Location:
        """Where the text begins that `expression` gives, and how many characters it has."""
        segment = self.segment(offset)
        if segment is None:
            start, end = offset, self.end_of_token(offset)
        else:
            tokens = _without_alias(self.tokens[segment.first : segment.last + 1])
            start, end = tokens[0].start, tokens[-1].end + 1
        return Location("", *self.line_column(start), end - start)

    def condition(self, offset: int) -> str:
        """The text of the segment around `offset`, where nothing in it can be an alias."""
        segment = self.segment(offset)
        if segment is None:
            return self._bare(offset)
        return self._short(self.tokens[segment.first : segment.last + 1])

    def _bare(self, offset: int) -> str:
        """Text of a token outside of all segments, with the USING around it."""
        i = bisect_left(self.tokens, offset, key=lambda token: token.start)
        if i >= len(self.tokens):
            return ""
        before = i
        while before > 1 and self.tokens[before].token_type in (TokenType.VAR, TokenType.COMMA):
            before -= 1
        is_using = self.tokens[before - 1].token_type is TokenType.USING
        text = self._short(self.tokens[i : i + 1])
        return f"using ({text})" if is_using else text

    def beside(self, offset: int, steps: int) -> int | None:
        """Where the list item begins that stands `steps` items after (before) the one around `offset`."""
        segment = self.segment(offset)
        while segment is not None and steps:
            wanted = segment.last + 2 if steps > 0 else segment.first - 2
            side = "first" if steps > 0 else "last"
            segment = next((s for s in self.segments if getattr(s, side) == wanted), None)
            steps += -1 if steps > 0 else 1
        return segment.start if segment else None

    def begin(self, offset: int) -> int:
        segment = self.segment(offset)
        return segment.start if segment else offset

    def end_of_token(self, offset: int) -> int:
        """Where the token that begins at `offset` ends, excluded."""
        i = bisect_left(self.tokens, offset, key=lambda token: token.start)
        return self.tokens[i].end + 1 if i < len(self.tokens) else offset + 1

    def _short(self, tokens: list[Token]) -> str:
        parts: list[str] = []
        before: Token | None = None
        for token in tokens:
            if before is not None and token.start > before.end + 1:
                parts.append(" ")
            parts.append(self.text[token.start : token.end + 1])
            before = token
        whole = " ".join("".join(parts).split())
        return whole if len(whole) <= SHORT else whole[: SHORT - 1] + "…"


def _without_alias(tokens: list[Token]) -> list[Token]:
    if len(tokens) > 2 and tokens[-2].token_type is TokenType.ALIAS:
        return tokens[:-2]
    if len(tokens) > 2 and tokens[1].token_type is TokenType.COLON:
        return tokens[2:]
    if (
        len(tokens) > 1
        and tokens[-1].token_type is TokenType.VAR
        and tokens[-2].token_type in OPERANDS
    ):
        return tokens[:-1]
    return tokens


def _segments(tokens: list[Token]) -> list[Segment]:
    found: list[Segment] = []
    levels = [_Level()]

    def close(last: int) -> None:
        level = levels[-1]
        if level.first is not None and level.first <= last:
            found.append(Segment(tokens[level.first].start, tokens[last].end, level.first, last))
        level.first = None

    for i, token in enumerate(tokens):
        kind = token.token_type
        if kind in OPENING:
            levels.append(_Level())
        elif kind in CLOSING:
            close(i - 1)
            if len(levels) > 1:
                levels.pop()
        elif kind in BOUNDS:
            _step(tokens, i, kind, levels[-1], close)
    close(len(tokens) - 1)
    return found


def _step(tokens: list[Token], i: int, kind: TokenType, level: _Level, close: Any) -> None:
    if kind is TokenType.COMMA:
        if level.splits and level.first is not None:
            close(i - 1)
            level.first = i + 1
    elif kind is TokenType.ON and i and tokens[i - 1].token_type is TokenType.DISTINCT:
        return  # DISTINCT ON (...) comes before the list
    elif kind in LISTS or kind in CONDITIONS:
        if kind is TokenType.ORDER_BY and not level.is_query:
            return  # the order inside a window or an aggregate
        close(i - 1)
        level.is_query = True
        level.splits = kind in LISTS
        level.first = _after_distinct(tokens, i + 1) if kind is TokenType.SELECT else i + 1
    elif kind in ENDS and level.first is not None and not _is_operand(tokens, i):
        close(i - 1)
    if kind is TokenType.FROM:
        level.is_query = True


def _is_operand(tokens: list[Token], i: int) -> bool:
    """LEFT( is a function, and FROM belongs to IS DISTINCT FROM."""
    kind = tokens[i].token_type
    if kind is TokenType.FROM:
        return i > 0 and tokens[i - 1].token_type is TokenType.DISTINCT
    if kind in JOINS or kind is TokenType.EXCEPT:
        return i + 1 < len(tokens) and tokens[i + 1].token_type is TokenType.L_PAREN
    return False


def _after_distinct(tokens: list[Token], i: int) -> int:
    if i >= len(tokens) or tokens[i].token_type not in (TokenType.DISTINCT, TokenType.ALL):
        return i
    if i + 1 < len(tokens) and tokens[i + 1].token_type is TokenType.ON:
        depth = 0
        for j in range(i + 2, len(tokens)):
            depth += tokens[j].token_type in OPENING
            depth -= tokens[j].token_type in CLOSING
            if depth == 0:
                return j + 1
    return i + 1
