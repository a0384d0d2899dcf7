"""A mapping whose values are found when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class Lazily(Mapping[str, T]):
    """Values that are found when they are asked for, once; what has none is not in it."""

    def __init__(self, names: Iterable[str], find: Callable[[str], T | None]) -> None:
        self._names, self._find = dict.fromkeys(names), find
        self._found: dict[str, T | None] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._found:
            self._found[name] = self._find(name)
        if (found := self._found[name]) is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
