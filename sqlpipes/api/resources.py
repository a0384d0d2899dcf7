"""A project + what is to run -> the resources that it reaches, with their typed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlpipes.api.project import Project
from sqlpipes.core.asset import PythonBody
from sqlpipes.core.errors import Problem, ProjectError, Severity
from sqlpipes.core.plan import Action, Plan
from sqlpipes.core.resource import ReadyResource, Resource


def with_resources(project: Project, things: Mapping[str, Any]) -> Project:
    """The project with things that somebody has made in place of resources, such as a test.

    Raises ProjectError RES001 for a name that is no resource.
    """
    if not things:
        return project
    from sqlpipes.read.resources import Given, with_given

    problems: list[Problem] = []
    given = with_given(Given(project.resources, {}), things, problems)
    if problems:
        raise ProjectError(*problems)
    return replace(project, resources=given.resources)


def ready_resources(project: Project, plan: Plan) -> Mapping[str, ReadyResource]:
    """Those that functions and checks of the plan's steps are given, directly or not.

    Raises ProjectError with all that is wrong with what configures them, before anything has run.
    """
    if not project.resources:
        return {}
    ready: dict[str, ReadyResource] = {}
    problems: list[Problem] = []
    for name in _reached(project, _asked(project, plan)):
        resource = project.resources[name]
        try:
            ready[name] = ReadyResource(resource, resource.values())
        except ProjectError as error:
            problems += error.problems
    if problems:
        raise ProjectError(*problems)
    return ready


def resource_problems(project: Project) -> list[Problem]:
    """What is wrong with what configures any resource, asked for or not. Imports their classes.

    A variable that is not set here may be set where it is built: it is a warning.
    """
    return [problem for each in project.resources.values() for problem in _wrong(each)]


def _wrong(resource: Resource) -> list[Problem]:
    try:
        resource.values()
    except ProjectError as error:
        return [_milder(problem, resource) for problem in error.problems]
    except Exception as error:  # its file is the user's code; PYT001 told where it fails to import
        message = (
            f"the resource '{resource.name}' cannot be imported: {type(error).__name__}: {error}"
        )
        return [Problem("RES003", message, resource.at)]
    return []


def _milder(problem: Problem, resource: Resource) -> Problem:
    if problem.code != "TPL001" or not any(name in problem.message for name in resource.missing):
        return problem
    message = f"{problem.message}, which the resource '{resource.name}' is configured with"
    return replace(problem, message=message, severity=Severity.WARNING)


def _asked(project: Project, plan: Plan) -> list[str]:
    graph = project.graph
    checks = (graph.checks[name].function for step in plan.steps for name in step.checks)
    called = (step.asset for step in plan.steps if step.action is Action.PYTHON)
    bodies = [graph.assets[name].body for name in called]
    found = (body for body in (*bodies, *checks) if isinstance(body, PythonBody))
    return [name for body in found for name in body.resources.values()]


def _reached(project: Project, names: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += project.resources[name].needs.values()
    return list(found)
