"""Tokens -> table names, without a parser: what an opaque query reads.

A name counts when it stands where a table may: behind FROM, JOIN, a comma of a FROM list, PIVOT,
UNPIVOT, TABLE, SUMMARIZE or DESCRIBE. Names of visible CTEs and calls are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType
from sqlglot.errors import TokenError

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.sql.names import name_parts, read_name, reference
from sqlpipes.core.sql.relation import Reference, fold
from sqlpipes.core.sql.text import Lines, lines_of
from sqlpipes.core.sql.tokens import CLOSING, OPENING, is_name, is_word, tokens_of
from sqlpipes.core.sql.vocabulary import ENDS_FROM, QUERY_STARTS

_TABLE_STARTS = QUERY_STARTS - {"SELECT", "WITH", "FROM", "VALUES", "SHOW"}
_FROM_IS_SYNTAX = frozenset({"EXTRACT", "TRIM", "SUBSTRING", "OVERLAY", "POSITION"})
_SKIPPED = frozenset({"LATERAL", "ONLY"})


@dataclass(frozen=True, slots=True)
class _Named:
    """A CTE by token indices: visible behind its body up to `end`, in a recursive one from `again` on."""

    name: str
    close: int
    end: int
    again: int

    def sees(self, index: int) -> bool:
        return self.close < index < self.end or self.again < index < self.close


def token_scan(text: str, dialect: str, *, at: Location | None = None) -> tuple[Reference, ...]:
    """The table names of `text` in text order, () when it cannot even be split into tokens.

    >>> [str(r) for r in token_scan("with a as (from b) pivot a on x; from c, s.d join a", "duckdb")]
    ['b', 'c', 's.d']
    """
    try:
        tokens = tokens_of(text, dialect)
    except TokenError:
        return ()
    return tuple(scan(tokens, dialect, lines_of(text, at or Location(""))))


def scan(tokens: Sequence[Token], dialect: str, lines: Lines) -> list[Reference]:
    """As `token_scan`, for tokens that are known."""
    closes = _closes(tokens)
    ctes = list(_ctes(tokens, closes, dialect))
    found = []
    for start, end, alias in _mentions(tokens):
        parts = name_parts(tokens[start:end])
        name = fold(*parts[0], dialect)
        if len(parts) > 1 or not any(c.name == name and c.sees(start) for c in ctes):
            span = tokens[start].start, tokens[end - 1].end + 1
            found.append(reference(parts, span, lines, alias))
    return found


def _closes(tokens: Sequence[Token]) -> dict[int, int]:
    """Opening bracket -> closing bracket, by index; one that never closes does so behind the end."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.token_type in OPENING:
            opened.append(index)
        elif token.token_type in CLOSING and opened:
            found[opened.pop()] = index
    return found | dict.fromkeys(opened, len(tokens))


def _ctes(tokens: Sequence[Token], closes: dict[int, int], dialect: str) -> Iterator[_Named]:
    for index, token in enumerate(tokens):
        if token.token_type is not TokenType.WITH:
            continue
        around = [close for open_, close in closes.items() if open_ < index < close]
        scope_end = min(around, default=len(tokens))
        position = index + 1
        recursive = position < len(tokens) and _upper(tokens[position]) == "RECURSIVE"
        position += recursive
        while (body := _body(tokens, closes, position)) is not None:
            quoted = tokens[position].token_type is TokenType.IDENTIFIER
            name = fold(tokens[position].text, quoted, dialect)
            close = closes[body]
            again = _recursive_term(tokens, body, close) if recursive else close
            yield _Named(name, close, scope_end, again)
            position = close + 2
            if close + 1 >= len(tokens) or tokens[close + 1].token_type is not TokenType.COMMA:
                break


def _body(tokens: Sequence[Token], closes: dict[int, int], position: int) -> int | None:
    """The opening parenthesis of the CTE whose name stands at `position`."""
    if position >= len(tokens) or not is_name(tokens[position]):
        return None
    index, named = position + 1, False
    while index < len(tokens):
        token = tokens[index]
        if token.token_type is TokenType.L_PAREN and named:
            return index
        if token.token_type is TokenType.L_PAREN:
            index = closes[index]
        elif _upper(token) == "AS":
            named = True
        elif _upper(token) not in ("NOT", "MATERIALIZED", "USING", "KEY"):
            return None
        index += 1
    return None


def _recursive_term(tokens: Sequence[Token], body: int, close: int) -> int:
    """The last UNION of a CTE's body, behind which the CTE reads itself; `close` if there is none."""
    depth, found = 0, close
    for index in range(body + 1, min(close, len(tokens))):
        kind = tokens[index].token_type
        depth += (kind in OPENING) - (kind in CLOSING)
        if depth == 0 and kind is TokenType.UNION:
            found = index
    return found


@dataclass(slots=True)
class _Level:
    """What is open at one depth of brackets."""

    in_from: bool = False
    expects: bool = False  # a table may come next
    from_is_syntax: bool = False  # extract(year from x)


def _mentions(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str | None]]:
    """(first, behind the last, alias) of each name that stands where a table may."""
    levels = [_Level()]
    done = 0
    for index, token in enumerate(tokens):
        level = levels[-1]
        if token.token_type in OPENING:
            levels.append(_opened(tokens, index, level))
        elif token.token_type in CLOSING:
            if len(levels) > 1:
                levels.pop()
        elif index >= done:
            if level.expects and _may_name(token):
                done = read_name(tokens, index)
                following = tokens[done].token_type if done < len(tokens) else None
                if following is TokenType.COLON:  # DuckDB's `alias: table`
                    continue
                level.expects = False
                if following is not TokenType.L_PAREN:
                    yield index, done, _alias(tokens, done)
            else:
                _step(tokens, index, level)


def _may_name(token: Token) -> bool:
    if token.token_type is TokenType.STRING or token.token_type is TokenType.IDENTIFIER:
        return True
    return is_word(token) and _upper(token) not in _SKIPPED | QUERY_STARTS


def _opened(tokens: Sequence[Token], index: int, level: _Level) -> _Level:
    """The level that the bracket at `index` opens; in a FROM it is a join or a subquery."""
    before = _upper(tokens[index - 1]) if index else ""
    following = _upper(tokens[index + 1]) if index + 1 < len(tokens) else ""
    joined = level.expects and following not in QUERY_STARTS
    level.expects = False
    return _Level(joined, joined, before in _FROM_IS_SYNTAX)


def _step(tokens: Sequence[Token], index: int, level: _Level) -> None:
    """Moves `level` past the token at `index`."""
    token, word = tokens[index], _upper(tokens[index])
    if token.token_type is TokenType.SEMICOLON or word in ENDS_FROM:
        level.in_from = level.expects = False
    elif token.token_type is TokenType.FROM:
        compared = index > 0 and tokens[index - 1].token_type is TokenType.DISTINCT
        if not compared and not level.from_is_syntax:
            level.in_from = level.expects = True
    elif token.token_type is TokenType.JOIN or word.endswith("JOIN"):
        level.in_from = level.expects = True
    elif token.token_type is TokenType.COMMA:
        level.expects = level.in_from
    elif word in _TABLE_STARTS and not level.in_from:
        level.expects = True


def _alias(tokens: Sequence[Token], index: int) -> str | None:
    marked = index < len(tokens) and tokens[index].token_type is TokenType.ALIAS
    index += marked
    if index >= len(tokens):
        return None
    plain = tokens[index].token_type in (TokenType.VAR, TokenType.IDENTIFIER)
    return tokens[index].text if plain or (marked and is_name(tokens[index])) else None


def _upper(token: Token) -> str:
    """The token's first word in upper case, "" for a quoted name or a string."""
    return token.text.upper().split()[0] if is_word(token) else ""
