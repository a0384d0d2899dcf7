"""`plan` and `compile`: what would run, before anything does."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from sqlpipes.cli.options import (
    ask_from,
    build_options,
    complete_selector,
    echo_notes,
    echo_text,
    echo_warnings,
    json_option,
    open_project,
    project_options,
    selection_options,
)

if TYPE_CHECKING:
    from sqlpipes.api import Project


@click.command("plan")
@selection_options
@build_options
@click.option("--sql", "with_sql", is_flag=True, help="Show the statements of each step.")
@click.option("--all", "all_steps", is_flag=True, help="Each step of a long plan on its own line.")
@click.option(
    "--why",
    metavar="ASSET",
    shell_complete=complete_selector,
    help="Only this asset: why it is built, and which slices of its inputs a slice reads.",
)
@json_option
@project_options
def plan_command(**options: Any) -> None:
    """What `build` would do now, and why; it changes nothing.

    \b
    sqlpipes plan
    sqlpipes plan -s +daily_sales --sql
    sqlpipes plan --why daily_sales
    sqlpipes plan --missing --last 7
    """
    from sqlpipes.api import due_unit_tests, plan, plan_statements
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.plan import dialects, plan_json, plan_text

    project = open_project(options)
    if options["why"]:
        _echo_why(project, options)
        return
    ask = ask_from(options)
    found = plan(project, ask)
    tests = [test.name for test in due_unit_tests(project, ask)]
    statements = plan_statements(project, found) if options["with_sql"] else None
    if options["as_json"]:
        click.echo(document(plan_json(found, statements, tests)))
        return
    echo_warnings(project)
    echo_notes(found, project)
    title = f"{project.config.name}, target {project.target.name}{dialects(project.graph)}"
    live = sys.stdout.isatty()  # a pipe gets every step on a line of its own, uncut
    width = shutil.get_terminal_size().columns if live else None
    fold = live and not options["all_steps"]
    click.echo(plan_text(found, title, statements=statements, fold=fold, width=width, tests=tests))


def _echo_why(project: Project, options: dict[str, Any]) -> None:
    from sqlpipes.api import why
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.why import why_json, why_text

    name = project.asset(options["why"]).name
    graph, found = why(project)
    if options["as_json"]:
        click.echo(document(why_json(graph, found, name)))
    else:
        click.echo(why_text(graph, found, name))


@click.command("compile")
@click.argument("assets", nargs=-1)
@selection_options
@project_options
def compile_command(assets: tuple[str, ...], **options: Any) -> None:
    """The SQL of assets as the warehouse gets it.

    Names are resolved and templates rendered.

    \b
    sqlpipes compile daily_sales
    sqlpipes compile -s tag:finance
    """
    from dataclasses import replace

    from sqlpipes.api import compiled
    from sqlpipes.show.plan import dialects

    project = open_project(options)
    ask = ask_from(options)
    if assets:
        names = tuple(project.asset(name).name for name in assets)
        ask = replace(ask, only=names)
    found = compiled(project, ask)
    for name, text in found.items():
        if len(found) > 1:
            click.echo(click.style(f"-- {name}{dialects(project.graph, name)}", dim=True))
        echo_text(text.rstrip() + ("\n" if len(found) > 1 else ""))
