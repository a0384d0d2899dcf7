"""A unit test -> the rows that its model yields, and how they differ from those expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody, Scope, SqlBody
from sqlpipes.core.engine import Rows
from sqlpipes.core.errors import EngineError, Problem, ProjectError, SqlpipesError
from sqlpipes.core.partitions import WHOLE, Partitions, parse_partitions
from sqlpipes.core.row_diff import Cells, RowDiff, diff_rows
from sqlpipes.core.sql import identifier
from sqlpipes.core.status import Status
from sqlpipes.core.unit_test import Sample, UnitResult, UnitTest
from sqlpipes.run.python import Answer, call_asset
from sqlpipes.run.query import asset_query
from sqlpipes.run.unit_tests.fitting import Known, fitted
from sqlpipes.run.unit_tests.samples import Staged, aside, stage
from sqlpipes.run.unit_tests.world import World, furnish, prepare, say
from sqlpipes.run.windows import inside_sql, missing_sql, pruned_parts, scope_of, stretches

RESULT = aside("sqlpipes_result")
PART = aside("sqlpipes_part")
NO_SLICE = "no slice is tested, so context.partition is None: add `partition`, with the key of one"


def run_unit_test(world: World) -> UnitResult:
    """Run the model and compare. Never raises for what is wrong in the project: that is an ERROR."""
    test = world.test
    try:
        rows = model_rows(world)
        if test.expect is None:
            return UnitResult(test, Status.SUCCESS, 0.0)
        found, staged = compared(test.expect, rows, world)
    except SqlpipesError as error:
        return UnitResult(test, Status.ERROR, 0.0, tuple(_placed(p, test) for p in error.problems))
    if not found:
        return UnitResult(test, Status.SUCCESS, 0.0)
    at = test.expect.at if found.first is None else staged.at(found.first)
    message = f"unit test '{test.name}' of '{test.model}': the rows are not as expected"
    return UnitResult(test, Status.FAIL, 0.0, (Problem("UTS009", message, at or test.at),), found)


def _placed(problem: Problem, test: UnitTest) -> Problem:
    """At the test, when it is about a statement of ours, which the user never sees."""
    return problem if problem.at and problem.at.file else replace(problem, at=test.at)


def model_rows(world: World) -> Rows:
    """What the model yields from the given inputs, for the slices of the test.

    Raises ProjectError and EngineError with places in the user's files.
    """
    slices = slices_of(world.test, world.model)
    prepare(world)
    scopes, guard = _renderings(world, slices)
    furnish(world, scopes[0])
    if isinstance(world.model.body, PythonBody):
        _python_rows(world, slices)
    else:
        for i, scope in enumerate(scopes):
            _create(world, scope, guard, first=i == 0)
        if slices is not None and not guard:
            _refuse_outside(world, slices)
    table = world.warehouse.quote(RESULT)
    types = world.connection.describe(f"select * from {table}")
    found = world.connection.fetch(f"select * from {table}")
    return Rows(tuple(name for name, _ in types), tuple(kind for _, kind in types), found.rows)


def slices_of(test: UnitTest, model: Asset) -> Partitions | None:
    """The slices that the test is about; None: all there can be. ProjectError UTS011."""
    if test.partition is None:
        return None
    at = test.partition_at or test.at
    if model.partition is None:
        message = f"'{model.name}' is not partitioned, so no slice of it can be tested"
        raise ProjectError(Problem("UTS011", message, at, "drop `partition`"))
    try:
        return parse_partitions(test.partition, model.partition.axis)
    except ValueError as error:
        raise ProjectError(Problem("UTS011", f"partition: {error}", at)) from error


def _renderings(world: World, slices: Partitions | None) -> tuple[list[Scope], str]:
    """What the query is rendered for, as a build would, and the guard that keeps it in its window."""
    model = world.model
    this = world.warehouse.quote(model.relation) if model.relation else ""
    cut = model.partition if slices is not None else None

    def scope(part: Partitions) -> Scope:
        return scope_of(part, this, cut, incremental=world.test.incremental, full=False)

    if slices is None or cut is None or not isinstance(model.body, SqlBody):
        return [scope(slices or WHOLE)], ""
    parts = pruned_parts(model.body, slices, this, cut)
    if parts is None:
        return [scope(slices)], f" where ({inside_sql(cut, slices)}) or {missing_sql(cut)}"
    return [scope(part) for part in parts], ""


def _create(world: World, scope: Scope, guard: str, *, first: bool = True) -> None:
    table = world.warehouse.quote(RESULT)
    query = asset_query(
        world.model, world.graph, replace(world.warehouse, root=_root(world)), scope
    )
    head = f"create or replace table {table} as\n" if first else f"insert into {table} by name\n"
    tail = ""
    if guard or not first:
        head, tail = f"{head}select * from (\n", f"\n) as {identifier(world.model.name)}{guard}"
    say(head, query, tail, world.model, world.connection)


def _root(world: World) -> str:
    """Where the model's relative file names count from: where the given files were written."""
    parents = (world.graph.assets[name] for name in world.graph.parents(world.model.name))
    has_files = any(getattr(asset.body, "files", ()) for asset in parents)
    return world.folder if has_files else world.root


def _refuse_outside(world: World, slices: Partitions) -> None:
    """BLD002 for rows that a query which prunes by hand should not have yielded."""
    table, model, cut = world.warehouse.quote(RESULT), world.model, world.model.partition
    assert cut is not None
    inside = inside_sql(cut, slices, world.warehouse.can)
    sql = f"select count(*) from {table} where not coalesce({inside}, false)"
    ((count,),) = world.connection.fetch(sql).rows
    if count:
        columns = ", ".join(cut.columns)
        message = f"'{model.name}' yields rows outside of {slices} in '{columns}'"
        hint = "it prunes by hand, so what it yields must lie in its window"
        raise EngineError(Problem("BLD002", message, model.at, hint))


def _python_rows(world: World, slices: Partitions | None) -> None:
    """What the function returns for each stretch of slices, together."""
    model, table = world.model, world.warehouse.quote(RESULT)
    columns = tuple((c.name, c.type) for c in model.columns if c.type)
    cut = model.partition if slices is not None else None
    parts = (WHOLE,) if slices is None or cut is None else stretches(slices, cut.batch)
    for i, part in enumerate(parts):
        answer = _called(world, part)
        if answer.value is None:
            message = f"'{model.name}' returned None instead of rows"
            raise EngineError(Problem("UTS008", message, model.at))
        world.connection.load(PART, answer.value, columns)
        head = f"create or replace table {table} as" if i == 0 else f"insert into {table} by name"
        world.connection.execute(f"{head} select * from {world.warehouse.quote(PART)}")


def _called(world: World, part: Partitions) -> Answer:
    """The function without `partition:` has no slice to ask for, which may be why it fails."""
    try:
        return call_asset(world.model, part, world.place)
    except EngineError as error:
        if world.model.partition is not None and world.test.partition is None:
            error.problems = tuple(replace(p, hint=p.hint or NO_SLICE) for p in error.problems)
        raise


# ----------------------------------------------------------------------------------------- compare


def compared(expect: Sample, rows: Rows, world: World) -> tuple[RowDiff, Staged]:
    """The difference in the columns that the expected rows have, in the types of the actual ones."""
    staged = stage(expect, "sqlpipes_expected", world.connection, world.warehouse)
    chosen = staged.columns or rows.columns
    known = Known(tuple(zip(rows.columns, rows.types, strict=True)), listed=True, sure=True)
    select = fitted(staged, known, f"'{world.test.model}'", world.connection)
    indices = list(_indices(chosen, rows.columns))
    names = [rows.columns[i] for i in indices]
    listed = ", ".join(identifier(name) for name in names)
    wanted: tuple[Cells, ...] = ()
    if staged.table:
        wanted = world.connection.fetch(f"select {listed} from ({select}) as expected").rows
    actual = [tuple(row[i] for i in indices) for row in rows.rows]
    return diff_rows(names, wanted, actual), staged


def _indices(chosen: tuple[str, ...], columns: tuple[str, ...]) -> Iterator[int]:
    folded = [name.casefold() for name in columns]
    for name in chosen:
        if name.casefold() in folded:
            yield folded.index(name.casefold())
