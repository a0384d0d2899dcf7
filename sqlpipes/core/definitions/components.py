"""@component: a class with typed fields whose `build` gives Definitions. A YAML file fills the fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.partitions import Partitioning

T = TypeVar("T", bound=type)
MARK = "__sqlpipes_component__"
MUTABLE = (list, dict, set)


@dataclass(frozen=True, slots=True)
class ComponentDefinition:
    """What the decorator was told. `name`: what `type:` says for it; the class's own name otherwise."""

    name: str
    example: str = ""  # a YAML document that uses it


class FieldError(ValueError):
    """An attribute's value is not right: raised by `build`, or by a function that it makes.

    `field` names it, with slashes for what is below: "path", "types/id", "columns/0". The problem
    stands there in the YAML file; `at` does so for a function, which has it of `context.place`.

    >>> FieldError("path", "no file matches raw/*.csv", hint="a path counts from the project").field
    'path'
    """

    def __init__(
        self, field: str, message: str, hint: str | None = None, at: Location | None = None
    ) -> None:
        super().__init__(message)
        self.field, self.message, self.hint, self.at = field, message, hint, at


def _nothing(*_: Any) -> NoReturn:
    raise RuntimeError("there is no project here to look into")


@dataclass(frozen=True, slots=True)
class Building:
    """What `build` gets as its parameter `context`. Every field has a default, for tests.

    What is asked for through `glob`, `read`, `digest` and `env` is remembered: when it has changed,
    `build` is asked again. `attributes` are those of the YAML entry as they were written, with their braces.

    >>> Building(root="/project").path("raw", "x.csv")
    '/project/raw/x.csv'
    """

    root: str = "."  # the project's folder, absolute
    target: str = "dev"
    vars: Mapping[str, Plain] = field(default_factory=dict)
    at: Location = field(
        default_factory=partial(Location, "components.yml")
    )  # where the YAML entry stands
    attributes: Mapping[str, Plain] = field(default_factory=dict)
    glob: Callable[[str], tuple[str, ...]] = _nothing  # pattern -> paths below the project, sorted
    read: Callable[[str], str] = _nothing  # path of a file of the project -> its text
    digest: Callable[[str], str] = _nothing  # path of a file -> a hash of its content
    env: Callable[..., str | None] = _nothing  # (name, default=None)
    partition: Callable[[Plain], Partitioning | None] = _nothing  # as YAML says it -> a value
    warn: Callable[..., None] = (
        _nothing  # (field, message, hint=None): told, and nothing is stopped
    )
    place: Callable[[str], Location] = (
        _nothing  # attribute, as a FieldError names it -> where it is
    )

    def path(self, *parts: str) -> str:
        """A path inside the project; an absolute one stays as it is."""
        name = "/".join(parts)
        return name if name.startswith("/") else f"{self.root.rstrip('/')}/{name}"


@overload
def component(cls: T, /) -> T: ...


@overload
def component(*, name: str | None = None, example: str = "") -> Callable[[T], T]: ...


@dataclass_transform(kw_only_default=True, frozen_default=True)
def component(cls: Any = None, /, *, name: str | None = None, example: str = "") -> Any:
    """Declare a class as a component: its fields are what `attributes:` may say.

    It becomes a frozen dataclass with keyword fields, unless it is a dataclass or a msgspec.Struct
    already. `build(self, context)` returns Definitions, or a list of what is declared. Raises
    TypeError for a class without `build`.

    >>> @component
    ... class Twice:
    ...     name: str
    ...     tags: list[str] = []
    ...     def build(self, context): return []
    >>> Twice(name="a"), Twice(name="b").tags
    (Twice(name='a', tags=[]), [])
    """

    def decorate(given: Any) -> Any:
        if not isinstance(given, type):
            raise TypeError(f"@component stands above a class, not above {given!r}")
        if not callable(getattr(given, "build", None)):
            raise TypeError(f"{given.__name__} is a component without build(self, context)")
        made = given if is_filled_by_fields(given) else _as_dataclass(given)
        setattr(made, MARK, ComponentDefinition(name or made.__name__, example))
        return made

    return decorate if cls is None else decorate(cls)


def is_filled_by_fields(cls: type) -> bool:
    """Whether it is a dataclass itself, or a msgspec.Struct."""
    return "__dataclass_fields__" in vars(cls) or hasattr(cls, "__struct_fields__")


def component_of(cls: Any) -> ComponentDefinition | None:
    """What @component said about exactly this class; a subclass is one only if it says so itself."""
    return vars(cls).get(MARK) if isinstance(cls, type) else None


def _as_dataclass(cls: type) -> type:
    """A list or dict as a default is welcome: every instance has its own."""
    for key in vars(cls).get("__annotations__", {}):
        value = vars(cls).get(key)
        if isinstance(value, MUTABLE):
            setattr(cls, key, field(default_factory=value.copy))
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)  # noqa: TID251 a class of the user's
