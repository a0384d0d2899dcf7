"""The work on one query: its tree, its tokens, what is known of its tables, and what was refused.

One is made for a query and dies with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import Token, exp

from sqlpipes.core.sql.porting.ported import ColumnsOf, Refusal

OURS = "ours"  # of a node that a rule has written: it is right by construction
FAMILY = "family"
OUTWARD = "outward"  # of a SELECT that may name columns of the query around it


class Porting:
    """`read` and `write` are dialects; `columns_of` knows the tables."""

    __slots__ = ("columns_of", "read", "refusals", "text", "tokens", "write")

    def __init__(
        self, text: str, tokens: Sequence[Token], read: str, write: str, columns_of: ColumnsOf
    ) -> None:
        self.text, self.tokens, self.read, self.write = text, tokens, read, write
        self.columns_of = columns_of
        self.refusals: list[Refusal] = []

    def refuse(
        self, node: Any, code: str, message: str, hint: str | None = None, *, word: str = ""
    ) -> None:
        """`word`: the keyword that is meant, looked for from where the node begins. "there" in a
        message is told as the target's name."""
        start, end = self.span(node)
        if word:
            start, end = self._word(word, start) or (start, end)
        found = Refusal(code, message.replace(" there", f" in {self.write}"), start, end, hint)
        if found not in self.refusals:
            self.refusals.append(found)

    def span(self, node: Any) -> tuple[int, int]:
        """Where the node stands in the text: its own words, else those around it."""
        around = node
        while around is not None:
            places = [n.meta for n in around.walk() if "start" in n.meta]
            if places:
                start = min(int(place["start"]) for place in places)
                return start, 1 + max(int(p["end"]) for p in places if int(p["start"]) == start)
            around = around.parent
        return 0, 1

    def _word(self, word: str, near: int) -> tuple[int, int] | None:
        """The keyword nearest to an offset; of two as near, the one behind it."""
        parts = word.upper().split()
        texts = [token.text.upper() for token in self.tokens]
        found = []
        for i in range(len(texts)):
            said = " ".join(texts[i : i + len(parts)]).split()
            if said[: len(parts)] == parts:
                found.append((self.tokens[i].start, self.tokens[i].end + 1))
        return min(found, key=lambda span: (abs(span[0] - near), span[0] < near), default=None)


def ours(node: Any) -> Any:
    """The node and all below it that no rule has seen yet, marked as written by a rule."""
    node.meta[OURS] = True
    return node


def family(node: Any) -> str | None:
    """What `families.mark` has found of the node's type."""
    found: str | None = node.meta.get(FAMILY)
    return found


def call(name: str, *arguments: Any) -> Any:
    """A function of the target's, as a rule writes it."""
    return ours(exp.Anonymous(this=name, expressions=list(arguments)))
