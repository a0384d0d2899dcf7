"""What users write in Python: decorators, partitions and return values, as plain values.

    @asset(...) def f(orders, context)  ->  AssetFunction: still callable, with `.definition`
    @check(...) def g(orders)           ->  CheckFunction: likewise

Nothing is registered anywhere: `read` imports the user's module and looks for these objects.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, overload

from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Severity, did_you_mean
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.reads import Reads, declared_reads

HowRead = str | Mapping[str, int]  # a word, or {"back": 6, "ahead": 0}
P = ParamSpec("P")
R = TypeVar("R")

PYTHON_MATERIALIZED = (Materialized.TABLE, Materialized.FILE, Materialized.NONE)


@dataclass(frozen=True, slots=True)
class AssetDefinition:
    """What the decorator was told. None means: not said, take it from the function or the folder."""

    name: str
    description: str | None = None
    deps: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: str | None = None
    meta: Mapping[str, Plain] = field(default_factory=dict)
    schema: str | None = None
    materialized: Materialized | None = None
    partition: Partitioning | None = None
    checks: tuple[Plain, ...] = ()
    inputs: Mapping[str, Reads] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckDefinition:
    """A check in Python: its function answers True, or with the bad rows, or with their number."""

    name: str
    asset: str
    severity: Severity = Severity.ERROR
    description: str | None = None
    tags: tuple[str, ...] = ()


class AssetFunction(Generic[P, R]):
    """The user's function, callable as it was written; `definition` is what it declares."""

    def __init__(self, function: Callable[P, R], definition: AssetDefinition) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.definition = definition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<asset {self.definition.name}>"


class CheckFunction(Generic[P, R]):
    """The user's function, callable as it was written; `definition` is what it declares."""

    def __init__(self, function: Callable[P, R], definition: CheckDefinition) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.definition = definition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<check {self.definition.name} of {self.definition.asset}>"


AssetName = str | AssetFunction[..., Any]


@dataclass(frozen=True, slots=True)
class File:
    """Returned by an asset that is a file: `path` relative to the project, or absolute.

    Write the file to `path` and return it. `metadata` is shown with the build.
    """

    path: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(self.path))  # a pathlib.Path is welcome


@dataclass(frozen=True, slots=True)
class Window:
    """The slices that one call builds: half-open text of time or integers, and the key of a single one.

    `keys` has the key per column of the partition, None for a column in which there are several.
    """

    start: str | None  # None: cut by values only
    end: str | None
    key: str | None = None
    keys: Mapping[str, str | None] = field(default_factory=dict)


def _no_warehouse(query: str) -> Any:
    raise RuntimeError(f"no warehouse is open here to run: {query}")


@dataclass(frozen=True, slots=True)
class Execution:
    """What a function gets as its parameter `context`. Every field but `asset` has a default, for tests.

    `sql(query)` runs a query in the build's own transaction and gives the engine's lazy relation;
    table names in it resolve as in a SQL model.

    >>> Execution("daily", root="/project").path("output/daily.html")
    '/project/output/daily.html'
    """

    asset: str
    partition: Window | None = None  # None: the asset is not partitioned
    target: str = "dev"
    root: str = "."  # the project's folder, absolute in a build
    vars: Mapping[str, Plain] = field(default_factory=dict)
    sql: Callable[[str], Any] = _no_warehouse
    metadata: dict[str, Any] = field(default_factory=dict)

    def log_metadata(self, **values: Any) -> None:
        """Show these values with the build; a later value for a name replaces the earlier."""
        self.metadata.update(values)

    def path(self, name: str) -> str:
        """A path inside the project; an absolute one stays as it is."""
        return name if name.startswith("/") else f"{self.root.rstrip('/')}/{name}"


@overload
def asset(fn: Callable[P, R], /) -> AssetFunction[P, R]: ...


@overload
def asset(
    *,
    name: str | None = None,
    description: str | None = None,
    deps: Iterable[AssetName] = (),
    depends_on: Iterable[AssetName] = (),
    owner: str | None = None,
    owners: Iterable[str] = (),
    tags: Iterable[str] | str = (),
    group: str | None = None,
    meta: Mapping[str, Plain] | None = None,
    schema: str | None = None,
    materialized: str | None = None,
    partition: Partitioning | None = None,
    checks: Iterable[Plain] = (),
    inputs: Mapping[str, HowRead] | None = None,
) -> Callable[[Callable[P, R]], AssetFunction[P, R]]: ...


def asset(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    deps: Iterable[AssetName] = (),
    depends_on: Iterable[AssetName] = (),
    owner: str | None = None,
    owners: Iterable[str] = (),
    tags: Iterable[str] | str = (),
    group: str | None = None,
    meta: Mapping[str, Plain] | None = None,
    schema: str | None = None,
    materialized: str | None = None,
    partition: Partitioning | None = None,
    checks: Iterable[Plain] = (),
    inputs: Mapping[str, HowRead] | None = None,
) -> Any:
    """Declare a function as an asset. Its parameters name its inputs; `context` gets an Execution.

    A function that returns rows or a frame becomes a table; one annotated `-> File`, or that returns
    only File(...), a file; one annotated `-> None` neither. `deps` (or `depends_on`, as in SQL) names
    inputs that are no parameters. `inputs` says per input which of its slices a slice reads: all,
    same, as_of_build. Raises TypeError or ValueError for options that make no sense.

    >>> @asset(owner="ml@acme.com")
    ... def doubled(numbers): return [2 * n for n in numbers]
    >>> doubled([1, 2]), doubled.definition.owners
    ([2, 4], ('ml@acme.com',))
    """

    def decorate(function: Callable[..., Any]) -> AssetFunction[..., Any]:
        definition = AssetDefinition(
            name=name or _name_of(function, "asset"),
            description=description,
            deps=_asset_names([*_listed(deps, "deps"), *_listed(depends_on, "depends_on")]),
            owners=_texts([*([owner] if owner else []), *_listed(owners, "owners")], "owners"),
            tags=_texts(_listed(tags, "tags"), "tags"),
            group=group,
            meta=dict(meta or {}),
            schema=schema,
            materialized=_materialized(materialized),
            partition=_cut(partition),
            checks=tuple(_listed(checks, "checks")),
            inputs=_mappings(inputs or {}),
        )
        return AssetFunction(_plain_function(function), definition)

    return decorate if fn is None else decorate(fn)


def check(
    *,
    asset: AssetName,
    severity: str = "error",
    name: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | str = (),
) -> Callable[[Callable[P, R]], CheckFunction[P, R]]:
    """Declare a function as a check of `asset`. Its parameters are assets, or `context`.

    It returns True (well) or False, the number of bad rows, or the bad rows themselves. severity:
    `error` stops publication, `warn` only tells.

    >>> @check(asset="orders", severity="warn")
    ... def no_future(orders): return [row for row in orders if row > 3]
    >>> no_future([1, 5]), no_future.definition.severity.value
    ([5], 'warning')
    """
    grade = _severity(severity)

    def decorate(function: Callable[P, R]) -> CheckFunction[P, R]:
        definition = CheckDefinition(
            name=name or _name_of(function, "check"),
            asset=asset_name(asset),
            severity=grade,
            description=description,
            tags=_texts(_listed(tags, "tags"), "tags"),
        )
        return CheckFunction(_plain_function(function), definition)

    return decorate


def asset_name(given: AssetName) -> str:
    """The name of an asset given by name or by its decorated function. TypeError otherwise."""
    if isinstance(given, AssetFunction):
        return given.definition.name
    if isinstance(given, str) and given:
        return given
    raise TypeError(f"an asset is named by text or by its @asset function, not {given!r}")


def _plain_function(function: Any) -> Any:
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"@asset and @check stand above a function, not above {function!r}")
    return function


def _name_of(function: Any, what: str) -> str:
    found = getattr(function, "__name__", "")
    if not isinstance(found, str) or not found.isidentifier():
        raise TypeError(f"this {what} needs name=...: {function!r} has no name of its own")
    return found


def _listed(given: Any, what: str) -> list[Any]:
    """One text, or several things, as a list."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"{what} must be a list, not {given!r}")
    return list(given)


def _asset_names(given: Iterable[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(asset_name(item) for item in given))


def _texts(given: Iterable[Any], what: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(given))
    if wrong := [item for item in found if not isinstance(item, str)]:
        raise TypeError(f"{what} must be texts, not {wrong[0]!r}")
    return found


def _materialized(given: str | None) -> Materialized | None:
    if given is None:
        return None
    known = [str(kind) for kind in PYTHON_MATERIALIZED]
    if given not in known:
        near = did_you_mean(str(given), known) or f"one of {', '.join(known)}"
        raise ValueError(f"materialized {given!r} is nothing that Python can make: {near}")
    return Materialized(given)


def _cut(given: Any) -> Partitioning | None:
    if given is None or isinstance(given, Partitioning):
        return given
    raise TypeError(f"partition must be Daily(...), Monthly(...) or the like, not {given!r}")


def _mappings(given: Mapping[str, HowRead]) -> dict[str, Reads]:
    found = {}
    for name, how in given.items():
        try:
            found[name] = declared_reads(how)
        except ValueError as error:
            raise ValueError(f"inputs: how {name!r} is read: {error}") from error
    return found


def _severity(given: str) -> Severity:
    known = {"error": Severity.ERROR, "warn": Severity.WARNING, "warning": Severity.WARNING}
    if given not in known:
        raise ValueError(
            f"severity {given!r} is unknown: {did_you_mean(str(given), known) or 'error or warn'}"
        )
    return known[given]
