"""Where a component's class is -> the class, imported, with the code that it hangs on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from sqlpipes.read.components.catalog import Home
from sqlpipes.read.python.modules import Module, Unit, hashed, read_unit


def unit_of(home: Home, root: str, known: Mapping[str, Module] | None = None) -> Unit:
    """The class's file with what it reaches; of a package its own file alone.

    Raises OSError, SyntaxError, or whatever importing a package's module raises.
    """
    if home.is_project:
        return read_unit(home.path, root, known)
    file = os.path.abspath(import_module(home.module).__file__ or home.module)
    with open(file, "rb") as stream:
        sha = hashed(stream.read().decode("utf-8", "replace"))
    folder = os.path.dirname(file)
    return Unit(folder, Module(home.module, file, sha, ()), (folder,))


def class_of(home: Home, unit: Unit) -> Any:
    """Raises whatever the code raises, LookupError when the module has no such class (any more)."""
    module = _module(home, unit)
    found: Any = module
    for part in home.cls.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise LookupError(f"{module.__name__} has no class '{home.cls}'")
    return found


def _module(home: Home, unit: Unit) -> ModuleType:
    from sqlpipes.read.python.importing import load_module

    return load_module(unit) if home.is_project else import_module(home.module)


@contextmanager
def at_home(home: Home, unit: Unit) -> Iterator[None]:
    """While it lasts, an import finds the modules of the class's project."""
    from sqlpipes.read.python.importing import project_imports

    if not home.is_project:
        yield
        return
    with project_imports(unit):
        yield


def package_files(home: Home) -> list[str]:
    """The files of the package that are loaded: what the class may have been made with."""
    top = home.module.partition(".")[0] if home.origin != "built-in" else "sqlpipes.components"
    loaded = (
        getattr(module, "__file__", None)
        for name, module in list(sys.modules.items())
        if name == top or name.startswith(f"{top}.")
    )
    return sorted({os.path.abspath(file) for file in loaded if file})
