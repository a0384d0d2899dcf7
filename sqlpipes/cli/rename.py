"""`rename`: an asset's state and relation under its new name."""

from __future__ import annotations

from typing import Any

import click

from sqlpipes.cli.options import complete_selector, json_option, open_project, project_options


def complete_old(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What was built and is in the project no more, for the shell."""
    from sqlpipes.api import left_behind, load, project_root
    from sqlpipes.core.errors import SqlpipesError

    try:
        names = left_behind(load(ctx.params.get("project_dir") or project_root()))
    except (SqlpipesError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.command("rename")
@click.argument("old", shell_complete=complete_old)
@click.argument("new", shell_complete=complete_selector)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for another process that holds the database.",
)
@json_option
@project_options
def rename_command(
    old: str, new: str, dry_run: bool, wait_s: float, as_json: bool, **options: Any
) -> None:
    """Keep what is built of an asset whose file was renamed.

    Rename the file first, say models/orders.sql to models/sales.sql. Then its table, its slices and
    its history go to the new name, and nothing is built again. Each target has a state of its own.

    \b
    sqlpipes rename orders sales --dry-run
    sqlpipes rename orders sales
    sqlpipes rename orders sales -t prod
    """
    from sqlpipes.api import rename
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.rename import rename_json, rename_text

    given = dict(options)
    project = open_project(options)
    done = rename(
        project,
        old,
        new,
        lambda placed: open_project(dict(given), placed),
        dry_run=dry_run,
        wait_s=wait_s,
    )
    if as_json:
        click.echo(document(rename_json(done, dry_run=dry_run)))
    else:
        click.echo(rename_text(done, dry_run=dry_run))
