"""What a component looked at while it was building -> whether all of that is still as it was."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from glob import glob
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.read.files import content_hash, is_remote
from sqlpipes.read.python.modules import Module, Unit, read_unit

ENV_VAR = r"env_var\(\s*['\"]([^'\"]+)"


@dataclass(slots=True)
class Needs:
    """Filled while a component is built. `said` is JSON: kind, what was asked for, what it was."""

    root: str
    environ: Mapping[str, str]
    said: list[list[Any]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)  # attributes whose type has a Secret
    secrets: set[str] = field(default_factory=set)  # values of the environment that were given

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Files that match, sorted; below the project by their path in it."""
        found = files_like(pattern, self.root)
        self.said.append(["glob", pattern, list(found)])
        return found

    def read(self, path: str) -> str:
        """The text of a file. Raises OSError, UnicodeDecodeError."""
        content = _content(path, self.root)
        self.said.append(["read", path, content_hash(content)])
        return content.decode("utf-8-sig")

    def digest(self, path: str) -> str:
        """A hash of a file's content. Raises OSError."""
        found = content_hash(_content(path, self.root))
        self.said.append(["read", path, found])
        return found

    def env(self, name: str, default: str | None = None) -> str | None:
        self.said.append(["env", name, env_hash(self.environ, name)])
        if value := self.environ.get(name):
            self.secrets.add(value)
        return self.environ.get(name, default)

    def unit(self, unit: Unit) -> None:
        modules = [
            [m.name, m.file, m.sha, m.imports] for m in (unit.module, *unit.reached.values())
        ]
        self.said.append(["unit", unit.module.file, [unit.digest, modules]])

    def files(self, paths: list[str]) -> None:
        self.said += [["file", path, _stamp(path)] for path in paths]


def hold(said: list[list[Any]], root: str, environ: Mapping[str, str]) -> bool:
    """Whether everything that was asked for would be answered in the same way now."""
    return all(_holds(kind, asked, answer, root, environ) for kind, asked, answer in said)


def _holds(kind: str, asked: str, answer: Any, root: str, environ: Mapping[str, str]) -> bool:
    try:
        if kind == "glob":
            return bool(list(files_like(asked, root)) == answer)
        if kind == "read":
            return bool(content_hash(_content(asked, root)) == answer)
        if kind == "env":
            return bool(env_hash(environ, asked) == answer)
        if kind == "unit":
            known = {f: Module(name, f, sha, tuple(i)) for name, f, sha, i in answer[1]}
            return bool(read_unit(asked, root, known).digest == answer[0])
        return bool(_stamp(asked) == answer)
    except (OSError, SyntaxError):
        return False


def env_names(value: Plain) -> Iterator[str]:
    """Environment variables that braces in a value ask for."""
    if isinstance(value, str):
        yield from re.findall(ENV_VAR, value) if "env_var" in value else ()
    for below in value.values() if isinstance(value, dict) else ():
        yield from env_names(below)
    for below in value if isinstance(value, list) else ():
        yield from env_names(below)


def env_hash(environ: Mapping[str, str], name: str) -> str | None:
    """A hash, so that no secret is written into the cache."""
    return content_hash(environ[name].encode()) if name in environ else None


def files_like(pattern: str, root: str) -> tuple[str, ...]:
    if is_remote(pattern):
        return (pattern,)
    found = glob(os.path.join(root, pattern), recursive=True)
    inside = os.path.join(root, "")
    return tuple(
        sorted(p.removeprefix(inside).replace(os.sep, "/") for p in found if os.path.isfile(p))
    )


def _content(path: str, root: str) -> bytes:
    with open(os.path.join(root, path), "rb") as stream:
        return stream.read()


def _stamp(path: str) -> list[int]:
    stat = os.stat(path)
    return [stat.st_mtime_ns, stat.st_size]
