"""`status` and `runs`: what is remembered."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from sqlpipes.cli.options import (
    ask_from,
    complete_selector,
    json_option,
    open_project,
    project_options,
    selection_options,
)


@click.command("status")
@click.argument("assets", nargs=-1, metavar="[ASSET]...", shell_complete=complete_selector)
@selection_options
@click.option(
    "--partition", metavar="RANGE", help="Only these slices: 2024-01-31, 2024-01, A..B (B out)."
)
@click.option(
    "--metric", metavar="NAME", help="One number of an asset over time: rows, seconds ..."
)
@click.option("--last", type=click.IntRange(min=1), default=20, help="How many of --metric.")
@json_option
@project_options
def status_command(assets: tuple[str, ...], **options: Any) -> None:
    """Each asset as it stands: current, stale, missing, failed.

    An asset that is named is shown in full: its slices as a picture, and as ranges with the reasons.

    \b
    sqlpipes status
    sqlpipes status -s +daily_sales
    sqlpipes status daily_sales                         its slices
    sqlpipes status daily_sales --partition 2024-01     only those of a month
    sqlpipes status daily_sales --metric rows           a number over time
    """
    from sqlpipes.api import cards, status
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.status import details_text, status_json, status_text

    wanted, last = options.pop("metric"), options.pop("last")
    if wanted is not None:
        _metric(assets, wanted, last, options)
        return
    options["select"] = (*assets, *options["select"])
    project = open_project(options)
    found = status(project, ask_from(options))
    notes = cards(project, [item.asset for item in found]) if assets else {}
    if options["as_json"]:
        click.echo(document([status_json(item, notes.get(item.asset)) for item in found]))
        return
    live = sys.stdout.isatty()  # a pipe gets every reason uncut
    width = shutil.get_terminal_size().columns if live else None
    click.echo(details_text(found, width, notes) if assets else status_text(found, width))


def _metric(assets: tuple[str, ...], wanted: str, last: int, options: dict[str, Any]) -> None:
    from sqlpipes.api import metric
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.metrics import metric_text, series_json

    if len(assets) != 1:
        raise click.UsageError("--metric is of one asset: sqlpipes status orders --metric rows")
    project = open_project(options)
    found = metric(project, assets[0], wanted, last=last, partition=options["partition"])
    click.echo(document(series_json(found)) if options["as_json"] else metric_text(found))


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
@click.option("--log", "with_log", is_flag=True, help="Show all that functions printed and logged.")
@project_options
@click.pass_context
def runs_show(
    ctx: click.Context,
    /,
    run_id: str,
    as_json: bool,
    with_sql: bool,
    with_log: bool,
    **options: Any,
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
    text = run_text(run, with_sql=with_sql, with_log=with_log)
    click.echo(document(run_json(run)) if as_json else text)
