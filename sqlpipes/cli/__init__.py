"""Options -> api -> a screen. No logic and no SQL lives here; commands are imported when they are called."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from sqlpipes.cli.interrupts import Stop, stop_code
from sqlpipes.cli.masked import put_on
from sqlpipes.cli.seen import command_text, seen_by
from sqlpipes.version import __version__

OURS = "sqlpipes"  # how the threads of a build are called
COMMANDS = {
    "build": "sqlpipes.cli.build",
    "run": "sqlpipes.cli.build",
    "seed": "sqlpipes.cli.build",
    "snapshot": "sqlpipes.cli.build",
    "test": "sqlpipes.cli.build",
    "retry": "sqlpipes.cli.build",
    "plan": "sqlpipes.cli.plan",
    "compile": "sqlpipes.cli.plan",
    "ls": "sqlpipes.cli.look",
    "lineage": "sqlpipes.cli.look",
    "impact": "sqlpipes.cli.impact",
    "artifacts": "sqlpipes.cli.artifacts",
    "openlineage": "sqlpipes.cli.openlineage",
    "show": "sqlpipes.cli.look",
    "jobs": "sqlpipes.cli.jobs",
    "tick": "sqlpipes.cli.jobs",
    "serve": "sqlpipes.cli.jobs",
    "sensors": "sqlpipes.cli.sensors",
    "status": "sqlpipes.cli.past",
    "runs": "sqlpipes.cli.past",
    "ui": "sqlpipes.cli.ui",
    "docs": "sqlpipes.cli.page",
    "report": "sqlpipes.cli.outside",
    "source": "sqlpipes.cli.outside",
    "state": "sqlpipes.cli.state",
    "rename": "sqlpipes.cli.rename",
    "lint": "sqlpipes.cli.check",
    "debug": "sqlpipes.cli.check",
    "components": "sqlpipes.cli.components",
    "new": "sqlpipes.cli.components",
    "init": "sqlpipes.cli.folder",
    "clean": "sqlpipes.cli.folder",
    "completion": "sqlpipes.cli.folder",
}


class Commands(click.Group):
    """Finds a command's module when the command is needed, so that `--version` imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), f"{cmd_name}_command")
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        seen_by(ctx).command = command_text(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What the user can mend is shown, never raised; exit 2, or 1 from the warehouse."""
        seen = seen_by(ctx)
        put_on(seen.veil)  # which stays on when something of ours breaks: a traceback is text, too
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from sqlpipes.core.errors import SqlpipesError

            if stop_code() is not None:
                raise KeyboardInterrupt from None  # which is why
            if not isinstance(error, SqlpipesError):
                raise
            from sqlpipes.show.problems import problems_text

            click.echo(problems_text(error.problems, seen.root, seen.texts), err=True)
            ctx.exit(error.exit_code)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from sqlpipes.core.errors import did_you_mean

        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            hint = did_you_mean(name, COMMANDS) or "see sqlpipes --help"
            raise click.UsageError(f"there is no command '{name}': {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="sqlpipes %(version)s")
def sqlpipes() -> None:
    """Write a SELECT, run `sqlpipes build`: everything else is inferred.

    \b
    sqlpipes init shop && cd shop      a small project that runs
    sqlpipes build                     make everything current
    sqlpipes build -s +daily_sales     one asset and all that it needs
    sqlpipes plan                      what build would do, and why
    sqlpipes lineage orders.amount     where a column comes from
    """


def main() -> None:
    """The console script. Exit 0: fine; 1: a step or check failed; 2: mend your files or command.

    What is stopped ends with 130 (Ctrl-C), 143 (SIGTERM) or 129 (a closed terminal).
    """
    stop = Stop()
    stop.arm()
    colour: dict[str, Any] = {"color": False} if os.environ.get("NO_COLOR") else {}
    try:
        code = sqlpipes.main(standalone_mode=False, **colour)
        _leave(stop, code if isinstance(code, int) else 0)  # click hands Exit's code back
    except SystemExit as error:
        _leave(stop, error.code if isinstance(error.code, int) else 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stopped(stop)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # `sqlpipes ls | head` is no fault
        sys.exit(0)
    except Exception:
        if stop.code is None:
            raise
        _stopped(stop)  # whatever it broke off
    finally:
        stop.disarm()


def _stopped(stop: Stop) -> NoReturn:
    stop.settle()
    with suppress(OSError):
        click.echo("stopped", err=True)
    _leave(stop, 130)


def _leave(stop: Stop, code: int) -> NoReturn:
    """A function that was left alone may be inside of the warehouse, where it cannot be ended well."""
    stop.settle()
    code = stop.code or code
    if any(thread.name.startswith(OURS) and thread.is_alive() for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
