"""pyproject.toml or sqlpipes.yml -> ProjectConfig, with every wrong key named by line and column."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlpipes.core.config import Plain, ProjectConfig
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, Severity, did_you_mean
from sqlpipes.core.sql.dialects import DIALECTS, dialect_named
from sqlpipes.read.cache import Cache, problems_as_json, problems_from_json
from sqlpipes.read.files import File, one_file, read_bytes
from sqlpipes.read.marked import Node, node_of
from sqlpipes.read.properties import yaml_facts, yaml_node
from sqlpipes.read.resource_config import unless_secret

YAML_NAMES = ("sqlpipes.yml", "sqlpipes.yaml")
DBT_NAME = "dbt_project.yml"
KEYS = tuple(field.name for field in fields(ProjectConfig) if field.compare)
OF_DBT = {
    key: f"what a folder's assets have is written by its path: `defaults: {{{folder}: ...}}`"
    for key, folder in (("models", "models/staging"), ("seeds", "seeds"))
}
HOOKS = ("on_success", "on_failure")
OUTLET = "openlineage"
OTHER_NAMES = {  # dbt's names for the same things
    "model-paths": "model_paths",
    "seed-paths": "seed_paths",
    "test-paths": "check_paths",
    "macro-paths": "macro_paths",
}


TOML_TABLE = r"(?m)^\s*\[\s*tool\s*\.\s*[\"']?sqlpipes\b"
ASSET_FOLDERS = ("models", "seeds")
OWN_FOLDERS = (*ASSET_FOLDERS, "tests", "macros")


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """The config, and `defaults` again with its places. `dialect` is None where the target's counts.

    `resources`: what they are configured with unless the target says otherwise.
    """

    config: ProjectConfig
    defaults: Node | None
    problems: tuple[Problem, ...]
    dialect: str | None = None
    resources: Node | None = None
    hooks: Node | None = None  # what holds `on_success` and `on_failure`
    state: Node | None = None
    openlineage: Node | None = None


def read_project_file(root: str, cache: Cache) -> ProjectFile:
    """The project's config; all defaults when there is no file. Faults are problems, never raised."""
    problems: list[Problem] = []
    name = os.path.basename(os.path.abspath(root)) or "project"
    nodes = [node for node in (_toml(root, cache, problems), _yaml(root, cache, problems)) if node]
    if not nodes:
        problems += _foreign(root)
        return ProjectFile(ProjectConfig(name), None, tuple(problems))
    if len(nodes) > 1:
        problems.append(
            Problem(
                "CFG006",
                "two files configure this project",
                nodes[0].at,
                f"keep [tool.sqlpipes] or {nodes[1].file}",
                others=(nodes[1].at,),
            )
        )
    values = _typed(nodes[0], problems)
    problems += _absent_folders(root, nodes[0])
    config = ProjectConfig(**{"name": name, **values})
    defaults, resources = nodes[0].get("defaults"), nodes[0].get("resources")
    dialect, hooks = values.get("dialect"), nodes[0] if any(map(nodes[0].get, HOOKS)) else None
    rest = (dialect, resources, hooks, nodes[0].get("state"), nodes[0].get(OUTLET))
    return ProjectFile(config, defaults, tuple(problems), *rest)


def _foreign(root: str) -> list[Problem]:
    """A warning where dbt's project file stands alone: its paths and defaults are lost without it."""
    if one_file(root, DBT_NAME) is None:
        return []
    message = f"{DBT_NAME} is not read: the usual folders and defaults hold"
    hint = f"put its paths, vars and folder defaults into {YAML_NAMES[0]}"
    return [Problem("CFG007", message, Location(DBT_NAME), hint, Severity.WARNING)]


def _yaml(root: str, cache: Cache, problems: list[Problem]) -> Node | None:
    for name in YAML_NAMES:
        if file := one_file(root, name):
            node = yaml_node(file, cache, problems, _yaml_facts)
            return node if node.value is not None else node.with_value({})
    return None


def _yaml_facts(text: str, path: str) -> dict[str, Any]:
    """The document, not to be kept when a password may stand in it."""
    return unless_secret(yaml_facts(text, path), "value")


def _toml(root: str, cache: Cache, problems: list[Problem]) -> Node | None:
    file = one_file(root, "pyproject.toml")
    if file is None:
        return None
    facts = cache.facts(file, "toml", _toml_facts)
    problems += problems_from_json(facts.get("problems", []))
    table = facts.get("table")
    return node_of(file.path, table, facts["marks"]) if isinstance(table, dict) else None


def _toml_facts(text: str, path: str) -> dict[str, Any]:
    import tomllib

    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as fault:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(fault))
        at = Location(path, int(found[1]), int(found[2])) if found else Location(path)
        what = str(fault).partition(" (at")[0]
        return {"problems": problems_as_json([Problem("YML001", f"this is not TOML: {what}", at)])}
    table = tool.get("sqlpipes") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        return {}
    return unless_secret({"table": _plain(table), "marks": _toml_marks(text, table)}, "table")


def _plain(value: Any) -> Plain:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _toml_marks(text: str, table: Mapping[str, Any]) -> dict[str, list[int]]:
    """Where each key of [tool.sqlpipes] is written: its first mention after the table's header."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(TOML_TABLE, line)] or [0]
    marks: dict[str, list[int]] = {"": [starts[0] + 1, 1, 1]}
    _mark_keys(lines, starts[0], table, "", marks)
    return marks


def _mark_keys(
    lines: list[str], start: int, table: Mapping[str, Any], path: str, marks: dict[str, list[int]]
) -> None:
    for key, value in table.items():
        below = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        written = re.compile(rf"(?<![\w-])[\"']?({re.escape(key)})[\"']?\s*(?:=\s*(\S)?|[.\]])")
        line = start
        for number in range(start, len(lines)):
            if found := written.search(lines[number]):
                column = found.start(2) + 1 if found[2] else found.start(1) + 1
                key_place = [number + 1, found.start(1) + 1]
                marks[below] = [number + 1, column, 1, *key_place]
                line = number
                break
        if isinstance(value, dict):
            _mark_keys(lines, line, value, below, marks)


def _typed(node: Node, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(node.value, dict):
        problems.append(Problem("CFG002", "the project file must hold keys and values", node.at))
        return {}
    values: dict[str, Any] = {}
    for written, below in node.entries():
        key = OTHER_NAMES.get(written, written)
        if key == "resources":
            if not isinstance(below.value, (dict, type(None))):
                wanted = "a mapping of resource names"
                problems.append(Problem("CFG002", f"'resources' must be {wanted}", below.at))
        elif key in HOOKS or key == OUTLET:
            continue  # read where the environment and the target are known
        elif key not in KEYS:
            known = (*KEYS, "resources", *HOOKS, OUTLET)
            hint = OF_DBT.get(written) or did_you_mean(written, known)
            hint = hint or f"known keys: {', '.join(known)}"
            problems.append(
                Problem("CFG001", f"the project has no key '{written}'", below.key_at, hint)
            )
        elif below.value is not None:
            _type_one(key, below, values, problems)
    return values


def _type_one(key: str, node: Node, values: dict[str, Any], problems: list[Problem]) -> None:
    value, wanted = _checked(key, node.value)
    if wanted is None:
        values[key] = value
        return
    hint = did_you_mean(str(node.value), DIALECTS) if key == "dialect" else None
    problems.append(Problem("CFG002", f"'{key}' must be {wanted}", node.at, hint))


def _checked(key: str, value: Any) -> tuple[Any, str | None]:
    """The typed value, and what it should have been when it is not."""
    if key.endswith("_paths"):
        folders = [value] if isinstance(value, str) else value
        if isinstance(folders, list) and all(isinstance(f, str) and f for f in folders):
            return tuple(posixpath.normpath(folder.strip("/")) for folder in folders), None
        return None, "a folder, or a list of folders"
    if key == "secrets":
        listed = [value] if isinstance(value, str) else value
        if isinstance(listed, list) and all(isinstance(each, str) and each for each in listed):
            sound = all(each.strip("*") for each in listed)
            return tuple(listed), None if sound else "names with more than a * in them"
        return None, "names of environment variables, vars and keys, with * for any characters"
    if key == "vars":
        return value, None if isinstance(value, dict) else "a mapping"
    if key == "defaults":
        good = isinstance(value, dict) and all(
            isinstance(keys, (dict, type(None))) for keys in value.values()
        )
        return value, None if good else "a mapping of folders, each to a mapping of asset keys"
    if key == "dialect":
        name = dialect_named(str(value))
        return name, None if name else "a dialect of SQL, such as duckdb or postgres"
    if key == "transpile":
        return value, None if value in ("checked", "unchecked") else "checked or unchecked"
    if key in ("strict", "column_aware", "artifacts"):
        return value, None if isinstance(value, bool) else "true or false"
    return value, None if isinstance(value, str) and value else "a text"


def _absent_folders(root: str, node: Node) -> list[Problem]:
    """Folders that the project file names and that are not there: of models, or spelt nearly right."""
    found: list[Problem] = []
    for written, below in node.entries():
        key = OTHER_NAMES.get(written, written)
        for item in below.items() if key in KEYS and key.endswith("_paths") else ():
            if not isinstance(item.value, str) or os.path.isdir(os.path.join(root, item.value)):
                continue
            beside = [entry.name for entry in os.scandir(root) if entry.is_dir()]
            hint = did_you_mean(item.value, beside)
            if hint or key == "model_paths":
                message = f"the folder '{item.value}' is not there"
                found.append(Problem("CFG008", message, item.at, hint))
    return found


def is_project_file(file: File) -> bool:
    return file.path in YAML_NAMES


def find_root(start: str) -> str:
    """The project that a folder is, or the nearest one that it lies in. ProjectError PRJ002: neither.

    A folder is a project when it has a project file, or `models/` or `seeds/`. One that lies above
    has to have a project file, or to hold the folder inside its own `models/`, `seeds/` ...
    """
    folder = os.path.abspath(start)
    if _has_file(folder) or any(os.path.isdir(os.path.join(folder, n)) for n in ASSET_FOLDERS):
        return folder
    while (parent := os.path.dirname(folder)) != folder:
        inside = os.path.basename(folder) in OWN_FOLDERS
        if _has_file(parent) or (inside and os.path.isdir(os.path.join(parent, "models"))):
            return parent
        folder = parent
    message = f"there is no project in {os.path.abspath(start)} or above it"
    hint = "it has models/ or a sqlpipes.yml; `sqlpipes init` writes a small one"
    raise ProjectError(Problem("PRJ002", message, hint=hint))


def _has_file(folder: str) -> bool:
    if any(one_file(folder, name) for name in YAML_NAMES):
        return True
    file = one_file(folder, "pyproject.toml")
    content = read_bytes(file) if file else b""
    text = "" if isinstance(content, Problem) else content.decode("utf-8", "replace")
    return re.search(TOML_TABLE, text) is not None
