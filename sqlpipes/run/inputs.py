"""What a Python function's parameters ask for -> their rows, in the form of the annotation.

DuckDB's lazy relation without an annotation, else a pyarrow, polars or pandas frame, a reader of
batches, or a list of dicts. An input that is read `same`, slice by slice, is narrowed to the slices
that this call may read.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any

from sqlpipes.core.asset import Asset, Kind, Materialized, PythonBody
from sqlpipes.core.engine import Connection, Form
from sqlpipes.core.errors import EngineError, Location, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions, meets
from sqlpipes.core.reads import EVERYTHING, Mapped, Reads
from sqlpipes.run.checks import subject
from sqlpipes.run.homes import home_of_asset
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import inside_sql

FRAMES: tuple[tuple[str, str, Form], ...] = (
    ("pyarrow", "Table", Form.ARROW),
    ("pyarrow", "RecordBatchReader", Form.READER),
    ("polars", "DataFrame", Form.POLARS),
    ("polars", "LazyFrame", Form.LAZY),
    ("pandas", "DataFrame", Form.PANDAS),
)


def inputs_of(
    body: PythonBody,
    function: Callable[..., Any],
    at: Location,
    graph: Graph,
    place_of: Callable[[str], tuple[Warehouse, Connection]],
    narrowed: Callable[[Asset], Partitions | None],
    file_of: Callable[[Asset, Any], Any],
) -> dict[str, Any]:
    """Parameter -> rows, or a file, each from the engine that it lives on, which `place_of` gives by
    its name. `narrowed` says which slices of an input are handed over; None: all.

    `file_of`: an asset that is a file, and the annotation, -> what is handed over. Raises ProjectError
    BLD006 for a parameter that is no asset, or one without rows.
    """
    hints = _hints(function)
    forms = {name: form for name, hint in hints.items() if (form := _form(hint)) is not None}
    found: dict[str, Any] = {}
    for parameter in body.parameters:
        asset = _asset(parameter, at, graph)
        if asset.materialized is Materialized.FILE:
            found[parameter] = file_of(asset, hints.get(parameter))
            continue
        warehouse, connection = place_of(home_of_asset(asset, graph))
        sql = _rows_sql(asset, graph, warehouse, narrowed(asset))
        found[parameter] = connection.query(sql, forms.get(parameter, Form.NATIVE))
    return found


def slices_read(
    reader: Asset, slices: Partitions | None, graph: Graph
) -> Callable[[Asset], Partitions | None]:
    """Which slices of each input the reader's own `slices` read, as far as `inputs:` says so."""
    reads = {found.name: found.reads for found in graph.inputs.get(reader.name, ())}

    def narrowed(asset: Asset) -> Partitions | None:
        return _window(slices, asset, reads.get(asset.name, EVERYTHING))

    return narrowed


def _window(slices: Partitions | None, asset: Asset, reads: Reads) -> Partitions | None:
    cut = asset.partition
    if not slices or slices.is_whole or cut is None or not reads.declared:
        return None
    if reads.how is not Mapped.SAME or not meets(slices.axis, cut.axis):
        return None
    return slices.overlapping(cut.axis).widened(reads.back, reads.ahead)


def _asset(parameter: str, at: Location, graph: Graph) -> Asset:
    name = graph.index.get((parameter.casefold(),), parameter)
    asset = graph.assets.get(parameter) or graph.assets.get(name)
    if asset is None:
        raise ProjectError(Problem("BLD006", f"there is no asset '{parameter}' to read", at))
    if asset.materialized is Materialized.NONE and asset.kind is Kind.PYTHON:
        hint = f"name it in deps=['{asset.name}'] instead"
        message = f"'{asset.name}' is nothing that is stored: it has no rows to hand over"
        raise EngineError(Problem("BLD006", message, at, hint))
    return asset


def _rows_sql(asset: Asset, graph: Graph, warehouse: Warehouse, slices: Partitions | None) -> str:
    table = subject(asset, graph, warehouse)
    if slices is None or asset.partition is None:
        return f"select * from {table}"
    return f"select * from {table} where {inside_sql(asset.partition, slices, warehouse.can)}"


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Parameter -> annotation; one that cannot be evaluated stays a text."""
    try:
        return typing.get_type_hints(function)
    except Exception:  # any code may stand in an annotation
        found: Mapping[str, Any] = getattr(function, "__annotations__", {})
        return found


def _form(hint: Any) -> Form | None:
    if hint is list or typing.get_origin(hint) is list:
        return Form.ROWS
    home = str(getattr(hint, "__module__", "")).split(".")[0]
    name = getattr(hint, "__qualname__", "")
    return next((form for h, n, form in FRAMES if (h, n) == (home, name)), None)
