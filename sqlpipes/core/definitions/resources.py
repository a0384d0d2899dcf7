"""@resource: what assets share and somebody must open and close, such as the client of a service.

A class with typed fields, or a function with typed parameters: configuration fills them. Nothing is
opened here; `run` does that, once a run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any, TypeVar, dataclass_transform, overload

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import said
from sqlpipes.core.definitions.functions import Decorated, P, R
from sqlpipes.core.retry import ONCE, Retry, retry_of

T = TypeVar("T")
MARK = "__sqlpipes_resource__"  # an attribute of the user's class


@dataclass(frozen=True, slots=True)
class ResourceDefinition:
    """What the decorator was told."""

    name: str
    description: str | None = None
    retry: Retry = ONCE  # of setting it up


class ResourceFunction(Decorated[P, R, ResourceDefinition]):
    """A function that makes a resource; called by hand it is the function alone."""

    def __repr__(self) -> str:
        return f"<resource {self.definition.name}>"


@dataclass(frozen=True, slots=True)
class NamedResource:
    """A resource under a name of its own: a class or function to be filled by configuration, or a
    thing that is there already."""

    definition: ResourceDefinition
    given: Any


@overload
def resource(
    *, name: str | None = None, description: str | None = None, retries: int | Retry | None = None
) -> Callable[[T], T]: ...


@overload
@dataclass_transform(kw_only_default=True)
def resource(given: type[T], /) -> type[T]: ...  # type: ignore[overload-overlap]


@overload
def resource(given: Callable[P, R], /) -> ResourceFunction[P, R]: ...


def resource(
    given: Any = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    retries: int | Retry | None = None,
) -> Any:
    """Declare a class or a function as a resource, which assets get by a parameter.

    A class becomes a dataclass with keyword fields that cannot be set again, unless it is a
    dataclass or a msgspec.Struct already, or has an `__init__` of its own. With `__enter__` and
    `__exit__`, or `setup` and `close`, it is opened and closed. A generator function yields the
    resource and closes it after the yield; what a plain function returns is never closed. A class is
    named like it is, in small letters:
    `ShopApi` is `shop_api`. `retries` is of setting it up.

    Raises TypeError for what cannot be one.

    >>> @resource
    ... class ShopApi:
    ...     url: str
    ...     limit: int = 10
    >>> ShopApi(url="http://shop").limit, resource_definition(ShopApi).name
    (10, 'shop_api')
    """
    retry = retry_of(retries)

    def decorate(item: Any) -> Any:
        if isinstance(item, type):
            own = ResourceDefinition(name or snake(item.__name__), description, retry)
            return _marked(item, own)
        plain = said.plain_function(item, "resource")
        if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
            raise TypeError(
                "an async function cannot be a resource: use asyncio.run(...) inside it"
            )
        own = ResourceDefinition(name or said.name_of(plain, "resource"), description, retry)
        return ResourceFunction(plain, own)

    return decorate if given is None else decorate(given)


def resource_definition(value: Any) -> ResourceDefinition | None:
    """What a class, a function or a named thing declares; None when it is no resource.

    A subclass of a resource is one only when it is decorated, too.
    """
    if isinstance(value, (ResourceFunction, NamedResource)):
        return value.definition
    own = vars(value).get(MARK) if isinstance(value, type) else None
    return own if isinstance(own, ResourceDefinition) else None


def named_resource(name: str, given: Any) -> NamedResource:
    """Raises TypeError for a class that is no resource, which nobody knows how to fill, and for a name
    that no parameter can have."""
    if not isinstance(name, str) or not name.isidentifier():
        raise TypeError(f"a resource is called like a parameter, not {name!r}")
    if isinstance(given, type) and resource_definition(given) is None:
        raise TypeError(f"the class {given.__name__} of '{name}' needs @resource above it")
    known = resource_definition(given)
    description, retry = (known.description, known.retry) if known else (None, ONCE)
    inner = given.given if isinstance(given, NamedResource) else given
    return NamedResource(ResourceDefinition(name, description, retry), inner)


def snake(name: str) -> str:
    """
    >>> snake("ShopAPIClient"), snake("S3")
    ('shop_api_client', 's3')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return apart.lower()


def _marked(given: type, definition: ResourceDefinition) -> type:
    structured = "__struct_fields__" in dir(given) or "__dataclass_fields__" in vars(given)
    made = given if structured or "__init__" in vars(given) else _as_dataclass(given)
    setattr(made, MARK, definition)
    return made


def _as_dataclass(given: type) -> type:
    """Its fields are set once, by configuration; `setup` may set other attributes."""
    own_setter = "__setattr__" in vars(given)
    made: Any = dataclass(kw_only=True, eq=False)(given)
    names = frozenset(each.name for each in fields(made))

    def set_once(self: Any, name: str, value: Any) -> None:
        if name in names and name in vars(self):
            raise FrozenInstanceError(f"cannot assign to field {name!r} of a resource")
        object.__setattr__(self, name, value)

    if not own_setter:
        made.__setattr__ = set_once
    found: type = made
    return found


def is_structured(given: Any) -> bool:
    """Whether it is a class whose fields are known by name."""
    return isinstance(given, type) and (is_dataclass(given) or hasattr(given, "__struct_fields__"))


def by_name(given: Mapping[str, Any]) -> tuple[NamedResource, ...]:
    return tuple(named_resource(name, item) for name, item in given.items())
