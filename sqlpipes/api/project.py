"""A folder -> a Project: read, linked, with everything that is wrong as values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from sqlpipes.api.own_files import misplaced
from sqlpipes.core.asset import Asset
from sqlpipes.core.config import NOTHING, Plain, ProjectConfig, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.core.graph import Graph, engines_of, link
from sqlpipes.core.hiding import worth_hiding
from sqlpipes.core.partitions import WHOLE_AXIS, Axis
from sqlpipes.core.sql import Relation, fold

if TYPE_CHECKING:
    from sqlpipes.core.definitions import Definitions
    from sqlpipes.core.job import Hooks, Job
    from sqlpipes.core.outlet import Outlet
    from sqlpipes.core.resource import Resource
    from sqlpipes.core.sensor import Sensor
    from sqlpipes.core.sql import SqlFacts
    from sqlpipes.core.unit_test import UnitTest
    from sqlpipes.read import Reading
    from sqlpipes.stores import Store


@dataclass(frozen=True, slots=True)
class Defined:
    """One thing of a project. kind: sql, python, seed, source, check, unit test, job, sensor or resource."""

    kind: str
    name: str
    at: Location | None


@dataclass(frozen=True, slots=True)
class Project:
    """A folder as it was read and linked. `problems` holds errors and warnings, in place order."""

    root: str
    config: ProjectConfig
    target: Target
    graph: Graph
    facts: Mapping[str, SqlFacts]
    selectors: Mapping[str, Plain]
    selector_places: Mapping[str, Location]
    problems: tuple[Problem, ...]
    parsed: int = 0  # files that were parsed this time; the others came from the cache
    unit_tests: tuple[UnitTest, ...] = ()
    resources: Mapping[str, Resource] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    hooks: Hooks | None = None  # of jobs that have none of their own
    sensors: tuple[Sensor, ...] = ()
    outlet: Outlet | None = None  # where lineage events are told
    secrets: tuple[str, ...] = field(default=(), repr=False)  # that nothing shows or records

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.is_error)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if not problem.is_error)

    def asset(self, name: str) -> Asset:
        """The asset of that name, or of the table that the name means. ProjectError REF003 otherwise."""
        found = self._find(name)
        if found is None:
            hint = did_you_mean(name, self.graph.assets)
            raise ProjectError(Problem("REF003", f"there is no asset '{name}'", hint=hint))
        return found

    def axis(self, name: str) -> Axis:
        """What the asset's slices are slices of; a whole when it is not partitioned."""
        partition = self.graph.assets[name].partition
        return partition.axis if partition else WHOLE_AXIS

    def split_column(self, what: str) -> tuple[str, str | None]:
        """`orders`, `shop.orders`, `orders.amount` -> (asset, column or None). ProjectError REF003."""
        if asset := self._find(what):
            return asset.name, None
        head, dot, column = what.rpartition(".")
        if dot and (asset := self._find(head)):
            return asset.name, column
        return self.asset(head if dot and self._find(head) else what).name, None

    def _find(self, name: str) -> Asset | None:
        if name in self.graph.assets:
            return self.graph.assets[name]
        key = tuple(fold(part, True, self.graph.dialect) for part in name.split("."))
        return self.graph.assets.get(self.graph.index.get(key, ""))

    @property
    def definitions(self) -> tuple[Defined, ...]:
        """All that the project has, from wherever it comes: assets in graph order, checks, resources."""
        order = {name: place for place, name in enumerate(self.graph.order)}
        assets = sorted(
            self.graph.assets.values(), key=lambda each: order.get(each.name, len(order))
        )
        return (
            *(Defined(str(each.kind), each.name, each.at) for each in assets),
            *(Defined("check", each.name, each.at) for each in self.graph.checks.values()),
            *(Defined("unit test", each.name, each.at) for each in self.unit_tests),
            *(Defined("job", each.name, each.at) for each in self.jobs),
            *(Defined("sensor", each.name, each.at) for each in self.sensors),
            *(Defined("resource", each.name, each.at) for each in self.resources.values()),
        )

    def raise_errors(self) -> None:
        """Refuse to go on with files that need mending; says all of them at once."""
        if self.errors:
            raise ProjectError(*self.errors)


def load(
    root: str | None = None,
    *,
    definitions: Definitions | None = None,
    target: str | None = None,
    profile: str | None = None,
    profiles_dir: str | None = None,
    vars: Mapping[str, Plain] = NOTHING,
    environ: Mapping[str, str] | None = None,
    cache: bool = True,
    placed: Mapping[str, Relation] | None = None,
    resources: Mapping[str, Any] = NOTHING,
    processes: int = 1,
) -> Project:
    """Read and link a project folder (this one). Faults in its files are values in `Project.problems`.

    `definitions`: these are the project, and no files. Without a root they have a folder and a DuckDB of
    their own, which go when the last Project of it goes. `resources`: name -> what its fields are
    set to, over what configures it, or the thing itself.
    `placed`: asset -> a relation to read it with, as if it were written there and not where it is.
    `processes`: how many may read a project of hundreds of models that nobody has read yet; others than this
    one are started as `python -m`.

    Raises ProjectError when there is no project to speak of: no such folder, profile or target.
    """
    from sqlpipes.read import read_project

    alone = definitions is not None and root is None
    root = os.path.abspath(root or ".") if not alone else own_folder()
    reading = read_project(
        root,
        target=target,
        profile=profile,
        profiles_dir=profiles_dir,
        vars=vars,
        environ=os.environ if environ is None else environ,
        cache=cache and not placed,
        placed=placed,
        definitions=definitions,
        resources=resources,
        processes=processes,
        own_target=alone and not (target or profile or profiles_dir),
    )
    return _linked(root, reading)


def _linked(root: str, reading: Reading) -> Project:
    from sqlpipes.engines import databases, hidden
    from sqlpipes.engines import problems as faults_of

    target = reading.target
    graph, problems = link(
        reading.assets,
        reading.checks,
        dialect=reading.config.dialect,
        default_schema=reading.target.schema,
        default_catalog=reading.target.catalog,
        strict=reading.config.strict,
        homes={
            name: (each.schema, each.catalog)
            for name, each in reading.target.engines.items()
            if each is not None
        },
        databases={
            name: databases(each, root)
            for name, each in {"": target, **target.engines}.items()
            if each is not None
        },
    )
    if reading.spoken:
        from sqlpipes.api.porting import ported, set_up

        target = set_up(target, reading.config.dialect, reading.spoken)
        graph = ported(graph, reading.config, reading.target, root, reading.spoken, reading.secrets)
    return Project(
        root=root,
        config=reading.config,
        target=target,
        graph=graph,
        facts=reading.facts,
        selectors=reading.selectors,
        selector_places=reading.selector_places,
        problems=in_place_order(
            {
                *reading.problems,
                *problems,
                *_of_the_rest(reading, graph),
                *faults_of(target, root),
                *misplaced(root, reading.config, target, graph),
            }
        ),
        parsed=reading.parsed,
        unit_tests=reading.unit_tests,
        resources=reading.resources,
        jobs=reading.jobs,
        hooks=reading.hooks,
        sensors=reading.sensors,
        outlet=reading.outlet,
        secrets=(*reading.secrets, *_unnamed(hidden(target, root), reading.config, target, graph)),
    )


def _unnamed(
    secrets: Iterable[str], config: ProjectConfig, target: Target, graph: Graph
) -> tuple[str, ...]:
    """Those that are in no name: what is recorded under it would be lost."""
    secrets = tuple(secrets)
    if not secrets:
        return ()
    names = [config.name, target.name, target.schema, target.engine, target.catalog or ""]
    names += [f"{each.name} {each.relation}" for each in graph.assets.values()]
    return worth_hiding(secrets, names)


def own_folder() -> str:
    """A new folder that goes when nobody holds the path any more, at the latest with the process."""
    import shutil
    import tempfile
    import weakref

    path = _Folder(tempfile.mkdtemp(prefix="sqlpipes-"))
    weakref.finalize(path, shutil.rmtree, str(path), ignore_errors=True)
    return path


class _Folder(str):
    """A path that somebody may wait for the end of, as of any object."""

    __slots__ = ("__weakref__",)


def _of_the_rest(reading: Reading, graph: Graph) -> Iterator[Problem]:
    """What unit tests and jobs say of a graph that has no such thing; what its engines lack."""
    if reading.target.engines:
        for name in engines_of(graph):
            yield from reading.target.on(name).problems
    if reading.unit_tests:
        from sqlpipes.decide.unit_tests import other_dialects, unit_test_problems

        yield from unit_test_problems(reading.unit_tests, graph)
        yield from other_dialects(reading.unit_tests, graph)
    if reading.jobs:
        from sqlpipes.decide.jobs import job_problems

        named = (reading.selectors, reading.selector_places, reading.config.name)
        yield from job_problems(reading.jobs, graph, *named)
    if reading.sensors:
        from sqlpipes.decide.sensors import sensor_problems

        known = (reading.selectors, reading.config.name, reading.resources)
        yield from sensor_problems(reading.sensors, reading.jobs, graph, *known)
    if any(asset.auto for asset in graph.assets.values()):
        from sqlpipes.decide.automation import automation_problems

        yield from automation_problems(graph)


def project_root(start: str = ".") -> str:
    """The project that a folder is or lies in. ProjectError PRJ002 when it is none."""
    from sqlpipes.read import find_root

    return find_root(start)


def in_place_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file, line and column, those without a place first."""
    return tuple(sorted(problems, key=_place))


def _place(problem: Problem) -> tuple[str, int, int, str]:
    at = problem.at
    return (at.file, at.line, at.column, problem.code) if at else ("", 0, 0, problem.code)


def open_store_of(project: Project) -> Store:
    """The project's state store, for the target at hand. The caller closes it."""
    from sqlpipes.stores import open_store

    config = project.config
    return open_store(config.state, project.root, target=project.target.name, at=config.state_at)
