"""`report` and `source`: what others write."""

from __future__ import annotations

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


@click.command("report")
@click.argument("asset", shell_complete=complete_selector)
@click.option("--partition", metavar="RANGE", help="Only these slices: 2024-01-31, A..B (B out).")
@click.option("--metadata", "-m", multiple=True, metavar="NAME=VALUE", help="Kept with the note.")
@click.option("--at", metavar="ISO", help="When it was written; without this, now. UTC.")
@json_option
@project_options
def report_command(
    asset: str, metadata: tuple[str, ...], at: str | None, as_json: bool, **options: Any
) -> None:
    """Note that somebody else has written a source, or an asset.

    What reads it, or reads these slices of it, is built by the next build. The asset itself counts as
    built: it is not written again.

    \b
    sqlpipes report partner.rates
    sqlpipes report orders --partition 2024-01-31 -m rows=120
    """
    from sqlpipes.api import report
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.outside import report_json, report_text

    said, when = _named_values(metadata), _instant(at)
    project = open_project(options)
    note = report(project, asset, partition=options["partition"], metadata=said, at=when)
    readers = project.graph.children()[note.asset]
    click.echo(document(report_json(note)) if as_json else report_text(note, readers))


def _named_values(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Numbers and booleans as YAML reads them, all else as text."""
    import yaml

    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"--metadata wants name=value, not {pair!r}")
        try:
            read = yaml.safe_load(value)
        except yaml.YAMLError:
            read = value
        found[name.strip()] = read if isinstance(read, (bool, int, float)) else value
    return found


def _instant(text: str | None) -> Any:
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        hint = "such as 2024-01-31T06:00 or 2024-01-31T06:00+01:00"
        raise click.UsageError(f"--at {text!r} is no date and time: {hint}") from None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


@click.group("source")
def source_command() -> None:
    """How fresh the data of the sources is.

    \b
    sqlpipes source freshness
    """


@source_command.command("freshness")
@selection_options
@json_option
@project_options
@click.pass_context
def source_freshness(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """How old the newest data of each source is; exit 1 when one is older than it may be.

    \b
    sqlpipes source freshness
    sqlpipes source freshness -s source:shop
    """
    from sqlpipes.api import freshness
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.outside import age_json, ages_text

    project = open_project(options)
    found = freshness(project, ask_from(options))
    if as_json:
        click.echo(document([age_json(item) for item in found]))
    else:
        click.echo(ages_text(found, project.root))
    if not all(item.ok for item in found):
        ctx.exit(1)
