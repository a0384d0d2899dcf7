"""A unit test -> the rows that its model yields, and how they differ from those expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody, Scope, SqlBody
from sqlpipes.core.engine import Rows
from sqlpipes.core.errors import EngineError, Problem, ProjectError, SqlpipesError
from sqlpipes.core.events import Status
from sqlpipes.core.partitions import WHOLE, Partitioning, Partitions, parse_partitions
from sqlpipes.core.row_diff import Cells, RowDiff, diff_rows
from sqlpipes.core.sql import Relation
from sqlpipes.core.unit_test import Sample, UnitResult, UnitTest
from sqlpipes.run.python import call_asset
from sqlpipes.run.query import asset_query
from sqlpipes.run.unit_tests.fitting import Known, fitted
from sqlpipes.run.unit_tests.samples import SCHEMA, Staged, stage
from sqlpipes.run.unit_tests.world import World, furnish, say
from sqlpipes.run.warehouse import identifier
from sqlpipes.run.windows import inside_sql, missing_sql, pruned_parts, scope_of, stretches

RESULT = Relation("sqlpipes_result", SCHEMA)
PART = Relation("sqlpipes_part", SCHEMA)


def run_unit_test(world: World) -> UnitResult:
    """Run the model and compare. Never raises for what is wrong in the project: that is an ERROR."""
    test = world.test
    try:
        rows = model_rows(world)
        if test.expect is None:
            return UnitResult(test, Status.SUCCESS, 0.0)
        found, staged = compared(test.expect, rows, world)
    except SqlpipesError as error:
        return UnitResult(test, Status.ERROR, 0.0, error.problems)
    if not found:
        return UnitResult(test, Status.SUCCESS, 0.0)
    at = test.expect.at if found.first is None else staged.at(found.first)
    message = f"unit test '{test.name}' of '{test.model}': the rows are not as expected"
    return UnitResult(test, Status.FAIL, 0.0, (Problem("UTS009", message, at or test.at),), found)


def model_rows(world: World) -> Rows:
    """What the model yields from the given inputs, for the slices of the test.

    Raises ProjectError and EngineError with places in the user's files.
    """
    slices = slices_of(world.test, world.model)
    scope = _scope(world, slices)
    furnish(world, scope)
    if isinstance(world.model.body, PythonBody):
        _python_rows(world, slices)
    else:
        _sql_rows(world, slices, scope)
    table = world.warehouse.quote(RESULT)
    types = world.connection.columns(RESULT) or ()
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


def _scope(world: World, slices: Partitions | None) -> Scope:
    relation = world.model.relation
    table = world.warehouse.quote(relation) if relation else ""
    cut = world.model.partition if slices else None
    incremental = world.test.incremental
    return scope_of(slices or WHOLE, table, cut, incremental=incremental, full=False)


def _sql_rows(world: World, slices: Partitions | None, scope: Scope) -> None:
    """Within the window of the slices, as a build would write them."""
    model, cut = world.model, world.model.partition
    if slices is None or cut is None:
        _create(world, scope, "")
        return
    assert isinstance(model.body, SqlBody)
    parts = pruned_parts(model.body, slices, scope.this, cut)
    if parts is None:
        guard = f" where ({inside_sql(cut, slices)}) or {missing_sql(cut)}"
        _create(world, scope, guard)
        return
    for i, part in enumerate(parts):
        one = scope_of(part, scope.this, cut, incremental=world.test.incremental, full=False)
        _create(world, one, "", first=i == 0)
    _refuse_outside(world, slices, cut)


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


def _refuse_outside(world: World, slices: Partitions, cut: Partitioning) -> None:
    table, model = world.warehouse.quote(RESULT), world.model
    inside = inside_sql(cut, slices)
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
    for i, part in enumerate(stretches(slices or WHOLE, model.partition if slices else None)):
        answer = call_asset(model, part, world.place)
        if answer.value is None:
            message = f"'{model.name}' returned None instead of rows"
            raise EngineError(Problem("UTS008", message, model.at))
        world.connection.load(PART, answer.value, columns)
        head = f"create or replace table {table} as" if i == 0 else f"insert into {table} by name"
        world.connection.execute(f"{head} select * from {world.warehouse.quote(PART)}")


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
