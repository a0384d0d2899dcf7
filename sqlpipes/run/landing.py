"""A call of an asset's function -> its rows in the staging table of the thread's connection."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlpipes.core.asset import Asset, PythonBody, SeedBody, SqlBody
from sqlpipes.core.definitions import File
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.sql import Relation
from sqlpipes.run.families import family_of, parts_of
from sqlpipes.run.faults import streamed_error
from sqlpipes.run.job import Job
from sqlpipes.run.placing import placing
from sqlpipes.run.python import Place, call_asset, watched
from sqlpipes.run.query import asset_query
from sqlpipes.run.seeds import seed_query
from sqlpipes.run.statement import Call, Purpose, Statement, stage_head

Columns = tuple[tuple[str, str], ...]
UNDECLARED = "declare its columns with types, in YAML: then --empty does not call the function"


def land(
    asset: Asset,
    call: Call,
    place: Place,
    job: Job,
    *,
    fresh: bool,
    empty: bool = False,
) -> Mapping[str, Any]:
    """What the function logged; its rows are in the stage. `fresh`: the table is written anew.

    `empty`: no rows are wanted, so a function whose columns are declared is not called.

    Raises EngineError: BLD005 for what the user's code raises, BLD006, ENG008 and
    ENG010 for what is no table.
    """
    slices, stage = call.slices, call.stage
    if isinstance(asset.body, SeedBody):
        _land_file(asset, asset.body, stage, place)
        return {}
    if isinstance(asset.body, SqlBody):
        _land_query(asset, stage, place, empty=empty)
        return {}
    declared = tuple((c.name, c.type) for c in asset.columns if c.type)
    if empty and declared:
        place.connection.load(stage, [], declared)
        return {}
    if family_of(asset):
        return _land_shared(asset, slices, stage, place, job)
    columns = _columns(asset, place, fresh=fresh)  # first: a query could end a reader it returns
    try:
        answer = call_asset(asset, slices, place, this=call.this)
        job.go_on()
        _load(asset, stage, answer.value, columns, place)
        if (size := _size(answer.value)) is not None:
            job.landed_bytes = (job.landed_bytes or 0) + size
    except EngineError as error:
        if empty:
            error.problems = tuple(replace(p, hint=p.hint or UNDECLARED) for p in error.problems)
        raise
    return answer.metadata


def _land_file(asset: Asset, body: SeedBody, stage: Relation, place: Place) -> None:
    """A data file that no SQL of the warehouse reads."""

    def sql_of(types: Mapping[str, str]) -> str:
        return seed_query(replace(body, types=types))

    said = Statement(seed_query(body), Purpose.PREPARE)
    with placing(said, asset, place):
        place.connection.load_files(stage, sql_of, body.types)


def _land_query(asset: Asset, stage: Relation, place: Place, *, empty: bool) -> None:
    """A query over files alone, which a DuckDB beside the warehouse runs as it was written."""
    query = asset_query(asset, place.graph, place.warehouse)
    text = f"select * from (\n{query.text}\n) limit 0" if empty else query.text
    said = Statement(text, Purpose.PREPARE, query=query, offset=text.index(query.text))
    with placing(said, asset, place):
        place.connection.load_files(stage, lambda _: text, {})


def _land_shared(
    asset: Asset, slices: Partitions, stage: Relation, place: Place, job: Job
) -> Mapping[str, Any]:
    """By a call that makes other assets as well, or from what such a call has left for this one."""

    def call(wanted: list[Asset]) -> tuple[dict[str, Relation], Mapping[str, Any]]:
        return _land_parts(asset, wanted, slices, place, job)

    assert place.families is not None
    waiting, metadata = place.families.fetch(asset, slices, job, call)
    table, own = place.warehouse.quote(waiting), place.warehouse.quote(stage)
    head = stage_head(own, place.warehouse.can)
    if not place.warehouse.can.transactional_ddl:
        place.connection.execute(f"drop table if exists {own}")
    place.connection.execute(f"{head}select * from {table}")
    place.connection.execute(f"drop table {table}")
    return metadata


def _land_parts(
    asset: Asset, wanted: list[Asset], slices: Partitions, place: Place, job: Job
) -> tuple[dict[str, Relation], Mapping[str, Any]]:
    by_name = {each.name: each for each in wanted}
    columns = {each.name: _columns(each, place, fresh=False) for each in wanted}
    answer = call_asset(asset, slices, place, by_name)
    landed: dict[str, Relation] = {}
    try:
        for name, rows in parts_of(answer.value, asset, _names(asset, place)):
            job.go_on()
            if name in by_name:
                own = f"{name}_{uuid.uuid4().hex[:8]}"
                landed[name] = place.connection.shared(own)
                value = watched(rows, by_name[name], place)
                _load(by_name[name], landed[name], value, columns[name], place)
    except BaseException:
        _drop(landed.values(), place)
        raise
    return landed, answer.metadata


def _drop(relations: Iterable[Relation], place: Place) -> None:
    for relation in relations:
        with suppress(EngineError):
            place.connection.execute(f"drop table if exists {place.warehouse.quote(relation)}")


def _names(asset: Asset, place: Place) -> Iterable[str]:
    """All that the function can make."""
    assets = place.graph.assets.values()
    return {each.name for each in assets if family_of(each) == family_of(asset)}


def _load(asset: Asset, into: Relation, rows: Any, columns: Columns, place: Place) -> None:
    if rows is None:
        message = f"'{asset.name}' is a table, but its function returned None"
        hint = "return its rows, or annotate the function with -> None"
        raise EngineError(Problem("BLD006", message, asset.at, hint))
    if isinstance(rows, File):
        message = f"'{asset.name}' is a table, but its function returned File({rows.path!r})"
        hint = "annotate the function with -> File"
        raise EngineError(Problem("BLD006", message, asset.at, hint))
    try:
        place.connection.load(into, rows, columns)
    except EngineError as error:
        assert isinstance(asset.body, PythonBody)
        if streamed := streamed_error(error, asset.body.function, place.root):
            raise streamed from error
        said = [p if p.code == "BLD005" else replace(p, at=asset.at) for p in error.problems]
        raise EngineError(*said, statement=error.statement) from error
    except Exception as error:  # an iterator is the user's code as well
        message = f"'{asset.name}' raised {type(error).__name__}: {error}"
        raise EngineError(Problem("BLD005", message, asset.at)) from error


def _size(rows: Any) -> int | None:
    """Bytes in memory of an Arrow table or a polars frame; anything else would have to be counted."""
    estimated = getattr(rows, "estimated_size", None)
    found = estimated() if callable(estimated) else getattr(rows, "nbytes", None)
    return found if isinstance(found, int) else None


def _columns(asset: Asset, place: Place, *, fresh: bool) -> Columns:
    """Declared columns and those of the table as it is: for slices without any rows or values."""
    declared = {c.name: c.type for c in asset.columns if c.type}
    if asset.relation is None or (declared and fresh):
        return tuple(declared.items())
    there = dict(place.connection.columns(asset.relation) or ())
    return tuple({**there, **declared}.items())
