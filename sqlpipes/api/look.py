"""Looking without changing anything: lint, rows, compiled SQL."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.columns import lineage
from sqlpipes.api.crossings import uncarried
from sqlpipes.api.file_assets import misplaced_files
from sqlpipes.api.plans import look_at_names, look_at_nothing
from sqlpipes.api.portability import portability
from sqlpipes.api.project import Project, in_place_order
from sqlpipes.api.resources import resource_problems
from sqlpipes.api.selection import Ask, chosen
from sqlpipes.api.warehouses import (
    are_there,
    blank_engines,
    connections,
    engines_to_look,
    look,
)
from sqlpipes.core.asset import Asset, Kind, Scope, SqlBody
from sqlpipes.core.errors import (
    EngineError,
    Location,
    Problem,
    ProjectError,
    SqlpipesError,
)
from sqlpipes.core.graph import Graph, borrowed

if TYPE_CHECKING:
    from sqlpipes.core.engine import Rows
    from sqlpipes.run.query import Query
    from sqlpipes.run.warehouse import Warehouse, Warehouses

INLINE = "--inline"  # the file name of a query that stands on the command line


def lint(project: Project) -> tuple[Problem, ...]:
    """Everything that can be found wrong without running anything, in place order."""
    from sqlpipes.decide.lint import lint as find_problems

    found = find_problems(project.graph, lineage(project), project.facts)
    configured = resource_problems(project)
    unportable = (*portability(project), *uncarried(project), *misplaced_files(project))
    known = {*project.problems, *found, *configured, *unportable}
    errors = [*project.errors, *(problem for problem in unportable if problem.is_error)]
    faulty = {problem.at.file for problem in errors if problem.at}
    return in_place_order({*known, *_unreadable(project, faulty)})


def _unreadable(project: Project, faulty: set[str]) -> list[Problem]:
    """What the warehouse's own parser refuses; ours forgives some. Files with faults are passed over."""
    from sqlpipes.run.query import asset_query

    asked = [
        asset
        for asset in project.graph.assets.values()
        if asset.kind is Kind.SQL
        and asset.path not in faulty
        and asset.engine not in project.graph.porters
    ]
    if not asked:
        return []
    found: list[Problem] = []
    with closing(blank_engines(project)) as engines, connections(engines) as connect:
        warehouses = look(engines, project)
        for asset in asked:
            query = asset_query(asset, project.graph, warehouses.of(asset))
            try:
                connect(asset.engine).parse(query.text)
            except EngineError as error:
                found += [in_file(problem, query, asset) for problem in error.problems]
    return found


def in_file(problem: Problem, query: Query, asset: Asset) -> Problem:
    """A fault at a place of the query, at its place in the user's file."""
    at = problem.at
    if at is not None:
        before = query.text.split("\n")[: at.line - 1]
        at = query.place(sum(len(line) + 1 for line in before) + at.column - 1)
    return replace(problem, code="SQL001", at=at or asset.at)


def rows(
    project: Project, name: str | None = None, *, inline: str | None = None, limit: int = 10
) -> Rows:
    """The first rows of an asset as it is published, or of a query over assets.

    An ephemeral asset is computed. Raises ProjectError when it is not built yet (ENG002) or when an
    inline text is no query (its places are in a file named --inline); EngineError when the
    warehouse refuses.
    """
    asset = project.asset(name) if name is not None else None
    body = None if inline is None else _inline_body(inline, project)
    if not are_there(project):
        raise _not_built(asset)
    with closing(engines_to_look(project)) as engines, connections(engines) as connect:
        warehouses = look(engines, project)
        home = _home(asset, body, warehouses, project)
        warehouse = warehouses.named(home)
        query = _query_of(asset, warehouse, project) if asset else _inline(body, warehouse, project)
        try:
            return connect(home).fetch(query.text, limit=limit)
        except EngineError as error:
            raise _placed(error, query, inline is not None) from error


def _home(
    asset: Asset | None, body: SqlBody | None, warehouses: Warehouses, project: Project
) -> str:
    """The engine that is asked. Nothing crosses only to be looked at: ProjectError XNG007."""
    from sqlpipes.run.homes import home_of

    if asset is not None and not (asset.relation is None and isinstance(asset.body, SqlBody)):
        return asset.engine
    said = asset.body if asset else body
    assert isinstance(said, SqlBody)
    own = warehouses.of(asset) if asset else warehouses.own
    try:
        return home_of(said, project.graph, own, asset.at if asset else Location(INLINE))
    except EngineError as error:
        raise ProjectError(*error.problems) from error


def _not_built(asset: Asset | None) -> ProjectError:
    what = f"'{asset.name}' is not built yet" if asset else "nothing is built yet"
    hint = f"sqlpipes build -s +{asset.name}" if asset else "run sqlpipes build"
    return ProjectError(Problem("ENG002", what, asset.at if asset else None, hint))


def _query_of(asset: Asset, warehouse: Warehouse, project: Project) -> Query:
    """What reads the asset as it is published."""
    from sqlpipes.run.checks import subject
    from sqlpipes.run.exported import is_there
    from sqlpipes.run.query import Query, asset_query

    if asset.export is not None and not is_there(asset, warehouse.root):
        raise _not_built(asset)
    if asset.relation is None and asset.export is None and isinstance(asset.body, SqlBody):
        return asset_query(asset, project.graph, warehouse)
    if asset.relation is not None and warehouse.type_of(asset.relation) is None:
        if asset.kind is Kind.SOURCE:
            message = f"source '{asset.name}' is not there: {asset.relation} does not exist"
            raise ProjectError(Problem("SRC001", message, asset.at))
        raise _not_built(asset)
    text = f"select * from {subject(asset, project.graph, warehouse)}"
    return Query(text, text, (), "", SqlBody(text), Scope())


def _inline(body: SqlBody | None, warehouse: Warehouse, project: Project) -> Query:
    from sqlpipes.run.query import body_query

    assert body is not None
    return body_query(body, INLINE, project.graph, warehouse)


def _placed(error: EngineError, query: Query, inline: bool) -> SqlpipesError:
    """The warehouse's complaint at its place in the user's text; the text of a flag is the user's fault."""
    problems = [replace(p, at=_place(p.at, query)) for p in error.problems]
    if inline and all(problem.code == "ENG004" for problem in problems):
        return ProjectError(*problems)
    return EngineError(*problems, statement=error.statement)


def _place(at: Location | None, query: Query) -> Location | None:
    if at is None or at.file or not query.file:
        return at if at and at.file else None
    lines = query.text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: at.line - 1]) + at.column - 1
    found = query.place(offset)
    return found and replace(found, length=at.length)


def _inline_body(text: str, project: Project) -> SqlBody:
    from sqlpipes.core.sql import analyse

    facts = analyse(text, project.config.dialect, at=Location(INLINE))
    errors = [problem for problem in facts.problems if problem.is_error]
    if errors:
        raise ProjectError(*errors)
    return SqlBody(text, facts.references, files=facts.files)


def compiled(project: Project, ask: Ask) -> dict[str, str]:
    """asset -> its SQL as the warehouse gets it, for the SQL assets that are asked for.

    While the warehouse cannot be opened, as for one that has nothing in it yet.
    """
    project.raise_errors()
    try:
        warehouses = look_at_names(project)
    except EngineError:
        warehouses = look_at_nothing(project)
    assets = [project.graph.assets[name] for name in chosen(project, ask).names]
    return {
        asset.name: _compiled(asset, project.graph, warehouses.of(asset))
        for asset in assets
        if asset.kind is Kind.SQL
    }


def _compiled(asset: Asset, graph: Graph, warehouse: Warehouse) -> str:
    """Comments at its top say which of its tables are copies of what lives on another engine."""
    from sqlpipes.run.crossing import said_of
    from sqlpipes.run.query import asset_query

    crossed = borrowed(graph, graph.parents(asset.name), warehouse.engine)
    notes = [f"-- {said_of(graph.assets[name], warehouse)}" for name in crossed]
    return "\n".join([*notes, asset_query(asset, graph, warehouse).text])
