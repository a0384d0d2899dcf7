"""`ls`, `lineage`, `show`: looking at the graph and at rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqlpipes.cli.options import (
    ask_from,
    complete_column,
    complete_selector,
    echo_text,
    echo_warnings,
    json_option,
    open_project,
    project_options,
    selection_options,
)

if TYPE_CHECKING:
    from sqlpipes.api import Project

DRAWN = ("mermaid", "dot")


@click.command("ls")
@selection_options
@click.option(
    "--output",
    "-o",
    type=click.Choice(["names", "tree", "path", "json", "mermaid", "dot"]),
    default="names",
    help="names, a tree by folder, files, JSON, or drawn as a graph.",
)
@click.option(
    "--resource-type",
    multiple=True,
    type=click.Choice(["sql", "python", "seed", "source"]),
    help="Only assets of this kind.",
)
@click.option(
    "--search",
    "wanted",
    metavar="WORDS",
    help="Only those with these words in a name, column, tag, owner, description or query.",
)
@json_option
@project_options
def ls_command(
    output: str, as_json: bool, resource_type: tuple[str, ...], wanted: str | None, **options: Any
) -> None:
    """Assets, inputs first.

    \b
    sqlpipes ls -o tree
    sqlpipes ls -s +daily_sales
    sqlpipes ls -s tag:finance --json
    sqlpipes ls -s +daily_sales -o mermaid   drawn, or for Graphviz with -o dot
    sqlpipes ls --search refund            where the word stands; exit 1 if nowhere
    """
    from sqlpipes.api import select
    from sqlpipes.show.listing import names_text, tree_text

    project = open_project(options)
    graph = project.graph
    names = [
        name
        for name in select(project, ask_from(options)).assets
        if not resource_type or graph.assets[name].kind in resource_type
    ]
    if wanted is not None:
        _search(project, wanted, names, output, as_json)
    elif as_json or output == "json":
        from sqlpipes.api import column_docs
        from sqlpipes.show.jsonl import document
        from sqlpipes.show.listing import asset_json

        docs = column_docs(project)
        said = [asset_json(graph, graph.assets[name], docs.get(name, ())) for name in names]
        click.echo(document(said))
    elif output in DRAWN:
        from sqlpipes.show.between import assets_drawn

        echo_text(assets_drawn(graph, names, form=output))
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


def _search(project: Project, wanted: str, names: list[str], output: str, as_json: bool) -> None:
    """What was found, the likeliest first. Like grep, 1 when nothing was."""
    from sqlpipes.api import search
    from sqlpipes.show.jsonl import document
    from sqlpipes.show.listing import names_text, tree_text
    from sqlpipes.show.search import search_json, search_text

    if output in DRAWN:
        raise click.UsageError(f"--search lists what it finds: it has no -o {output}")
    if not wanted.strip():
        raise click.UsageError("--search wants a word: sqlpipes ls --search refund")
    found, hint = search(project, wanted, set(names))
    if as_json or output == "json":
        click.echo(document(search_json(project.graph, found)))
    elif output == "tree" and found:
        click.echo(tree_text(project.graph, [each.asset for each in found]))
    elif output == "path" and found:
        paths = dict.fromkeys(project.graph.assets[each.asset].path for each in found)
        echo_text(names_text(paths))
    elif found:
        click.echo(search_text(found))
    if not found:
        click.echo(f"nothing has '{wanted}' in it" + (f": {hint}" if hint else ""), err=True)
        raise click.exceptions.Exit(1)


@click.command("lineage")
@click.argument("what", metavar="ASSET[.COLUMN]", required=False, shell_complete=complete_column)
@click.option(
    "--to",
    "end",
    metavar="ASSET[.COLUMN]",
    shell_complete=complete_column,
    help="Everything that leads to it; of the first one, only the ways from there.",
)
@click.option(
    "--between",
    nargs=2,
    metavar="FROM TO",
    shell_complete=complete_column,
    help="All ways from one asset or column to another; exit 1 when there is none.",
)
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
    what: str | None,
    end: str | None,
    between: tuple[str, str] | None,
    up: bool | None,
    depth: int | None,
    form: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Where an asset or a column comes from, and what reads it.

    Beside the columns whose values flow into a column, those that decide which rows there are
    (where, join, group by ...) are shown apart.

    \b
    sqlpipes lineage daily_sales
    sqlpipes lineage daily_sales.revenue --up
    sqlpipes lineage orders.amount --down --format mermaid
    sqlpipes lineage --to sales_dashboard
    sqlpipes lineage --between raw_orders.amount daily_sales.revenue
    """
    form = "json" if as_json else form
    if what is None and end is not None and not between:
        what, end, up = end, None, _only_up(up)
    ends = between or ((what, end) if what and end else None)
    if bool(what or end) == bool(between):
        raise click.UsageError("name one asset or column, or two with --between")
    if ends:
        if up is not None or depth is not None:
            raise click.UsageError(
                "--up, --down and --depth are of one asset or column, not of two"
            )
        _between(open_project(options), *ends, form)
        return
    assert what is not None
    from sqlpipes.api import check_column, lineage
    from sqlpipes.core.lineage import documented
    from sqlpipes.show.lineage import asset_lineage, column_lineage

    project = open_project(options)
    asset, column = project.split_column(what)
    if column is None:
        click.echo(asset_lineage(project.graph, asset, up=up, depth=depth, form=form))
        return
    traced = lineage(project)
    column = check_column(traced, asset, column)
    columns = documented(project.graph, traced)[asset]
    said = next((each for each in columns if each.name == column), None)
    click.echo(column_lineage(traced, asset, column, up=up, depth=depth, form=form, said=said))


def _only_up(up: bool | None) -> bool:
    if up is False:
        raise click.UsageError("--to asks what leads to it, --down what it leads to: say one")
    return True


def _between(project: Project, start: str, end: str, form: str) -> None:
    """All ways; if one of the two is a column, then those of columns."""
    from sqlpipes.api import check_column, lineage
    from sqlpipes.core.lineage import ColumnRef, ways
    from sqlpipes.show.between import assets_between, columns_between

    ends = [project.split_column(each) for each in (start, end)]
    (above, _), (below, _) = ends
    if all(column is None for _, column in ends):
        click.echo(assets_between(project.graph, above, below, form=form))
        found = above != below and above in project.graph.ancestors([below])
    else:
        traced = lineage(project)
        refs = [
            ColumnRef(asset, "*" if column is None else check_column(traced, asset, column))
            for asset, column in ends
        ]
        click.echo(columns_between(traced, *refs, form=form))
        found = bool(ways(traced, *refs))
    if not found:
        raise click.exceptions.Exit(1)


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
