"""A user's file -> its module, imported so that two projects in one process never meet.

The project's own modules bear their natural names in sys.modules, so what they define can be pickled.
They are found by a finder that stands in sys.meta_path only while code of the project runs, are
compiled from their text each time (a .pyc may be a second old and wrong), and give way as soon as
their text changes or another project needs the name.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from sqlpipes.read.python.modules import OURS, Module, Unit, is_inside, locate, read_unit

ROOT, DIGEST, READ = "__sqlpipes_root__", "__sqlpipes_digest__", "__sqlpipes_read__"
_ONE_AT_A_TIME = threading.RLock()  # held while a user's module is run
_SWAPPING = threading.Lock()  # held for moments only


class ProjectLoader(SourceFileLoader):
    """Loads a module of a project from its text, and marks it as the project's."""

    def __init__(self, fullname: str, path: str, root: str) -> None:
        super().__init__(fullname, path)
        self.root = root

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, ROOT, self.root)
        super().exec_module(module)


class FolderLoader:
    """Loads a folder without __init__.py: nothing but the project's mark."""

    def __init__(self, root: str) -> None:
        self.root = root

    def create_module(self, spec: ModuleSpec) -> None:
        """None: Python makes the module."""

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, ROOT, self.root)


class ProjectFinder:
    """Finds the modules of one project, before anything installed; never what comes with Python.

    `displaced`: what the process had under the project's names, to come back in the end.
    """

    def __init__(self, folders: tuple[str, ...], root: str) -> None:
        self.folders, self.root = folders, root
        self.displaced: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, _ = fullname.partition(".")
        if top in sys.stdlib_module_names or top in OURS:
            return None
        places = self.folders if path is None else [p for p in path if is_inside(p, self.root)]
        part = fullname.rpartition(".")[2]
        for place in places:
            base = os.path.join(place, part)
            for file in (os.path.join(base, "__init__.py"), f"{base}.py"):
                if os.path.isfile(file):
                    return _spec(fullname, file, self.root)
        return self._bare_folder(fullname, path, [os.path.join(p, part) for p in places])

    def _bare_folder(
        self, fullname: str, path: Sequence[str] | None, places: list[str]
    ) -> ModuleSpec | None:
        """A folder without __init__.py is a package only where nothing better has that name."""
        folders = [place for place in places if os.path.isdir(place)]
        better = PathFinder.find_spec(fullname, path) if folders else None
        if not folders or (better is not None and better.origin is not None):
            return None
        loader: Any = FolderLoader(self.root)
        spec = ModuleSpec(fullname, loader, is_package=True)
        spec.submodule_search_locations = folders
        return spec


def _spec(name: str, file: str, root: str) -> ModuleSpec:
    loader = ProjectLoader(name, file, root)
    package = [os.path.dirname(file)] if os.path.basename(file) == "__init__.py" else None
    found = importlib.util.spec_from_file_location(
        name, file, loader=loader, submodule_search_locations=package
    )
    assert found is not None  # only without a loader
    return found


def load_module(unit: Unit) -> ModuleType:
    """The module of the unit's file, run now unless it and all that it reaches are as when it last ran.

    Raises whatever the user's code raises.
    """
    with _ONE_AT_A_TIME, project_imports(unit):
        loaded = sys.modules.get(unit.module.name)
        if loaded is not None and getattr(loaded, DIGEST, None) == unit.digest:
            return loaded
        _forget_stale(unit)
        return _execute(unit)


def load_function(path: str, root: str, find: Callable[[ModuleType], Callable[..., Any]]) -> Any:
    """A function of a user's file, found in its module by `find`, with the project's imports at hand.

    Raises whatever the user's code raises when it is imported.
    """
    with _ONE_AT_A_TIME:  # the parser of Python 3.11 fails when several threads make trees with it
        unit = read_unit(path, root, _read_before())
        function = find(load_module(unit))
    return with_imports(function, unit)


def _read_before() -> dict[str, Module]:
    """What is known of the files of loaded modules, which spares parsing them for every call."""
    marked = (getattr(module, READ, None) for module in list(sys.modules.values()))
    return {module.file: module for module in marked if isinstance(module, Module)}


def with_imports(function: Callable[..., Any], unit: Unit) -> Callable[..., Any]:
    """The same function; an import inside it finds the project's modules."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def rows(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with project_imports(unit):
                yield from function(*args, **kwargs)

        return rows

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with project_imports(unit):
            return function(*args, **kwargs)

    return call


@contextmanager
def project_imports(unit: Unit) -> Iterator[None]:
    """While it lasts, `import` finds the project's modules. Threads may hold it at the same time."""
    finder: Any = ProjectFinder(unit.folders, unit.root)
    with _SWAPPING:
        finder.displaced = {name: sys.modules.pop(name) for name in _foreign(unit)}
        # a new list each time: an import in another thread may be walking along the old one
        sys.meta_path = [finder, *sys.meta_path]
    try:
        yield
    finally:
        with _SWAPPING:
            sys.meta_path = [other for other in sys.meta_path if other is not finder]
            _restore(finder)


def _restore(finder: ProjectFinder) -> None:
    """Give the process its own modules back, or leave that to a thread that is still in the project."""
    for other in sys.meta_path:
        if isinstance(other, ProjectFinder) and other.root == finder.root:
            other.displaced |= {**finder.displaced, **other.displaced}
            return
    # another project's come again when it needs them
    displaced = {name: m for name, m in finder.displaced.items() if not hasattr(m, ROOT)}
    tops = {name.partition(".")[0] for name in displaced}
    for name in [name for name in list(sys.modules) if name.partition(".")[0] in tops]:
        sys.modules.pop(name, None)
    sys.modules.update(displaced)


def _foreign(unit: Unit) -> list[str]:
    """Modules that bear a name of the project's and are not the ones that the unit means."""
    tops = unit.tops
    return [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in tops and not _belongs(name, module, unit)
    ]


def _belongs(name: str, module: ModuleType, unit: Unit) -> bool:
    file = getattr(module, "__file__", None)
    if name in unit.reached:  # two folders of a project may have a file of one name each
        return file is not None and os.path.abspath(file) == unit.reached[name].file
    if file is not None:
        return is_inside(file, unit.root)
    return any(is_inside(place, unit.root) for place in list(getattr(module, "__path__", ())))


def _execute(unit: Unit) -> ModuleType:
    spec = _spec(unit.module.name, unit.module.file, unit.root)
    module = importlib.util.module_from_spec(spec)
    sys.modules[unit.module.name] = module
    try:
        assert spec.loader is not None
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(unit.module.name, None)
        raise
    _mark(unit.module, unit)
    for reached in unit.reached.values():
        _mark(reached, unit)
    return module


def _mark(module: Module, unit: Unit) -> None:
    loaded = sys.modules.get(module.name)
    if loaded is not None and not hasattr(loaded, DIGEST):
        setattr(loaded, DIGEST, unit.digest_of(module))
        setattr(loaded, READ, module)


def _forget_stale(unit: Unit) -> None:
    """Drop the project's modules whose text or place changed, and those of which that is unknown."""
    now = {each.name: each for each in (unit.module, *unit.reached.values())}
    for name, module in list(sys.modules.items()):
        if getattr(module, ROOT, None) != unit.root:
            continue
        marked = getattr(module, DIGEST, None)
        if name in now:
            stale = marked != unit.digest_of(now[name])
        else:
            stale = marked is None or _moved(name, module, unit)
        if stale:
            sys.modules.pop(name, None)


def _moved(name: str, module: ModuleType, unit: Unit) -> bool:
    """Whether the name would now be found elsewhere, or nowhere."""
    found = dict(locate(name, unit.folders)).get(name)
    return found is None or found != getattr(module, "__file__", None)
