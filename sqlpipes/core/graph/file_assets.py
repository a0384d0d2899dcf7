"""Models that are files + what their engines can do -> which cannot be written, and who cannot read them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlpipes.core.asset import Asset, Kind, Materialized, SqlBody
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.graph.linked import Graph


def no_writer(asset: Asset, dialect: str) -> Problem:
    """ENG026: its engine writes no files."""
    message = f"'{asset.name}' is a file, and {dialect} writes none"
    at = (asset.export and asset.export.kind_at) or asset.at
    return Problem("ENG026", message, at, "build it as a table, or on another target")


def no_reader(asset: Asset, dialect: str, at: Location | None = None) -> Problem:
    """ENG025: an engine that reads no files; `at`: where a query names it."""
    message = f"'{asset.name}' is a file, and {dialect} cannot read files"
    hint = "let its readers read what it reads, or build it as a table"
    return Problem("ENG025", message, at or asset.at, hint, others=(asset.at,) if at else ())


def reads_itself(asset: Asset) -> Problem:
    """ENG027: what is written is not there to be read."""
    message = f"'{asset.name}' reads itself, which only a table can"
    return Problem("ENG027", message, asset.at, "keep the rows in a table above it")


def files_read(asset: Asset, graph: Graph) -> Iterator[tuple[Asset, Location]]:
    """The files that its query and its checks read in SQL, also within ephemeral assets; where it says so."""
    seen: set[str] = {asset.name}
    todo = [(found.name, found.at) for found in graph.inputs.get(asset.name, ())]
    todo = todo if asset.kind is Kind.SQL else []
    for check in graph.gate(asset.name):
        if check.type != "python":
            todo += [(name, check.at or asset.at) for name in (check.asset, *check.inputs)]
    while todo:
        name, at = todo.pop(0)
        other = graph.assets.get(name)
        if other is None or name in seen:
            continue
        seen.add(name)
        if other.export is not None:
            yield other, at
        elif other.materialized is Materialized.EPHEMERAL and isinstance(other.body, SqlBody):
            todo += [(above, at) for above in graph.parents(name)]
