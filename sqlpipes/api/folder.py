"""What concerns the folder itself: a starter project, what is seen here, cleaning up."""

from __future__ import annotations

import os
import platform
import shutil
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.errors import EngineError, Problem, ProjectError, SqlpipesError
from sqlpipes.core.resource import Resource
from sqlpipes.version import __version__

STATE_FOLDER = ".sqlpipes"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of `debug`."""

    topic: str
    said: str
    ok: bool = True


def write_starter(folder: str) -> tuple[str, ...]:
    """Copy the starter project into `folder`; the files written, relative to it.

    Raises ProjectError INI001 when a file of the starter is there already: nothing is overwritten.
    """
    files = dict(_files_below(resources.files("sqlpipes") / "starter"))
    taken = [path for path in files if os.path.exists(os.path.join(folder, path))]
    if taken:
        message = f"{os.path.join(folder, taken[0])} is there already; nothing was written"
        raise ProjectError(Problem("INI001", message, hint="name an empty folder: init myproject"))
    for path, source in files.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        with open(target, "wb") as file:
            file.write(source.read_bytes())
    return tuple(sorted(files))


def _files_below(folder: Traversable, prefix: str = "") -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                found += _files_below(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith(".pyc"):
            found.append((prefix + entry.name.replace("dot_", "."), entry))
    return found


def clean(project: Project, *, with_state: bool = False) -> tuple[str, ...]:
    """Remove the caches (and the state); what was removed, relative to the project.

    LockedError when a build is running that writes to the state.
    """
    from sqlpipes.stores import build_lock

    if not with_state:
        return _removed(project.root, ["cache"])
    with build_lock(project.root, command="clean --state"):
        return _removed(project.root, ["cache", "state.db", "state.db-wal", "state.db-shm"])


def _removed(root: str, names: list[str]) -> tuple[str, ...]:
    removed: list[str] = []
    for name in names:
        path = os.path.join(root, STATE_FOLDER, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)
        else:
            continue
        removed.append(f"{STATE_FOLDER}/{name}")
    return tuple(removed)


def debug(project: Project) -> tuple[Fact, ...]:
    """What sqlpipes sees from here, each part tried for real."""
    graph, target = project.graph, project.target
    errors = len(project.errors)
    return (
        Fact("sqlpipes", __version__),
        Fact("python", f"{platform.python_version()} on {platform.system()}"),
        *(Fact(name, _version(name)) for name in ("duckdb", "sqlglot", "sqlalchemy")),
        Fact(
            "parser", "compiled" if _is_compiled() else "pure Python (pip install 'sqlpipes[fast]')"
        ),
        Fact("project", f"{project.config.name} in {project.root}"),
        Fact(
            "read",
            f"{len(graph.assets)} assets, {len(graph.checks)} checks, {errors} errors",
            ok=not errors,
        ),
        Fact("target", f"{target.name}: {target.engine}, schema {target.schema}"),
        *(_try_resource(project, each) for each in project.resources.values()),
        _try_state(project),
        _try_warehouse(project),
    )


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
    try:
        with closing(open_store_of(project)) as store:
            runs = len(store.runs(1))
    except SqlpipesError as error:
        return Fact("state", str(error), ok=False)
    return Fact("state", "opens" + ("" if runs else ", no run yet"))


def _try_warehouse(project: Project) -> Fact:
    from sqlpipes.engines import exists, open_engine

    if not exists(project.target, project.root):
        return Fact("warehouse", "not there yet: the first build makes it")
    try:
        with closing(open_engine(project.target, project.root, read_only=True)) as engine:
            number = len(engine.relations())
    except EngineError as error:
        return Fact("warehouse", str(error), ok=False)
    return Fact("warehouse", f"opens, {number} relations")
