"""Two texts of a query -> the lines that say what changed, layout and comments aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from sqlglot import Token, TokenType
from sqlglot.errors import TokenError

from sqlpipes.core.sql.canonical import canonical_tokens, digest
from sqlpipes.core.sql.tokens import CLOSING, OPENING, tokens_of
from sqlpipes.core.sql.vocabulary import CLAUSE_STARTS, JOIN_WORDS, QUERY_STARTS

LONGEST = 8  # lines of a diff; the rest is counted

_Line = tuple[str, str]  # (what is compared, what is shown)


def diff(old: str, new: str, dialect: str, context: int = 0) -> tuple[str, ...]:
    """What changed, one clause, condition or column a line, at most `LONGEST` lines.

    `context` is the number of unchanged lines to show around a change. Empty if and only if
    the digests agree.

    >>> diff("select a from t where b > 0", "select a FROM t where b >= 0 -- !", "duckdb")
    ('- where b > 0', '+ where b >= 0')
    """
    before, after = _lines(old, dialect), _lines(new, dialect)
    matcher = SequenceMatcher(None, [x[0] for x in before], [x[0] for x in after], autojunk=False)
    found: list[str] = []
    for group in matcher.get_grouped_opcodes(context):
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                found += [f"  {shown}" for _, shown in after[j1:j2]]
            else:
                found += _replaced(before[i1:i2], after[j1:j2])
    if not found and digest(old, dialect) != digest(new, dialect):
        return ("~ commas at the ends of lists",)  # they belong to no line
    if len(found) > LONGEST:
        found[LONGEST - 1 :] = [f"... and {len(found) - LONGEST + 1} more lines"]
    return tuple(found)


def _replaced(before: Sequence[_Line], after: Sequence[_Line]) -> list[str]:
    """The lines of one change; as many old as new ones are shown in pairs."""
    gone, come = [f"- {shown}" for _, shown in before], [f"+ {shown}" for _, shown in after]
    if len(gone) != len(come):
        return gone + come
    return [line for pair in zip(gone, come, strict=True) for line in pair]


def _lines(text: str, dialect: str) -> list[_Line]:
    try:
        tokens = tokens_of(text, dialect)
    except TokenError:
        return [(line.strip(), line.strip()) for line in text.splitlines() if line.strip()]
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    words = canonical_tokens(text, tokens)
    found = []
    for start, end in _spans(tokens):
        key = "\0".join([word for several in words[start:end] for word in several])
        found.append((key, _shown(text, tokens[start:end])))
    return found


def _spans(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """(first, behind the last) token of each line; a comma that ends a line belongs to none."""
    start = 0
    for index in range(1, len(tokens)):
        if _breaks(tokens, index):
            comma = tokens[index - 1].token_type is TokenType.COMMA
            if index - comma > start:
                yield start, index - comma
            start = index
    if start < len(tokens):
        yield start, len(tokens)


def _breaks(tokens: Sequence[Token], index: int) -> bool:
    """Whether a line begins at token `index`."""
    before, token = tokens[index - 1], tokens[index]
    word, last = _first_word(token), _first_word(before)
    called = index + 1 < len(tokens) and tokens[index + 1].token_type is TokenType.L_PAREN
    if token.token_type is TokenType.DISTINCT and last == "SELECT":
        return False
    if last == "SELECT" or (last == "DISTINCT" and _first_word(tokens[index - 2]) == "SELECT"):
        return True
    if before.token_type is TokenType.COMMA:
        return _in_query(tokens, index)
    if word in JOIN_WORDS:
        return last not in JOIN_WORDS and not (called and word in ("LEFT", "RIGHT"))
    if word in ("AND", "OR"):
        return _in_query(tokens, index) and not _is_between(tokens, index)
    if word == "FROM" and last == "DISTINCT":
        return False
    return word in CLAUSE_STARTS and (word == "SELECT" or _in_query(tokens, index))


def _in_query(tokens: Sequence[Token], index: int) -> bool:
    """Whether the innermost open bracket around token `index` holds a query, or there is none."""
    depth = 0
    for position in range(index - 1, -1, -1):
        kind = tokens[position].token_type
        depth += (kind in CLOSING) - (kind in OPENING)
        if depth < 0:
            return _first_word(tokens[position + 1]) in QUERY_STARTS
    return True


def _is_between(tokens: Sequence[Token], index: int) -> bool:
    """Whether the AND at `index` belongs to a BETWEEN of the same depth."""
    depth = 0
    for position in range(index - 1, -1, -1):
        kind, word = tokens[position].token_type, _first_word(tokens[position])
        depth += (kind in CLOSING) - (kind in OPENING)
        if depth < 0 or (depth == 0 and word in ("AND", "OR", "WHERE", "ON", "HAVING")):
            return False
        if depth == 0 and word == "BETWEEN":
            return True
    return False


def _first_word(token: Token) -> str:
    quoted = token.token_type in (TokenType.IDENTIFIER, TokenType.STRING)
    return "" if quoted or not token.text.strip() else token.text.upper().split()[0]


def _shown(text: str, tokens: Sequence[Token]) -> str:
    """The tokens as written, one space where there was a gap, comments left out."""
    pieces: list[str] = []
    end = tokens[0].start
    for token in tokens:
        gap = token.start > end or (pieces and pieces[-1] == ",")
        written = " ".join(text[token.start : token.end + 1].split("\n"))
        pieces += [" ", written] if gap else [written]
        end = token.end + 1
    return "".join(pieces).strip()
