"""A Python asset or check + the warehouse -> what its function returned.

Inputs come in the form that the parameter is annotated with: DuckDB's lazy relation without an
annotation, else a pyarrow, polars or pandas frame, or a list of dicts.
"""

from __future__ import annotations

import hashlib
import os
import traceback
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlpipes.core.asset import Asset, Check, Kind, PythonBody, SqlBody
from sqlpipes.core.config import Plain
from sqlpipes.core.definitions import Execution, File, Window
from sqlpipes.core.engine import Connection, Form
from sqlpipes.core.errors import EngineError, Location, Problem, ProjectError, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.run.checks import subject
from sqlpipes.run.query import body_query
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import column_keys, window_of

LONGEST = 500  # characters of a message that are kept
FRAMES: tuple[tuple[str, str, Form], ...] = (
    ("pyarrow", "Table", Form.ARROW),
    ("polars", "DataFrame", Form.POLARS),
    ("polars", "LazyFrame", Form.LAZY),
    ("pandas", "DataFrame", Form.PANDAS),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function runs: everything it may ask for, and the connection of its thread."""

    graph: Graph
    warehouse: Warehouse
    connection: Connection
    target: str
    root: str
    vars: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what the function logged about it."""

    value: Any
    metadata: dict[str, Any] = field(default_factory=dict)


def call_asset(asset: Asset, slices: Partitions, place: Place) -> Answer:
    """Run a Python asset's function for these slices (one stretch of adjacent ones).

    Raises EngineError BLD005 with the user's own line when it raises.
    """
    assert isinstance(asset.body, PythonBody)
    return _call(asset.body, asset.name, asset.at, slices, place)


def call_check(check: Check, slices: Partitions | None, place: Place) -> Answer:
    """Run a Python check's function; `slices` are those just written, None means all."""
    assert check.function is not None
    at = check.at or Location("?")
    return _call(check.function, check.asset, at, slices, place)


def _call(
    body: PythonBody, name: str, at: Location, slices: Partitions | None, place: Place
) -> Answer:
    metadata: dict[str, Any] = {}
    try:
        function = body.load()
        arguments = _inputs(body, function, at, place)
        if body.takes_context:
            arguments["context"] = _execution(name, at, slices, place, metadata)
        return Answer(function(**arguments), metadata)
    except SqlpipesError:
        raise
    except Exception as error:
        raise _user_error(error, body, at, place.root) from error


def _inputs(
    body: PythonBody, function: Callable[..., Any], at: Location, place: Place
) -> dict[str, Any]:
    forms = _forms(function)
    return {
        parameter: _input(parameter, forms.get(parameter, Form.NATIVE), at, place)
        for parameter in body.parameters
    }


def _input(parameter: str, form: Form, at: Location, place: Place) -> Any:
    graph = place.graph
    name = graph.index.get((parameter.casefold(),), parameter)
    asset = graph.assets.get(parameter) or graph.assets.get(name)
    if asset is None:
        raise ProjectError(Problem("BLD006", f"there is no asset '{parameter}' to read", at))
    table = subject(asset, graph, place.warehouse)
    return place.connection.query(f"select * from {table}", form)


def _forms(function: Callable[..., Any]) -> dict[str, Form]:
    """Parameter -> form. An annotation that cannot be evaluated asks for nothing."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # any code may stand in an annotation
        hints = getattr(function, "__annotations__", {})
    found = {name: _form(hint) for name, hint in hints.items()}
    return {name: form for name, form in found.items() if form is not None}


def _form(hint: Any) -> Form | None:
    if hint is list or typing.get_origin(hint) is list:
        return Form.ROWS
    home = str(getattr(hint, "__module__", "")).split(".")[0]
    name = getattr(hint, "__qualname__", "")
    return next((form for h, n, form in FRAMES if (h, n) == (home, name)), None)


def _execution(
    name: str,
    at: Location,
    slices: Partitions | None,
    place: Place,
    metadata: dict[str, Any],
) -> Execution:
    def sql(query: str) -> Any:
        from sqlpipes.core.sql import analyse  # here, as it imports the parser

        facts = analyse(query, place.graph.dialect, at=at)
        body = SqlBody(query, facts.references, files=facts.files)
        text = body_query(body, at.file, place.graph, place.warehouse).text
        return place.connection.query(text)

    return Execution(
        asset=name,
        partition=_window(slices, name, place.graph),
        target=place.target,
        root=os.path.abspath(place.root),
        vars=place.vars,
        sql=sql,
        metadata=metadata,
    )


def _window(slices: Partitions | None, name: str, graph: Graph) -> Window | None:
    asset = graph.assets.get(name)
    if not slices or slices.is_whole or asset is None or asset.partition is None:
        return None
    if asset.kind is Kind.SOURCE:  # its windows were looked at, not written
        return None
    start, end = window_of(slices) or (None, None)
    key = slices.keys[0] if len(slices) == 1 else None
    return Window(start, end, key, column_keys(slices, asset.partition))


def _user_error(error: Exception, body: PythonBody, at: Location, root: str) -> EngineError:
    """The innermost place in the user's own files, where the mistake most likely is."""
    home = os.path.abspath(root) + os.sep
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    place = at
    for frame in traceback.extract_tb(error.__traceback__):
        inside = frame.filename.startswith(home) and "site-packages" not in frame.filename
        if inside and frame.lineno and not frame.filename.startswith(ours):
            file = os.path.relpath(frame.filename, home).replace(os.sep, "/")
            place = Location(file, frame.lineno, (frame.colno or 0) + 1)
    said = f"{type(error).__name__}: {error}".strip().splitlines()
    message = said[0][:LONGEST] if said else type(error).__name__
    return EngineError(Problem("BLD005", f"{body.function}() raised {message}", place))


def file_metadata(asset: Asset, answer: Answer, root: str) -> dict[str, Any]:
    """What is recorded of an asset that is a file: path, size, hash of its content, and its own words.

    Raises EngineError BLD006 when the function returned no File, or wrote none.
    """
    if not isinstance(answer.value, File):
        got = type(answer.value).__name__
        message = f"'{asset.name}' is a file, but its function returned {got} instead of File(...)"
        raise EngineError(Problem("BLD006", message, asset.at))
    path = os.path.join(root, answer.value.path)
    if not os.path.isfile(path):
        message = f"'{asset.name}' returned File({answer.value.path!r}), which does not exist"
        hint = "write the file first, then return it; a relative path counts from the project"
        raise EngineError(Problem("BLD006", message, asset.at, hint))
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    found = {"path": answer.value.path, "bytes": os.path.getsize(path), "digest": digest}
    return {**answer.metadata, **answer.value.metadata, **found}
