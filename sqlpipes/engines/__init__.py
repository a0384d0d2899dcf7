"""Target -> Engine: the warehouse that a target names, opened by its engine's name.

Third parties add an engine under the entry-point group "sqlpipes.engines", see docs/other-engines.md: a
module (or any object) with `open_engine(target, root, *, read_only, wait_s) -> Engine`,
`blank(target, root) -> Engine`, `exists(target, root) -> bool` and
`stamp(target, root) -> str | None`; and `is_shared(target) -> bool`
when several processes may write to such a warehouse at once, `obstacles(target, engine, schemas)` and
`rehearse(target, root)` for `sqlpipes debug`, and `problems(target, root)` and `hidden(target, root)`,
which say what is wrong with an output, and which texts of it are secrets;
`databases(target, root)`, those that SQL may name; and `unopened(target, root)`, an engine of its names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from time import sleep
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, Location, Problem, SqlpipesError, did_you_mean
from sqlpipes.core.faults import NO_TLS, NOT_LET_IN, NOT_NOW, UNREACHED, only
from sqlpipes.core.hiding import hidden_in
from sqlpipes.core.retry import Retry
from sqlpipes.engines.generic.dialects import TYPES

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engine

__all__ = [
    "ENTRY_POINTS",
    "blank",
    "databases",
    "exists",
    "hidden",
    "is_shared",
    "obstacles",
    "open_engine",
    "problems",
    "rehearse",
    "stamp",
    "unopened",
]

ENTRY_POINTS = "sqlpipes.engines"
SHOWN = 300  # characters of what a package's code says
OFFERED = ("open_engine", "blank", "exists", "stamp")
BUILT_IN = MappingProxyType(
    {
        "duckdb": "sqlpipes.engines.duckdb",
        "ducklake": "sqlpipes.engines.duckdb",
        "postgres": "sqlpipes.engines.postgres",
        "postgresql": "sqlpipes.engines.postgres",
        "spark": "sqlpipes.engines.spark",
        "sqlalchemy": "sqlpipes.engines.generic",
        **dict.fromkeys(TYPES, "sqlpipes.engines.generic"),
    }
)


NOT_IN = UNREACHED | {NO_TLS, NOT_LET_IN}
BUSY = frozenset({"ENG006"})  # another program writes, and is done soon
PATIENCE = Retry(times=3, pause_s=0.5, most_s=10.0)  # of a server that is starting or full


def open_engine(
    target: Target,
    root: str,
    *,
    read_only: bool = False,
    wait_s: float = 0,
    on_wait: Callable[[str], None] = lambda said: None,
    pause: Callable[[float], None] = sleep,
) -> Engine:
    """The target's warehouse, open. Relative paths in its options count from `root`.

    A server that is starting or full is asked again, as often as the target says; so is one that is not
    reached, if the target says how often. So is a file that another program writes to. `on_wait` is told
    why and when. Raises EngineError when it cannot be opened, LockedError when another process still holds
    it after `wait_s` seconds. Whoever opens it closes it.
    """
    module, failed = _module(target.engine, target.at("type")), 0
    while True:
        try:
            with _theirs(target):
                return _engine(module, target, root, read_only=read_only, wait_s=wait_s)
        except EngineError as error:
            error.problems = tuple(_placed(each, target) for each in error.problems)
            failed += 1
            times = _times(target, error)
            if failed > times:
                raise
            from random import random

            seconds = PATIENCE.pause_of(failed, random())
            said = error.problems[0].message
            on_wait(f"{said}; again in {seconds:.1f} s ({failed}/{times})")
        pause(seconds)


def _placed(problem: Problem, target: Target) -> Problem:
    """Who is not reached stands in the profile, even if the engine does not say where."""
    if problem.at or problem.code not in NOT_IN:
        return problem
    return replace(problem, at=target.at("url", "host"))


def _engine(module: Any, target: Target, root: str, **how: Any) -> Engine:
    engine: Engine = module.open_engine(target, root, **how)
    return engine


@contextmanager
def _theirs(target: Target) -> Iterator[None]:
    """What the code of a package raises besides its problems, as EngineError ENG054 in one line."""
    try:
        yield
    except SqlpipesError:
        raise
    except Exception as error:
        if target.engine in BUILT_IN:
            raise
        point = _points()[target.engine]
        told = " ".join(f"{type(error).__name__}: {error}".split())[:SHOWN]
        for secret in sorted(filter(None, hidden_in(dict(target.options))), key=len, reverse=True):
            told = told.replace(secret, "...")
        message = f"the engine '{target.engine}' of the {_package(point)} failed: {told}"
        hint = f"its entry point is {point.value}: ask its authors, or install another version"
        raise EngineError(Problem("ENG054", message, target.at("type"), hint)) from error


def _times(target: Target, error: EngineError) -> int:
    """How often it is worth another try: a name that is mistyped is told at once, unless asked otherwise."""
    if only(BUSY, error.problems):
        return PATIENCE.times
    if not only(UNREACHED, error.problems):
        return 0
    if target.connect_retries is not None:
        return target.connect_retries
    return PATIENCE.times if only(frozenset({NOT_NOW}), error.problems) else 0


def obstacles(target: Target, engine: Engine, schemas: Sequence[str]) -> tuple[Problem, ...]:
    """What would keep a build from writing into these schemas, asked without writing anything.

    Of an engine that cannot tell, nothing.
    """
    found = getattr(_module(target.engine, target.at("type")), "obstacles", None)
    return tuple(found(target, engine, schemas)) if found else ()


def rehearse(target: Target, root: str) -> tuple[str, ...]:
    """What a build would do to make a warehouse that is not there yet, tried without writing anything.

    What was tried, in words; nothing of an engine that cannot try. Raises EngineError as `open_engine`.
    """
    with _theirs(target):
        found = getattr(_module(target.engine, target.at("type")), "rehearse", None)
        return tuple(found(target, root)) if found else ()


def databases(target: Target, root: str) -> Mapping[str, str]:
    """The databases that SQL may name before a table, with the schema that `database.table` means
    there; found out without connecting. Nothing where a name of two parts always begins with a schema; "" for
    a schema that nobody can tell."""
    found = getattr(_known(target.engine), "databases", None)
    return dict(found(target, root)) if found else {}


def exists(target: Target, root: str) -> bool:
    """Whether the target's warehouse is there to be looked into, found out without connecting."""
    with _theirs(target):
        return bool(_module(target.engine, target.at("type")).exists(target, root))


def blank(target: Target, root: str) -> Engine:
    """A new, empty warehouse of the target's kind that nothing keeps, for writing statements."""
    with _theirs(target):
        engine: Engine = _module(target.engine, target.at("type")).blank(target, root)
    return engine


def unopened(target: Target, root: str) -> Engine | None:
    """An engine that calls each relation as the target's own would, without connecting; of what exists it
    knows nothing. None where the warehouse must be asked."""
    with _theirs(target):
        found = getattr(_module(target.engine, target.at("type")), "unopened", None)
        return found(target, root) if found else None


def stamp(target: Target, root: str) -> str | None:
    """A token that moves when anything was written to the warehouse, read without connecting.

    None when the warehouse does not exist or its state cannot be known this way.
    """
    with _theirs(target):
        token: str | None = _module(target.engine, target.at("type")).stamp(target, root)
    return token


def is_shared(target: Target) -> bool:
    """Whether several processes may write to the target's warehouse at once, each in transactions.

    If so, builds cooperate by leases on slices; if not, one builds at a time.
    """
    found = getattr(_module(target.engine, target.at("type")), "is_shared", None)
    return bool(found and found(target))


def problems(target: Target, root: str) -> tuple[Problem, ...]:
    """What is wrong with the target's output, found without connecting; nothing where nobody looks."""
    found = getattr(_known(target.engine), "problems", None)
    return tuple(found(target, root)) if found else ()


def hidden(target: Target, root: str) -> tuple[str, ...]:
    """Secrets in the target's output: texts that are recorded and shown nowhere."""
    found = getattr(_known(target.engine), "hidden", None)
    return tuple(found(target, root)) if found else ()


def _known(name: str) -> Any:
    """The engine's module; None for one that is not there, which is told when it is opened."""
    try:
        return _module(name)
    except EngineError:
        return None


def _module(name: str, at: Location | None = None) -> Any:
    if name in BUILT_IN:
        return import_module(BUILT_IN[name])
    return _third_party(name, at)


def _points() -> Any:
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINTS)


def _third_party(name: str, at: Location | None) -> Any:
    found = _points()
    if name in found.names:
        return _loaded(found[name])
    known = [*BUILT_IN, *found.names]
    raise EngineError(
        Problem(
            "ENG001",
            f"there is no engine '{name}'",
            at,
            hint=did_you_mean(name, known) or f"known engines: {', '.join(sorted(known))}",
        )
    )


def _package(point: Any) -> str:
    return f"package '{point.dist.name}'" if point.dist else f"entry point '{point.value}'"


def _loaded(point: Any) -> Any:
    """What the entry point of a package names. Raises EngineError ENG054 when it is no engine."""
    package = _package(point)
    try:
        module = point.load()
    except Exception as error:  # it is somebody else's code
        message = f"the engine '{point.name}' of the {package} cannot be imported"
        said = f"{type(error).__name__}: {error}"
        hint = f"its entry point is {point.value}: ask its authors, or install another version"
        raise EngineError(Problem("ENG054", f"{message}: {said}", hint=hint)) from error
    lacking = [name for name in OFFERED if not callable(getattr(module, name, None))]
    if lacking:
        message = f"the engine '{point.name}' of the {package} lacks {', '.join(lacking)}"
        hint = f"{point.value} must offer {', '.join(f'{name}()' for name in OFFERED)}"
        raise EngineError(Problem("ENG054", message, hint=hint))
    return module
