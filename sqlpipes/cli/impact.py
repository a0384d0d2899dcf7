"""`impact`: what a change does to what is below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqlpipes.cli.options import json_option, open_project, parse_vars, project_options

if TYPE_CHECKING:
    from sqlpipes.core.impact import Impact


def complete_ref(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """`built` and the branches, for the shell."""
    from sqlpipes.api import branches, project_root
    from sqlpipes.core.errors import SqlpipesError

    try:
        names = branches(ctx.params.get("project_dir") or project_root())
    except (SqlpipesError, OSError):
        names = ()
    return [name for name in ("built", *names) if name.startswith(incomplete)]


@click.command("impact")
@click.option(
    "--against",
    metavar="REF|FILE|built",
    shell_complete=complete_ref,
    help="A commit of git, a file of --save, or what was last built; else where the branch began.",
)
@click.option(
    "--save", metavar="FILE", help="Write what the project is now, to compare with later."
)
@click.option(
    "--fail-on",
    type=click.Choice(["breaks", "touched", "unknown", "never"]),
    default="breaks",
    help="End with exit code 1 when something breaks, or already at less.",
)
@click.option(
    "--format",
    "-o",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="markdown is for a pull request.",
)
@click.option("--verbose", "-v", is_flag=True, help="Every cause, not only the first few.")
@json_option
@project_options
def impact_command(
    against: str | None,
    save: str | None,
    fail_on: str,
    form: str,
    verbose: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """What a change breaks, touches or provably leaves alone.

    Nothing is built. Columns are followed through the queries, those of the files at hand and
    those that they are compared with.

    \b
    sqlpipes impact                              since the branch began
    sqlpipes impact --against main --format markdown
    sqlpipes impact --against built              since the last build
    sqlpipes impact --save before.json           and later --against before.json
    """
    from sqlpipes.api import impact, save_image

    given = {key: options[key] for key in ("profile", "profiles_dir")}
    given["vars"] = parse_vars(options["vars_text"])
    project = open_project(options)
    if save is not None:
        image = save_image(project, save)
        if save != "-":
            click.echo(f"wrote {len(image.assets)} assets to {save}", err=True)
        if against is None or save == "-":
            return
    found = impact(project, against, **given)
    _echo(found, project.root, "json" if as_json else form, verbose)
    if _is_bad(found, fail_on):
        raise click.exceptions.Exit(1)


def _echo(found: Impact, root: str, form: str, verbose: bool) -> None:
    from sqlpipes.show.impact import impact_json, impact_markdown, impact_text
    from sqlpipes.show.jsonl import document

    if form == "json":
        click.echo(document(impact_json(found)))
    elif form == "markdown":
        click.echo(impact_markdown(found))
    else:
        click.echo(impact_text(found, root, verbose=verbose))


def _is_bad(found: Impact, fail_on: str) -> bool:
    from sqlpipes.core.impact import Effect

    if fail_on == "never":
        return False
    worse = list(Effect)[: list(Effect).index(Effect(fail_on)) + 1]
    return found.breaks or any(found.count(each) for each in worse)
