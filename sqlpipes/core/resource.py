"""A resource as it was read: its fields, how it is configured, and how it is made. Nothing is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.retry import ONCE, Retry


@dataclass(frozen=True, slots=True)
class ResourceField:
    """A field that configuration fills. `needs`: the resource that is given to it instead."""

    name: str
    type: str  # as it is written
    at: Location
    required: bool = True
    secret: bool = False
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """`load` imports the user's module and gives the class or function, `values` what its fields are
    filled with: it raises ProjectError with all that is wrong with its configuration.

    `missing`: environment variables that its configuration names and that are not set.
    """

    name: str
    at: Location
    load: Callable[[], Any] = field(compare=False, repr=False)
    values: Callable[[], Mapping[str, Any]] = field(compare=False, repr=False)
    fields: tuple[ResourceField, ...] = ()
    description: str = ""
    retry: Retry = ONCE
    configured: tuple[str, ...] = ()  # fields that the profile or the project file sets
    missing: tuple[str, ...] = ()
    is_given: bool = False  # it is there already: `load` gives a call that returns it

    @property
    def needs(self) -> dict[str, str]:
        """Field -> the resource that it is given."""
        return {each.name: each.needs for each in self.fields if each.needs}


@dataclass(frozen=True, slots=True)
class ReadyResource:
    """A resource with the typed values of its fields, which may be secrets."""

    resource: Resource
    values: Mapping[str, Any] = field(repr=False)
