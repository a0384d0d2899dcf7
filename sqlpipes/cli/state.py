"""`state`: where it is, `export` and `import`."""

from __future__ import annotations

from typing import Any

import click

from sqlpipes.cli.options import json_option, open_project, project_options

all_targets_option = click.option("--all-targets", is_flag=True, help="Not only the one at hand.")


@click.group("state", invoke_without_command=True)
@json_option
@project_options
@click.pass_context
def state_command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Where the state is, and how big; `export` and `import`.

    \b
    sqlpipes state
    sqlpipes state export backup.jsonl.gz
    sqlpipes state import backup.jsonl.gz
    """
    if ctx.invoked_subcommand:
        ctx.obj = options
        return
    from sqlpipes.api import state_size
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.state import size_json, size_text

    project = open_project(options)
    size, target = state_size(project), project.target.name
    click.echo(document(size_json(size, target)) if as_json else size_text(size, target))


@state_command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@all_targets_option
@project_options
@click.pass_context
def state_export(ctx: click.Context, /, file: str, all_targets: bool, **options: Any) -> None:
    """Write the state to FILE as JSON lines: a line a row.

    A name that ends with .gz is compressed, `-` is stdout. What is there is all that is remembered,
    statements and a few bad rows of checks included: keep it like the data itself.

    \b
    sqlpipes state export backup.jsonl.gz
    sqlpipes state export - -t prod | sqlpipes state import - --project-dir copy -t prod
    """
    from sqlpipes.api import export_state

    count = export_state(open_project(_together(ctx, options)), file, all_targets=all_targets)
    click.echo(f"{count - 2:,} rows in {file}", err=True)


@state_command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@all_targets_option
@click.option("--replace", is_flag=True, help="Throw away what the state holds of these targets.")
@project_options
@click.pass_context
def state_import(
    ctx: click.Context, /, file: str, all_targets: bool, replace: bool, **options: Any
) -> None:
    """Take in a FILE that `state export` wrote.

    It goes into a state that holds nothing of the target; all of it, or nothing when a line is wrong.

    \b
    sqlpipes state import backup.jsonl.gz
    sqlpipes state import backup.jsonl.gz --replace
    """
    from sqlpipes.api import import_state
    from sqlpipes.show.state import carried_text

    project = open_project(_together(ctx, options))
    click.echo(carried_text(import_state(project, file, all_targets=all_targets, replace=replace)))


def _together(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options may stand before the subcommand as well."""
    before: dict[str, Any] = ctx.obj or {}
    return {name: value or before.get(name) for name, value in options.items()}
