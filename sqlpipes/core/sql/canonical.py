"""Tokens -> a form that layout cannot change, and its hash. Nothing is parsed.

A keyword is folded to upper case only where it cannot name a column: identifier case names output
columns, so in doubt the case stays and the hash moves (a rebuild too many, never one too few).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

from sqlglot import Token
from sqlglot.errors import TokenError

from sqlpipes.core.sql.tokens import tokens_of
from sqlpipes.core.sql.vocabulary import BEFORE_PAREN, BEFORE_STRING, RESERVED, SOMETIMES

# Words that are keywords only in front of (or behind) certain others.
_AFTER = {
    "BY": frozenset({"GROUP", "ORDER", "PARTITION", "CLUSTER", "DISTRIBUTE", "SORT"}),
    "FIRST": frozenset({"NULLS"}),
    "LAST": frozenset({"NULLS"}),
    "MATERIALIZED": frozenset({"NOT"}),
    "RECURSIVE": frozenset({"WITH"}),
    "ROW": frozenset({"CURRENT"}),
}
_FOLLOWED = {
    "NULLS": frozenset({"FIRST", "LAST"}),
    "PARTITION": frozenset({"BY"}),
    "ROWS": frozenset({"BETWEEN", "UNBOUNDED", "CURRENT"}),
    "RANGE": frozenset({"BETWEEN", "UNBOUNDED", "CURRENT"}),
    "UNBOUNDED": frozenset({"PRECEDING", "FOLLOWING"}),
    "CURRENT": frozenset({"ROW"}),
    "GROUPING": frozenset({"SETS"}),
    "WITHIN": frozenset({"GROUP"}),
    "ANTI": frozenset({"JOIN"}),
    "SEMI": frozenset({"JOIN"}),
    "POSITIONAL": frozenset({"JOIN"}),
    "ASOF": frozenset({"JOIN", "LEFT", "RIGHT", "INNER", "FULL"}),
    "BETWEEN": frozenset({"CAST", "CASE"}),
    "QUALIFY": frozenset({"NOT", "CASE", "CAST"}),
}
_FRAME_ENDS = frozenset({"PRECEDING", "FOLLOWING"})
KEYWORDS = (
    RESERVED
    | SOMETIMES
    | BEFORE_PAREN
    | BEFORE_STRING
    | _FRAME_ENDS
    | _AFTER.keys()
    | _FOLLOWED.keys()
)
_CASTS = frozenset({"CAST", "TRY_CAST", "SAFE_CAST"})


def digest(text: str, dialect: str) -> str:
    """32 hex digits, equal for texts that differ in layout, comments, keyword case and final semicolons.

    >>> digest("select a from t;", "duckdb") == digest("SELECT a -- key\\n FROM t", "duckdb")
    True
    >>> digest("select a from t", "duckdb") == digest("select A from t", "duckdb")
    False
    """
    try:
        tokens = tokens_of(text, dialect)
    except TokenError:
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return digest_of(text, tokens)


def digest_of(text: str, tokens: Sequence[Token]) -> str:
    """The digest of a text whose tokens are known."""
    words, _ = _canonical(text, tokens)
    while words and words[-1] == ";":
        words.pop()
    # The lengths keep ("a", "b") apart from ("a b",): a string may hold any separator.
    joined = "\0".join(words) + "\0" + ",".join(map(str, map(len, words)))
    return blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def canonical_tokens(text: str, tokens: Sequence[Token]) -> list[list[str]]:
    """The words of each token as they are written, keywords in upper case; `group  by` is two words."""
    words, counts = _canonical(text, tokens)
    ends = accumulate(counts)
    return [words[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _canonical(text: str, tokens: Sequence[Token]) -> tuple[list[str], list[int]]:
    """All canonical words in a row, and how many each token has."""
    written, upper, counts = _written_words(text, tokens)
    has_casts = "::" in written or not _CASTS.isdisjoint(upper)
    types = _type_positions(written, upper) if has_casts else ()
    words = written.copy()
    for index, word in enumerate(upper):
        if index in types or (word in KEYWORDS and _is_keyword(index, upper, written)):
            words[index] = word or words[index]
    return words, counts


def _written_words(text: str, tokens: Sequence[Token]) -> tuple[list[str], list[str], list[int]]:
    """Each word as written, in upper case ("" when it is no name or keyword), and a token's number."""
    written = [text[token.start : token.end + 1] for token in tokens]
    upper = [word.upper() if word.isidentifier() else "" for word in written]
    counts = [1] * len(tokens)
    several = [
        index
        for index, word in enumerate(upper)
        if not word and written[index][0].isalpha() and written[index][-1].isalpha()
    ]
    for index in reversed(several):  # `group  by`
        parts = written[index].split()
        written[index : index + 1] = parts
        upper[index : index + 1] = [part.upper() for part in parts]
        counts[index] = len(parts)
    return written, upper, counts


def _is_keyword(index: int, upper: list[str], written: list[str]) -> bool:
    """Whether the plain word at `index` cannot be a name where it stands."""
    word = upper[index]
    before = written[index - 1] if index else ""
    after = written[index + 1] if index + 1 < len(written) else ""
    next_word = upper[index + 1] if after else ""
    previous = upper[index - 1] if index else ""
    if previous == "AS" and after != "(" and next_word != "MATERIALIZED":
        return False  # any word may be a name behind AS
    if before == "." or after == ".":
        return False
    if word in RESERVED:
        return True
    return (
        (word in SOMETIMES and _goes_on(after, next_word))
        or (word == "OVER" and before == ")" and _goes_on(after, next_word))
        or (word in BEFORE_PAREN and after == "(")
        or (word in BEFORE_STRING and after[:1] == "'")
        or previous in _AFTER.get(word, ())
        or next_word in _FOLLOWED.get(word, ())
        or (word in _FRAME_ENDS and (previous == "UNBOUNDED" or _starts_frame(index, upper)))
    )


def _starts_frame(index: int, upper: list[str]) -> bool:
    """Whether `3 preceding` at `index` is a frame's start; elsewhere it could be a column's alias."""
    return index > 2 and upper[index - 2] in ("ROWS", "RANGE", "GROUPS", "BETWEEN")


def _goes_on(after: str, next_word: str) -> bool:
    """Whether the next word could not follow a column's name."""
    if next_word:
        return next_word not in RESERVED
    return after == "(" or (after != "" and after[0] in "'\"0123456789")


def _type_positions(written: list[str], upper: list[str]) -> set[int]:
    """Where a type's name stands: behind `::`, and behind the AS of a CAST."""
    found: set[int] = set()
    casts: list[bool] = []  # for each open parenthesis: is it a CAST's
    for index, word in enumerate(written):
        if word == "(":
            casts.append(index > 0 and upper[index - 1] in _CASTS)
        elif word == ")":
            if casts:
                casts.pop()
        elif index and (
            written[index - 1] == "::" or (upper[index - 1] == "AS" and casts and casts[-1])
        ):
            found.add(index)
    return found
