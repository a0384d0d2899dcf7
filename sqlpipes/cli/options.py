"""Options that several commands share, and what they turn into."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sqlpipes.cli.seen import seen_by

if TYPE_CHECKING:
    from sqlpipes.api import Ask, Project
    from sqlpipes.api.config import Setting
    from sqlpipes.core.asset import Kind
    from sqlpipes.core.errors import Problem
    from sqlpipes.core.plan import Plan
    from sqlpipes.core.sql import Relation

SHOWN_WARNINGS = 10

F = TypeVar("F", bound=Callable[..., Any])


def _stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def complete_selector(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Asset names for the shell, after the operators that are already typed."""
    from sqlpipes.api import load, project_root
    from sqlpipes.core.errors import SqlpipesError

    head = incomplete[: len(incomplete) - len(incomplete.lstrip("+@0123456789"))]
    try:
        names = load(ctx.params.get("project_dir") or project_root()).graph.assets
    except (SqlpipesError, OSError):
        return []
    return [head + name for name in sorted(names) if name.startswith(incomplete[len(head) :])]


def complete_column(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Assets, and behind `orders.` its columns."""
    from sqlpipes.api import lineage, load, project_root
    from sqlpipes.core.errors import SqlpipesError

    asset, dot, column = incomplete.rpartition(".")
    try:
        project = load(ctx.params.get("project_dir") or project_root())
        if not dot or asset not in project.graph.assets:
            return [name for name in sorted(project.graph.assets) if name.startswith(incomplete)]
        known = lineage(project, connect=False).columns(asset)
    except (SqlpipesError, OSError):
        return []
    return [f"{asset}.{each.name}" for each in known if each.name.startswith(column)]


project_options = _stack(
    click.option("--project-dir", metavar="DIR", help="The project's folder."),
    click.option("--profiles-dir", metavar="DIR", help="Where profiles.yml is."),
    click.option("--profile", metavar="NAME", help="Which profile of profiles.yml."),
    click.option("--target", "-t", metavar="NAME", help="Which output of the profile."),
    click.option(
        "--vars",
        "vars_text",
        multiple=True,
        metavar="YAML",
        help="Values for {{ var('x') }}: '{x: 1}' or x=1; repeatable.",
    ),
    click.option("--no-cache", is_flag=True, help="Read every file anew."),
)

selection_options = _stack(
    click.option(
        "--select",
        "-s",
        multiple=True,
        metavar="EXPR",
        shell_complete=complete_selector,
        help="Which assets: name, +name, name+, tag:x, path:models/staging ... (docs/selection.md)",
    ),
    click.option("--exclude", multiple=True, metavar="EXPR", help="Which of them to leave out."),
    click.option("--selector", metavar="NAME", help="A selector of selectors.yml."),
)

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")

build_options = _stack(
    click.option(
        "--partition", metavar="RANGE", help="Only these slices: 2024-01-31, 2024-01, A..B (B out)."
    ),
    click.option(
        "--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N slices of each."
    ),
    click.option("--missing", is_flag=True, help="Only slices that were never built."),
    click.option("--failed", is_flag=True, help="Only slices whose newest attempt failed."),
    click.option("--stale", is_flag=True, help="Only slices that are built and no longer right."),
    click.option(
        "--newest-first/--oldest-first",
        "newest_first",
        default=None,
        help="Which batches of slices go first.",
    ),
    click.option("--full-refresh", "-f", is_flag=True, help="Write every relation anew."),
    click.option("--force", is_flag=True, help="Build what is current, too."),
    click.option("--empty", is_flag=True, help="Build the relations without rows."),
    click.option(
        "--config",
        multiple=True,
        metavar="ASSET.NAME=VALUE",
        help="A parameter of a Python asset, for this once.",
    ),
    click.option("--config-file", metavar="FILE", help="The same as YAML: {asset: {name: value}}."),
)

run_options = _stack(
    click.option("--threads", type=click.IntRange(min=1), help="Steps at one time."),
    click.option("--fail-fast", "-x", is_flag=True, help="Stop at the first failure."),
    click.option(
        "--wait",
        "wait_s",
        type=click.FloatRange(min=0),
        default=inf,
        metavar="SECONDS",
        help="How long to wait for another build; without this, until it ends.",
    ),
    click.option("--no-wait", is_flag=True, help="Fail at once when another build is running."),
    click.option(
        "--artifacts/--no-artifacts",
        default=None,
        help="Write dbt's artifacts when it has ended; else as the project file says.",
    ),
    json_option,
)


def open_project(options: dict[str, Any], placed: Mapping[str, Relation] | None = None) -> Project:
    """Take the shared project options out of `options` and load the project."""
    from sqlpipes.api import load, project_root
    from sqlpipes.core.garbage import resting, stay

    root = options.pop("project_dir") or project_root()
    seen = seen_by(click.get_current_context())
    seen.root = root
    seen.note_flags(options)
    with resting():
        project = load(
            root,
            target=options.pop("target"),
            profile=options.pop("profile"),
            profiles_dir=options.pop("profiles_dir"),
            vars=parse_vars(options.pop("vars_text")),
            cache=not options.pop("no_cache"),
            placed=placed,
            processes=_cores(),
        )
        seen.veil.add(project.secrets)
        stay()
    return project


def _cores() -> int:
    """That this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse_vars(texts: Sequence[str]) -> dict[str, Any]:
    """Each `{a: 1}` as YAML or JSON, or `a=1`; a later one wins. UsageError when one is neither."""
    found: dict[str, Any] = {}
    for text in texts:
        found |= _vars_of(text) if text else {}
    return found


def _vars_of(text: str) -> dict[str, Any]:
    import yaml

    stripped = text.strip()
    if "=" in stripped and not stripped.startswith("{") and ":" not in stripped.split("=")[0]:
        pairs = (item.split("=", 1) for item in stripped.split())
        return {key: yaml.safe_load(value) for key, value in pairs}
    try:
        found = yaml.safe_load(stripped)
    except yaml.YAMLError as error:
        raise click.UsageError(f"--vars is no YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise click.UsageError("--vars wants names with values: '{name: value}' or name=value")
    return {str(key): value for key, value in found.items()}


def ask_from(options: dict[str, Any], kinds: Sequence[Kind] | None = None) -> Ask:
    """The selection and build options as one value; what a command lacks keeps its default."""
    from sqlpipes.api import Ask

    flags, file = options.get("config", ()), options.get("config_file")
    return Ask(
        select=options.get("select", ()),
        exclude=options.get("exclude", ()),
        selector=options.get("selector"),
        kinds=frozenset(kinds) if kinds else None,
        partitions=options.get("partition"),
        last=options.get("last"),
        missing=options.get("missing", False),
        failed=options.get("failed", False),
        stale=options.get("stale", False),
        newest_first=options.get("newest_first"),
        full_refresh=options.get("full_refresh", False),
        force=options.get("force", False),
        empty=options.get("empty", False),
        config=_settings(flags, file) if flags or file else (),
    )


def _settings(flags: Sequence[str], file: str | None) -> tuple[Setting, ...]:
    from sqlpipes.api import read_settings

    return read_settings(flags, file)


def picked_by(ask: Ask) -> list[str]:
    """What the slices must be like, in words."""
    words = {"missing": ask.missing, "failed": ask.failed, "stale": ask.stale}
    return [word for word, said in words.items() if said]


def echo_text(text: str) -> None:
    """Text of the project: to the letter into a pipe or a file; no letter of it moves a terminal."""
    if sys.stdout.isatty():
        from sqlpipes.show.letters import plain_lines

        click.echo(plain_lines(text))
    else:
        click.echo(text, color=True)  # what looks like a colour is data


def echo_warnings(project: Project) -> None:
    """Warnings go to stderr, so that what a command prints can be piped on."""
    _echo_problems(project.warnings, project)


def echo_notes(plan: Plan, project: Project) -> None:
    """What a person should know of a plan before it runs, to stderr as well."""
    _echo_problems(plan.notes, project)


def _echo_problems(problems: Sequence[Problem], project: Project) -> None:
    if not problems:
        return
    from sqlpipes.show.problems import problems_text

    click.echo(problems_text(problems[:SHOWN_WARNINGS], project.root) + "\n", err=True)
    more = len(problems) - SHOWN_WARNINGS
    if more > 0:
        click.echo(f"and {more} more warnings: sqlpipes lint shows all of them\n", err=True)
