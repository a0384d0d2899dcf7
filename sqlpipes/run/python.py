"""A Python asset or check + the warehouse -> what its function returned."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from threading import Lock
from typing import Any

from sqlpipes.core.asset import Asset, Check, Kind, Limit, PythonBody, SqlBody
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import Execution, Window
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import Location, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.sql import Relation
from sqlpipes.run.copies import Copies
from sqlpipes.run.families import Families, family_of
from sqlpipes.run.faults import placed_error, user_error
from sqlpipes.run.file_inputs import file_input
from sqlpipes.run.files import Places
from sqlpipes.run.homes import home_of
from sqlpipes.run.inputs import inputs_of, slices_read
from sqlpipes.run.job import Stopped
from sqlpipes.run.query import body_query
from sqlpipes.run.resources import no_resource
from sqlpipes.run.warehouse import Warehouse, Warehouses
from sqlpipes.run.windows import column_keys, window_of

FORKED = 70  # how a forked copy ends that its function has left


def _only_one() -> Connection:
    raise RuntimeError("no other connection can be opened here")


def _no_other(engine: str) -> Connection:
    raise RuntimeError(f"no engine '{engine}' can be reached from here")


def _no_hurry() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function runs: everything it may ask for, and the connection of its thread.

    `renew` opens another connection for the thread, when the first is left to a function that did not
    come back.
    """

    graph: Graph
    warehouse: Warehouse
    connection: Connection
    target: str
    root: str
    vars: Mapping[str, Plain] = field(default_factory=dict)
    files: Places = field(default_factory=Places)
    renew: Callable[[], Connection] = _only_one
    families: Families | None = None
    go_on: Callable[[], None] = _no_hurry  # raises Stopped when nobody waits for it any more
    run_id: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)  # asset -> the file it has written
    resource: Callable[[str], Any] = no_resource  # sets it up, or waits until another has
    mask: Callable[[str], str] = str  # takes secrets out of a text
    retries: int = 5  # of a connection that is lost
    say: Callable[[str], None] = lambda said: None  # to who looks on
    limit: Limit | None = None  # of each statement
    turns: Mapping[str, Lock] = field(default_factory=dict)  # asset -> who publishes parts of it
    begun: set[Relation] = field(default_factory=set)  # journals of parts that were tried already
    logged: list[dict[str, Any]] = field(default_factory=list)  # by each call, also one that fails
    warehouses: Warehouses | None = None  # None: there is no other than this one
    connect: Callable[[str], Connection] = _no_other  # of this thread, to another engine
    copies: Copies | None = None  # of what crosses; None: each part brings its own

    def at(self, engine: str) -> tuple[Warehouse, Connection]:
        """The warehouse of that name, and this thread's connection to it."""
        if engine == self.warehouse.engine or self.warehouses is None:
            return self.warehouse, self.connection
        return self.warehouses.named(engine), self.connect(engine)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what the function logged about it."""

    value: Any
    metadata: dict[str, Any] = field(default_factory=dict)


def call_asset(
    asset: Asset,
    slices: Partitions,
    place: Place,
    selected: Iterable[str] = (),
    *,
    this: Relation | None = None,
) -> Answer:
    """Run a Python asset's function for these slices (one stretch of adjacent ones).

    `this` is the table that its rows come to, if they do not take the place of all that is there.

    Rows that it yields are the user's code as well: iterating over the answer raises what the call
    does, EngineError BLD005 with the user's own line.
    """
    assert isinstance(asset.body, PythonBody)
    body = asset.body
    metadata: dict[str, Any] = {"config": dict(body.config)} if body.config else {}
    place.logged.append(metadata)
    names = frozenset(selected or (asset.name,))
    context = _execution(asset.name, asset.at, slices, place, metadata, selected=names)
    if this is not None and body.takes_context:
        context = replace(context, this=place.connection.frame(this))
    narrowed = slices_read(asset, slices, place.graph)
    value = _call(body, asset.at, place, context, narrowed)
    return Answer(watched(value, asset, place), metadata)


def watched(value: Any, asset: Asset, place: Place) -> Any:
    """The same value; when it is an iterator, what goes wrong in it is placed in the user's file."""
    assert isinstance(asset.body, PythonBody)
    if isinstance(value, Iterator) and not hasattr(value, "__arrow_c_stream__"):
        return _watched(value, asset.body.function, asset, place)
    return value


def call_check(check: Check, slices: Partitions | None, place: Place) -> Answer:
    """Run a Python check's function; `slices` are those just written, None means all."""
    assert check.function is not None
    at = check.at or Location("?")
    metadata: dict[str, Any] = {}
    context = _execution(check.asset, at, slices, place, metadata, staged=place.files.waiting)
    seen = None if check.whole_table else slices

    def narrowed(asset: Asset) -> Partitions | None:
        written = seen is not None and not seen.is_whole and asset.name == check.asset
        return seen if written else None

    return Answer(_call(check.function, at, place, context, narrowed), metadata)


def _call(
    body: PythonBody,
    at: Location,
    place: Place,
    context: Execution,
    narrowed: Callable[[Asset], Partitions | None],
) -> Any:
    process = os.getpid()
    try:
        function = body.load()
        found = (place.graph, place.at)

        def file_of(asset: Asset, hint: Any) -> Any:
            outputs, staged = place.outputs, context.staged
            return file_input(asset, hint, at, outputs=outputs, staged=staged, root=place.root)

        arguments = inputs_of(body, function, at, *found, narrowed, file_of)
        for parameter, name in body.resources.items():
            arguments[parameter] = place.resource(name)
        arguments |= body.arguments()
        if body.takes_context:
            arguments["context"] = context
        return function(**arguments)
    except Stopped:
        raise
    except SqlpipesError as error:
        raise placed_error(error, at, place.root) from error
    except BaseException as error:  # SystemExit too: a function that exits is at fault, not we
        whose = "" if body.family else context.asset
        raise user_error(error, body.function, at, place.root, whose) from error
    finally:
        _end_copies(process)


def _end_copies(process: int) -> None:
    """A copy of this process that a function has forked must not come back and publish as well."""
    if os.getpid() != process:
        os._exit(FORKED)


def _watched(rows: Iterator[Any], function: str, asset: Asset, place: Place) -> Iterator[Any]:
    root, process = place.root, os.getpid()
    whose = "" if family_of(asset) else asset.name
    while True:
        place.go_on()
        try:
            row = next(rows)
        except StopIteration:
            return
        except Stopped:
            raise
        except SqlpipesError as error:
            raise placed_error(error, asset.at, root) from error
        except BaseException as error:
            raise user_error(error, function, asset.at, root, whose) from error
        finally:
            _end_copies(process)
        yield row


def _execution(
    name: str,
    at: Location,
    slices: Partitions | None,
    place: Place,
    metadata: dict[str, Any],
    **rest: Any,
) -> Execution:
    def sql(query: str) -> Any:  # on this connection, whatever the thread works with later
        from sqlpipes.core.sql import analyse  # here, as it imports the parser

        facts = analyse(query, place.graph.dialect, at=at)
        body = SqlBody(query, facts.references, files=facts.files)
        warehouse, connection = place.at(home_of(body, place.graph, place.warehouse, at))
        return connection.query(body_query(body, at.file, place.graph, warehouse).text)

    return Execution(
        asset=name,
        partition=_window(slices, name, place.graph),
        target=place.target,
        run_id=place.run_id,
        output=_output(name, place.graph),
        root=os.path.abspath(place.root),
        vars=place.vars,
        sql=sql,
        metadata=metadata,
        places=place.files.place_of,
        **rest,
    )


def _output(name: str, graph: Graph) -> str | None:
    """Where its decorator says that the file will stand, or the only place that its code names."""
    written = graph.assets[name].writes if name in graph.assets else ()
    return written[0] if len(written) == 1 and "*" not in written[0] else None


def _window(slices: Partitions | None, name: str, graph: Graph) -> Window | None:
    asset = graph.assets.get(name)
    if not slices or slices.is_whole or asset is None or asset.partition is None:
        return None
    if asset.kind is Kind.SOURCE:  # its windows were looked at, not written
        return None
    start, end = window_of(slices) or (None, None)
    key = slices.keys[0] if len(slices) == 1 else None
    return Window(start, end, key, column_keys(slices, asset.partition), slices.keys)
