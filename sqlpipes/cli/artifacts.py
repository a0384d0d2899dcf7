"""`artifacts`: the files that readers of dbt's artifacts know."""

from __future__ import annotations

import os
from typing import Any

import click

from sqlpipes.cli.options import json_option, open_project, project_options


@click.command("artifacts")
@click.option("--run", "run", metavar="ID", help="The results of this run; else of the newest.")
@click.option(
    "--target-path", metavar="DIR", default="target", show_default=True, help="Where to write them."
)
@json_option
@project_options
def artifacts_command(run: str | None, target_path: str, as_json: bool, **options: Any) -> None:
    """Write the manifest, catalog and run results of dbt.

    For tools that read dbt's files: catalogs, orchestrators, documentation, monitors. Nothing is built.

    \b
    sqlpipes artifacts
    sqlpipes artifacts --run 20240131-060000-abc123     the results of an older run
    sqlpipes artifacts --target-path build/dbt
    """
    from sqlpipes.api import artifacts
    from sqlpipes.show.jsonl import document

    project = open_project(options)
    written = [
        os.path.relpath(path, project.root) for path in artifacts(project, target_path, run=run)
    ]
    if as_json:
        click.echo(document(written))
        return
    for path in written:
        click.echo(f"wrote {path}")
    if len(written) < 3:
        click.echo("nothing was run yet: there are no run_results", err=True)
