"""`init`, `clean`, `completion`: the project's folder and the shell around it."""

from __future__ import annotations

import os
from typing import Any

import click

from sqlpipes.cli.options import open_project, project_options


@click.command("init")
@click.argument("folder", default=".")
def init_command(folder: str) -> None:
    """A small project that builds, to start from.

    One seed, three models, a few checks.

    \b
    sqlpipes init shop
    cd shop && sqlpipes build
    """
    from sqlpipes.api import write_starter

    written = write_starter(folder)
    for path in written:
        click.echo(f"  {path}")
    step = "" if os.path.abspath(folder) == os.getcwd() else f"cd {folder} && "
    click.echo(f"\nnext: {click.style(step + 'sqlpipes build', bold=True)}")


@click.command("clean")
@click.option("--state", "with_state", is_flag=True, help="Forget what was built, too.")
@project_options
def clean_command(with_state: bool, **options: Any) -> None:
    """Delete the caches. Tables are never touched.

    \b
    sqlpipes clean
    sqlpipes clean --state     the next build writes everything anew
    """
    from sqlpipes.api import clean

    removed = clean(open_project(options), with_state=with_state)
    for path in removed:
        click.echo(f"removed {path}")
    if not removed:
        click.echo("nothing to remove")


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """The shell script that completes commands and asset names.

    \b
    eval "$(sqlpipes completion bash)"                            now
    sqlpipes completion bash >> ~/.bashrc                         always
    sqlpipes completion fish > ~/.config/fish/completions/sqlpipes.fish
    """
    from click.shell_completion import get_completion_class

    from sqlpipes.cli import sqlpipes

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(sqlpipes, {}, "sqlpipes", "_SQLPIPES_COMPLETE").source())
