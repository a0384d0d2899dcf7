"""A linked project -> what its files must not be written over, and what is wrong with where they go.

Models that are files say their path, so that a place which is the project's own is told before
anything runs; what stands there meanwhile is seen by the build.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from sqlpipes.api.words import PROJECT_FILES
from sqlpipes.core.asset import Asset, SourceBody
from sqlpipes.core.config import ProjectConfig, Target
from sqlpipes.core.errors import Problem, Severity
from sqlpipes.core.graph import Graph, engines_of

MARKS = "*?["  # of a pattern


def own_places(root: str, config: ProjectConfig, target: Target, graph: Graph) -> tuple[str, ...]:
    """What no asset may write: folders and files that are read, whether they are there or not yet, the
    warehouse's files and the state's; absolute."""
    from sqlpipes.read.profiles import NAMES as PROFILES
    from sqlpipes.stores.local import local_file

    root = os.path.abspath(root)
    read = (*config.model_paths, *config.seed_paths, *config.check_paths, *config.macro_paths)
    state = local_file(config.state, root)
    keys = ("path", "database")  # an engine of files says one of them
    targets = (target, *(target.on(name) for name in engines_of(graph)))
    named = [one.options.get(key) for one in targets for key in keys]
    files = [
        os.path.expanduser(said) for said in named if isinstance(said, str) and "://" not in said
    ]
    files += [state] if state else []
    paths = [*read, *files, *(f"{file}.wal" for file in files), *PROJECT_FILES, *PROFILES]
    return tuple(os.path.normpath(os.path.join(root, path)) for path in paths)


def misplaced(root: str, config: ProjectConfig, target: Target, graph: Graph) -> list[Problem]:
    """BLD021 for each model that would write over what is the project's own; REF006 for readers of a
    path that its asset has left."""
    root = os.path.abspath(root)
    files = [asset for asset in graph.assets.values() if asset.export is not None]
    over = _over_own(root, own_places(root, config, target, graph), files) if files else ()
    return [*over, *_left_behind(root, graph)]


def _over_own(root: str, kept: tuple[str, ...], files: list[Asset]) -> Iterator[Problem]:
    from sqlpipes.run.bounds import Bounds
    from sqlpipes.run.exported import export_path

    for asset in files:
        assert asset.export is not None
        bounds = Bounds(asset.name, root, kept=kept, is_query=True)
        found = bounds.over_own(export_path(asset.export, root), asset.export.path)
        if found is not None:
            yield replace(found, at=asset.export.at)


def _left_behind(root: str, graph: Graph) -> Iterator[Problem]:
    """What a build wrote there is noted beside the project, so that nothing else has to be asked."""
    for source in graph.assets.values():
        if not isinstance(source.body, SourceBody):
            continue
        for pattern in source.body.files:
            found = _writer_of(pattern, root, graph)
            if found is not None:
                asset, path = found
                now = ", ".join(asset.writes)
                message = f"{path} was written by '{asset.name}', which now writes {now}"
                hint = f"read it by its name, `from {asset.name}`, or by its new path"
                at = source.at
                yield Problem("REF006", message, at, hint, Severity.WARNING)


def _writer_of(pattern: str, root: str, graph: Graph) -> tuple[Asset, str] | None:
    """The asset whose build noted this path, or a folder around it, and has another one by now."""
    from sqlpipes.run.bounds import Note

    for path in _around(pattern, root):
        asset = graph.assets.get(Note.of(path, root).asset)
        if (
            asset is None
            or not asset.writes
            or any(mark in said for said in asset.writes for mark in MARKS)
        ):
            continue
        now = {os.path.normpath(os.path.join(root, said)) for said in asset.writes}
        if path not in now and os.path.lexists(path):
            return asset, os.path.relpath(path, root).replace(os.sep, "/")
    return None


def _around(pattern: str, root: str) -> Iterator[str]:
    """The path, as far as it is no pattern, and the folders around it that lie in the project."""
    first = min((pattern.index(mark) for mark in MARKS if mark in pattern), default=None)
    path = pattern if first is None else os.path.dirname(pattern[:first] + "x")
    path = os.path.normpath(os.path.join(root, path))
    while path.startswith(root + os.sep):
        yield path
        path = os.path.dirname(path)
