"""`sensors`: what watches for something to build; each of them alone."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from sqlpipes.cli.options import json_option, open_project, project_options


def complete_sensor(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of sensors for the shell."""
    from sqlpipes.api import load, project_root
    from sqlpipes.core.errors import SqlpipesError

    try:
        found = load(ctx.params.get("project_dir") or project_root()).sensors
    except (SqlpipesError, OSError):
        return []
    return sorted(each.name for each in found if each.name.startswith(incomplete))


@click.group("sensors", invoke_without_command=True)
@json_option
@project_options
@click.pass_context
def sensors_command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Sensors: how often each is called, and what came of it.

    \b
    sqlpipes sensors
    sqlpipes sensors run new_files --dry-run
    sqlpipes sensors reset new_files
    """
    if ctx.invoked_subcommand:
        ctx.obj = options
        return
    from sqlpipes.api import sensors
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.sensors import sensor_json, sensors_text

    found = sensors(open_project(options))
    text = document([sensor_json(item) for item in found]) if as_json else sensors_text(found)
    click.echo(text)


@sensors_command.command("run")
@click.argument("name", shell_complete=complete_sensor)
@click.option("--dry-run", is_flag=True, help="Call it, and keep nothing of what it says.")
@click.option(
    "--cursor", metavar="JSON", help="In place of the one on record; text needs no quotes."
)
@json_option
@project_options
@click.pass_context
def sensors_run(
    ctx: click.Context,
    /,
    name: str,
    dry_run: bool,
    cursor: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Call a sensor now, whether its time has come or not. What it wants is queued for `tick`.

    \b
    sqlpipes sensors run new_files
    sqlpipes sensors run new_files --dry-run --cursor 2024-01-05
    """
    from sqlpipes.api import run_sensor
    from sqlpipes.core.sensor import Outcome
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.sensors import tried_json, tried_text

    project = open_project(_together(ctx, options))
    found = run_sensor(project, name, dry_run=dry_run, cursor=_cursor(cursor))
    click.echo(document(tried_json(found)) if as_json else tried_text(found, project.root))
    sys.exit(1 if found.reply.outcome is Outcome.FAILED else 0)


@sensors_command.command("reset")
@click.argument("name", shell_complete=complete_sensor)
@click.option("--cursor", metavar="JSON", help="Go on from here. Without it: as if never called.")
@click.option("--keys", is_flag=True, help="Forget also which keys it asked for.")
@project_options
@click.pass_context
def sensors_reset(
    ctx: click.Context, /, name: str, cursor: str | None, keys: bool, **options: Any
) -> None:
    """Make a sensor begin anew.

    \b
    sqlpipes sensors reset new_files
    sqlpipes sensors reset new_files --cursor 2024-01-01
    """
    from sqlpipes.api import reset_sensor

    new = _cursor(cursor)
    before = reset_sensor(open_project(_together(ctx, options)), name, cursor=new, keys=keys)
    click.echo(f"{name}: cursor {json.dumps(new)}, it was {json.dumps(before.cursor)}")
    if not keys and new is None:
        click.echo("keys that it asked for are not asked for again; --keys forgets them")


def _together(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options may stand before the subcommand as well."""
    before: dict[str, Any] = ctx.obj or {}
    return {name: value or before.get(name) for name, value in options.items()}


def _cursor(text: str | None) -> Any:
    """
    >>> _cursor("[1]"), _cursor("2024-01-05"), _cursor(None)
    ([1], '2024-01-05', None)
    """
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
