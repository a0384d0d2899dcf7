"""Project file, profile, vars and environment -> what all reading stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from sqlpipes.core.config import Plain, ProjectConfig, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, Severity, did_you_mean
from sqlpipes.core.sql import Relation
from sqlpipes.read.braces import Names, fill
from sqlpipes.read.cache import Cache
from sqlpipes.read.files import walk_all
from sqlpipes.read.ground import Ground, folder_layers
from sqlpipes.read.marked import Node
from sqlpipes.read.profiles import Output, own_output, read_output, usual_dialect
from sqlpipes.read.project_file import read_project_file
from sqlpipes.read.templates import Templates, macro_texts


@dataclass(frozen=True, slots=True)
class Choice:
    """Which profile and target, with which vars. `own`: a DuckDB file of the folder, whatever there is."""

    target: str | None
    profile: str | None
    profiles_dir: str | None
    vars: Mapping[str, Plain]
    environ: Mapping[str, str]
    own: bool = False


@dataclass(frozen=True, slots=True)
class Configured:
    config: ProjectConfig
    target: Target
    ground: Ground
    templates: Templates
    resources: tuple[Node | None, ...]  # what configures them: the project file, then the output
    targets: tuple[str, ...] = ()  # that the profile has
    hooks: Node | None = None  # of the project file
    hidden: tuple[str, ...] = field(default=(), repr=False)  # secrets that stand in the profiles
    openlineage: Node | None = None  # of the project file


def configure(
    root: str,
    choice: Choice,
    cache: Cache,
    problems: list[Problem],
    placed: Mapping[str, Relation],
) -> Configured:
    """Raises ProjectError PRF001 to PRF003: no such profile or target, or a wrong one."""
    file = read_project_file(root, cache)
    problems += [*file.problems, *_misspelt(choice.vars, file.config.vars)]
    name = "memory" if choice.own else file.config.name
    vars = {**file.config.vars, **choice.vars}
    config = replace(file.config, name=name, vars=vars)
    names = Names(choice.environ, vars)
    config = replace(config, **_state(file.state, names, problems))
    output = _output(root, config, choice, cache, names)
    output = replace(output, target=replace(output.target, project=config.name))
    config = replace(config, dialect=file.dialect or usual_dialect(output.target))
    cache.use_dialect(config.dialect)
    names = replace(names, target=_target_names(output.target))
    folders = folder_layers(file.defaults, names, problems)
    dialects = {} if file.dialect else _dialects(config.dialect, output.target)
    ground = Ground(root, config, output.target, names, folders, placed, dialects)
    macros = macro_texts(walk_all(root, config.macro_paths, problems), cache, problems)
    templates = Templates(config.dialect, vars, choice.environ, output.target, macros)
    resources = (file.resources, output.resources)
    ways = (ground, templates, resources, output.targets, file.hooks, output.hidden)
    return Configured(config, output.target, *ways, file.openlineage)


def _output(root: str, config: ProjectConfig, choice: Choice, cache: Cache, names: Names) -> Output:
    if choice.own:
        return own_output(config)
    said = {"target": choice.target, "profile": choice.profile}
    return read_output(root, config, cache, names, **said, profiles_dir=choice.profiles_dir)


def _state(node: Node | None, names: Names, problems: list[Problem]) -> dict[str, Any]:
    """Where the state is, with its braces filled in: its URL may take a password from outside."""
    if node is None or not isinstance(node.value, str):
        return {}
    return {"state": str(fill(node, names, problems).value), "state_at": node.at}


def _dialects(own: str, target: Target) -> dict[str, str]:
    """Further engines that speak another dialect than the target's own."""
    spoken = {name: usual_dialect(each) for name, each in target.engines.items() if each}
    return {name: dialect for name, dialect in spoken.items() if dialect != own}


def _misspelt(given: Mapping[str, Plain], declared: Mapping[str, Plain]) -> Iterator[Problem]:
    """A warning for each --vars name that is almost one of the project's own."""
    for name in given:
        hint = did_you_mean(name, declared) if name not in declared else None
        if hint:
            message = f"--vars sets '{name}', which the project does not declare"
            yield Problem("CFG009", message, hint=hint, severity=Severity.WARNING)


def _target_names(target: Target) -> dict[str, Plain]:
    return {
        "name": target.name,
        "schema": target.schema,
        "type": target.engine,
        "threads": target.threads,
    }
