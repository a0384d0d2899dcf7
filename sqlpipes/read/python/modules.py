"""A Python file -> the project's own modules that it imports, directly or not, by reading their text.

Nothing is run. What is installed and what comes with Python is not the project's.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import field
from hashlib import blake2b

from sqlpipes.core.dataclass import dataclass

OURS = frozenset({"sqlpipes"})  # a project may live in a checkout of the tool: that is not its code
INSTALLED = re.compile(r"(^|[\\/])(site-packages|dist-packages|\.?venv)([\\/]|$)")


@dataclass(frozen=True, slots=True)
class Module:
    """One file. `imports`: dotted names that it may import, as far as its text says."""

    name: str
    file: str
    sha: str
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A user's file with everything of the project that it reaches. `folders`: where imports look."""

    root: str
    module: Module
    folders: tuple[str, ...]
    reached: Mapping[str, Module] = field(default_factory=dict)  # itself left out

    @property
    def digest(self) -> str:
        """Moves with the content of any file that it reaches."""
        return self.digest_of(self.module)

    def digest_of(self, module: Module) -> str:
        """Moves with any file that one of its modules reaches."""
        found = {module.name: module}
        todo = [module]
        while todo:
            for name in todo.pop().imports:
                for step in _prefixes(name):
                    if step in self.reached and step not in found:
                        found[step] = self.reached[step]
                        todo.append(found[step])
        said = sorted(f"{each.name} {each.sha}" for each in found.values())
        return hashed("\n".join(said))

    @property
    def tops(self) -> frozenset[str]:
        """The first parts of the names of its modules."""
        return frozenset(name.partition(".")[0] for name in (self.module.name, *self.reached))


def read_unit(path: str, root: str, known: Mapping[str, Module] | None = None) -> Unit:
    """What a file reaches. `known`: modules by file from an earlier reading; they spare the parser.

    Raises OSError when the file cannot be read, SyntaxError (with its file) when any cannot be parsed.
    """
    known = known or {}
    path, root = os.path.abspath(path), os.path.abspath(root)
    folders = _folders(path, root)
    module = _module(module_name(path, root), path, known)
    reached: dict[str, Module] = {}
    todo = [module]
    while todo:
        for name in todo.pop().imports:
            for dotted, file in locate(name, folders):
                if file and dotted not in reached and file != path:
                    reached[dotted] = _module(dotted, file, known)
                    todo.append(reached[dotted])
    return Unit(root, module, folders, reached)


def module_name(path: str, root: str) -> str:
    """The dotted name by which the project itself would import the file.

    >>> module_name("/p/models/ml/forecast.py", "/p")
    'models.ml.forecast'
    """
    relative = os.path.relpath(path, root)
    return relative.removesuffix(".py").removesuffix(os.sep + "__init__").replace(os.sep, ".")


def locate(name: str, folders: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """(dotted name, file) of every part of a name that is the project's; a bare folder has no file."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top in OURS:
        return []
    found: list[tuple[str, str | None]] = []
    places = list(folders)
    for dotted in _prefixes(name):
        part = dotted.rpartition(".")[2]
        file, places = _find(part, places)
        if file is None and not places:
            break
        found.append((dotted, file))
    return found if any(file for _, file in found) else []


def _find(part: str, places: list[str]) -> tuple[str | None, list[str]]:
    """The file of one part of a name and the folders below it, as Python looks for them."""
    below: list[str] = []
    for place in places:
        base = os.path.join(place, part)
        package = os.path.join(base, "__init__.py")
        if os.path.isfile(package):
            return package, [base]
        if os.path.isfile(base + ".py"):
            return base + ".py", []
        if os.path.isdir(base):
            below.append(base)
    return None, below


def is_inside(path: str, root: str) -> bool:
    """Whether a file or folder is the project's own and not something installed into it."""
    path = os.path.abspath(path)
    if path != root and not path.startswith(root.rstrip(os.sep) + os.sep):
        return False
    return not INSTALLED.search(os.path.relpath(path, root))


def hashed(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _folders(path: str, root: str) -> tuple[str, ...]:
    """The file's own folder, the project's, and those of the project that the interpreter knows."""
    listed = [os.path.abspath(place) for place in sys.path if place]
    own = [place for place in listed if is_inside(place, root)]
    return tuple(dict.fromkeys([os.path.dirname(path), root, *own]))


def _module(name: str, file: str, known: Mapping[str, Module]) -> Module:
    with open(file, "rb") as stream:
        content = stream.read()
    sha = blake2b(content, digest_size=16).hexdigest()
    old = known.get(file)
    if old is not None and old.sha == sha and old.name == name:
        return old
    package = name if os.path.basename(file) == "__init__.py" else name.rpartition(".")[0]
    tree = parse(content, file)
    return Module(name, file, sha, tuple(dict.fromkeys(_imports(tree, package))))


def parse(content: bytes, file: str) -> ast.Module:
    """As ast.parse, with every way a text can be bad told as a SyntaxError of that file."""
    try:
        return ast.parse(content, file)
    except (ValueError, RecursionError) as fault:  # null bytes, or nesting without end
        raise SyntaxError(str(fault), (file, 1, 1, None)) from None


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            if base:
                yield base
            for alias in node.names:  # each may be a module of its own
                yield f"{base}.{alias.name}" if base else alias.name


def _base(node: ast.ImportFrom, package: str) -> str:
    """The absolute name that `from ... import` starts at."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _prefixes(name: str) -> list[str]:
    """
    >>> _prefixes("a.b.c")
    ['a', 'a.b', 'a.b.c']
    """
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]
