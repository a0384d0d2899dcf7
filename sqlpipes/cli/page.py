"""`docs`: the page about a project, as a folder of files."""

from __future__ import annotations

import os
from typing import Any

import click

from sqlpipes.cli.options import echo_warnings, open_project, project_options


@click.command("docs")
@click.option(
    "--output", "-o", metavar="DIR", help="Where to; without this, site/ in the project's folder."
)
@project_options
def docs_command(output: str | None, **options: Any) -> None:
    """Write a page about the project, to open in any browser.

    Graph, columns, SQL, slices and runs, as a folder of files that needs no server and no network. Written
    again, it is brought up to date.

    \b
    sqlpipes docs
    sqlpipes docs --output /srv/www/shop
    """
    from sqlpipes.api import overview
    from sqlpipes.show.letters import plain
    from sqlpipes.show.site.write import write_site

    project = open_project(options)
    echo_warnings(project)
    folder = output or os.path.join(project.root, "site")
    seen = overview(project)
    write_site(seen, folder)
    page = os.path.relpath(os.path.join(folder, "index.html"))
    click.echo(f"{len(seen.statuses)} assets: open {plain(page)}")
