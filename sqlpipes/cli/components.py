"""`components` and `new`: what YAML files can make, and files to begin with."""

from __future__ import annotations

from typing import Any

import click

from sqlpipes.cli.options import json_option, open_project, project_options

KINDS = ("model", "asset", "check", "source", "component")


@click.command("components")
@click.argument("name", required=False)
@json_option
@click.option("--schema", is_flag=True, help="The JSON schema of their YAML files, for editors.")
@click.option("--project-dir", metavar="DIR", help="The project; without this, the one here.")
def components_command(
    name: str | None, as_json: bool, schema: bool, project_dir: str | None
) -> None:
    """What `type:` may say in a YAML file.

    Built in, of this project, and of installed packages. With NAME: its attributes and an example.

    \b
    sqlpipes components
    sqlpipes components files
    sqlpipes components --schema > .components.json
    """
    from sqlpipes.api.components import component_kind, component_kinds, component_schema
    from sqlpipes.show import components as screens
    from sqlpipes.show.jsonl import document

    if schema:
        click.echo(document(component_schema(project_dir)))
    elif name is not None:
        found = component_kind(name, project_dir)
        click.echo(
            document(screens.component_json(found)) if as_json else screens.component_text(found)
        )
    else:
        every = component_kinds(project_dir)
        click.echo(
            document([screens.component_json(each) for each in every])
            if as_json
            else screens.components_text(every)
        )


@click.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--on", metavar="ASSET", help="Of a check: what it looks at.")
@project_options
def new_command(kind: str, name: str, on: str | None, **options: Any) -> None:
    """A small file that runs at once.

    Nothing is overwritten. NAME may have folders: staging/orders.

    \b
    sqlpipes new model staging/orders
    sqlpipes new check orders_are_paid --on orders
    sqlpipes new component feed
    """
    from sqlpipes.api.scaffolds import scaffold

    if on is not None and kind != "check":
        raise click.UsageError("--on is for a check")
    made = scaffold(open_project(options), kind, name, on=on)
    for path in made.paths:
        click.echo(f"  {path}")
    click.echo(f"\nnext: {click.style(made.next, bold=True)}")
