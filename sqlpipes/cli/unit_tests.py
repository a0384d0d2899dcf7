"""The part of `test` that runs unit tests, and how a build tells those that ran before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sqlpipes.cli.options import echo_warnings

if TYPE_CHECKING:
    from sqlpipes.api import Ask, Project, Report
    from sqlpipes.core.unit_test import UnitResult


def unit_test_echo(options: dict[str, Any]) -> Callable[[UnitResult], None]:
    """What says how a unit test ended, as it ends."""

    def tell(result: UnitResult) -> None:
        from sqlpipes.show.jsonl import line
        from sqlpipes.show.unit_tests import result_json, result_line

        click.echo(line(result_json(result)) if options["as_json"] else result_line(result))

    return tell


def run_selected(project: Project, ask: Ask, options: dict[str, Any]) -> bool | None:
    """Run the unit tests that are selected: whether all are well; None when there are none."""
    from sqlpipes.api import run_unit_tests, unit_tests

    project.raise_errors()
    tests = unit_tests(project, ask)
    if not tests:
        return None
    if not options["as_json"]:
        echo_warnings(project)
    results = run_unit_tests(
        project, tests, on_result=unit_test_echo(options), fail_fast=options["fail_fast"]
    )
    if not options["as_json"]:
        from sqlpipes.show.unit_tests import results_text

        click.echo("\n" + results_text(results, project.root))
    return all(result.ok for result in results)


def tell_before(report: Report, project: Project) -> None:
    """The unit tests that failed before a build, and what that held back."""
    if all(result.ok for result in report.unit_tests):
        return
    from sqlpipes.show.unit_tests import held_text, results_text

    click.echo("\n" + results_text(report.unit_tests, project.root))
    click.echo(held_text(report.unit_tests))
