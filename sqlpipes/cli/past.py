"""`status` and `runs`: what is remembered."""

from __future__ import annotations

from typing import Any

import click

from sqlpipes.cli.options import (
    ask_from,
    json_option,
    open_project,
    project_options,
    selection_options,
)


@click.command("status")
@selection_options
@json_option
@project_options
def status_command(**options: Any) -> None:
    """Each asset as it stands: current, stale, missing, failed.

    \b
    sqlpipes status
    sqlpipes status -s +daily_sales
    """
    from sqlpipes.api import status
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.past import status_json, status_text

    project = open_project(options)
    found = status(project, ask_from(options))
    if options["as_json"]:
        click.echo(document([status_json(item) for item in found]))
    else:
        click.echo(status_text(found))


@click.group("runs", invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, help="How many.")
@json_option
@project_options
@click.pass_context
def runs_command(ctx: click.Context, /, limit: int, as_json: bool, **options: Any) -> None:
    """The newest runs; `sqlpipes runs show` tells one in full.

    \b
    sqlpipes runs
    sqlpipes runs show
    sqlpipes runs show 20260131-06
    """
    if ctx.invoked_subcommand:
        ctx.obj = options
        return
    from sqlpipes.api import runs
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.past import run_json, runs_text

    found = runs(open_project(options), limit)
    if as_json:
        click.echo(document([run_json(run) for run in found]))
    else:
        click.echo(runs_text(found))


@runs_command.command("show")
@click.argument("run_id", default="last")
@json_option
@click.option("--sql", "with_sql", is_flag=True, help="Show the statements of each step.")
@project_options
@click.pass_context
def runs_show(
    ctx: click.Context, /, run_id: str, as_json: bool, with_sql: bool, **options: Any
) -> None:
    """One run in full: every step with its reasons, rows and seconds, every check.

    RUN_ID may be the start of an id; without it, the newest run.
    """
    from sqlpipes.api import run_details
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.past import run_json, run_text

    before: dict[str, Any] = ctx.obj  # options may stand before `show` as well
    given = {name: value or before[name] for name, value in options.items()}
    run = run_details(open_project(given), run_id)
    click.echo(document(run_json(run)) if as_json else run_text(run, with_sql=with_sql))
