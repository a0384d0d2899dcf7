"""What a command asks for -> the names that it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.asset import Kind, Materialized
from sqlpipes.core.dataclass import dataclass

if TYPE_CHECKING:
    from sqlpipes.api.config import Setting
    from sqlpipes.core.lineage import Lineage
    from sqlpipes.core.partitions import Partitions
    from sqlpipes.decide.selection import Selection, SelectionFacts


@dataclass(frozen=True, slots=True)
class Ask:
    """What a command asks for: which assets, which of their slices, and how.

    `missing`, `failed`, `stale`: only slices that were never built, whose newest attempt failed, that
    are built and no longer right; several are put together. `last`: only so many of the newest.
    `newest_first`: which batches of slices go first; None leaves it to each asset.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    kinds: frozenset[Kind] | None = None  # only these kinds: `run`, `seed`
    materialized: frozenset[Materialized] | None = None  # only what is written so: `snapshot`
    partitions: str | None = None
    missing: bool = False
    failed: bool = False
    stale: bool = False
    last: int | None = None
    as_of: datetime | None = None  # only the newest slice of each that was complete then
    now: datetime | None = None  # slices are counted up to then; None: to when it is built
    newest_first: bool | None = None
    force: bool = False
    forced: frozenset[str] = frozenset()  # of these, also what is current: their time has come
    full_refresh: bool = False
    empty: bool = False
    only_checks: bool = False  # `test`
    only: tuple[str, ...] | None = None  # exactly these names
    slices: Mapping[str, Partitions] = field(default_factory=dict)  # of these only such: `retry`
    held: frozenset[str] = frozenset()  # not these, whatever is selected: a unit test failed
    config: tuple[Setting, ...] = ()  # parameters of Python assets, for this once


def select(project: Project, ask: Ask) -> Selection:
    """The assets and checks that the ask names. ProjectError SEL00x when a selector names nothing."""
    found = selected_with_unit_tests(project, ask)
    real = tuple(check for check in found.checks if check in project.graph.checks)
    return replace(found, checks=real) if project.unit_tests else found


def selected_with_unit_tests(project: Project, ask: Ask) -> Selection:
    """The same, with the names of the unit tests among the checks."""
    from sqlpipes.decide.selection import select as select_names

    graph = project.graph
    if project.unit_tests:
        from sqlpipes.decide.unit_tests import with_unit_tests

        graph = with_unit_tests(graph, project.unit_tests)
    return select_names(
        graph,
        ask.select,
        ask.exclude,
        selectors=project.selectors,
        places=project.selector_places,
        selector=ask.selector,
        facts=_selection_facts(project, ask),
    )


def _selection_facts(project: Project, ask: Ask) -> SelectionFacts:
    """What only the outside knows, looked up only when an expression asks for it."""
    from sqlpipes.decide.selection import SelectionFacts

    said = " ".join((*ask.select, *ask.exclude, json.dumps(dict(project.selectors), default=str)))
    facts = SelectionFacts(project=project.config.name)
    if _asks_for("result", said):
        facts = replace(facts, results=_last_results(project))
    if _asks_for("state", said):
        facts = replace(facts, modified=_modified(project))
    if _asks_for("stale", said) or _asks_for("source_status", said):
        facts = _with_stale(project, facts)
    if _asks_for("column", said):
        from sqlpipes.api.columns import lineage

        facts = replace(facts, **_column_facts(lineage(project)))
    return facts


def _asks_for(method: str, said: str) -> bool:
    """Whether a method may be meant, on the command line or as a value in a YAML selector."""
    return f"{method}:" in said or f'"{method}"' in said


def _last_results(project: Project) -> Mapping[str, str] | None:
    """Assets and checks -> how they ended in the newest run; None when there was none."""
    with closing(open_store_of(project)) as store:
        if not store.runs(1):
            return None
        checks = {result.check: str(result.status) for result in store.check_results("last")}
        return checks | {name: str(status) for name, status in store.last_result().items()}


def _modified(project: Project) -> Mapping[str, frozenset[str]]:
    """asset -> what differs from what was last built: new, body, configs."""
    with closing(open_store_of(project)) as store:
        history = store.history()
    found: dict[str, frozenset[str]] = {}
    for name in project.graph.order:
        if project.graph.assets[name].materialized is Materialized.EPHEMERAL:
            continue  # never built itself: its readers are modified
        body, _, settings = project.graph.version(name).partition(".")
        built_body, _, built_settings = history.of(name).version.partition(".")
        parts: set[str] = set()
        if not history.of(name).built:
            parts = {"new"}
        else:
            parts |= {"body"} if body != built_body else set()
            parts |= {"configs"} if settings != built_settings else set()
        found[name] = frozenset(parts)
    return found


def _with_stale(project: Project, facts: SelectionFacts) -> SelectionFacts:
    from sqlpipes.api.planning import everything, plan_wish, utc_now
    from sqlpipes.core.plan import Action

    project.raise_errors()
    planned = plan_wish(project, everything(project), utc_now())
    fresher = frozenset(s.asset for s in planned.steps if s.action is Action.OBSERVE)
    return replace(facts, stale=planned.names, fresher_sources=fresher)


def _column_facts(traced: Lineage) -> dict[str, Any]:
    def readers(asset: str, column: str) -> frozenset[str]:
        return frozenset(hop.asset for hop in traced.readers(asset, column))

    def columns(asset: str) -> tuple[str, ...] | None:
        if not traced.is_listed(asset):
            return None
        return tuple(column.name for column in traced.columns(asset))

    return {"column_readers": readers, "columns": columns}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command works on. `checks` narrows which checks `test` runs; None: all of them."""

    names: tuple[str, ...]
    checks: frozenset[str] | None = None


def chosen(project: Project, ask: Ask) -> Chosen:
    """The assets that the ask is about, in graph order, and for `test` which of their checks."""
    if ask.only is not None:
        wanted = set(ask.only) - ask.held
        return Chosen(tuple(name for name in project.graph.order if name in wanted))
    found = select(project, ask)
    names = set(found.assets)
    checks = frozenset(found.checks) if ask.only_checks else None
    if checks is not None:  # a check runs with the asset that it guards, selected or not
        names = {guard for guard, own in project.graph.guards.items() if checks & set(own)}
    if ask.kinds is not None:
        names = {name for name in names if project.graph.assets[name].kind in ask.kinds}
    if ask.materialized is not None:
        assets = project.graph.assets
        names = {name for name in names if assets[name].materialized in ask.materialized}
    names -= ask.held
    return Chosen(tuple(name for name in project.graph.order if name in names), checks)
