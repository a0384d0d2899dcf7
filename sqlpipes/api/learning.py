"""Project + what was recorded with its builds -> what its queries read of which columns, now and then.

Learnt when it is asked for, and kept: what has changed and what stands beside it is read, and nothing
else. Of all other queries the columns are those that their last build left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlpipes.api.columns import keep_traced, newest, tracer_of
from sqlpipes.api.kept import read_json, write_json
from sqlpipes.api.project import Project
from sqlpipes.api.proofs import columns_of_tables
from sqlpipes.core.asset import SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.history import History
from sqlpipes.core.lazily import Lazily
from sqlpipes.core.sql.dialects import dialect_named
from sqlpipes.decide.definition import basis_in

if TYPE_CHECKING:
    from sqlpipes.core.lineage import Basis, Bound, ColumnFacts, Columns, Defined, Tracer
    from sqlpipes.decide.aware import Aware

DEFINED = "defined.json"


class Learner:
    """`recorded`: asset -> the definition that its newest build left, as JSON."""

    def __init__(self, project: Project, recorded: Mapping[str, str]) -> None:
        self._project, self._graph = project, project.graph
        self._recorded = recorded
        self._bases: dict[str, Basis] = {}
        self._columns: dict[str, Columns | None] = {}
        self._digests: dict[str, Defined | None] = {}
        self._new: dict[str, Any] = {}

    def aware(self, history: History) -> Aware:
        """What is known of all queries; what was built by a sqlpipes that did not tell is in doubt."""
        from sqlpipes.core.lineage import Lineage
        from sqlpipes.decide.aware import Aware

        if not is_understood(self._project):
            return Aware(Lineage(), {}, {}, {})
        order = self._graph.order
        return Aware(
            Lineage(Lazily(order, self.facts)),
            Lazily(order, self.now),
            Lazily(self._recorded, self._all_then),
            {name: history.of(name).version for name in self._recorded},
        )

    def columns(self, name: str) -> Columns | None:
        """All that an asset has as its query is now; None where that is not certain."""
        for each in self._unknown_above(name):
            self._columns[each] = self._columns_of(each)
        return self._columns[name]

    def facts(self, name: str) -> ColumnFacts:
        """What the asset's columns and rows are made of."""
        if name not in self._tracer.facts:
            for parent in self._graph.parents(name):
                self.columns(parent)
            self._tracer.add(self._graph.assets[name])
        return self._tracer.facts[name]

    def now(self, name: str) -> Defined | None:
        """What the asset's query makes of its tables; None where that is not understood."""
        from sqlpipes.core.lineage import bound

        query = bound(self._graph, name)
        if query is None:
            return None
        return self._defined(query, {each: self.columns(each) for each in query.assets})

    def then(self, name: str, part: str) -> Defined | None:
        """What it made of them when `name` was last built. `part`: its own query, or an ephemeral one."""
        basis = self._basis(name)
        query = basis.queries.get(part)
        if query is None:
            return None
        return self._defined(
            query, {each: self._columns_then(basis, each) for each in query.assets}
        )

    def keep(self) -> None:
        """Keep what is new, for those who ask the next time."""
        if "_tracer" in self.__dict__:
            keep_traced(self._project, self._tracer)
        if self._new:
            wanted = newest(self._kept, self._new, self._graph)
            write_json(self._project.root, DEFINED, wanted, self._project.secrets)

    @cached_property
    def _tracer(self) -> Tracer:
        return tracer_of(self._project, columns_of_tables(self._project))

    @cached_property
    def _kept(self) -> dict[str, Any]:
        return read_json(self._project.root, DEFINED) or {}

    def _basis(self, name: str) -> Basis:
        if name not in self._bases:
            self._bases[name] = basis_in(self._recorded.get(name, ""), name)
        return self._bases[name]

    def _all_then(self, name: str) -> Mapping[str, Defined]:
        return Lazily(self._basis(name).queries, lambda part: self.then(name, part))

    def _unknown_above(self, name: str) -> Iterator[str]:
        """It and all that it stands on whose columns were not asked for yet, inputs first."""
        todo, begun = [name], set[str]()
        while todo:
            at = todo[-1]
            begun.add(at)
            is_query = isinstance(self._graph.assets[at].body, SqlBody)
            above = self._graph.parents(at) if is_query and at not in self._columns else ()
            waits = [each for each in above if each not in self._columns and each not in begun]
            if waits:
                todo += waits
                continue
            todo.pop()
            if at not in self._columns:
                yield at

    def _columns_of(self, name: str) -> Columns | None:
        """Of one whose inputs are known."""
        built = self._as_built(name)
        if built is not None:
            self._tracer.settled[name] = built
        elif name not in self._tracer.facts:
            self._tracer.add(self._graph.assets[name])
        return self._tracer.columns(name)

    def _as_built(self, name: str) -> Columns | None:
        """The columns that its last build left, if its query and all columns in it are what they were."""
        from sqlpipes.core.lineage import queries_of

        if not isinstance(self._graph.assets[name].body, SqlBody):
            return None
        basis = self._basis(name)
        parts = {name, *self._graph.inlined(name)}
        if name not in basis.columns or basis.queries.keys() != parts:
            return None
        if queries_of(self._graph, name) != basis.queries:
            return None
        read = set[str]().union(*(query.assets for query in basis.queries.values())) - parts
        same = all(_same(self._columns.get(each), basis.columns.get(each)) for each in read)
        return basis.columns[name] if same else None

    def _columns_then(self, basis: Basis, name: str) -> Columns | None:
        """Of a table as the build found it: what an ephemeral query yielded follows from its text."""
        from sqlpipes.core.lineage import column_facts

        query = basis.queries.get(name)
        if name in basis.columns or query is None:
            return basis.columns.get(name)
        inputs = {parts: self._columns_then(basis, each) for parts, each in query.tables}
        facts = column_facts(query.text, self._graph.dialect, inputs, at=Location(""))
        return facts.columns if facts.listed else None

    def _defined(self, query: Bound, columns: Mapping[str, Columns | None]) -> Defined | None:
        from sqlpipes.core.lineage import Defined, defined

        key = _key(self._graph.dialect, query, columns)
        if key not in self._digests:
            if key not in self._kept:
                found = defined(query, self._graph.dialect, columns)
                self._new[key] = found.to_plain() if found else None
            self._digests[key] = Defined.from_plain(self._new.get(key) or self._kept.get(key))
        return self._digests[key]


def is_understood(project: Project) -> bool:
    """Not in an engine's own dialect, that nobody can read."""
    return dialect_named(project.config.dialect) is not None


def _same(one: Columns | None, other: Columns | None) -> bool:
    """Whether both are known and have the same names in the same order."""
    if one is None or other is None:
        return False
    return [each.name for each in one] == [each.name for each in other]


def _key(dialect: str, query: Bound, columns: Mapping[str, Columns | None]) -> str:
    """Moves with the query, with the columns of all that it reads, and with what the names in it mean."""
    from sqlpipes.core.lineage import DIGESTS

    said: list[Any] = [DIGESTS, dialect, query.text]
    for parts, asset in query.tables:
        told = columns.get(asset)
        said += [parts, asset, None if told is None else [each.name for each in told]]
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()
