"""Run-time config of a command -> the project with it, for this command alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlpipes.api.project import Project
from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.core.plan import Action, Plan

if TYPE_CHECKING:
    from sqlpipes.read.marked import Node

FLAG = "--config"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for one parameter of an asset. `at`: where it is said, in a file or a flag."""

    asset: str
    option: str
    value: Plain
    at: Location | None = None


def settings_of(config: Mapping[str, Mapping[str, Plain]]) -> tuple[Setting, ...]:
    """{asset: {parameter: value}} as settings without places. ProjectError RES011 for anything else."""
    said: Mapping[str, Any] = config
    for asset, options in said.items():
        if not isinstance(options, Mapping):
            message = f"config of '{asset}' is a mapping of its parameters, not {options!r:.40}"
            hint = "for example config={'orders': {'limit': 5}}"
            raise ProjectError(Problem("RES011", message, hint=hint))
    return tuple(
        Setting(asset, option, value)
        for asset, options in config.items()
        for option, value in options.items()
    )


def read_settings(flags: Sequence[str], file: str | None = None) -> tuple[Setting, ...]:
    """`orders.limit=5` of each flag, after what a YAML file says: {orders: {limit: 5}}.

    Raises ProjectError RES011 for what is neither, with its place.
    """
    found = _of_file(file) if file else []
    problems: list[Problem] = []
    for number, text in enumerate(flags, 1):
        key, equals, said = text.partition("=")
        asset, dot, option = key.strip().rpartition(".")
        if not equals or not dot or not asset or not option:
            at = Location(FLAG, number, 1, len(text))
            hint = "write --config asset.parameter=value, for example --config orders.limit=5"
            problems.append(Problem("RES011", f"'{text}' configures nothing", at, hint))
            continue
        at = Location(FLAG, number, len(key) + 2, max(len(said), 1))
        found.append(Setting(asset.strip(), option.strip(), _value(said, at, problems), at))
    if problems:
        raise ProjectError(*problems)
    return tuple(found)


def _value(said: str, at: Location, problems: list[Problem]) -> Plain:
    from sqlpipes.read.marked import read_yaml

    document = read_yaml(said, FLAG)
    if document.problems:
        what = document.problems[0].message
        problems.append(Problem("RES011", what, at, "quote it, or use --config-file"))
    return document.value


def _of_file(file: str) -> list[Setting]:
    from sqlpipes.read.marked import node_of, read_yaml

    try:
        with open(file, encoding="utf-8") as stream:
            document = read_yaml(stream.read(), os.path.abspath(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ProjectError(Problem("RES011", f"{file} cannot be read: {reason}")) from None
    if document.problems:
        raise ProjectError(*document.problems)
    root = node_of(os.path.abspath(file), document.value, document.marks)
    wrong = [below for _, below in root.entries() if not isinstance(below.value, dict)]
    if wrong or not isinstance(root.value, dict):
        at = wrong[0].at if wrong else root.at
        hint = "for example `orders: {limit: 5}`"
        raise ProjectError(Problem("RES011", "a file of config has a mapping per asset", at, hint))
    return [
        Setting(asset, option, node.value, node.at)
        for asset, below in root.entries()
        for option, node in below.entries()
    ]


@dataclass(frozen=True, slots=True)
class Configured:
    """A project with the settings of a command; `names`: the assets that they concern."""

    project: Project
    names: frozenset[str] = frozenset()


def with_config(project: Project, settings: Iterable[Setting]) -> Configured:
    """Raises ProjectError with all that is wrong: RES011 for an asset that takes none, RES012 for a
    parameter that it does not have, RES013 for a value of another type."""
    by_asset: dict[str, dict[str, Setting]] = {}
    problems: list[Problem] = []
    for setting in settings:
        if asset := _asset(project, setting, problems):
            by_asset.setdefault(asset.name, {})[setting.option] = setting
    changed: dict[str, Asset] = {}
    for name, own in by_asset.items():
        for member in family_of(project, name):
            before = changed.get(member, project.graph.assets[member])
            changed[member] = _configured(before, own, problems)
    if problems:
        raise ProjectError(*dict.fromkeys(problems))
    if not changed:
        return Configured(project)
    graph = replace(project.graph, assets={**project.graph.assets, **changed})
    return Configured(replace(project, graph=graph), frozenset(changed))


def _asset(project: Project, setting: Setting, problems: list[Problem]) -> Asset | None:
    found = project.graph.assets.get(setting.asset)
    if found is not None and isinstance(found.body, PythonBody):
        return found
    takes = [n for n, a in project.graph.assets.items() if isinstance(a.body, PythonBody)]
    hint = did_you_mean(setting.asset, takes)
    message = f"there is no asset '{setting.asset}' to configure"
    if found is not None:
        message = f"'{setting.asset}' takes no config: it is no Python function"
    problems.append(Problem("RES011", message, setting.at, hint))
    return None


def family_of(project: Project, name: str) -> list[str]:
    """All assets of the same function: a call has one value for each parameter."""
    body = project.graph.assets[name].body
    family = body.family if isinstance(body, PythonBody) else ""
    every = ((n, a.body) for n, a in project.graph.assets.items())
    others = [n for n, b in every if isinstance(b, PythonBody) and family and b.family == family]
    return others or [name]


def _configured(asset: Asset, own: Mapping[str, Setting], problems: list[Problem]) -> Asset:
    from sqlpipes.read.marked import Node
    from sqlpipes.read.python.config import ONCE, Config, configured

    assert isinstance(asset.body, PythonBody)
    before = {k: Node(asset.path, {}, f"/{k}", v) for k, v in asset.body.config.items()}
    once = asset.settings.get(ONCE)
    nodes = {name: _node(setting) for name, setting in own.items()}
    names = frozenset({*nodes, *(once if isinstance(once, dict) else ())})
    return configured(asset, Config({**before, **nodes}, names), problems)


def _node(setting: Setting) -> Node:
    from sqlpipes.read.marked import Node

    at = setting.at
    marks = {"": [at.line, at.column, at.length]} if at else {}
    return Node(at.file if at else "", marks, "", setting.value)


def check_arguments(project: Project, plan: Plan) -> None:
    """Refuse config of the wrong type before anything runs: ProjectError RES013, all of it at once."""
    problems: list[Problem] = []
    for step in plan.steps:
        body = project.graph.assets[step.asset].body
        if isinstance(body, PythonBody) and body.config and step.action is Action.PYTHON:
            try:
                body.arguments()
            except ProjectError as error:
                problems += error.problems
    if problems:
        raise ProjectError(*dict.fromkeys(problems))
