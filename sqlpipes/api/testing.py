"""Project + unit tests -> results. Each runs in a DuckDB in memory that is opened and closed here."""

from __future__ import annotations

import glob
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.config import settings_of, with_config
from sqlpipes.api.hollow import hollow_engine
from sqlpipes.api.project import Project
from sqlpipes.api.selection import Ask, chosen, selected_with_unit_tests
from sqlpipes.core.asset import SourceBody, SqlBody
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph
from sqlpipes.core.unit_test import UnitResult, UnitTest
from sqlpipes.version import __version__

if TYPE_CHECKING:
    from sqlpipes.core.engine import Rows
    from sqlpipes.run.unit_tests.columns import Skeleton
    from sqlpipes.run.unit_tests.world import World

PASSED = ".sqlpipes/cache/unit_tests.json"

OnResult = Callable[[UnitResult], None]


def unit_tests(project: Project, ask: Ask | None = None) -> tuple[UnitTest, ...]:
    """Those that are selected, by their own name or with their model, in the order of the files."""
    if not project.unit_tests:
        return ()
    names = set(selected_with_unit_tests(project, ask or Ask()).checks)
    return tuple(test for test in project.unit_tests if test.name in names)


def run_unit_tests(
    project: Project,
    tests: Sequence[UnitTest],
    *,
    on_result: OnResult | None = None,
    fail_fast: bool = False,
) -> tuple[UnitResult, ...]:
    """Run them, one after the other. What is wrong with one is in its result, never raised.

    Nothing outside of memory is written, but for a note of which passed. The project's warehouse is
    not opened.
    """
    found: list[UnitResult] = []
    digests = _digests(project, tests) if tests else {}
    with _skeleton(project) as skeleton:
        for test in tests:
            found.append(_run_one(project, test, skeleton))
            if on_result:
                on_result(found[-1])
            if fail_fast and not found[-1].ok:
                break
    _note(project, {r.test.name: digests.get(r.test.name) if r.ok else None for r in found})
    return tuple(found)


def model_rows(project: Project, test: UnitTest, config: Mapping[str, Plain] | None = None) -> Rows:
    """The rows that the model of a test yields. Raises SqlpipesError for all that is wrong."""
    project = with_config(project, settings_of({test.model: config or {}})).project
    from sqlpipes.run.unit_tests.trial import model_rows as rows_of

    with _skeleton(project) as skeleton, _world(project, test, skeleton) as world:
        return rows_of(world)


@dataclass(frozen=True, slots=True)
class Gate:
    """What came of the unit tests before a build. `ask` leaves out what may not be built."""

    ask: Ask
    results: tuple[UnitResult, ...] = ()


def gate_of(project: Project, ask: Ask, on_result: OnResult | None = None) -> Gate:
    """Run the unit tests of what is to be built, less those that passed as they are.

    A model whose test fails is held back, and so is all that reads it.
    """
    due = due_unit_tests(project, ask)
    if not due:
        return Gate(ask)
    results = run_unit_tests(project, due, on_result=on_result)
    failed = {result.test.model for result in results if not result.ok}
    held = frozenset(failed | project.graph.descendants(failed)) if failed else frozenset()
    return Gate(replace(ask, held=held), results)


def due_unit_tests(project: Project, ask: Ask) -> tuple[UnitTest, ...]:
    """Those that a build of the same runs first: of what it may build, and not passed as they are."""
    if not project.unit_tests or ask.only_checks or ask.empty:
        return ()
    wanted = set(chosen(project, ask).names)
    every = unit_tests(project, ask) if ask.only is None else project.unit_tests
    return tuple(_due(project, [test for test in every if test.model in wanted]))


# ------------------------------------------------------------------------------------- one of them


def _run_one(project: Project, test: UnitTest, skeleton: Skeleton) -> UnitResult:
    from sqlpipes.run.unit_tests.trial import run_unit_test

    began = time.perf_counter()
    with _world(project, test, skeleton) as world:
        result = run_unit_test(world)
    return replace(result, seconds=time.perf_counter() - began)


@contextmanager
def _skeleton(project: Project) -> Iterator[Skeleton]:
    from sqlpipes.run.unit_tests.columns import Skeleton
    from sqlpipes.run.warehouse import warehouse_of

    with ExitStack() as stack:
        engine = stack.enter_context(
            closing(hollow_engine(project.graph, project.target, project.root))
        )
        connection = stack.enter_context(closing(engine.connect()))
        warehouse = warehouse_of(engine, project.target.schema, project.root)
        yield Skeleton(_on_one(project.graph), warehouse, connection)


@contextmanager
def _world(project: Project, test: UnitTest, skeleton: Skeleton) -> Iterator[World]:
    from sqlpipes.run.resources import given_by
    from sqlpipes.run.unit_tests.world import World

    given = {r.name: r.load()() for r in project.resources.values() if r.is_given}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sqlpipes-"))
        engine = stack.enter_context(
            closing(hollow_engine(project.graph, project.target, project.root))
        )
        connection = stack.enter_context(closing(engine.connect()))
        yield World(
            test=test,
            graph=_on_one(project.graph),
            warehouse=skeleton.empty,
            connection=connection,
            skeleton=skeleton,
            folder=folder,
            root=project.root,
            target=project.target.name,
            vars={**project.config.vars, **test.overrides.vars},
            resource=given_by(given),
        )


def _on_one(graph: Graph) -> Graph:
    """The same graph with all assets on one engine: a test has no other."""
    if not any(asset.engine for asset in graph.assets.values()):
        return graph
    assets = {name: replace(asset, engine="") for name, asset in graph.assets.items()}
    return replace(graph, assets=assets)


# ------------------------------------------------------------------------------- what passed before


def _due(project: Project, tests: Sequence[UnitTest]) -> list[UnitTest]:
    """Those that did not pass as they are."""
    if not tests:
        return []
    passed, digests = _passed(project), _digests(project, tests)
    return [t for t in tests if digests[t.name] is None or passed.get(t.name) != digests[t.name]]


def _digests(project: Project, tests: Iterable[UnitTest]) -> dict[str, str | None]:
    from sqlpipes.decide.unit_tests import digest

    shared = _shared(project)
    found = {}
    for test in tests:
        above = project.graph.ancestors([test.model])
        files = {name: _stamp_of(project, name) for name in sorted(above)}
        extra = shared | {name: stamp for name, stamp in files.items() if stamp}
        found[test.name] = digest(test, project.graph, extra)
    return found


def _shared(project: Project) -> dict[str, str]:
    """What any test hangs on: the versions of the programs, and what templates are filled with."""
    from importlib.metadata import version

    bodies = (asset.body for asset in project.graph.assets.values())
    templates = (b.template for b in bodies if isinstance(b, SqlBody) and b.template is not None)
    macros = getattr(next(templates, None), "macros", None)
    said = {"sqlpipes": __version__, "duckdb": version("duckdb")}
    return said | {
        "vars": repr(sorted(project.config.vars.items())),
        "macros": str(getattr(macros, "digest", "")),
        "target": repr((project.target.name, project.target.schema, project.target.options)),
    }


def _stamp_of(project: Project, name: str) -> str:
    """Sizes and times of the files that a source is, whose columns may tell a type."""
    body = project.graph.assets[name].body
    if not isinstance(body, SourceBody) or not body.files:
        return ""
    paths = sorted(path for pattern in body.files for path in glob.glob(pattern, recursive=True))
    stats = (os.stat(path) for path in paths if os.path.exists(path))
    return repr([(path, s.st_size, s.st_mtime_ns) for path, s in zip(paths, stats, strict=False)])


def _passed(project: Project) -> Mapping[str, str]:
    """Test -> the digest it passed with; nothing when the note is lost, then they run again."""
    try:
        with open(os.path.join(project.root, PASSED), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _note(project: Project, results: Mapping[str, str | None]) -> None:
    """Keep which tests passed with which digest; a folder that cannot be written is no fault."""
    known = {test.name for test in project.unit_tests}
    before = {name: seen for name, seen in _passed(project).items() if name in known}
    after = {name: seen for name, seen in {**before, **results}.items() if seen is not None}
    path = os.path.join(project.root, PASSED)
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.getpid()}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(after, file, sort_keys=True)
        os.replace(temporary, path)
