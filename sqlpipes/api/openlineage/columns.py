"""Lineage of an asset -> the columnLineage facet: what each column is made of, and what decides the rows.

Assets that store no rows are no datasets: what goes through them is told of what they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlpipes.api.openlineage.facets import Json, facet
from sqlpipes.api.openlineage.naming import Dataset
from sqlpipes.core.dataclass import dataclass

if TYPE_CHECKING:
    from sqlpipes.core.lineage import Edge, Lineage

INDIRECT = "INDIRECT"
IDENTITY, COMPUTED, AGGREGATED = "IDENTITY", "TRANSFORMATION", "AGGREGATION"
SUBTYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "star": ("DIRECT", IDENTITY),
        "copied": ("DIRECT", IDENTITY),
        "renamed": ("DIRECT", IDENTITY),
        "cast": ("DIRECT", COMPUTED),
        "computed": ("DIRECT", COMPUTED),
        "window": ("DIRECT", COMPUTED),
        "aggregated": ("DIRECT", AGGREGATED),
        "where": ("INDIRECT", "FILTER"),
        "having": ("INDIRECT", "FILTER"),
        "qualify": ("INDIRECT", "FILTER"),
        "join": ("INDIRECT", "JOIN"),
        "group": ("INDIRECT", "GROUP_BY"),
        "distinct": ("INDIRECT", "GROUP_BY"),
        "set_op": ("INDIRECT", "FILTER"),
        "partition": ("INDIRECT", "FILTER"),
        "order_limit": ("INDIRECT", "SORT"),
    }
)
STRENGTH = (IDENTITY, COMPUTED, AGGREGATED)  # of two steps the one that changes most is told
ANY = "*"


@dataclass(frozen=True, slots=True, order=True)
class _Source:
    """A column of an asset, and how it matters."""

    asset: str
    column: str
    type: str
    subtype: str
    said: str = ""  # the expression, as it is written

    def json(self, dataset: Dataset) -> Json:
        how: Json = {"type": self.type, "subtype": self.subtype, "masking": False}
        if self.said and self.subtype != IDENTITY:
            how["description"] = self.said
        where = {"namespace": dataset.namespace, "name": dataset.name, "field": self.column}
        return {**where, "transformations": [how]}


def column_lineage(
    lineage: Lineage, asset: str, dataset: Callable[[str], Dataset | None]
) -> Json | None:
    """None when no column is known to come from anywhere. `dataset`: of an asset that is one.

    What may come from anywhere is left out, as the facet has no word for it.
    """
    walk = _Walk(lineage, dataset)
    fields: dict[str, dict[_Source, None]] = {}
    rows: dict[_Source, None] = {}
    facts = lineage.facts.get(asset)
    for edge in facts.edges if facts else ():
        for source in walk.sources(edge):
            if edge.column is None or source.type == INDIRECT:
                rows[source] = None
            elif edge.column != ANY:
                fields.setdefault(edge.column, {})[source] = None
    if not fields and not rows:
        return None
    said = {name: {"inputFields": _inputs(found, dataset)} for name, found in fields.items()}
    return {**facet("ColumnLineageDatasetFacet", dataset=_inputs(rows, dataset)), "fields": said}


class _Walk:
    """From edges to columns of datasets. What stores no rows is walked through once, however often read."""

    def __init__(self, lineage: Lineage, dataset: Callable[[str], Dataset | None]) -> None:
        self._lineage, self._dataset = lineage, dataset
        self._known: dict[tuple[str, str | None], tuple[_Source, ...]] = {}

    def sources(self, edge: Edge) -> Iterator[_Source]:
        kind = SUBTYPES.get(edge.kind.value)
        if not edge.table:
            return
        if self._dataset(edge.table) is not None:
            if kind is not None and edge.source != ANY:
                yield _Source(edge.table, edge.source, *kind, edge.expression)
            return
        if kind is not None and edge.source != ANY:
            for found in self._of(edge.table, edge.source):
                yield _over(found, kind, edge.expression)
        yield from self._of(edge.table, None)

    def _of(self, asset: str, column: str | None) -> tuple[_Source, ...]:
        """What a column of it comes from; None: what decides its rows."""
        key = (asset, column)
        if key not in self._known:
            self._known[key] = ()
            facts = self._lineage.facts.get(asset)
            edges = [edge for edge in facts.edges if edge.column == column] if facts else []
            found = (source for edge in edges for source in self.sources(edge))
            self._known[key] = tuple(dict.fromkeys(found))
        return self._known[key]


def _over(found: _Source, kind: tuple[str, str], said: str) -> _Source:
    """A source that is reached through a further step."""
    if found.type == INDIRECT:
        return found
    if kind[0] == INDIRECT:
        return replace(found, type=kind[0], subtype=kind[1], said=said)
    stronger = max(found.subtype, kind[1], key=STRENGTH.index)
    return replace(found, subtype=stronger, said=said if kind[1] == stronger else found.said)


def _inputs(
    sources: Mapping[_Source, None], dataset: Callable[[str], Dataset | None]
) -> list[Json]:
    """Each column once, with every way in which it matters."""
    found: dict[tuple[str, str], Json] = {}
    for source in sources:
        at = dataset(source.asset)
        if at is None:
            continue
        said = source.json(at)
        known = found.setdefault((source.asset, source.column), said)
        more = [each for each in said["transformations"] if each not in known["transformations"]]
        known["transformations"] += more
    return list(found.values())
