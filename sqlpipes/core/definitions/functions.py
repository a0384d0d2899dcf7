"""The user's functions with what their decorators declare: still callable, with `.definition`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Generic, ParamSpec, TypeVar

from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Severity
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.reads import Reads
from sqlpipes.core.retry import ONCE, Retry

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class AssetDefinition:
    """What the decorator was told. None means: not said, take it from the function or the folder."""

    name: str
    description: str | None = None
    deps: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    group: str | None = None
    meta: Mapping[str, Plain] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    schema: str | None = None
    engine: str | None = None
    materialized: Materialized | None = None
    partition: Partitioning | None = None
    kept: Mapping[str, Plain] = field(default_factory=dict)  # unique_key, strategy ... as written
    path: str | None = None  # where the file will stand
    checks: tuple[Plain, ...] = ()
    inputs: Mapping[str, Reads] = field(default_factory=dict)
    version: str | None = None  # in place of the hash of its code
    retry: Retry = ONCE
    timeout_s: float | None = None
    auto: Plain = None  # as under `auto:`


@dataclass(frozen=True, slots=True)
class CheckDefinition:
    """A check in Python: its function answers True, or with the bad rows, or with their number."""

    name: str
    asset: str
    severity: Severity = Severity.ERROR
    description: str | None = None
    tags: tuple[str, ...] = ()
    whole_table: bool = False  # of a partitioned asset: not only the slices just written
    deps: tuple[str, ...] = ()  # what it reads beside its parameters


@dataclass(frozen=True, slots=True)
class ObserveDefinition:
    """A function that says which version of a source there is."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class OpDefinition:
    """A plain function whose calls are steps of the asset that calls it."""

    name: str
    retry: Retry = ONCE
    timeout_s: float | None = None


class Decorated(Generic[P, R, D]):
    """The user's function, callable as it was written; `definition` is what it declares."""

    def __init__(self, function: Callable[P, R], definition: D) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.definition = definition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __reduce__(self) -> str:
        """Another process finds it by its name, which now means this object and not the function."""
        return self.function.__qualname__


class AssetFunction(Decorated[P, R, AssetDefinition]):
    def __repr__(self) -> str:
        return f"<asset {self.definition.name}>"


class AssetsFunction(Decorated[P, R, tuple[AssetDefinition, ...]]):
    """One function that makes several assets."""

    def __repr__(self) -> str:
        return f"<assets {', '.join(each.name for each in self.definition)}>"


class CheckFunction(Decorated[P, R, CheckDefinition]):
    def __repr__(self) -> str:
        return f"<check {self.definition.name} of {self.definition.asset}>"


class ObserveFunction(Decorated[P, R, ObserveDefinition]):
    def __repr__(self) -> str:
        return f"<observe {self.definition.source}>"


AssetName = str | AssetFunction[..., Any]


def asset_name(given: AssetName) -> str:
    """The name of an asset given by name or by its decorated function. TypeError otherwise."""
    if isinstance(given, AssetFunction):
        return given.definition.name
    if isinstance(given, str) and given:
        return given
    raise TypeError(f"an asset is named by text or by its @asset function, not {given!r}")
