"""What engines with a server share: comments that say on whose behalf a statement is sent, and its end.

A comment stands behind the text, so that no place in an error moves; but servers keep only the beginning
of a long text in their lists of what is running, so there it stands before it, on a line of its own.
"""

from __future__ import annotations

from itertools import takewhile

from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.faults import TOO_LONG

SHOWN = 900  # characters of a statement that every server shows
SHORTEST = 10  # characters of a comment by which it is known


def comment_of(text: str) -> str:
    """A comment that nothing in it can end, nor open another one; "" for none.

    >>> comment_of('sqlpipes: {"asset": "a*/b"}'), comment_of("")
    ('/* sqlpipes: {"asset": "a* /b"} */', '')
    """
    plain = " ".join(text.replace("\0", "").split())
    return f"/* {plain.replace('*/', '* /').replace('/*', '/ *')} */" if plain else ""


def signed(sql: str, comment: str) -> tuple[str, str]:
    """The text with its comment, and what stands before the statement in it.

    >>> signed("select 1 -- one", "/* me */")
    ('select 1 -- one\\n/* me */', '')
    """
    if not comment:
        return sql, ""
    if len(sql) <= SHOWN:
        return f"{sql}\n{comment}", ""
    return f"{comment}\n{sql}", f"{comment}\n"


def too_long(seconds: float, statement: str) -> EngineError:
    """ENG068: whoever knows which key says the limit adds its place."""
    message = f"a statement did not end within {seconds:g} s and was stopped"
    return EngineError(Problem(TOO_LONG, message), statement=statement)


def unsigned(said: str, comment: str) -> str:
    """A server's message that quotes a statement, without the comment that we have put in. It may quote
    only how that begins, with dots after it.

    >>> unsigned("near 'ALL /* sqlpipes: a */' at line 3", "/* sqlpipes: a */")
    "near 'ALL' at line 3"
    >>> unsigned("near 'ALL /* sqlpipes: ...' at line 3", "/* sqlpipes: a */")
    "near 'ALL' at line 3"
    """
    start = said.find(comment[:SHORTEST]) if comment else -1
    if start < 0:
        return said
    quoted = takewhile(lambda pair: pair[0] == pair[1], zip(said[start:], comment, strict=False))
    length = sum(1 for _ in quoted)
    rest = said[start + length :]
    cut = rest.removeprefix("...") if length < len(comment) else rest
    return unsigned(said[:start].rstrip() + cut, comment)
