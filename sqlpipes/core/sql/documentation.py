"""Text + tokens -> what the comments say about the output columns of the final SELECT."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType

from sqlpipes.core.sql.tokens import CLOSING, OPENING, STRINGS, is_name

_LINE = re.compile(r"[ \t]*(--|#|//)[ \t]*([^\n]*)")
_LINE_BELOW = re.compile(r"\n([ \t]*)(--|#|//)[ \t]*([^\n]*)")
_BLOCK = re.compile(r"[ \t]*/\*+\s*(.*?)\s*\*+/", re.DOTALL)
_LAST_ON_LINE = re.compile(r"[ \t]*\r?\n")
_ENDS = frozenset(
    {
        TokenType.FROM,
        TokenType.WHERE,
        TokenType.GROUP_BY,
        TokenType.HAVING,
        TokenType.QUALIFY,
        TokenType.WINDOW,
        TokenType.ORDER_BY,
        TokenType.LIMIT,
        TokenType.OFFSET,
        TokenType.FETCH,
        TokenType.UNION,
        TokenType.INTERSECT,
        TokenType.EXCEPT,
        TokenType.INTO,
        TokenType.SEMICOLON,
    }
)
_NAMELESS = frozenset({TokenType.END, TokenType.NULL, TokenType.TRUE, TokenType.FALSE})


def column_docs(text: str, tokens: Sequence[Token]) -> tuple[tuple[str, str], ...]:
    """(output column, comment) for each column with a comment behind it on its line.

    The query's own SELECT counts, not those of CTEs and subqueries; of a UNION the first, which
    names the columns. An expression without a name has no documentation.
    """
    if "--" not in text and "/*" not in text and "#" not in text and "//" not in text:
        return ()
    found: list[tuple[str, str]] = []
    for first, last in _items(tokens):
        name = _output_name(tokens, first, last)
        doc = _trailing_comment(text, tokens, last) if name else ""
        if name and doc:
            found.append((name, doc))
    return tuple(found)


def _items(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """(first, last) token of each item of the main select list."""
    start = _select_list(tokens)
    if start is None:
        return
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        if depth == 0 and (kind is TokenType.COMMA or _is_end(tokens, index)):
            if index > start:
                yield start, index - 1
            start = index + 1
            if kind is not TokenType.COMMA:
                return
        depth += (kind in OPENING) - (kind in CLOSING)
    if start < len(tokens):
        yield start, len(tokens) - 1


def _select_list(tokens: Sequence[Token]) -> int | None:
    """The index of the first token of the list of the first SELECT outside brackets."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.token_type in OPENING) - (token.token_type in CLOSING)
        if depth == 0 and token.token_type is TokenType.SELECT:
            return index + 1
    return None


def _is_end(tokens: Sequence[Token], index: int) -> bool:
    kind = tokens[index].token_type
    distinct_from = (
        kind is TokenType.FROM and index > 0 and tokens[index - 1].token_type is TokenType.DISTINCT
    )
    return kind in _ENDS and not distinct_from and not _is_star_modifier(tokens, index)


def _is_star_modifier(tokens: Sequence[Token], index: int) -> bool:
    """BigQuery's `* except (a)`; a set operation would go on with a SELECT or a parenthesised one."""
    return tokens[index].token_type is TokenType.EXCEPT and (
        index > 0 and tokens[index - 1].token_type is TokenType.STAR
    )


def _output_name(tokens: Sequence[Token], first: int, last: int) -> str | None:
    if last > first and is_name(tokens[first]) and tokens[first + 1].token_type is TokenType.COLON:
        return tokens[first].text  # DuckDB's `name: expression`
    final = tokens[last]
    cast = last > first and tokens[last - 1].token_type is TokenType.DCOLON
    if cast or not is_name(final) or final.token_type in _NAMELESS or final.token_type in STRINGS:
        return None
    return final.text


def _trailing_comment(text: str, tokens: Sequence[Token], last: int) -> str:
    """The comment behind token `last`, or behind the comma that follows it when it ends the line."""
    following = tokens[last + 1] if last + 1 < len(tokens) else None
    doc, _ = _comment_at(text, tokens[last].end + 1, following.start if following else len(text))
    if doc or following is None or following.token_type is not TokenType.COMMA:
        return doc
    end = tokens[last + 2].start if last + 2 < len(tokens) else len(text)
    doc, ends_line = _comment_at(text, following.end + 1, end)
    return doc if ends_line else ""


def _comment_at(text: str, start: int, end: int) -> tuple[str, bool]:
    """The comment that begins on the line of `start`, and whether nothing follows on its last line."""
    if found := _LINE.match(text, start, end):
        return " ".join([found[2].strip(), *_continued(text, found, end)]).strip(), True
    if found := _BLOCK.match(text, start, end):
        ends = found.end() == len(text) or _LAST_ON_LINE.match(text, found.end()) is not None
        return " ".join(found[1].split()), ends
    return "", False


def _continued(text: str, found: re.Match[str], end: int) -> Iterator[str]:
    """Comments on the next lines that stand exactly below the first: they go on with it."""
    indent = found.start(1) - (text.rfind("\n", 0, found.start()) + 1)
    while more := _LINE_BELOW.match(text, found.end(), end):
        if len(more[1]) != indent:
            return
        yield more[3].strip()
        found = more
