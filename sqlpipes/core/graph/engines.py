"""Graph -> which tables are read from another engine than the reader's own, and what cannot be.

An ephemeral asset stands wherever its reader does, so what it reads is read from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlpipes.core.asset import Asset, Kind, Materialized, SqlBody
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.graph.linked import Graph
from sqlpipes.core.sql import token_scan


def borrowed(graph: Graph, names: Iterable[str], engine: str) -> tuple[str, ...]:
    """The tables among `names`, and behind the ephemeral ones, that stand on another engine.

    Files stand on none: every engine that can reads them itself.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    todo = list(names)
    while todo:
        asset = graph.assets[todo.pop(0)]
        if asset.name in seen:
            continue
        seen.add(asset.name)
        if asset.materialized is Materialized.EPHEMERAL:
            todo += graph.parents(asset.name)
        elif asset.relation is not None and asset.engine != engine:
            found[asset.name] = None
    return tuple(found)


def engines_of(graph: Graph) -> frozenset[str]:
    """The further engines on which anything stands."""
    return frozenset(asset.engine for asset in graph.assets.values() if asset.engine)


def engine_problems(graph: Graph) -> Iterator[Problem]:
    """XNG003: a view over tables elsewhere; XNG004: a query that is inlined in one of another dialect;
    XNG009: a hook that reads a table elsewhere."""
    far = _far_names(graph)
    for name in graph.order:
        asset = graph.assets[name]
        yield from _hooks(asset, graph, far)
        if asset.kind is not Kind.SQL or asset.materialized is Materialized.EPHEMERAL:
            continue
        elsewhere = borrowed(graph, graph.parents(name), asset.engine)
        if elsewhere and asset.materialized is Materialized.VIEW:
            yield _view(asset, graph.assets[elsewhere[0]])
        yield from _other_dialects(graph, asset)


def _far_names(graph: Graph) -> dict[str, frozenset[str]]:
    """Engine -> the last parts of the names of all tables elsewhere: few hooks hold any of them."""
    names: dict[str, set[str]] = {}
    for asset in graph.assets.values():
        if asset.relation is not None:
            names.setdefault(asset.engine, set()).update(
                (asset.relation.name.casefold(), asset.name.rpartition(".")[2].casefold())
            )
    return {
        own: frozenset().union(*(names[other] for other in names if other != own)) for own in names
    }


def _hooks(asset: Asset, graph: Graph, far: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    elsewhere = far.get(asset.engine, frozenset())
    for sql in (*asset.before, *asset.after):
        said = sql.casefold()
        if not any(name in said for name in elsewhere):
            continue
        for reference in token_scan(sql, graph.dialect):
            other = graph.assets.get(graph.resolve(reference) or "")
            if other is not None and other.relation and other.engine != asset.engine:
                yield _hook(asset, other)


def _hook(asset: Asset, other: Asset) -> Problem:
    message = (
        f"a hook of '{asset.name}', which is on {_named(asset)}, reads '{other.name}' on "
        f"{_named(other)}: nothing crosses for a hook"
    )
    hint = (
        f"let the query read '{other.name}', or a model on {_named(asset)} that the hook then reads"
    )
    return Problem("XNG009", message, asset.at, hint)


def _view(asset: Asset, other: Asset) -> Problem:
    message = (
        f"'{asset.name}' is a view on {_named(asset)}, and '{other.name}', which it reads, is on "
        f"{_named(other)}: no view reads from there"
    )
    hint = (
        f"make it a table: `materialized: table`; or keep a copy of '{other.name}' on "
        f"{_named(asset)}, a table of its own, for views to read"
    )
    return Problem("XNG003", message, asset.at, hint)


def _other_dialects(graph: Graph, asset: Asset) -> Iterator[Problem]:
    assert isinstance(asset.body, SqlBody)
    for name in graph.inlined(asset.name):
        inlined = graph.assets[name]
        if isinstance(inlined.body, SqlBody) and inlined.body.dialect != asset.body.dialect:
            message = (
                f"'{name}' is ephemeral, so it stands within '{asset.name}', which is on "
                f"{_named(asset)} and written in another dialect"
            )
            hint = f"make '{name}' a view or a table: its rows then cross"
            yield Problem("XNG004", message, inlined.at, hint, others=(asset.at,))


def no_way(reader: Asset, other: Asset, graph: Graph) -> Problem:
    """XNG006: one of their engines gives or takes no rows."""
    found = (each.at for each in graph.inputs.get(reader.name, ()) if each.name == other.name)
    message = (
        f"rows of '{other.name}' cannot cross from {_named(other)} to {_named(reader)}, where "
        f"'{reader.name}' reads them"
    )
    hint = "one of the two engines has no way to give or take rows: keep both assets on one engine"
    return Problem("XNG006", message, next(found, reader.at), hint)


def two_homes(name: str, at: Location) -> Problem:
    """XNG005: which of two tables of one name is meant, nobody said."""
    message = f"table '{name}' is read on two engines, and nothing says on which of them it is"
    hint = "declare it under `sources:`, with `engine:`"
    return Problem("XNG005", message, at, hint)


def _named(asset: Asset) -> str:
    return f"engine '{asset.engine}'" if asset.engine else "the target's own engine"
