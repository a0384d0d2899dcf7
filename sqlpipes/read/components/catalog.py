"""What `type:` may name: built-in components, classes of the project, classes of installed packages.

Nothing of the user's is imported to find out: a class is known by the decorator in its file's text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.read.cache import Cache
from sqlpipes.read.files import File

ENTRY_POINTS = "sqlpipes.components"
BUILT_IN = {
    "files": "sqlpipes.components.files:Files",
    "script": "sqlpipes.components.script:Script",
    "table_copy": "sqlpipes.components.table_copy:TableCopy",
    "template": "sqlpipes.components.template:Template",
}


@dataclass(frozen=True, slots=True)
class Home:
    """Where the class of a component is: in a module, or in a `path` (absolute) of the project."""

    name: str  # what `type:` says
    cls: str
    module: str = ""
    path: str = ""
    origin: str = "built-in"  # project | the name of a package
    at: Location | None = None

    @property
    def is_project(self) -> bool:
        return bool(self.path)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Homes by every name that `type:` may say for them. A name with several homes means none."""

    homes: Mapping[str, tuple[Home, ...]] = field(default_factory=dict)

    def find(self, name: str, at: Location, problems: list[Problem]) -> Home | None:
        """The home of a type; CMP001 when there is none, or more than one."""
        found = self.homes.get(name, ()) or installed().get(name, ())
        if len(found) == 1:
            return found[0]
        if found:
            places = tuple(home.at for home in found if home.at)
            hint = f"write its file as well: {' or '.join(map(_with_file, found))}"
            message = f"several classes are named '{name}'"
            problems.append(Problem("CMP001", message, at, hint, others=places))
            return None
        known = [*self.homes, *installed()]
        hint = did_you_mean(name, known) or f"known: {', '.join(self.short_names())}"
        problems.append(Problem("CMP001", f"there is no component '{name}'", at, hint))
        return None

    def short_names(self) -> list[str]:
        """Each component once, by its shortest name."""
        return [home.name for home in self.all()]

    def all(self) -> list[Home]:
        every = [*self.homes.values(), *installed().values()]
        return list(dict.fromkeys(home for found in every for home in found))


def catalog_of(files: Iterable[File], cache: Cache) -> Catalog:
    """The built-in components and those of the project's Python files."""
    homes: dict[str, list[Home]] = {
        name: [Home(name, place.partition(":")[2], place.partition(":")[0])]
        for name, place in BUILT_IN.items()
    }
    for file in files:
        if file.suffix != "py":
            continue
        for cls, name, line, column in cache.facts(file, "component", _classes).get("classes", ()):
            at = Location(file.path, line, column, len(cls))
            home = Home(name, cls, path=file.absolute, origin="project", at=at)
            dotted = file.path.removesuffix(".py").replace("/", ".")
            for said in dict.fromkeys((name, cls, f"{file.stem}.{cls}", f"{dotted}.{cls}")):
                others = [each for each in homes.get(said, ()) if each.is_project]
                homes[said] = [*others, home]  # the project's own hides a built-in one
    return Catalog({name: tuple(found) for name, found in homes.items()})


def _classes(text: str, path: str) -> dict[str, Any]:
    """Classes with @component, the name that it is given or their own, and their place."""
    if "component" not in text or "sqlpipes" not in text:
        return {}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):  # told where the file is imported
        return {}
    found = []
    for node in (each for each in tree.body if isinstance(each, ast.ClassDef)):
        for decorator in node.decorator_list:
            if _is_component(decorator):
                name = _given_name(decorator) or node.name
                found.append([node.name, name, node.lineno, node.col_offset + len("class ") + 1])
    return {"classes": found} if found else {}


def _is_component(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    last = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
    return last == "component"


def _given_name(decorator: ast.expr) -> str | None:
    for given in decorator.keywords if isinstance(decorator, ast.Call) else ():
        if given.arg == "name" and isinstance(given.value, ast.Constant):
            return str(given.value.value)
    return None


def _with_file(home: Home) -> str:
    stem = home.path.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
    return f"{stem}.{home.cls}"


def installed() -> dict[str, tuple[Home, ...]]:
    """Components of installed packages, by the names of their entry points."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[Home, ...]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        origin = point.dist.name if point.dist else point.module
        home = Home(point.name, point.attr, point.module, origin=origin)
        found[point.name] = tuple(dict.fromkeys((*found.get(point.name, ()), home)))
    return found
