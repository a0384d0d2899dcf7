"""`new`: a small file that runs at once, for who knows what is wanted but not how it is written."""

from __future__ import annotations

import keyword
import os
import re
import sys
from collections.abc import Mapping

from sqlpipes.api.project import Project
from sqlpipes.core.asset import Kind
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, did_you_mean

NAME = r"[A-Za-z_]\w*"

MODEL = """\
/*
---
description: What a row is, and where it comes from.
checks:
  - unique: id
---
*/
select
    1 as id,                -- the comment behind a column documents it
    'first' as name
"""

ASSET = '''\
from sqlpipes import asset


@asset(checks=[{{"unique": "id"}}])
def {name}():
    """What a row is, and where it comes from."""
    return [{{"id": 1, "name": "first"}}]
'''

CHECK = """\
/*
---
description: What has to be true.
severity: error             # warn: tell, and publish all the same
---
*/
select *                    -- the bad rows: none is well
from {on}
where false
"""

SOURCE = """\
sources:
  - name: {name}
    description: What a row is, and who writes it.
    # of a table that somebody else writes, in place of `files`:
    # schema: raw
    # tables: [{{name: orders}}]
    files: {folder}{name}.csv
"""

DATA = "id,name\n1,first\n"

COMPONENT = '''\
from sqlpipes import Definitions, asset, component


@component
class {cls}:
    """A table of numbers, until it does what you want."""

    name: str  # of the table
    rows: int = 3  # that it has

    def build(self, context):
        @asset(name=self.name)
        def numbers():
            """Whole numbers from 1."""
            return [{{"n": n + 1}} for n in range(self.rows)]

        return Definitions(assets=[numbers])
'''

USE = """\
type: {cls}
attributes:
  name: {name}_numbers
"""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What was written, relative to the project, and what to do next."""

    paths: tuple[str, ...]
    next: str


def scaffold(project: Project, kind: str, path: str, *, on: str | None = None) -> Scaffold:
    """Write the files of a new model, asset, check, source or component; nothing is overwritten.

    `path` is a name, or folders below models/ (or tests/) and a name. Raises ProjectError CMP020: a
    file or an asset of that name is there; CMP021: that is no name.
    """
    folder, _, name = path.replace("\\", "/").strip("/").rpartition("/")
    _demand_place(project, kind, path)
    _demand_name(folder, name)
    if kind in ("asset", "component"):
        _demand_python_name(name)
    _refuse_twin(project, kind, name)
    files, then = _files(project, kind, folder, name, on)
    taken = [file for file in files if os.path.exists(os.path.join(project.root, file))]
    if taken:
        message = f"{taken[0]} is there already; nothing was written"
        raise ProjectError(Problem("CMP020", message, hint="choose another name"))
    for file, text in files.items():
        absolute = os.path.join(project.root, file)
        os.makedirs(os.path.dirname(absolute), exist_ok=True)
        with open(absolute, "x", encoding="utf-8") as stream:
            stream.write(text)
    return Scaffold(tuple(files), then)


def _files(
    project: Project, kind: str, folder: str, name: str, on: str | None
) -> tuple[Mapping[str, str], str]:
    """Path -> text, and the next command."""
    config = project.config
    models = "/".join(part for part in (config.model_paths[0], folder) if part)
    build = f"sqlpipes build -s {name}"
    if kind == "model":
        return {f"{models}/{name}.sql": MODEL}, build
    if kind == "asset":
        return {f"{models}/{name}.py": ASSET.format(name=name)}, build
    if kind == "check":
        asset = _checked(project, name, on)
        tests = "/".join(part for part in (config.check_paths[0], folder) if part)
        return {f"{tests}/{name}.sql": CHECK.format(on=asset)}, f"sqlpipes test -s {asset}"
    if kind == "source":
        said = SOURCE.format(name=name, folder="raw/")
        then = f"read it: select * from read_csv('raw/{name}.csv')"
        return {f"{models}/{name}.yml": said, f"raw/{name}.csv": DATA}, then
    cls = "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)
    return {
        f"{models}/{name}.py": COMPONENT.format(cls=cls),
        f"{models}/{name}.yml": USE.format(cls=cls, name=name),
    }, f"sqlpipes build -s {name}_numbers"


def _demand_name(folder: str, name: str) -> None:
    for part in [*filter(None, folder.split("/")), name]:
        if re.fullmatch(NAME, part) is None:
            meant = re.sub(r"\W+", "_", part).strip("_")
            hint = "letters, digits and _, not beginning with a digit"
            if re.fullmatch(NAME, meant):
                hint += f": {meant}"
            raise ProjectError(Problem("CMP021", f"'{part}' is no name for a file here", hint=hint))


def _demand_place(project: Project, kind: str, path: str) -> None:
    """CMP021 for a path that counts from elsewhere: it would be made below models/ a second time."""
    folders = project.config.check_paths if kind == "check" else project.config.model_paths
    home = next((each for each in folders if path.startswith(f"{each}/")), None)
    if home is None and not path.startswith(("/", "~")):
        return
    inside = path.removeprefix(f"{home}/") if home else path.rpartition("/")[2]
    hint = f"it counts from {folders[0]}/: sqlpipes new {kind} {inside}"
    raise ProjectError(Problem("CMP021", f"'{path}' is no name", hint=hint))


def _demand_python_name(name: str) -> None:
    """CMP021 for what cannot be a function or class, or hides a module of Python's own."""
    if keyword.iskeyword(name) or keyword.iskeyword(name.capitalize()):
        message = f"'{name}' is a word of Python's own"
    elif name in sys.stdlib_module_names:
        message = f"a file {name}.py would hide Python's own module '{name}'"
    else:
        return
    raise ProjectError(Problem("CMP021", message, hint=f"such as {name}_rows"))


def _refuse_twin(project: Project, kind: str, name: str) -> None:
    """Two assets of one name would stop every command until one is renamed."""
    made = f"{name}_numbers" if kind == "component" else name
    assets = project.graph.assets.items()  # a warehouse, and many a disk, knows no upper case
    twin = next((asset for each, asset in assets if each.casefold() == made.casefold()), None)
    if twin is not None and kind != "check":
        message = f"there is an asset '{twin.name}' already: {twin.at.file}"
        raise ProjectError(Problem("CMP020", message, hint="choose another name"))


def _checked(project: Project, name: str, on: str | None) -> str:
    """The asset that a new check is of: the one that is said, that its name begins with, or the only one."""
    assets = project.graph.assets
    own = [each for each in project.graph.order if assets[each].kind is not Kind.SOURCE]
    readable = [each for each in own if assets[each].relation is not None]
    if on is not None:
        if on not in readable:
            hint = did_you_mean(on, readable)
            raise ProjectError(Problem("REF003", f"there is no asset '{on}' with rows", hint=hint))
        return on
    if not readable:
        message = "there is no asset yet that a check could be of"
        raise ProjectError(Problem("CMP021", message, hint="sqlpipes new model NAME"))
    begins = [each for each in readable if name.startswith(each)]
    if not begins and len(readable) > 1:
        message = f"which asset is '{name}' a check of?"
        hint = f"say --on {readable[0]}, or another of {len(readable)}"
        raise ProjectError(Problem("CMP021", message, hint=hint))
    return max(begins, key=len) if begins else readable[0]
