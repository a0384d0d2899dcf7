"""Tokens -> the queries and names that DuckDB takes as text: query('...') and query_table(...)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType
from sqlglot.errors import TokenError

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.sql.names import constant_strings, name_parts, read_name, reference
from sqlpipes.core.sql.relation import Reference
from sqlpipes.core.sql.text import Lines
from sqlpipes.core.sql.tokens import tokens_of

_FUNCTIONS = frozenset({"query", "query_table"})


@dataclass(frozen=True, slots=True)
class Embedded:
    """One call. `start` is the call's offset; a query comes with the offset of its text.

    Unreadable: the argument is computed or holds escapes, so no span of the file is the name.
    """

    function: str
    start: int
    at: Location
    names: tuple[Reference, ...] = ()
    queries: tuple[tuple[int, str], ...] = ()
    unreadable: bool = False


def embedded_queries(
    text: str, tokens: Sequence[Token], dialect: str, lines: Lines
) -> Iterator[Embedded]:
    """Each call of the two functions in text order; DuckDB only."""
    if dialect != "duckdb" or "query" not in text.lower():
        return
    for index in range(1, len(tokens) - 2):
        function = tokens[index].text.lower()
        if function not in _FUNCTIONS or tokens[index + 1].token_type is not TokenType.L_PAREN:
            continue
        if not _in_from(tokens[index - 1]):
            continue
        yield _call(text, tokens, index, lines)


def _in_from(before: Token) -> bool:
    kinds = (TokenType.FROM, TokenType.JOIN, TokenType.COMMA, TokenType.L_PAREN, TokenType.COLON)
    return before.token_type in (*kinds, TokenType.LATERAL)


def _call(text: str, tokens: Sequence[Token], index: int, lines: Lines) -> Embedded:
    token = tokens[index]
    function = token.text.lower()
    at = lines.place(token.start, token.end + 1 - token.start)
    strings = constant_strings(tokens, index + 2)
    if strings and all(_is_exact(text, s) for s in strings):
        if function == "query":
            queries = [(s.start + 1, s.text) for s in strings]
            return Embedded(function, token.start, at, queries=tuple(queries))
        names = [_name_in(s, lines) for s in strings]
        if all(name is not None for name in names):
            found = tuple([name for name in names if name is not None])
            return Embedded(function, token.start, at, names=found)
    end = read_name(tokens, index + 2)
    if function == "query_table" and not strings and end > index + 2:
        named = tokens[index + 2 : end]
        span = named[0].start, named[-1].end + 1
        found = (reference(name_parts(named), span, lines, None),)
        return Embedded(function, token.start, at, names=found)
    return Embedded(function, token.start, at, unreadable=True)


def _is_exact(text: str, token: Token) -> bool:
    """Whether the string's value is the text between its two quotes, character for character."""
    return text[token.start + 1 : token.end] == token.text


def _name_in(token: Token, lines: Lines) -> Reference | None:
    """The dotted name that a string holds."""
    try:
        inner = tokens_of(token.text, "duckdb")
    except TokenError:
        return None
    if not inner or read_name(inner, 0) != len(inner):
        return None
    span = token.start + 1, token.end
    return reference(name_parts(inner), span, lines, None)
