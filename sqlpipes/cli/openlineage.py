"""`openlineage`: the lineage events of a run that is over."""

from __future__ import annotations

from typing import Any

import click

from sqlpipes.cli.options import open_project, project_options


@click.command("openlineage")
@click.argument("run_id", default="last", metavar="[RUN]")
@click.option("--send", is_flag=True, help="Send them to where builds send theirs.")
@click.option("--output", "-o", metavar="FILE", help="Append them to this file.")
@project_options
def openlineage_command(run_id: str, send: bool, output: str | None, **options: Any) -> None:
    """Write the OpenLineage events of a run, a line each.

    A build sends them by itself when `openlineage:` of the project file, or OPENLINEAGE_URL, says where to;
    this tells of a run that is over, such as one that could not be sent. RUN may be the start of an id;
    without it, the newest run.

    \b
    sqlpipes openlineage
    sqlpipes openlineage 20260131-06 --send
    sqlpipes openlineage -o lineage.jsonl
    """
    from sqlpipes.api import openlineage_events, send_openlineage, write_openlineage
    from sqlpipes.show.jsonl import line

    project = open_project(options)
    events = openlineage_events(project, run_id)
    if output:
        write_openlineage(output, events)
        click.echo(f"{len(events)} events appended to {output}")
    if send:
        where = send_openlineage(project, events)
        click.echo(f"{len(events)} events sent to {where}")
    if not (send or output):
        for event in events:
            click.echo(line(event))
