"""Graph + Lineage + one SQL asset -> Defined: what its query makes of which tables, as digests to keep.

Kept with each build. Later they tell which columns a changed text may have changed. Not understood, hanging
on when it is rendered, or reading its own table or files: None, as then nothing can be told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlpipes.core.asset import Column, Rendered, Scope, SqlBody
from sqlpipes.core.errors import SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.trace import Lineage

if TYPE_CHECKING:
    from sqlglot import exp

    from sqlpipes.core.lineage.types import Types

DIGESTS = "2"
"""Moves when the same text may have other digests; those that were kept before count for nothing then."""

UNSTEADY = re.compile(
    r"\b(current_(user|role|schemas?|database|catalog|setting)|session_user|getenv|getvariable|txid_current"
    r"|pg_\w+|duckdb_\w+|pragma_\w+|information_schema|sqlite_\w+|mode\s*\(|user\s*\(|approx_\w+"
    r"|reservoir_\w+)",
    re.IGNORECASE,
)
"""What may be another value although no table is: of the session or the server, or of rows in any order.
It may stand in a comment or a text: then less is known than could be."""

LATER = Scope("this_table", True, False, "2001-02-03", "2001-02-04", "2001-02-03")


@dataclass(frozen=True, slots=True)
class Defined:
    """`columns`: (folded name, digest) in order. `loose`: columns that may differ without any input doing so.

    `tables`: each name of a table as it is written -> the asset that it means.
    """

    rows: str
    columns: tuple[tuple[str, str], ...]
    tables: tuple[tuple[str, str], ...]
    loose: frozenset[str] = frozenset()

    def moved_since(self, old: Defined) -> frozenset[str] | None:
        """Columns whose values another text may have changed, were all tables as before; None: the rows.

        New columns and those that are gone are among them, and "" where anything of the columns is another:
        nobody reads that, but who reads all of them sees it.
        """
        before, now = dict(old.columns), dict(self.columns)
        meant = dict(old.tables)
        if old.rows != self.rows or any(meant.get(k, v) != v for k, v in self.tables):
            return None
        names = before.keys() | now.keys()
        moved = {name for name in names if before.get(name) != now.get(name)}
        moved |= old.loose | self.loose | ({""} if old.columns != self.columns else set())
        return frozenset(name.casefold() for name in moved)

    def to_plain(self) -> list[Any]:
        return [DIGESTS, self.rows, self.columns, self.tables, sorted(self.loose)]

    @staticmethod
    def from_plain(plain: Any) -> Defined | None:
        """None for what another version wrote, or nobody."""
        if not plain or plain[0] != DIGESTS:
            return None
        _, rows, columns, tables, loose = plain
        return Defined(rows, _pairs(columns), _pairs(tables), frozenset(loose))


def defined(graph: Graph, lineage: Lineage, name: str) -> Defined | None:
    """What the asset's query makes of its tables, whose columns are those of `lineage`."""
    found = rendered_once(graph, name)
    if found is None:
        return None
    tables = _tables(graph, found)
    if name in tables.values() or None in tables.values():
        return None
    inputs = {parts: _columns(lineage, asset) for parts, asset in tables.items()}
    return _read(found.text, graph.dialect, inputs, tables)


def rendered_once(graph: Graph, name: str) -> Rendered | None:
    """The query's text, if it is the same whenever it is rendered and reads no files by their names."""
    asset = graph.assets[name]
    body = asset.body
    if not isinstance(body, SqlBody) or body.opaque or body.dialect or name in graph.reads_self:
        return None
    try:
        found = body.render(Scope())
        if body.template is not None and body.render(LATER).text != found.text:
            return None
    except SqlpipesError:
        return None
    return None if found.files or body.file_assets or UNSTEADY.search(found.text) else found


def _pairs(plain: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, said) for name, said in plain)


def _read(
    text: str,
    dialect: str,
    inputs: Mapping[tuple[str, ...], tuple[Column, ...] | None],
    tables: Mapping[tuple[str, ...], str | None],
) -> Defined | None:
    from sqlpipes.core.lineage.digests import digests_of_trees, parsed
    from sqlpipes.core.lineage.types import Types

    types = Types(dialect)
    trees = parsed(text, types)
    if not _calls_known(trees, types):
        return None
    found = digests_of_trees(trees, types, inputs)
    if not found.rows or not found.listed or None in found.loose:
        return None
    unread = {name for name, digest in found.columns.items() if not digest}
    meant = ((json.dumps(parts), asset or "") for parts, asset in sorted(tables.items()))
    columns = tuple(found.columns.items())
    loose = frozenset(name for name in found.loose if name is not None)
    return Defined(found.rows, columns, tuple(meant), loose | unread)


def _calls_known(trees: list[exp.Expr], types: Types) -> bool:
    """Whether all functions are the engine's own: what a macro does may be another thing tomorrow."""
    from sqlglot import exp

    from sqlpipes.core.lineage.builtins import BUILTINS

    own = BUILTINS if types.dialect_name == "duckdb" else frozenset[str]()
    return all(
        str(node.name).lower() in own and not isinstance(node.parent, exp.Dot)
        for tree in trees
        for node in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc)
    )


def _tables(graph: Graph, text: Rendered) -> dict[tuple[str, ...], str | None]:
    return {
        reference.folded(graph.dialect): graph.resolve(reference) for reference in text.references
    }


def _columns(lineage: Lineage, asset: str | None) -> tuple[Column, ...] | None:
    return lineage.columns(asset) if asset and lineage.is_listed(asset) else None
