"""What a run records with each asset that it builds: query, settings, and the columns of what it read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sqlpipes.api.learning import is_understood
from sqlpipes.api.project import Project
from sqlpipes.api.proofs import columns_of_tables
from sqlpipes.core.asset import Column, SqlBody
from sqlpipes.core.events import Event, StepStarted
from sqlpipes.decide.definition import basis_in, definition_of

if TYPE_CHECKING:
    from sqlpipes.core.lineage import Columns
    from sqlpipes.stores import Store


class Bases:
    """Learns the columns of each asset as it is built. Nothing is parsed: that is for when something changes.

    `shared`: other builds may write to the warehouse at the same time, so that what an input is like is
    asked of the state before a step and after it, and counts when both say the same.
    """

    def __init__(self, project: Project, store: Store, *, shared: bool) -> None:
        self._graph, self._project, self._store = project.graph, project, store
        self._shared = shared
        self._asks = project.config.column_aware and is_understood(project)
        self._built: dict[str, Columns | None] = {}
        self._before: dict[str, Mapping[str, str]] = {}

    def told(self, event: Event) -> Event:
        """To be told of each event before it is recorded."""
        if self._shared and self._asks and isinstance(event, StepStarted):
            self._before[event.asset] = self._store.definitions(self._inputs(event.asset))
        return event

    def definition(self, name: str, columns: Iterable[tuple[str, str]]) -> str:
        """What is recorded of an asset that has these columns (name, type) now; as JSON."""
        found = definition_of(self._graph, name)
        if self._asks and isinstance(self._graph.assets[name].body, SqlBody):
            from sqlpipes.core.lineage import basis

            known = self._known(name, columns)
            texts = {name: found["sql"], **found["inlined"]}
            found["basis"] = basis(self._graph, name, known.get).to_plain(name, texts)
        elif columns:
            self._built[name] = _columns(columns)
        return json.dumps(found, default=str)

    @cached_property
    def _tables(self) -> Mapping[str, Columns]:
        return columns_of_tables(self._project)

    def _known(self, name: str, own: Iterable[tuple[str, str]]) -> dict[str, Columns]:
        """The columns of an asset and of what its queries read."""
        inputs = self._inputs(name)
        queries = [each for each in inputs if isinstance(self._graph.assets[each].body, SqlBody)]
        told = {each: self._tables.get(each) or self._built.get(each) for each in inputs}
        if self._shared:
            told |= self._steady(name, queries)
        else:
            if unknown := [each for each in queries if each not in self._built]:
                self._built |= _recorded(self._store.definitions(unknown), unknown)
            told |= {each: self._built[each] for each in queries}
        if own:
            told[name] = self._built[name] = _columns(own)
        return {each: columns for each, columns in told.items() if columns}

    def _steady(self, name: str, queries: Iterable[str]) -> dict[str, Columns | None]:
        """Of those inputs that nobody has built while the step went on."""
        before, after = self._before.get(name, {}), self._store.definitions(queries)
        same = {each: text for each, text in after.items() if before.get(each) == text}
        return _recorded(same, queries)

    def _inputs(self, name: str) -> tuple[str, ...]:
        """What its query reads, and the ephemeral ones in it."""
        graph = self._graph
        inlined = graph.inlined(name)
        read = dict.fromkeys(each for part in (name, *inlined) for each in graph.parents(part))
        return tuple(each for each in read if each not in inlined)


def _columns(told: Iterable[tuple[str, str]]) -> Columns:
    return tuple(Column(name, type) for name, type in told)


def _recorded(texts: Mapping[str, str], names: Iterable[str]) -> dict[str, Columns | None]:
    """The columns that their newest builds left."""
    return {name: basis_in(texts.get(name, ""), name).columns.get(name) for name in names}
