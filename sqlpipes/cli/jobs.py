"""`jobs`, `tick` and `serve`: what is asked for by name or by the clock."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

import click

from sqlpipes.cli.options import echo_notes, echo_warnings, json_option, parse_vars, project_options
from sqlpipes.cli.seen import seen_by

if TYPE_CHECKING:
    from sqlpipes.api import How, Outcome, Project
    from sqlpipes.api.serving import Served
    from sqlpipes.core.plan import Plan


def complete_job(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of jobs for the shell."""
    from sqlpipes.api import load, project_root
    from sqlpipes.core.errors import SqlpipesError

    try:
        found = load(ctx.params.get("project_dir") or project_root()).jobs
    except (SqlpipesError, OSError):
        return []
    return sorted(job.name for job in found if job.name.startswith(incomplete))


@click.group("jobs", invoke_without_command=True)
@json_option
@project_options
@click.pass_context
def jobs_command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Jobs: when they are due, what came of them.

    \b
    sqlpipes jobs
    sqlpipes jobs run nightly
    sqlpipes jobs log nightly
    """
    if ctx.invoked_subcommand:
        ctx.obj = options
        return
    from sqlpipes.api import jobs
    from sqlpipes.show.jobs import job_json, jobs_text
    from sqlpipes.show.jsonl import document

    _, project = _opened(options)
    project.raise_errors()
    found = jobs(project)
    if as_json:
        click.echo(document([job_json(item) for item in found]))
    else:
        click.echo(jobs_text(found, project.target.name))


@jobs_command.command("run")
@click.argument("name", shell_complete=complete_job)
@click.option(
    "--partition", metavar="RULE", help="In place of its own: 2024-01, 'last 3', missing, due ..."
)
@click.option("--no-wait", is_flag=True, help="Fail at once when another build is running.")
@json_option
@project_options
@click.pass_context
def jobs_run(
    ctx: click.Context,
    /,
    name: str,
    partition: str | None,
    no_wait: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a job now, due or not, and its hooks.

    It runs in its own target, if it names one and -t does not.

    \b
    sqlpipes jobs run nightly
    sqlpipes jobs run nightly --partition 'last 3' --vars '{full: true}'
    """
    from sqlpipes.show.jobs import outcome_json, outcome_text
    from sqlpipes.show.jsonl import line

    given = _together(ctx, options)
    vars = parse_vars(given.pop("vars_text"))
    how, project = _opened_for(name, {**given, "vars_text": ()})
    asked = {"partition": partition, "vars": vars, "wait_s": 0.0 if no_wait else inf}
    outcome, stopped = _run(how, project, name, as_json, asked)
    if as_json:
        click.echo(line({"event": "done", **outcome_json(outcome)}))
    else:
        click.echo(outcome_text(outcome, project.root))
    sys.exit(stopped or (0 if outcome.ok else 1))


def _opened_for(name: str, given: dict[str, Any]) -> tuple[How, Project]:
    """The project, in the job's own target if it names one and no option does."""
    from sqlpipes.api import job_named

    how, project = _opened(given)
    job = job_named(project, name)
    if job.target and not given["target"] and job.target != project.target.name:
        return _opened({**given, "target": job.target})
    return how, project


def _run(
    how: How, project: Project, name: str, as_json: bool, asked: dict[str, Any]
) -> tuple[Outcome, int]:
    """Run it and show it as it goes: what came of it, and the exit code of a signal, or 0."""
    from sqlpipes.api import Watch, run_job
    from sqlpipes.cli.build import reporter_for, tell_retry, tell_wait
    from sqlpipes.cli.interrupts import Interrupts

    reporter = reporter_for(as_json, partial(click.echo, file=sys.stdout))
    if not as_json:
        echo_warnings(project)
    with Interrupts() as interrupts, closing(reporter):
        interrupts.arm()

        def on_plan(plan: Plan) -> None:
            if not as_json:
                echo_notes(plan, project)
            reporter.plan(plan)

        watch = Watch(on_plan, reporter.event, tell_wait, tell_retry, interrupts.cancel)
        command = seen_by(click.get_current_context()).command
        outcome = run_job(how, project, name, command=command, watch=watch, **asked)
    return outcome, interrupts.exit_code or 0


@jobs_command.command("log")
@click.argument("name", required=False, shell_complete=complete_job)
@click.option("--limit", type=click.IntRange(min=1), default=20, help="How many.")
@json_option
@project_options
@click.pass_context
def jobs_log(
    ctx: click.Context, /, name: str | None, limit: int, as_json: bool, **options: Any
) -> None:
    """What was asked of jobs, newest first: by whom, and what came of it.

    \b
    sqlpipes jobs log
    sqlpipes jobs log nightly --limit 5
    """
    from sqlpipes.api import job_named, job_runs
    from sqlpipes.show.jobs import job_run_json, job_runs_text
    from sqlpipes.show.jsonl import document

    _, project = _opened(_together(ctx, options))
    known = name is None or job_runs(project, name, 1)
    found = job_runs(
        project, name if known or name is None else job_named(project, name).name, limit
    )
    if as_json:
        click.echo(document([job_run_json(run) for run in found]))
    else:
        click.echo(job_runs_text(found))


@click.command("tick")
@click.option(
    "--at", metavar="TIME", callback=lambda c, p, v: _instant(v), help="As if it were then (ISO)."
)
@click.option("--dry-run", is_flag=True, help="Only say what is due.")
@json_option
@project_options
def tick_command(at: datetime | None, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Run what is due, once: for cron, CI or a timer.

    Each job runs once for each of its times, however often and wherever this is called.

    \b
    sqlpipes tick
    sqlpipes tick --dry-run
    * * * * * cd /srv/shop && sqlpipes tick        a line of a crontab
    """
    from sqlpipes.api import Watch, jobs, tick
    from sqlpipes.cli.interrupts import Interrupts
    from sqlpipes.show.jobs import dry_text, happening_text, rest_text, ticked_json
    from sqlpipes.show.jsonl import document

    how, project = _opened(options)

    def tell(happening: Served) -> None:
        if not as_json:
            click.echo(happening_text(happening, project.root))

    with Interrupts() as interrupts:
        interrupts.arm()
        ticked = tick(
            how,
            project,
            at=at,
            dry_run=dry_run,
            command=seen_by(click.get_current_context()).command,
            watch=Watch(cancel=interrupts.cancel),
            on_happening=tell,
        )
    if as_json:
        click.echo(document(ticked_json(ticked)))
    else:
        rest = dry_text(ticked) if dry_run else rest_text(ticked, jobs(project, now=at))
        click.echo(rest) if rest else None
    sys.exit(interrupts.exit_code or (0 if ticked.ok else 1))


@click.command("serve")
@click.option(
    "--every",
    default="30s",
    metavar="TIME",
    callback=lambda c, p, v: _seconds(v),
    help="Between two looks: 10s, 1m ...  [30s]",
)
@json_option
@project_options
def serve_command(every: float, as_json: bool, **options: Any) -> None:
    """Run what is due until it is stopped.

    Files that change are read again; a broken one is told, and what was declared before goes on.

    \b
    sqlpipes serve
    sqlpipes serve --every 10s -t prod
    """
    from sqlpipes.api import Watch, project_root, serve
    from sqlpipes.api.planning import utc_now
    from sqlpipes.cli.interrupts import Interrupts
    from sqlpipes.show.jobs import happening_json, happening_text
    from sqlpipes.show.jsonl import line

    how = _how(options, options["project_dir"] or project_root())

    def tell(happening: Served) -> None:
        now = utc_now().astimezone()
        if as_json:
            click.echo(line({"at": now.isoformat(), **happening_json(happening)}))
        else:
            text = happening_text(happening, how.root)
            click.echo(f"{now:%Y-%m-%d %H:%M:%S}  {text}")

    with Interrupts() as interrupts:
        interrupts.arm()
        serve(
            how,
            every_s=every,
            command=seen_by(click.get_current_context()).command,
            watch=Watch(cancel=interrupts.cancel),
            on_happening=tell,
        )
    sys.exit(interrupts.exit_code or 0)


def _opened(options: dict[str, Any]) -> tuple[How, Project]:
    from sqlpipes.api import load_as, project_root

    root = options["project_dir"] or project_root()
    seen_by(click.get_current_context()).root = root
    how = _how(options, root)
    return how, load_as(how)


def _how(options: dict[str, Any], root: str) -> How:
    from sqlpipes.api import How

    seen_by(click.get_current_context()).root = root
    return How(
        root,
        target=options["target"],
        profile=options["profile"],
        profiles_dir=options["profiles_dir"],
        vars=parse_vars(options["vars_text"]),
        cache=not options["no_cache"],
    )


def _together(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options may stand before the subcommand as well."""
    before: dict[str, Any] = ctx.obj or {}
    return {name: value or before.get(name) for name, value in options.items()}


def _instant(text: str | None) -> datetime | None:
    """ISO text, in UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"'{text}' is no time: write it as 2024-01-05T06:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _seconds(text: str) -> float:
    """
    >>> _seconds("30s"), _seconds("1.5m"), _seconds("2")
    (30.0, 90.0, 2.0)
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    try:
        found = float(number) * units[unit]
    except ValueError:
        found = 0.0
    if not 0 < found < inf:
        raise click.BadParameter(f"'{text}' is no time span: write it as 30s or 5m")
    return found
