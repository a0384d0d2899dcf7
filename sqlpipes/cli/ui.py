"""`ui`: the page about a project, served as long as the command runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from sqlpipes.cli.interrupts import Interrupts
from sqlpipes.cli.options import parse_vars, project_options
from sqlpipes.cli.seen import seen_by

if TYPE_CHECKING:
    from sqlpipes.web.gate import Gate


@click.command("ui")
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Where to listen.  [127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="0: any that is free. Without this, 8580 or the next free one.",
)
@click.option(
    "--token",
    envvar="SQLPIPES_UI_TOKEN",
    metavar="TOKEN",
    help="Who has it is let in; SQLPIPES_UI_TOKEN says it, too. Without it, a new one each time.",
)
@click.option(
    "--public-url", default="", metavar="URL", help="By which people reach a proxy in front of it."
)
@click.option("--read-only", is_flag=True, help="Show and plan; build nothing.")
@click.option("--open/--no-open", "opens", default=False, help="Open a browser.  [--no-open]")
@project_options
def ui_command(
    host: str,
    port: int | None,
    token: str | None,
    public_url: str,
    read_only: bool,
    opens: bool,
    **options: Any,
) -> None:
    """Serve the page about the project: live runs, plans and builds.

    It listens on this machine only, and lets in who has the token of the address that it prints. Other
    machines need --host and a token of yours.

    \b
    sqlpipes ui
    sqlpipes ui --port 0 --open
    sqlpipes ui --read-only -t prod
    SQLPIPES_UI_TOKEN=... sqlpipes ui --host 0.0.0.0 --public-url https://pipes.acme.com
    """
    from sqlpipes.api import How, project_root

    _demand_extra()
    from sqlpipes.web.address import Address, with_token
    from sqlpipes.web.server import serve

    root = options["project_dir"] or project_root()
    seen_by(click.get_current_context()).root = root
    how = How(
        root,
        target=options["target"],
        profile=options["profile"],
        profiles_dir=options["profiles_dir"],
        vars=parse_vars(options["vars_text"]),
        cache=not options["no_cache"],
    )

    def ready(url: str, gate: Gate) -> None:
        whole = with_token(url, gate)
        click.echo(f"open {whole}" if token is None else f"open {url}?token=... with your token")
        click.echo("Ctrl-C ends it")
        sys.stdout.flush()
        if opens:
            import webbrowser

            webbrowser.open(whole)

    address = Address(host, port, token, public_url.rstrip("/"), read_only)
    with Interrupts() as interrupts:
        interrupts.arm()
        serve(
            how,
            address,
            on_ready=ready,
            cancel=interrupts.cancel,
            tell=lambda said: click.echo(said, err=True),
        )
    sys.exit(interrupts.exit_code or 0)


def _demand_extra() -> None:
    """ProjectError UIX003 when the server's packages are not there."""
    from importlib.util import find_spec

    from sqlpipes.core.errors import Problem, ProjectError

    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        said = f"sqlpipes ui needs {' and '.join(missing)}"
        raise ProjectError(Problem("UIX003", said, hint="pip install 'sqlpipes[ui]'"))
