"""`lint` and `debug`: finding out what is wrong before a build does."""

from __future__ import annotations

import sys
from typing import Any

import click

from sqlpipes.cli.options import json_option, open_project, project_options
from sqlpipes.cli.seen import seen_by
from sqlpipes.core.errors import ProjectError


@click.command("lint")
@json_option
@click.option("--strict", is_flag=True, help="Warnings fail, too (exit 2).")
@project_options
def lint_command(as_json: bool, strict: bool, **options: Any) -> None:
    """All that can be found wrong without running anything.

    Unknown and ambiguous columns, syntax, cycles, checks on columns that are not there, CTEs that
    nothing reads ... Exit 2 when there is an error.

    \b
    sqlpipes lint
    sqlpipes lint --json
    """
    from sqlpipes.api import lint
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.problems import problem_json, problems_text

    project = open_project(options)
    found = lint(project)
    errors = sum(problem.is_error for problem in found)
    if as_json:
        click.echo(document([problem_json(problem) for problem in found]))
    elif found:
        click.echo(problems_text(found, project.root) + "\n")
    if not as_json:
        number = len(project.graph.assets)
        warnings = len(found) - errors
        click.echo(f"{number} assets: {errors} errors, {warnings} warnings")
    sys.exit(2 if errors or (strict and found) else 0)


@click.command("debug")
@json_option
@project_options
def debug_command(as_json: bool, **options: Any) -> None:
    """What sqlpipes sees here, and whether all of it opens.

    Versions, project, profile, state and warehouse. Of what does not open: at which stage it failed, and
    which key of the profile says so. Exit 1 then, and 2 when the project or its profile cannot be read.

    \b
    sqlpipes debug --target prod
    sqlpipes debug --json
    """
    from sqlpipes.api import debug, debug_unread
    from sqlpipes.show.debug import debug_json, debug_text
    from sqlpipes.show.jsonl import document

    code = 1
    try:
        facts = debug(open_project(options))
    except ProjectError as error:
        facts, code = debug_unread(error), 2
    root = seen_by(click.get_current_context()).root
    click.echo(document(debug_json(facts)) if as_json else debug_text(facts, root))
    sys.exit(0 if all(fact.ok for fact in facts) else code)
