"""SQL text -> tokens, and what can be said from tokens alone. sqlglot's tokenizer lives behind this door.

Offsets of tokens are taken from the tokenizer; its lines and columns are not: they go wrong behind
a dollar-quoted string.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

from sqlglot import Token, TokenType
from sqlglot.dialects.dialect import Dialect

from sqlpipes.core.sql.dialects import dialect_named
from sqlpipes.core.sql.vocabulary import BARE_CALLS, CALLS, COMMANDS, QUERY_STARTS

OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
DEEPEST = 300  # levels; from Python 3.12 on nothing stops the parser at the end of the stack
STRINGS = frozenset({TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING})
_QUOTED = STRINGS | {TokenType.IDENTIFIER, TokenType.BYTE_STRING, TokenType.NATIONAL_STRING}

# What begins a statement that yields no rows a table could be made of.
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_MOMENTS = frozenset({"now", "today", "yesterday", "tomorrow"})
_SAMPLES = frozenset({"sample", "tablesample"})
_VOLATILE = CALLS | BARE_CALLS | _MOMENTS | _SAMPLES
_MOMENT_TYPES = frozenset({"date", "timestamp", "timestamptz"})


@cache
def dialect_of(name: str) -> Dialect:
    """sqlglot's dialect for an engine's name; a name it does not know reads as plain SQL."""
    try:
        return Dialect.get_or_raise(dialect_named(name) or name)
    except ValueError:
        return Dialect.get_or_raise("")


def tokens_of(text: str, dialect: str) -> list[Token]:
    """The tokens of `text`, comments left out. Raises sqlglot's TokenError on an open quote."""
    if text.startswith("\ufeff"):  # a byte order mark is a space to every engine
        text = " " + text[1:]
    return dialect_of(dialect).tokenize(text)


def is_too_deep(text: str, tokens: Sequence[Token]) -> bool:
    """Whether brackets or CASEs nest deeper than is safe to parse: a process must not die of a text.

    Each of the brackets that follow one another is a level of the tree, too: `integer[][]`, `a[1][2]`.

    >>> deep = ("(" * 9 + "1" + ")" * 9, "[" * 999, "select a" + "[1]" * 999)
    >>> [is_too_deep(text, tokens_of(text, "duckdb")) for text in deep]
    [False, True, True]
    """
    if sum(map(text.count, "([{")) + text.lower().count("case") <= DEEPEST:
        return False
    depth = deepest = row = 0
    last = None
    for token in tokens:
        kind = token.token_type
        if kind in OPENING or kind is TokenType.CASE:
            row = row + 1 if last in CLOSING and kind is TokenType.L_BRACKET else 0
            depth += 1
            deepest = max(deepest, depth + row)
        elif kind in CLOSING or kind is TokenType.END:
            depth -= 1
        last = kind
    return deepest > DEEPEST


def statements_of(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each statement, semicolons and empty statements left out."""
    if TokenType.SEMICOLON not in [token.token_type for token in tokens]:
        return [list(tokens)] if tokens else []
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            found.append([])
        else:
            found[-1].append(token)
    return [statement for statement in found if statement]


def split_statements(text: str, dialect: str = "duckdb") -> tuple[str, ...]:
    """The statements of a script, each without its semicolon and the comments around it.

    Raises ValueError when a quote never ends.

    >>> split_statements("load spatial; -- geometry\\nset x = ';';")
    ('load spatial', "set x = ';'")
    """
    from sqlglot.errors import TokenError

    try:
        found = statements_of(tokens_of(text, dialect))
    except TokenError as error:
        raise ValueError(f"the text cannot be split into statements: {error}") from None
    return tuple([text[s[0].start : s[-1].end + 1] for s in found])


def raw(text: str, token: Token) -> str:
    """The token as it is written, quotes included."""
    return text[token.start : token.end + 1]


def is_word(token: Token) -> bool:
    """Whether the token reads like a name: unquoted, begins with a letter or an underscore."""
    first = token.text[:1]
    return (first.isalpha() or first == "_") and token.token_type not in _QUOTED


def is_name(token: Token) -> bool:
    """Whether the token can stand for a name, quoted or not."""
    return token.token_type is TokenType.IDENTIFIER or is_word(token)


def command_of(statement: Sequence[Token]) -> Token | None:
    """The token that makes the statement no query, e.g. its INSERT; None for a query."""
    first = statement[0]
    if is_word(first) and first.text.upper().split()[0] in COMMANDS:
        following = statement[1].token_type if len(statement) > 1 else None
        return None if following in (TokenType.L_PAREN, TokenType.DOT) else first
    return _write_after_ctes(statement) if first.token_type is TokenType.WITH else None


def _write_after_ctes(statement: Sequence[Token]) -> Token | None:
    """The INSERT, UPDATE, DELETE or MERGE that follows the CTEs; a column may have that name."""
    depth = 0
    for before, token in pairwise(statement):
        depth += (before.token_type in OPENING) - (before.token_type in CLOSING)
        if depth == 0 and before.token_type is TokenType.R_PAREN and is_word(token):
            word = token.text.upper()
            if word in _WRITES or word in QUERY_STARTS:
                return token if word in _WRITES else None
    return None


def may_name(text: str, words: Iterable[str]) -> bool:
    """Whether one of these words, in lower case, may be a token of the text. Most texts have none of them,
    which is seen without going through their tokens; an escape may spell anything."""
    lowered = text.lower()
    return "\\" in text or any(word in lowered for word in words)


def volatile_calls(text: str, tokens: Sequence[Token]) -> tuple[str, ...]:
    """What of the clock, of chance or of a sequence is asked, lower case, once per use.

    >>> text = "select now(), current_date, 'today'::date, t.now from t"
    >>> volatile_calls(text, tokens_of(text, "duckdb"))
    ('now', 'current_date', 'today')
    """
    if not may_name(text, _VOLATILE):
        return ()
    names = [token.text.lower() for token in tokens]
    found: list[str] = []
    last = len(tokens) - 1
    for index, (name, token) in enumerate(zip(names, tokens, strict=True)):
        if name not in _VOLATILE:
            continue
        before = tokens[index - 1] if index else None
        after = tokens[index + 1] if index < last else None
        if _is_volatile(name, token, before, after):
            found.append(name)
    return tuple(found)


def _is_volatile(name: str, token: Token, before: Token | None, after: Token | None) -> bool:
    if token.token_type in STRINGS:
        cast = after is not None and (
            after.token_type is TokenType.DCOLON or after.text.upper() == "AS"
        )
        typed = before is not None and before.text.lower() in _MOMENT_TYPES
        return name in _MOMENTS and (cast or typed)
    if name in _SAMPLES:
        using = before is not None and before.token_type is TokenType.USING
        return token.token_type is TokenType.TABLE_SAMPLE or (using and is_word(token))
    if token.token_type is TokenType.IDENTIFIER and name in BARE_CALLS:
        return False
    named = before is not None and before.token_type in (TokenType.DOT, TokenType.ALIAS)
    if after is not None and after.token_type is TokenType.L_PAREN:
        return name in CALLS and not (named and before and before.token_type is TokenType.ALIAS)
    followed = after is not None and after.token_type in (TokenType.DOT, TokenType.COLON)
    return name in BARE_CALLS and not named and not followed
