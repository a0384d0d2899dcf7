"""Two texts of one query in two dialects -> which place of one is which of the other."""

from __future__ import annotations

from difflib import SequenceMatcher

from sqlglot.errors import TokenError

from sqlpipes.core.sql.tokens import tokens_of


def source_offset(text: str, read: str, ported: str, write: str, offset: int) -> int:
    """Words that both have, in the order of both, are the same; others come after the last such one."""
    try:
        mine, theirs = tokens_of(text, read), tokens_of(ported, write)
    except TokenError:
        return 0
    asked = next((i for i, token in enumerate(theirs) if token.end >= offset), len(theirs) - 1)
    words = [[token.text.casefold() for token in tokens] for tokens in (theirs, mine)]
    nearest = 0
    for block in SequenceMatcher(None, words[0], words[1], autojunk=False).get_matching_blocks():
        if block.a > asked:
            break
        if block.size:
            place = min(asked - block.a, block.size - 1)
            nearest = mine[block.b + place].start
    return nearest
