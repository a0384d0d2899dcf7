"""Project, or a plan of it -> all that keeps its SQL from being said in the target's dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.crossings import uncarried
from sqlpipes.api.file_assets import misplaced_files
from sqlpipes.api.observe import changes_there
from sqlpipes.api.porting import is_files
from sqlpipes.api.project import Project, in_place_order
from sqlpipes.api.words import dialect_place, word_place
from sqlpipes.core.asset import Asset, Materialized, Scope, SourceBody, SqlBody
from sqlpipes.core.engine import Engines
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Plan
from sqlpipes.core.sql.porting import Porter, is_proven
from sqlpipes.core.sql.relation import CASE_SENSITIVE_WHEN_QUOTED

if TYPE_CHECKING:
    from sqlpipes.run.warehouse import Warehouse

READ_APART = "read the files in a model of its own, which reads nothing else"


def _nothing(project: Project, engine_name: str) -> Warehouse:
    """A warehouse of the engine's kind in which nothing stands."""
    from sqlpipes.engines import blank
    from sqlpipes.run.warehouse import warehouse_of

    target = project.target.on(engine_name)
    with closing(blank(target, project.root)) as engine:
        found = warehouse_of(engine, target.schema, project.root)
    return replace(found, engine=engine_name)


def portability(project: Project, names: Iterable[str] | None = None) -> tuple[Problem, ...]:
    """All that keeps these assets, and the checks that gate them, from being said for the target."""
    graph = project.graph
    chosen = [graph.assets[name] for name in (graph.order if names is None else names)]
    found: dict[Problem, None] = {}
    for engine, porter in graph.porters.items():
        mine = [asset for asset in chosen if asset.engine == engine]
        if not porter.unchecked and not is_proven(porter.read, porter.write):
            if mine or not engine:
                found[_unproven(porter, project.root)] = None
            continue
        if mine:
            warehouse = _nothing(project, engine)
            found |= dict.fromkeys(p for each in mine for p in _refusals(project, each, warehouse))
            porter.save()
    return tuple(found)


def _unproven(porter: Porter, root: str) -> Problem:
    message = f"nothing is proven of {porter.read} said in {porter.write}"
    hint = "`transpile: unchecked` in the project file takes over what the parser makes of it"
    return Problem("TRN005", message, dialect_place(root), hint)


def _refusals(project: Project, asset: Asset, warehouse: Warehouse) -> Iterator[Problem]:
    for ask in _questions(project, asset, warehouse):
        try:
            ask()
        except ProjectError as error:
            said = (p for p in error.problems if p.code.startswith("TRN"))
            yield from (_among_keys(p, asset, project.root) for p in said)


def _among_keys(problem: Problem, asset: Asset, root: str) -> Problem:
    """At the word that is meant among the keys of the asset's file, where it stands there."""
    words: list[str] = []
    if problem.code == "TRN011":
        words = [problem.message.split("'")[1]]
    elif problem.code == "TRN009":
        said = (asset.settings.get(key) for key in ("before", "after"))
        hooks = [each for one in said for each in (one if isinstance(one, list) else [one]) if each]
        words = [line for hook in hooks if (line := str(hook).strip().split("\n")[0])]
    places = (word_place(root, asset.path, word, before=asset.at.line) for word in words)
    return replace(problem, at=next(filter(None, places), problem.at))


def refuse_unportable(project: Project, plan: Plan, engines: Engines | None = None) -> None:
    """All that a plan would stumble over, before it begins. Raises ProjectError TRN..., XNG006, ENG025.

    `engines`: those that are open, as a file may not be opened twice.
    """
    names = [step.asset for step in plan.steps]
    ways = (uncarried(project, names, engines), misplaced_files(project, names, engines))
    if found := (*portability(project, names), *(problem for way in ways for problem in way)):
        raise ProjectError(*in_place_order(found))


def _questions(
    project: Project, asset: Asset, warehouse: Warehouse
) -> Iterator[Callable[[], object]]:
    from sqlpipes.run.checks import check_sql
    from sqlpipes.run.freshness import newest_sql
    from sqlpipes.run.materialize import refuse_hooks
    from sqlpipes.run.query import asset_query

    graph = project.graph
    yield lambda: refuse_hooks(asset, graph, warehouse)
    yield lambda: _refuse_mixture(asset, graph, warehouse)
    yield lambda: _refuse_names(asset, graph)
    if isinstance(asset.body, SqlBody) and not asset.body.local:
        this = warehouse.quote(asset.relation) if asset.relation else ""
        for incremental in (False, True) if asset.body.template is not None else (False,):
            scope = Scope(this, incremental, start="2024-01-01", end="2024-01-02", key="2024-01-01")
            yield lambda scope=scope: asset_query(asset, graph, warehouse, scope)  # type: ignore[misc]
    if isinstance(asset.body, SourceBody) and not asset.body.files:
        yield lambda: changes_there(asset, graph, warehouse.dialect)
        if asset.body.freshness is not None:
            yield lambda: newest_sql(asset, graph, warehouse)
    for check in graph.gate(asset.name):
        if check.type != "python":
            yield lambda check=check: check_sql(check, graph, warehouse)  # type: ignore[misc]


def _refuse_names(asset: Asset, graph: Graph) -> None:
    """Names of columns outside of queries are quoted, and then their case counts in some dialects."""
    porter = graph.porters.get(asset.engine)
    if porter is None or porter.write not in CASE_SENSITIVE_WHEN_QUOTED:
        return
    said = [*asset.unique_key, *(asset.partition.columns if asset.partition else ())]
    said += [name for check in graph.gate(asset.name) for name in check.columns]
    wrong = [name for name in dict.fromkeys(said) if name.isidentifier() and name != name.lower()]
    if wrong:
        message = (
            f"'{wrong[0]}' of '{asset.name}' is another column than '{wrong[0].lower()}' there"
        )
        hint = f"write {wrong[0].lower()}: {porter.read} finds it by letters of any case"
        raise ProjectError(Problem("TRN011", message, asset.at, hint))


def _refuse_mixture(asset: Asset, graph: Graph, warehouse: Warehouse) -> None:
    """A query that reads files in the warehouse itself, which reads none."""
    body = asset.body
    if not isinstance(body, SqlBody) or warehouse.can.reads_files:
        return
    files = [name for name in graph.parents(asset.name) if is_files(graph.assets[name])]
    if not files:
        return
    at = next(found.at for found in graph.inputs[asset.name] if found.name == files[0])
    if not body.local:
        message = (
            f"'{asset.name}' reads files beside tables, and {warehouse.dialect} reads no files"
        )
        raise ProjectError(Problem("TRN010", message, at, READ_APART))
    if asset.materialized is not Materialized.TABLE or asset.partition is not None:
        message = f"'{asset.name}' reads files that {warehouse.dialect} does not read, so it must be a table"
        hint = "take `materialized` and `partition` away, and put them into a model that reads this one"
        raise ProjectError(Problem("TRN010", message, at, hint))
