"""What concerns the folder itself: a starter project, cleaning up."""

from __future__ import annotations

import os
import shutil
from importlib import resources
from importlib.resources.abc import Traversable

from sqlpipes.api.project import Project
from sqlpipes.core.errors import Problem, ProjectError

STATE_FOLDER = ".sqlpipes"


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
