"""`build`, and what is `build` narrowed to a kind: `run`, `seed`, `snapshot`, `test`, `retry`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from sqlpipes.cli.interrupts import Interrupts
from sqlpipes.cli.options import (
    ask_from,
    build_options,
    echo_notes,
    echo_warnings,
    open_project,
    picked_by,
    project_options,
    run_options,
    selection_options,
)
from sqlpipes.cli.seen import seen_by
from sqlpipes.cli.unit_tests import tell_before, unit_test_echo

if TYPE_CHECKING:
    from sqlpipes.api import Ask, Project, Report
    from sqlpipes.core.plan import Plan
    from sqlpipes.show.progress import Reporter


@click.command("build")
@selection_options
@build_options
@run_options
@project_options
def build_command(**options: Any) -> None:
    """Make assets current: seeds, models, Python, their checks.

    Everything goes in graph order.     Only what is missing, changed or older than its inputs is
    built; `sqlpipes plan` says what and why. A blocking check that fails leaves what readers see untouched.

    \b
    sqlpipes build
    sqlpipes build -s +daily_sales            with everything above it
    sqlpipes build -s tag:finance --exclude path:models/staging
    sqlpipes build -s daily_sales --partition 2024-01 --force
    sqlpipes build --missing --last 7         the newest week, where it was never built
    """
    project = open_project(options)
    _build(project, ask_from(options), options)


@click.command("run")
@selection_options
@build_options
@run_options
@project_options
def run_command(**options: Any) -> None:
    """`build` for models only: SQL and Python, no seeds.

    \b
    sqlpipes run -s stg_orders+
    """
    from sqlpipes.core.asset import Kind

    project = open_project(options)
    _build(project, ask_from(options, [Kind.SQL, Kind.PYTHON, Kind.SOURCE]), options)


@click.command("seed")
@selection_options
@build_options
@run_options
@project_options
def seed_command(**options: Any) -> None:
    """`build` for seeds only: load the data files that changed.

    \b
    sqlpipes seed --force
    """
    from sqlpipes.core.asset import Kind

    project = open_project(options)
    _build(project, ask_from(options, [Kind.SEED]), options)


@click.command("snapshot")
@selection_options
@build_options
@run_options
@project_options
def snapshot_command(**options: Any) -> None:
    """`build` for snapshots only: add the states that are new.

    \b
    sqlpipes snapshot
    sqlpipes snapshot -s customers_history
    """
    from dataclasses import replace

    from sqlpipes.core.asset import Materialized

    project = open_project(options)
    ask = replace(ask_from(options), materialized=frozenset({Materialized.SNAPSHOT}))
    _build(project, ask, options)


@click.command("test")
@selection_options
@run_options
@project_options
def test_command(**options: Any) -> None:
    """Run unit tests, and checks on what is published.

    Nothing is built. Unit tests run in memory: they need no warehouse and read none of its data.

    \b
    sqlpipes test -s orders
    sqlpipes test -s test_type:unit
    sqlpipes test -s test_type:data --exclude tag:slow
    """
    from dataclasses import replace

    from sqlpipes.api import select
    from sqlpipes.cli.unit_tests import run_selected

    project = open_project(options)
    ask = replace(ask_from(options), only_checks=True)
    well = run_selected(project, ask, options)
    stop = well is False and options["fail_fast"]
    if well is not None and (stop or not select(project, ask).checks):
        sys.exit(0 if well else 1)
    _build(project, ask, options, well=well)


@click.command("retry")
@build_options
@run_options
@project_options
def retry_command(**options: Any) -> None:
    """Build what the newest run left: failed, skipped, stopped.

    Of an asset in slices, only those slices that were left.

    \b
    sqlpipes retry
    """
    from dataclasses import replace

    from sqlpipes.api import forced_by_last, unfinished

    project = open_project(options)
    left = unfinished(project)
    if not left:
        click.echo("the newest run left nothing to retry")
        return
    ask = replace(ask_from(options), only=tuple(left), slices=left)
    again = "" if ask.force or ask.full_refresh else forced_by_last(project)
    ask = replace(
        ask,
        force=ask.force or again == "--force",
        full_refresh=ask.full_refresh or again == "--full-refresh",
    )
    if again:  # so that what this one leaves is known to be forced, too
        click.echo(f"with {again}, as the newest run", err=True)
        seen = seen_by(click.get_current_context())
        seen.command = f"{seen.command} {again}"
    _build(project, ask, options)


def _build(
    project: Project, ask: Ask, options: dict[str, Any], *, well: bool | None = None
) -> None:
    """`well`: how unit tests ended that ran before it, and told the warnings; None: there were none."""
    from sqlpipes.api import build
    from sqlpipes.show.problems import problems_text

    as_json = options["as_json"]
    if not as_json and well is None:
        echo_warnings(project)
    reporter = reporter_for(as_json, partial(click.echo, file=sys.stdout))  # not a function's own
    with Interrupts() as interrupts, closing(reporter):

        def on_plan(plan: Plan) -> None:
            interrupts.arm()
            if not as_json:
                echo_notes(plan, project)
            reporter.plan(plan)

        report = build(
            project,
            ask,
            threads=options["threads"],
            fail_fast=options["fail_fast"],
            wait_s=0.0 if options["no_wait"] else options["wait_s"],
            command=seen_by(click.get_current_context()).command,
            on_plan=on_plan,
            on_event=reporter.event,
            on_wait=tell_wait,
            on_retry=tell_retry,
            on_unit_test=unit_test_echo(options),
            cancel=interrupts.cancel,
            artifacts=options["artifacts"],
        )
    if not as_json:
        _tell(project, ask, report)
    elif report.notes:  # no event has them
        click.echo(problems_text(report.notes, project.root), err=True)
    sys.exit(interrupts.exit_code or (0 if report.ok and well is not False else 1))


def tell_wait(who: str) -> None:
    click.echo(f"waiting: {who} is building here (Ctrl-C ends the wait)", err=True)


def tell_retry(said: str) -> None:
    click.echo(f"waiting: {said}", err=True)


def _tell(project: Project, ask: Ask, report: Report) -> None:
    """What came of it, after the lines that were shown on the way."""
    from dataclasses import replace

    from sqlpipes.show.problems import problems_text
    from sqlpipes.show.report import nothing_text, report_text

    if report.plan.steps:
        steps = replace(report, unit_tests=())
        click.echo("\n" + report_text(steps, project.graph, project.root))
    else:
        text = nothing_text(report.plan, checks=ask.only_checks, picked=picked_by(ask))
        click.echo(text)
        if report.notes:
            click.echo(problems_text(report.notes, project.root), err=True)
    tell_before(report, project)


def reporter_for(as_json: bool, echo: Callable[[str], None]) -> Reporter:
    from sqlpipes.show.progress import Lines, Live

    if as_json:
        from sqlpipes.show.jsonl import Events

        return Events(echo)
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return Lines(echo)
    return Live(echo, shutil.get_terminal_size().columns)
