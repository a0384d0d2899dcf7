"""Plan + Graph + what is known of columns and sizes -> the plan that says what crosses between engines.

Every table that a step's query or checks read on another engine than the step's own crosses to it,
before the step, as that connection's own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, Kind, Materialized, SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, Severity
from sqlpipes.core.graph import Graph, borrowed
from sqlpipes.core.history import History
from sqlpipes.core.lineage import ColumnFacts, EdgeKind, RowSetKind
from sqlpipes.core.lineage.facts import ANY
from sqlpipes.core.plan import Action, Crossing, Plan, Step
from sqlpipes.core.reads import EVERYTHING, window_read

LOOKS = (Action.OBSERVE, Action.REPORT, Action.REPORT_SOURCE, Action.CALL)


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of a table: all rows, rows a slice, and bytes a row on its way."""

    rows: float | None = None
    rows_a_slice: float | None = None
    bytes_a_row: float | None = None


Facts = Callable[[str], ColumnFacts | None]
Sizes = Callable[[str, str], Size]  # reader, input


def crossed(plan: Plan, graph: Graph, facts: Facts, sizes: Sizes) -> Plan:
    """The same plan, each step with its engine and with what has to come over for it."""
    steps = tuple(_crossed(step, graph, facts, sizes) for step in plan.steps)
    return replace(plan, steps=steps)


def _crossed(step: Step, graph: Graph, facts: Facts, sizes: Sizes) -> Step:
    step = replace(step, engine=graph.assets[step.asset].engine)
    found = {} if step.action in LOOKS else dict(_found(step, graph, facts))
    if not found:
        return step
    sized = [_sized(step, each, graph, sizes) for each in found.values()]
    return replace(step, crossings=tuple(sized))


def _found(step: Step, graph: Graph, facts: Facts) -> Iterator[tuple[str, Crossing]]:
    """What checks read comes last, as it crosses whole."""
    asset = graph.assets[step.asset]
    if asset.kind is Kind.SQL and step.action is not Action.CHECK:
        named = frozenset(_named(asset, graph))
        inlined = [n for n in named if graph.assets[n].materialized is Materialized.EPHEMERAL]
        behind = borrowed(graph, inlined, asset.engine)  # slices and columns are not followed there
        for name in borrowed(graph, sorted(named), asset.engine):
            whole = name in behind
            columns = None if whole else _columns(facts(asset.name), name)
            yield name, _crossing(name, asset, graph, columns=columns, whole=whole)
    for check in (graph.checks[each] for each in step.checks):
        if check.type != "python":
            read = [name for name in (check.asset, *check.inputs) if name in graph.assets]
            for name in borrowed(graph, read, asset.engine):
                yield name, _crossing(name, asset, graph, whole=True)


def _crossing(
    name: str,
    reader: Asset,
    graph: Graph,
    *,
    columns: tuple[str, ...] | None = None,
    whole: bool = False,
) -> Crossing:
    return Crossing(name, reader.engine, graph.assets[name].engine, columns, whole=whole)


def _named(asset: Asset, graph: Graph) -> Iterator[str]:
    """The assets that stand in the query's own text."""
    assert isinstance(asset.body, SqlBody)
    for reference in asset.body.references:
        name = graph.resolve(reference)
        if name is not None and name != asset.name:
            yield name


def _columns(facts: ColumnFacts | None, name: str) -> tuple[str, ...] | None:
    """The columns of `name` that the query reads; None where that is not certain."""
    if facts is None or not facts.complete:
        return None
    found: dict[str, None] = {}
    for edge in facts.edges:
        if edge.table != name:
            continue
        if edge.kind is EdgeKind.UNKNOWN:
            return None
        if edge.source != ANY:
            found[edge.source] = None
        elif edge.kind not in COUNTED:
            return None
    return tuple(sorted(found))


COUNTED = (RowSetKind.FROM, EdgeKind.AGGREGATED)  # rows, and none of their columns


def _sized(step: Step, crossing: Crossing, graph: Graph, sizes: Sizes) -> Crossing:
    reader, source = graph.assets[step.asset], graph.assets[crossing.asset]
    size = sizes(step.asset, crossing.asset)
    window, rows = None, size.rows
    if reader.partition is not None and source.partition is not None and not crossing.whole:
        named = {found.name: found.reads for found in graph.inputs.get(reader.name, ())}
        reads = named.get(crossing.asset, EVERYTHING)
        window = window_read(step.slices, reads, reader.partition.columns, source.partition)
    if window is not None and size.rows_a_slice is not None:
        rows = size.rows_a_slice * len(window)
        rows = rows if size.rows is None else min(rows, size.rows)
    heavy = None if rows is None or size.bytes_a_row is None else rows * size.bytes_a_row
    return replace(
        crossing,
        window=window,
        rows=None if rows is None else round(rows),
        bytes=None if heavy is None else round(heavy),
    )


def left_on_other_engines(
    plan: Plan, graph: Graph, history: History, engines: Mapping[str, object]
) -> tuple[Problem, ...]:
    """XNG008: what is built anew on another engine than before stays where it was."""
    return tuple(
        _left(graph.assets[step.asset], place, engine)
        for step in plan.steps
        if (place := history.of(step.asset).relation)
        for engine in [_engine_of(place, engines)]
        if graph.assets[step.asset].relation is not None
        and engine != graph.assets[step.asset].engine
    )


def _engine_of(place: str, engines: Mapping[str, object]) -> str:
    engine, colon, _ = place.partition(":")
    return engine if colon and engine in engines else ""


def _left(asset: Asset, place: str, engine: str) -> Problem:
    relation = place.partition(":")[2] if engine else place
    message = (
        f"'{asset.name}' was built on engine '{engine or 'default'}' and is built anew on "
        f"'{asset.engine or 'default'}': {relation} stays where it is"
    )
    hint = "drop it there once nobody reads it any more"
    return Problem("XNG008", message, asset.at, hint, Severity.WARNING)
