"""Definitions: an explicit list of what a file, or a component, declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions.resources import by_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What is declared, by its kind. In a file that binds one, only what it lists counts.

    >>> Definitions(assets=["a"], checks=["b"]).members
    ('a', 'b')
    """

    assets: Iterable[Any] = ()  # @asset and @assets functions
    checks: Iterable[Any] = ()  # @check functions
    sources: Iterable[Any] = ()  # source(...)
    observers: Iterable[Any] = ()  # @observe functions
    jobs: Iterable[Any] = ()
    sensors: Iterable[Any] = ()
    resources: Mapping[str, Any] | Iterable[Any] = ()  # classes, functions; or things by name
    components: Iterable[Any] = ()

    def __post_init__(self) -> None:
        if isinstance(self.resources, Mapping):
            object.__setattr__(self, "resources", by_name(self.resources))
        for each in fields(self):
            object.__setattr__(self, each.name, _listed(each.name, getattr(self, each.name)))

    @classmethod
    def merge(cls, *several: Definitions) -> Definitions:
        """One list of what several list. What stands in two of them counts once; two things of one name
        are found when the list is read, with both places.

        >>> Definitions.merge(Definitions(assets=["a"]), Definitions(assets=["a", "b"])).members
        ('a', 'b')
        """
        for whole in several:
            if not isinstance(whole, Definitions):
                raise TypeError(f"Definitions.merge takes Definitions, not {whole!r:.60}")
        parts: dict[str, list[Any]] = {}
        for each in fields(cls):
            own = parts.setdefault(each.name, [])
            for item in (item for whole in several for item in getattr(whole, each.name)):
                if not any(item is other for other in own):
                    own.append(item)
        return cls(**parts)

    @property
    def members(self) -> tuple[Any, ...]:
        return tuple(self)

    def __iter__(self) -> Iterator[Any]:
        for each in fields(self):
            yield from getattr(self, each.name)


def _listed(word: str, given: Any) -> tuple[Any, ...]:
    """Raises TypeError for what is one thing, and no list of such."""
    single = isinstance(given, (str, Mapping)) or not isinstance(given, Iterable)
    if single:
        name = getattr(given, "__name__", None) or repr(given)[:40]
        raise TypeError(f"{word} must be a list: Definitions({word}=[{name}])")
    return tuple(given)
