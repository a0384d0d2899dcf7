"""The commands' own help -> the text of docs/cli.md."""

from __future__ import annotations

from collections.abc import Iterator

import click

from sqlpipes.cli import COMMANDS, sqlpipes

HEAD = """\
# The command line

Written by `scripts/write_docs.py` from the commands' help: mend the help, not this page.

Exit codes: 0 everything is fine; 1 a step or a check failed, or the warehouse refused; 2 mend your
files or your command; 130 stopped with Ctrl-C. Results go to stdout, warnings and errors to stderr.
`NO_COLOR` turns colours off, a pipe does so by itself. `--select` and `--exclude` are explained in
[selection](selection.md), the codes of problems in [errors](errors.md).
"""


def all_commands() -> Iterator[tuple[str, click.Context]]:
    """Every command as (full name, context), groups before what is in them; first the tool itself."""
    top = click.Context(
        sqlpipes, info_name="sqlpipes", terminal_width=98, **sqlpipes.context_settings
    )
    yield "", top
    for name in COMMANDS:
        command = sqlpipes.get_command(top, name)
        assert command is not None
        here = click.Context(command, parent=top, info_name=name)
        yield name, here
        if isinstance(command, click.Group):
            for below in sorted(command.commands):
                child = click.Context(command.commands[below], parent=here, info_name=below)
                yield f"{name} {below}", child


def help_text(context: click.Context) -> str:
    """What `--help` prints, 100 columns wide."""
    return "\n".join(line.rstrip() for line in context.get_help().splitlines())


def cli_page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, context in all_commands():
        title = f"## sqlpipes {name}\n\n" if name else ""
        parts.append(f"{title}```text\n{help_text(context)}\n```\n")
    return "\n".join(parts)
