"""Project + what is remembered -> what a page about it shows: all assets at a glance, one in full, runs.

Values only; `show/site` makes documents of them, for a folder of files or for a server.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlpipes.api.columns import lineage, traced
from sqlpipes.api.hiding import hider
from sqlpipes.api.look import compiled
from sqlpipes.api.past import AssetStatus, run_details, runs, status
from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.selection import Ask
from sqlpipes.core.asset import Asset, PythonBody, SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import SqlpipesError
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.core.lineage import ColumnFacts, Documented, Lineage
    from sqlpipes.stores import CheckRecord, Note, RunRecord

LARGEST = 200_000  # characters of a file that is shown
RUNS = 50
BADNESS = (Status.SUCCESS, Status.WARN, Status.FAIL, Status.ERROR)


@dataclass(frozen=True, slots=True)
class Overview:
    """A project as it stands at one instant. `statuses` are in graph order."""

    project: Project
    at: datetime
    statuses: tuple[AssetStatus, ...]
    columns: Mapping[str, tuple[Documented, ...]]
    facts: Mapping[str, ColumnFacts]
    checks: Mapping[str, CheckRecord] = field(default_factory=dict)  # by name, see `standing`


@dataclass(frozen=True, slots=True)
class Written:
    """What a person wrote: `text` begins at `line` of its file. language: sql, python or text."""

    text: str
    line: int
    language: str


@dataclass(frozen=True, slots=True)
class AssetPage:
    """One asset in full. `notes` and `checks` are all that is on record, oldest first."""

    status: AssetStatus
    readers: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    written: Written | None = None
    compiled: str = ""
    columns: tuple[Documented, ...] = ()
    facts: ColumnFacts | None = field(default=None, repr=False)


def overview(project: Project, *, looks: bool = True) -> Overview:
    """Every asset with its state and columns. ProjectError when the project has errors.

    Unless it `looks`, no warehouse is opened: what it holds is taken to be as it was recorded.
    """
    from sqlpipes.core.lineage import Lineage, documented

    statuses = status(project, looks=looks)
    with closing(open_store_of(project)) as store:
        newest = store.check_results()
        runs_of = list(dict.fromkeys(check.run_id for check in reversed(newest)))[:RUNS]
        checks = standing(each for run_id in runs_of for each in store.check_results(run_id))
        checks = standing(newest) | checks
    known = Lineage()
    with suppress(SqlpipesError):
        known = lineage(project) if looks else known_lineage(project)
    columns = documented(project.graph, known)
    return Overview(project, utc_now(), statuses, columns, known.facts, checks)


def known_lineage(project: Project) -> Lineage:
    """The columns as they are declared, or were when something was built last."""
    from sqlpipes.api.proofs import columns_of_tables

    return traced(project, columns_of_tables(project))


def asset_pages(seen: Overview, names: Iterable[str] | None = None) -> Iterator[AssetPage]:
    """These assets in full, all of them when none are named; each is read when it is asked for."""
    project = seen.project
    wanted = None if names is None else frozenset(names)
    children = project.graph.children()
    texts = _compiled(project, wanted)
    with closing(open_store_of(project)) as store:
        for item in seen.statuses:
            name = item.asset
            if wanted is None or name in wanted:
                yield AssetPage(
                    status=item,
                    readers=tuple(children.get(name, ())),
                    notes=store.notes(name),
                    checks=store.check_history(name),
                    written=written(project, project.graph.assets[name]),
                    compiled=texts.get(name, ""),
                    columns=seen.columns.get(name, ()),
                    facts=seen.facts.get(name),
                )


def run_pages(project: Project, limit: int = RUNS) -> Iterator[RunRecord]:
    """The newest runs with their steps and checks, newest first."""
    for run in runs(project, limit):
        yield replace(run_details(project, run.run_id), counts=run.counts)


def standing(results: Iterable[CheckRecord]) -> dict[str, CheckRecord]:
    """How each check stands: the worst of its newest run, which may have looked at slices one by one."""
    found: dict[str, CheckRecord] = {}
    for each in results:
        known = found.get(each.check)
        is_newer = known is None or (each.run_id != known.run_id and each.at >= known.at)
        is_worse = known is not None and each.run_id == known.run_id and _bad(each) >= _bad(known)
        if is_newer or is_worse:
            found[each.check] = each
    return found


def _bad(check: CheckRecord) -> int:
    return BADNESS.index(check.status) if check.status in BADNESS else 0


def hidden_in(project: Project) -> Callable[[str], str]:
    """Text -> the same without the secrets of the project, as the command line prints it."""
    return hider({} if project.secrets else os.environ, project.secrets)


def _compiled(project: Project, names: frozenset[str] | None) -> Mapping[str, str]:
    """Of those whose template cannot be said as things stand, there is none."""
    order = [name for name in project.graph.order if names is None or name in names]
    with suppress(SqlpipesError):
        return compiled(project, Ask(only=tuple(order)))
    return {}


def written(project: Project, asset: Asset) -> Written | None:
    """The text of a query or a function; None of what is neither, or whose file is gone."""
    body = asset.body
    if isinstance(body, SqlBody):
        return Written(body.text[:LARGEST], body.line, "sql")
    if not isinstance(body, PythonBody):
        return None
    try:
        with open(os.path.join(project.root, asset.path), encoding="utf-8") as file:
            text = file.read(LARGEST)
    except (OSError, ValueError):
        return None
    return _function(text, asset.at.line) or Written(text, 1, "python")


def _function(text: str, line: int) -> Written | None:
    """The function that stands around a line, with its decorators."""
    import ast

    with suppress(SyntaxError, ValueError):
        for node in ast.parse(text).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                if first <= line <= (node.end_lineno or first):
                    lines = text.split("\n")[first - 1 : node.end_lineno]
                    return Written("\n".join(lines), first, "python")
    return None
