"""Which components there are here, and what they want to be told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sqlpipes.api.project import project_root
from sqlpipes.core.errors import Problem, ProjectError, did_you_mean
from sqlpipes.read.components.describing import Described, described, schema_of

__all__ = ["Described", "component_kind", "component_kinds", "component_schema"]


def component_kinds(root: str | None = None) -> tuple[Described, ...]:
    """All of them, by name: built in, of the project (None: the one here, if any), of packages."""
    from sqlpipes.read.cache import open_cache
    from sqlpipes.read.components import catalog_of
    from sqlpipes.read.files import walk
    from sqlpipes.read.project_file import read_project_file

    root = os.path.abspath(root) if root else _root_here()
    cache = open_cache(root or "", enabled=False)
    folders = read_project_file(root, cache).config.model_paths if root else ()
    files = [file for folder in folders for file in walk(root or "", folder, [])]
    homes = sorted(catalog_of(files, cache).all(), key=lambda home: home.name)
    return tuple(described(home, root or "") for home in homes)


def component_kind(name: str, root: str | None = None) -> Described:
    """The one of that name. ProjectError CMP001 when there is none."""
    every = component_kinds(root)
    for each in every:
        if each.name == name:
            return each
    hint = did_you_mean(name, [each.name for each in every])
    raise ProjectError(Problem("CMP001", f"there is no component '{name}'", hint=hint))


def component_schema(root: str | None = None) -> Mapping[str, Any]:
    """The JSON schema of a YAML file with components."""
    return schema_of(component_kinds(root))


def _root_here() -> str | None:
    try:
        return project_root()
    except ProjectError:
        return None
