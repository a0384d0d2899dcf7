"""Project -> what sqlpipes sees from here, each part tried for real: versions, files, state, warehouse."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.warehouses import targets
from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, SqlpipesError
from sqlpipes.core.resource import Resource
from sqlpipes.version import __version__


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of `debug`; `problems` are behind what is not well."""

    topic: str
    said: str
    ok: bool = True
    problems: tuple[Problem, ...] = ()


def debug(project: Project) -> tuple[Fact, ...]:
    """What sqlpipes sees from here, each part tried for real."""
    graph, target = project.graph, project.target
    errors = len(project.errors)
    return (
        *_versions(),
        Fact("project", f"{project.config.name} in {project.root}"),
        Fact(
            "read",
            f"{len(graph.assets)} assets, {len(graph.checks)} checks, {errors} errors",
            ok=not errors,
        ),
        Fact("target", f"{target.name}: {target.engine}, schema {target.schema}"),
        *(_try_resource(project, each) for each in project.resources.values()),
        _try_state(project),
        *(f for name in targets(project) for f in _try_warehouse(project, name)),
        *(_unused(name, target) for name in target.engines if name not in targets(project)),
    )


def debug_unread(error: ProjectError) -> tuple[Fact, ...]:
    """The same where the project's files or profile cannot be read: what there is, and why."""
    told = ((f"{problem.code} {problem.message}", problem) for problem in error.problems)
    return (*_versions(), *(Fact("project", said, ok=False, problems=(p,)) for said, p in told))


def _versions() -> Iterator[Fact]:
    yield Fact("sqlpipes", __version__)
    yield Fact("python", f"{platform.python_version()} on {platform.system()}")
    for name in ("duckdb", "sqlglot", "sqlalchemy"):
        yield Fact(name, _version(name))
    how = "compiled" if _is_compiled() else "pure Python (pip install 'sqlpipes[fast]')"
    yield Fact("parser", how)


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _is_compiled() -> bool:
    from importlib.util import find_spec

    spec = find_spec("sqlglot.parser")
    return bool(spec and spec.origin and not spec.origin.endswith(".py"))


def _try_resource(project: Project, resource: Resource) -> Fact:
    """Which fields are configured, and what is missing: names only."""
    topic = f"resource {resource.name}"
    if resource.is_given:
        return Fact(topic, "made in Python")
    said = ", ".join(resource.configured) or "nothing"
    text = f"{said} configured for {project.target.name}"
    if resource.missing:
        are = "is" if len(resource.missing) == 1 else "are"
        return Fact(topic, f"{text}; {', '.join(resource.missing)} {are} not set", ok=False)
    try:
        resource.values()
    except ProjectError as error:
        return Fact(topic, f"{text}; {error.problems[0].message}", ok=False)
    except Exception as error:  # its file is the user's code, and is imported for its types
        return Fact(topic, f"{text}; {type(error).__name__}: {error}", ok=False)
    return Fact(topic, text)


def _try_state(project: Project) -> Fact:
    """What stands there; no table is made to find out."""
    from sqlpipes.stores import peek

    config = project.config
    try:
        unmade = peek(config.state, project.root, at=config.state_at)
        if unmade:
            return Fact("state", unmade)
        with closing(open_store_of(project)) as store:
            runs = len(store.runs(1))
    except SqlpipesError as error:
        return _failed("state", [replace(p, at=p.at or config.state_at) for p in error.problems])
    return Fact("state", "opens" + ("" if runs else ", no run yet"))


def _unused(name: str, target: Target) -> Fact:
    said = ["no asset lives on it, so it is not opened"]
    lacking = [each.message for each in target.on(name).problems]
    return Fact(f"engine {name}", "; ".join(said + lacking))


def _try_warehouse(project: Project, name: str) -> Iterator[Fact]:
    """Whether it opens, and whether a build may write there; nothing is written to find out."""
    from sqlpipes.engines import exists, obstacles, open_engine, rehearse

    target = project.target.on(name)
    topic = f"engine {name}" if name else "warehouse"
    kind = f"{target.engine}, schema {target.schema}: " if name else ""
    if target.problems:
        yield _failed(topic, target.problems)
        return
    try:
        if not exists(target, project.root):
            tried = rehearse(target, project.root)
            yield Fact(topic, f"{kind}not there yet: the first build makes it{_tried(tried)}")
            return
        with closing(open_engine(target, project.root, read_only=True)) as engine:
            number = len(engine.relations())
            told: tuple[str, ...] = getattr(engine, "facts", tuple)()
            found = obstacles(target, engine, sorted(_schemas(project, name)))
    except SqlpipesError as error:
        yield _failed(topic, error.problems)
        return
    yield Fact(topic, f"{kind}opens, {number} relations")
    yield from (Fact("engine", line) for line in told)
    for problem in found:
        yield _failed("rights" if problem.is_error else "room", [problem], ok=not problem.is_error)


def _tried(found: Sequence[str]) -> str:
    return f". Tried without it: {', '.join(found)}" if found else ""


def _schemas(project: Project, engine: str) -> set[str]:
    """Those that are written to, in the engine's own database."""
    assets = [a for a in project.graph.assets.values() if a.engine == engine]
    target = project.target.on(engine)
    written = (a.relation for a in assets if a.materialized is not Materialized.EXTERNAL)
    own = (None, target.catalog)
    return {target.schema} | {r.schema for r in written if r and r.catalog in own}


def _failed(topic: str, problems: Sequence[Problem], *, ok: bool = False) -> Fact:
    said = "; ".join(f"{problem.code} {problem.message}" for problem in problems)
    return Fact(topic, said, ok, tuple(problems))
