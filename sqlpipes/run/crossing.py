"""What a step reads on other engines -> tables that its own connection sees, before its transaction begins.

Rows are read by one SELECT each, so each input is as it was at one moment; they go from batch to batch
and are never in memory as a whole. The tables die with the connection: a killed process leaves none, and
nobody ever reads one that is not complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from sqlpipes.core.asset import Asset
from sqlpipes.core.crossing import Carrier, Columns, Stream
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.graph import Graph
from sqlpipes.core.graph.engines import no_way
from sqlpipes.core.partitions import Partitions, first_place
from sqlpipes.core.plan import Crossing, Step
from sqlpipes.core.reads import EVERYTHING, window_read
from sqlpipes.core.strategy import SchemaChange
from sqlpipes.run.copies import Copies
from sqlpipes.run.job import Job
from sqlpipes.run.warehouse import Warehouse, Warehouses
from sqlpipes.run.windows import inside_sql

CROSSED = "crossed"  # of a step's metadata


@dataclass(frozen=True, slots=True)
class Crossed:
    """What came over: how many rows, of how many bytes on the way, in how long."""

    asset: str
    home: str
    rows: int
    bytes: int
    seconds: float

    @property
    def plain(self) -> dict[str, Any]:
        said = {"from": self.home or "default", "rows": self.rows, "bytes": self.bytes}
        return {"asset": self.asset, **said, "seconds": round(self.seconds, 3)}


def crossings_of(step: Step, graph: Graph) -> tuple[Crossing, ...]:
    """Those of a part of a step, each with the window that the part's slices read."""
    reader = graph.assets[step.asset]
    slices = step.slices
    if step.held and reader.on_schema_change is SchemaChange.REBUILD:
        slices |= step.held  # other columns are found out only later, and then all is written anew
    return tuple(
        replace(each, window=_window(reader, slices, each, graph)) for each in step.crossings
    )


def _window(
    reader: Asset, slices: Partitions, crossing: Crossing, graph: Graph
) -> Partitions | None:
    """What checks read is not narrowed, nor what stands behind an ephemeral asset."""
    cut = graph.assets[crossing.asset].partition
    if crossing.whole or cut is None or reader.partition is None:
        return None
    named = {found.name: found.reads for found in graph.inputs.get(reader.name, ())}
    reads = named.get(crossing.asset, EVERYTHING)
    return window_read(slices, reads, reader.partition.columns, cut)


def crossing_sql(
    crossing: Crossing, graph: Graph, home: Warehouse, *, there: Columns = (), empty: bool = False
) -> str:
    """What is asked of the engine that the rows live on; `there`: the columns as they are there."""
    asset = graph.assets[crossing.asset]
    assert asset.relation is not None
    limit = " limit 0" if empty else ""
    table = home.quote(asset.relation)
    return f"select {_picked(crossing, there, home)} from {table}{_where(crossing, asset, home)}{limit}"


def columns_there(
    crossing: Crossing, graph: Graph, home: Warehouse, connection: Connection
) -> Columns:
    """Those of the table that crosses, as they are spelt where it is; none where all of them cross."""
    relation = graph.assets[crossing.asset].relation
    if crossing.columns is None or relation is None:
        return ()
    return connection.columns(relation) or ()


def said_of(asset: Asset, own: Warehouse) -> str:
    """Which table of the reader's connection an asset of another engine is.

    `"temp"."main"."sqlpipes_from_orders" is orders, whose rows cross from the target's own engine`
    """
    home = f"engine '{asset.engine}'" if asset.engine else "the target's own engine"
    return f"{own.quote(own.where(asset))} is {asset.name}, whose rows cross from {home}"


def _picked(crossing: Crossing, there: Columns, home: Warehouse) -> str:
    """Rows that are only counted need a column all the same."""
    if crossing.columns is None:
        return "*"
    if not there:
        return ", ".join(home.can.name(name) for name in crossing.columns) or "*"
    wanted = {name.casefold() for name in crossing.columns}
    names = [name for name, _ in there if name.casefold() in wanted] or [there[0][0]]
    return ", ".join(home.can.name(name) for name in names)


def _where(crossing: Crossing, asset: Asset, home: Warehouse) -> str:
    if crossing.window is None or asset.partition is None:
        return ""
    place = first_place(asset.partition.axis)
    assert place is not None
    inside = inside_sql(asset.partition.cuts[place], crossing.window, home.can)
    return f" where {inside or 'false'}"


def bring(
    reader: str,
    crossings: Iterable[Crossing],
    graph: Graph,
    warehouses: Warehouses,
    own: Warehouse,
    connection: Connection,
    connect: Callable[[str], Connection],
    job: Job,
    *,
    empty: bool = False,
    shared: Shared | None = None,
) -> tuple[Crossed, ...]:
    """Raises EngineError: XNG006 for an engine that cannot do that, and what either side complains of.

    `shared`: what its parts may have in common, of a step in several parts.
    """
    found: list[Crossed] = []
    for crossing in crossings:
        job.go_on()
        home = warehouses.named(crossing.home)
        if not (home.can.crosses and own.can.crosses):
            raise EngineError(no_way(graph.assets[reader], graph.assets[crossing.asset], graph))
        there = connect(crossing.home)
        with job.beside(there):
            where = (crossing, graph, home, own, connection, there, job)
            if shared is not None and crossing.window is None:
                found += _bring_shared(*where, shared)
            else:
                found.append(_bring_one(*where, empty))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the parts of the step of `reader` have in common."""

    reader: str
    copies: Copies


def _bring_shared(
    crossing: Crossing,
    graph: Graph,
    home: Warehouse,
    own: Warehouse,
    connection: Connection,
    there: Connection,
    job: Job,
    shared: Shared,
) -> Iterator[Crossed]:
    """Told by the part that has fetched it; the others have not asked the engine that it lives on."""
    key, copies = (shared.reader, crossing.asset), shared.copies
    if copies.is_held(connection, key):
        return
    began = time.perf_counter()
    asset = graph.assets[crossing.asset]
    columns = columns_there(crossing, graph, home, there)
    sql = crossing_sql(crossing, graph, home, there=columns)
    weight = [0]

    def fetch() -> Stream:
        stream = cast(Carrier, there).give(sql)
        return replace(stream, batches=_counted(stream, weight, job))

    try:
        stream, is_first = copies.stream(key, job, fetch)
        stream = replace(stream, batches=_counted(stream, [0], job))
        rows = cast(Carrier, connection).take(own.where(asset), stream)
    except EngineError as error:
        raise EngineError(*(_told(p, asset) for p in error.problems), statement=sql) from error
    finally:
        there.release()
        connection.release()
    if not own.part:  # else the table has the name of this part
        copies.hold(connection, key)
    if is_first:
        seconds = time.perf_counter() - began
        yield Crossed(asset.name, crossing.home, rows, weight[0], seconds)


def _bring_one(
    crossing: Crossing,
    graph: Graph,
    home: Warehouse,
    own: Warehouse,
    connection: Connection,
    there: Connection,
    job: Job,
    empty: bool,
) -> Crossed:
    began = time.perf_counter()
    asset = graph.assets[crossing.asset]
    columns = columns_there(crossing, graph, home, there)
    sql = crossing_sql(crossing, graph, home, there=columns, empty=empty)
    weight = [0]
    try:
        stream = cast(Carrier, there).give(sql)
        counted = replace(stream, batches=_counted(stream, weight, job))
        rows = cast(Carrier, connection).take(own.where(asset), counted)
    except EngineError as error:
        raise EngineError(*(_told(p, asset) for p in error.problems), statement=sql) from error
    finally:
        there.release()
        connection.release()
    return Crossed(asset.name, crossing.home, rows, weight[0], time.perf_counter() - began)


def _counted(stream: Stream, weight: list[int], job: Job) -> Any:
    """The same batches; between two of them the job may be stopped."""
    import pyarrow

    def batches() -> Iterator[Any]:
        for batch in stream.batches:
            job.go_on()
            weight[0] += batch.nbytes
            yield batch

    return pyarrow.RecordBatchReader.from_batches(stream.batches.schema, batches())


def _told(problem: Problem, asset: Asset) -> Problem:
    return replace(problem, message=f"'{asset.name}' cannot cross: {problem.message}", at=None)


def forget(
    crossings: Iterable[Crossing],
    graph: Graph,
    own: Warehouse,
    connection: Connection,
    shared: Shared | None = None,
) -> None:
    """The tables are of no use to the next part, which reads other slices or a newer input, but for those
    that it shares."""
    names = [crossing.asset for crossing in crossings]
    if shared is not None:
        held, reader = shared.copies.is_held, shared.reader
        names = [name for name in names if not held(connection, (reader, name))]
    _drop(names, graph, own, connection)


def let_go(
    reader: str, copies: Copies, graph: Graph, own: Warehouse, connection: Connection
) -> None:
    """Drop what parts of other steps have left with the connection."""
    _drop(copies.let_go(connection, reader), graph, own, connection)


def _drop(names: Iterable[str], graph: Graph, own: Warehouse, connection: Connection) -> None:
    for name in names:
        with suppress(EngineError):
            table = own.quote(own.where(graph.assets[name]))
            connection.execute(f"drop table if exists {table}")
