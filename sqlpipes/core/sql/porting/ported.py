"""What comes of translating a query: the text of the target, or what keeps it from being translated."""

from __future__ import annotations

from collections.abc import Callable

from sqlpipes.core.dataclass import dataclass

Typed = tuple[tuple[str, str | None], ...]
"""(name, type as the source dialect's engine says it) in order; None for an unknown type."""

ColumnsOf = Callable[[str], Typed | None]
"""A table's name as it stands in the query -> its columns; None when nobody knows them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A place of the text, half-open offsets, that would mean something else or nothing there."""

    code: str
    message: str
    start: int
    end: int
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Ported:
    """`text` is "" when anything was refused."""

    text: str
    refusals: tuple[Refusal, ...] = ()
