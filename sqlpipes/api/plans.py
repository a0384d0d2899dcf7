"""Project + what is asked for -> the plan that `build` would run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlpipes.api.config import check_arguments, family_of, with_config
from sqlpipes.api.planning import everything, plan_wish, sources_seen_by, utc_now
from sqlpipes.api.portability import refuse_unportable
from sqlpipes.api.project import Project
from sqlpipes.api.proofs import with_proofs
from sqlpipes.api.resources import ready_resources
from sqlpipes.api.selection import Ask, chosen
from sqlpipes.api.warehouses import (
    blank_engines,
    connections,
    engines_to_look,
    engines_to_spell,
    look,
)
from sqlpipes.core.crossing import Columns
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import as_naive_utc
from sqlpipes.core.plan import TIME_HAS_COME, Crossing, Plan, Reason, Step, Why

if TYPE_CHECKING:
    from sqlpipes.decide.planner import Wish
    from sqlpipes.run.warehouse import Warehouse, Warehouses


def plan(project: Project, ask: Ask | None = None, *, now: datetime | None = None) -> Plan:
    """What `build` would do and why; reads the state and, only if it may have changed, the warehouse.

    Raises ProjectError for what `build` would refuse: also for wrong values of the parameters and
    the resources that its steps are given.
    """
    project.raise_errors()
    ask = ask or Ask()
    project = with_config(project, ask.config).project
    found = plan_wish(project, wish_of(project, ask), now or utc_now())
    check_arguments(project, found)
    ready_resources(project, found)
    refuse_unportable(project, found)
    refuse_unmovable(project, found)
    return found


def refuse_unmovable(project: Project, planned: Plan) -> None:
    """ProjectError for rows that are to move along and cannot; looks only if there are any."""
    if any(step.moves for step in planned.steps):
        from sqlpipes.run.moving import not_movable

        if wrong := not_movable(planned, project.graph, look_at_warehouses(project)):
            raise ProjectError(*wrong)


def why(project: Project, *, now: datetime | None = None) -> tuple[Graph, Plan]:
    """The graph with all that is proven of its edges, and the plan of a whole build."""
    project.raise_errors()
    found = plan_wish(project, everything(project), now or utc_now())
    return with_proofs(project, None).graph, found


def wish_of(project: Project, ask: Ask) -> Wish:
    from sqlpipes.decide.planner import Wish

    found = chosen(project, ask)
    said = _said_once(project, ask)
    forced = dict.fromkeys(ask.forced, TIME_HAS_COME)
    forced |= {n: Reason(Why.FORCED, text) for n, text in said.items() if n in found.names}
    _refuse_unchosen(project, ask, frozenset(found.names) | ask.held)
    return Wish(
        names=frozenset(found.names),
        checks=found.checks,
        observe=frozenset() if ask.only_checks else sources_seen_by(project.graph, found.names),
        partitions=ask.partitions,
        last=ask.last,
        as_of=as_naive_utc(ask.as_of) if ask.as_of else None,
        slices=ask.slices,
        missing=ask.missing,
        failed=ask.failed,
        stale=ask.stale,
        newest_first=ask.newest_first,
        force=ask.force,
        forced=forced,
        full_refresh=ask.full_refresh,
        empty=ask.empty,
        only_checks=ask.only_checks,
    )


def _said_once(project: Project, ask: Ask) -> dict[str, str]:
    """asset -> the config that only this command sets."""
    found: dict[str, list[str]] = {}
    for each in ask.config:
        for name in family_of(project, each.asset):
            found.setdefault(name, []).append(f"{each.option}={each.value}")
    return {name: f"--config {' '.join(said)}" for name, said in found.items()}


def _refuse_unchosen(project: Project, ask: Ask, names: frozenset[str]) -> None:
    """Config for what is not built would be lost without a word."""
    problems = [
        Problem("RES014", f"'{each.asset}' is configured, and is not among what is chosen", each.at)
        for each in ask.config
        if not names.intersection(family_of(project, each.asset))
    ]
    if problems:
        raise ProjectError(*problems)


def plan_statements(project: Project, planned: Plan) -> dict[str, tuple[str, ...]]:
    """asset -> the statements that its step would run, as they stand now, its checks included."""
    from sqlpipes.run.crossing import columns_there

    graph = with_proofs(project, None).graph  # which the plan was made of, and the build is
    with closing(engines_to_look(project)) as engines, connections(engines) as connect:
        warehouses = look(engines, project)

        def there(crossing: Crossing) -> Columns:
            home = warehouses.named(crossing.home)
            return columns_there(crossing, graph, home, connect(crossing.home))

        return {
            step.asset: tuple(_statements(step, graph, warehouses, there, planned.empty))
            for step in planned.steps
        }


def _statements(
    step: Step,
    graph: Graph,
    warehouses: Warehouses,
    there: Callable[[Crossing], Columns],
    empty: bool,
) -> Iterator[str]:
    """Part by part, each with what crosses for it: its names and its SELECTs are those that are run."""
    from sqlpipes.run.crossing import crossings_of
    from sqlpipes.run.parts import parts_of

    own = warehouses.of(graph.assets[step.asset])
    parts = parts_of(step, graph, own)
    for number, slices in enumerate(parts):
        part, warehouse = replace(step, slices=slices), own.apart(step.asset, slices)
        crossings = crossings_of(part, graph)
        if number:  # what crosses whole has done so for the first part
            crossings = tuple(each for each in crossings if each.window is not None)
        yield from _crossing_statements(crossings, graph, warehouse, warehouses, there, empty)
        yield from _part_statements(part, graph, warehouse, made=number > 0, empty=empty)


def _crossing_statements(
    crossings: Iterable[Crossing],
    graph: Graph,
    own: Warehouse,
    warehouses: Warehouses,
    there: Callable[[Crossing], Columns],
    empty: bool,
) -> Iterator[str]:
    from sqlpipes.run.crossing import crossing_sql, said_of

    for each in crossings:
        home = warehouses.named(each.home)
        sql = crossing_sql(each, graph, home, there=there(each), empty=empty)
        yield f"-- {said_of(graph.assets[each.asset], own)}\n{sql}"


def _part_statements(
    part: Step, graph: Graph, warehouse: Warehouse, *, made: bool, empty: bool
) -> Iterator[str]:
    from sqlpipes.run.export import with_staged
    from sqlpipes.run.materialize import part_sql

    transaction = part_sql(part, graph, warehouse, made=made, empty=empty)
    said = transaction.statements if transaction else ()
    yield from (each.sql for each in said)
    for output in (each.output for each in said):
        if output is not None:
            warehouse = with_staged(warehouse, output, graph.assets[part.asset])
    if not empty:
        yield from _check_statements(part, graph, warehouse)
    yield from (each.sql for each in (transaction.after if transaction else ()))


def _check_statements(step: Step, graph: Graph, warehouse: Warehouse) -> list[str]:
    """One query of bad rows for each check that is SQL, under its name."""
    from sqlpipes.run.checks import check_sql

    found = []
    for check in (graph.checks[name] for name in step.checks):
        if check.type == "python":
            found.append(f"-- check {check.name}: a Python function")
        else:
            slices = step.slices if check.asset == step.asset else None
            found.append(f"-- check {check.name}\n{check_sql(check, graph, warehouse, slices)}")
    return found


def look_at_warehouses(project: Project) -> Warehouses:
    """What exists in the warehouses, for writing statements; nothing where one is not there yet."""
    with closing(engines_to_look(project)) as engines:
        return look(engines, project)


def look_at_names(project: Project) -> Warehouses:
    """What relations are called there. What exists is known only where that has to be looked at."""
    with closing(engines_to_spell(project)) as engines:
        return look(engines, project)


def look_at_nothing(project: Project) -> Warehouses:
    """Warehouses of the same kinds in which nothing exists."""
    with closing(blank_engines(project)) as engines:
        return look(engines, project)
