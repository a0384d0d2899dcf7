"""`ls`, `lineage`, `show`: looking at the graph and at rows."""

from __future__ import annotations

from typing import Any

import click

from sqlpipes.cli.options import (
    ask_from,
    complete_selector,
    echo_text,
    echo_warnings,
    json_option,
    open_project,
    project_options,
    selection_options,
)


@click.command("ls")
@selection_options
@click.option(
    "--output",
    "-o",
    type=click.Choice(["names", "tree", "path", "json"]),
    default="names",
    help="names, a tree by folder, files, or JSON.",
)
@click.option(
    "--resource-type",
    multiple=True,
    type=click.Choice(["sql", "python", "seed", "source"]),
    help="Only assets of this kind.",
)
@json_option
@project_options
def ls_command(output: str, as_json: bool, resource_type: tuple[str, ...], **options: Any) -> None:
    """Assets, inputs first.

    \b
    sqlpipes ls -o tree
    sqlpipes ls -s +daily_sales
    sqlpipes ls -s tag:finance --json
    """
    from sqlpipes.api import select
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.listing import asset_json, names_text, tree_text

    project = open_project(options)
    graph = project.graph
    names = [
        name
        for name in select(project, ask_from(options)).assets
        if not resource_type or graph.assets[name].kind in resource_type
    ]
    if as_json or output == "json":
        from sqlpipes.api import column_docs

        docs = column_docs(project)
        said = [asset_json(graph, graph.assets[name], docs.get(name, ())) for name in names]
        click.echo(document(said))
    elif output == "tree":
        click.echo(tree_text(graph, names))
    elif output == "path":
        echo_text(names_text(dict.fromkeys(graph.assets[name].path for name in names)))
    elif names:
        echo_text(names_text(names))
    if project.errors:
        from sqlpipes.show.problems import problems_text

        click.echo("\n" + problems_text(project.errors, project.root), err=True)
        raise click.exceptions.Exit(2)


@click.command("lineage")
@click.argument("what", metavar="ASSET[.COLUMN]", shell_complete=complete_selector)
@click.option("--up/--down", "up", default=None, help="Only what it comes from, or what it feeds.")
@click.option("--depth", type=click.IntRange(min=1), help="How many hops.")
@click.option(
    "--format",
    "-o",
    "form",
    type=click.Choice(["tree", "json", "mermaid", "dot"]),
    default="tree",
    help="How to draw it.",
)
@json_option
@project_options
def lineage_command(
    what: str, up: bool | None, depth: int | None, form: str, as_json: bool, **options: Any
) -> None:
    """Where an asset or a column comes from, and what reads it.

    Beside the columns whose values flow into a column, those that decide which rows there are
    (where, join, group by ...) are shown apart.

    \b
    sqlpipes lineage daily_sales
    sqlpipes lineage daily_sales.revenue --up
    sqlpipes lineage orders.amount --down --format mermaid
    """
    from sqlpipes.api import check_column, lineage
    from sqlpipes.core.lineage import documented
    from sqlpipes.show.lineage import asset_lineage, column_lineage

    project = open_project(options)
    form = "json" if as_json else form
    asset, column = project.split_column(what)
    if column is None:
        click.echo(asset_lineage(project.graph, asset, up=up, depth=depth, form=form))
        return
    traced = lineage(project)
    column = check_column(traced, asset, column)
    columns = documented(project.graph, traced)[asset]
    said = next((each for each in columns if each.name == column), None)
    click.echo(column_lineage(traced, asset, column, up=up, depth=depth, form=form, said=said))


@click.command("show")
@click.argument("asset", required=False, shell_complete=complete_selector)
@click.option("--inline", metavar="SQL", help="A query over assets instead of one asset.")
@click.option("--limit", type=click.IntRange(min=0), default=10, help="How many rows.")
@click.option(
    "--output", "-o", type=click.Choice(["table", "csv", "json"]), default="table", help="Form."
)
@json_option
@project_options
def show_command(
    asset: str | None, inline: str | None, limit: int, output: str, as_json: bool, **options: Any
) -> None:
    """A few rows of an asset, or of a query over assets.

    \b
    sqlpipes show daily_sales --limit 20
    sqlpipes show --inline "select count(*) from orders"
    """
    from sqlpipes.api import rows
    from sqlpipes.show.rows import rows_text

    if (asset is None) == (inline is None):
        raise click.UsageError("name one asset, or give --inline a query")
    project = open_project({**options, "inline": inline})
    if inline is None:
        echo_warnings(project)
    found = rows(project, asset, inline=inline, limit=limit)
    text = rows_text(found, "json" if as_json else output)
    if output != "csv" or as_json:
        click.echo(text)
    else:
        echo_text(text)
