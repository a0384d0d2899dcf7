"""Parts without rows whose table is not there yet: by step, until another part of it has made one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Generic, TypeVar

from sqlpipes.core.dataclass import dataclass

T = TypeVar("T")


@dataclass(slots=True)
class Rowless(Generic[T]):
    """Places of steps -> numbers of parts -> what is known of each.

    >>> waiting = Rowless[str]()
    >>> waiting.add(2, 7, "a day without data")
    >>> list(waiting.fetch(1)), waiting.first, dict(waiting.fetch(2)), bool(waiting)
    ([], 2, {7: 'a day without data'}, False)
    """

    parts: dict[int, dict[int, T]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def first(self) -> int:
        """The step that stands first in the plan; there must be one."""
        return min(self.parts)

    def add(self, step: int, number: int, known: T) -> None:
        self.parts.setdefault(step, {})[number] = known

    def fetch(self, step: int) -> Iterable[tuple[int, T]]:
        """Those of one step, which then wait no longer."""
        return self.parts.pop(step, {}).items()
