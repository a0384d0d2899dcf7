"""A part of an asset that is a file -> statements that stage its rows, check them and write them beside
the old file. Publishing is a rename, after the commit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Capabilities, WritesFiles
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.export import Export, copy_sql
from sqlpipes.core.graph.file_assets import no_writer, reads_itself
from sqlpipes.core.partitions import WHOLE, Grain, Partitioning, TimeAxis
from sqlpipes.core.sql import identifier
from sqlpipes.run.disk import measured
from sqlpipes.run.exported import export_path, export_rows, is_there
from sqlpipes.run.folders import Merge, all_names, blank_name, file_names, path_below
from sqlpipes.run.placing import placing
from sqlpipes.run.python import Place
from sqlpipes.run.slices import slices
from sqlpipes.run.statement import Output, Purpose, Statement, Transaction
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import inside_sql
from sqlpipes.run.work import Work, clean, rows_of


def export(work: Work) -> Transaction:
    """EngineError ENG026 for an engine that writes no files, ENG027 for a query that reads its own file."""
    asset = work.asset
    assert asset.export is not None
    if not work.warehouse.can.writes_files:
        raise EngineError(no_writer(asset, work.warehouse.dialect))
    if asset.name in work.graph.reads_self:
        raise EngineError(reads_itself(asset))
    if asset.partition is None:
        put = work.into_stage(work.table, "select * from (\n", rows_of(work), _tail(work))
        staged: tuple[Statement, ...] = (replace(put, purpose=Purpose.WRITE),)
        cut_into = WHOLE
    else:
        anew = replace(work, made=False, step=replace(work.step, full=True))
        found = slices(anew)
        staged, cut_into = found.statements, found.slices
    written = Output(work.table, asset.export, asset.partition, cut_into, work.step.whole)
    fresh = asset.partition is None or (work.step.full and not work.made)
    statements = (*staged, _copy(written, work.warehouse.can))
    return Transaction(statements, cut_into, (clean(work.table),), fresh=fresh)


def _tail(work: Work) -> str:
    return f"\n) as {identifier(work.asset.name)}{work.limit}"


def _copy(output: Output, can: Capabilities) -> Statement:
    """As it is shown: a slice says its own folder, and where there are more, how many."""
    said, path = output.export, output.export.path
    select = f"select * from {output.table}"
    more = ""
    if output.cut is not None:
        one = next(output.slices.each())
        select += f" where {inside_sql(output.cut, one, can)}"
        path = f"{path}/{file_names(output.cut, one, said)[0]}"
        left = len(output.slices) - 1
        more = (
            f"\n-- and so for each of {left:,} more slices, to a folder of its own" if left else ""
        )
    sql = copy_sql(select, path, said.format, said.options) + more
    return Statement(sql, Purpose.COPY, output=output, at=said.at)


# ------------------------------------------------------------------------------------------ doing


def write_files(statement: Statement, asset: Asset, place: Place) -> None:
    """What the statement says, to new files beside those that stand there."""
    output = statement.output
    assert output is not None
    path = export_path(output.export, place.root)
    columns = place.connection.describe(f"select * from {output.table}")
    with placing(statement, asset, place):
        if output.cut is None:
            new = _new_place(path, output.export, place)
            place.files.columns[path] = columns
            _write(f"select * from {output.table}", new, output.export, place)
            return
        stage = _new_place(path + os.sep, output.export, place)
        place.files.merges[path] = _slices_written(stage, output, output.cut, columns, place)


def _new_place(path: str, said: Export, place: Place) -> str:
    """A refusal is of what the model says under `path:`."""
    try:
        return place.files.place_of(path, said.path)
    except EngineError as error:
        error.problems = tuple(replace(problem, at=said.at) for problem in error.problems)
        raise
    except OSError as error:
        message = f"'{said.path}' cannot be written: {error.strerror or error}"
        if error.filename and error.filename != path:
            message += f" ({error.filename})"
        hint = "the folder must be one that this machine has, or that you may make there"
        raise EngineError(Problem("BLD008", message, said.at, hint)) from error


def _slices_written(
    stage: str,
    output: Output,
    cut: Partitioning,
    columns: tuple[tuple[str, str], ...],
    place: Place,
) -> Merge:
    """A slice without rows has no file."""
    written: list[str] = []
    emptied: list[str] = []
    export, can = output.export, place.warehouse.can
    for one in output.slices.each():
        place.go_on()
        names = file_names(cut, one, export)
        name = _named(names, cut, columns)
        select = f"select * from {output.table} where {inside_sql(cut, one, can)}"
        new = path_below(stage, name)
        os.makedirs(os.path.dirname(new), exist_ok=True)
        filled = _write(select, new, export, place) > 0
        written += [name] if filled else []
        emptied += [other for other in names if other != name or not filled]
        if not filled:
            os.unlink(new)
    blank = blank_name(cut, export)
    if not written:
        new = path_below(stage, blank)
        os.makedirs(os.path.dirname(new), exist_ok=True)
        _write(f"select * from {output.table} where false", new, export, place)
    whole = None
    if output.whole is not None:
        whole = frozenset(all_names(cut, output.whole, export))
    return Merge(tuple(written), tuple(emptied), whole, blank, columns)


def _named(names: tuple[str, ...], cut: Partitioning, columns: tuple[tuple[str, str], ...]) -> str:
    """By the column alone where it is a date: of a time of day the folder's name says too little."""
    kinds = {name.casefold(): kind.casefold() for name, kind in columns}
    days = [
        each.column.casefold()
        for each in cut.cuts
        if isinstance(each.along, TimeAxis) and each.along.unit is Grain.DAY
    ]
    return names[0] if all(kinds.get(column) == "date" for column in days) else names[-1]


def _write(select: str, path: str, said: Export, place: Place) -> int:
    assert isinstance(place.connection, WritesFiles)
    return place.connection.write_file(select, path, said.format, said.options)


def with_staged(warehouse: Warehouse, output: Output, asset: Asset) -> Warehouse:
    """For the checks: the asset's rows are those that wait, and of other slices those published."""
    rows = f"select * from {output.table}"
    if output.cut is not None and warehouse.can.reads_files and is_there(asset, warehouse.root):
        inside = inside_sql(output.cut, output.slices, warehouse.can)
        if output.whole is not None:
            kept = f"{inside_sql(output.cut, output.whole, warehouse.can)} and not ({inside})"
        else:
            kept = f"not ({inside})"
        rows += f" union all by name select * from {export_rows(asset, warehouse)} where {kept}"
    return replace(warehouse, staged={**warehouse.staged, asset.name: f"({rows})"})


def written_metadata(asset: Asset, place: Place) -> Mapping[str, Any]:
    """path, bytes, and of one file the digest of its content."""
    assert asset.export is not None
    path = export_path(asset.export, place.root)
    new = place.files.waiting.get(path)
    if new is None:
        return {}
    shown = asset.export.path
    found = place.files.merges.get(path)
    if found is None:
        return {"path": shown, **measured(new)}
    sizes = [os.path.getsize(os.path.join(new, *name.split("/"))) for name in found.written]
    return {"path": shown, "files": len(sizes), "bytes": sum(sizes)}
