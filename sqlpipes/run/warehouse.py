"""An open engine -> what must be known of it to write SQL, as a value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace

from sqlpipes.core.asset import Asset
from sqlpipes.core.config import Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Capabilities, Connection, Engine, Engines, Publishing, RelationType
from sqlpipes.core.partitions import Partitioning, Partitions
from sqlpipes.core.sql import Reference, Relation
from sqlpipes.core.sql.relation import fold
from sqlpipes.core.windows import Windows

Name = tuple[str, str, str]  # catalog, schema and name, folded


@dataclass(frozen=True, slots=True)
class Warehouse:
    """What SQL generation asks. `types` is what exists; make one with `warehouse_of`."""

    dialect: str
    can: Capabilities
    catalog: str
    default_schema: str  # where an unqualified name is looked up
    types: Mapping[Name, RelationType]
    quote: Callable[[Relation], str]
    temporary: Callable[[str], Relation]
    token_sql: Callable[[Relation, str], str]
    windows: Callable[[Connection, Relation, str, Partitioning, str], Windows]
    publishing: Publishing | None = None  # of an engine that cannot roll back DDL
    root: str = ""  # the project's folder, which relative file names in SQL count from
    staged: Mapping[str, str] = field(default_factory=dict)  # asset that is a file -> its new rows
    engine: str = ""  # what assets call it; the target's own has no name
    part: str = ""  # begins the names of a part's own tables, where all connections see them

    def where(self, asset: Asset) -> Relation:
        """Where a statement here finds the rows of an asset. What lives elsewhere has crossed before,
        into a table that only this connection sees."""
        assert asset.relation is not None
        if asset.engine == self.engine:
            return asset.relation
        return self.temporary(f"sqlpipes_from_{self.part}{asset.name}")

    def apart(self, asset: str, slices: Partitions) -> Warehouse:
        """For one part of a step. Without temporary tables its own ones must not meet those of others."""
        if self.publishing is None:
            return self
        digest = hashlib.blake2b(f"{asset} {slices}".encode(), digest_size=5).hexdigest()
        return replace(self, part=f"{digest}_")

    def type_of(self, relation: Relation) -> RelationType | None:
        """What stands at that name now; None for nothing."""
        return self.types.get(self.name(relation))

    def name(self, relation: Relation) -> Name:
        catalog, schema, name = relation.folded(self.dialect)
        return catalog or fold(self.catalog, True, self.dialect), schema, name

    def reaches(self, reference: Reference, relation: Relation) -> bool:
        """Whether the name as the user wrote it means `relation` here.

        A name of two parts whose first is also a database's name is ambiguous in DuckDB: of the own
        database's, ours says which is meant; of another one's, DuckDB says that nobody can tell.
        """
        parts = reference.folded(self.dialect)
        own = fold(self.catalog, True, self.dialect)
        if len(parts) == 2 and parts[0] == own:
            return False
        catalog, schema, name = self.name(relation)
        if parts == (catalog, name):
            return any(there[:2] == (own, catalog) for there in self.types)
        default = (own, fold(self.default_schema, True, self.dialect))
        return (*default[: 3 - len(parts)], *parts) == (catalog, schema, name)


@dataclass(frozen=True, slots=True)
class Warehouses:
    """All warehouses that the assets of a graph live in: the target's own, and others by name."""

    own: Warehouse
    others: Mapping[str, Warehouse] = field(default_factory=dict)

    def of(self, asset: Asset) -> Warehouse:
        return self.named(asset.engine)

    def named(self, engine: str) -> Warehouse:
        return self.others[engine] if engine else self.own


def warehouses_of(engines: Engines, target: Target, root: str = "") -> Warehouses:
    """As they are now; each is asked once for what exists."""
    others = {
        name: replace(warehouse_of(engine, target.on(name).schema, root), engine=name)
        for name, engine in engines.others.items()
    }
    return Warehouses(warehouse_of(engines.own, target.schema, root), others)


def warehouse_of(engine: Engine, default_schema: str, root: str = "") -> Warehouse:
    """The engine as it is now; asks it once for what exists."""
    found = engine.relations()
    nothing = Warehouse(
        engine.dialect,
        engine.can,
        engine.catalog or "",
        default_schema,
        {},
        engine.quote,
        engine.temporary,
        engine.token_sql,
        engine.windows,
        getattr(engine, "publishing", None),
        root,
    )
    return with_relations(nothing, found.items())


def with_relations(
    warehouse: Warehouse, found: Iterable[tuple[Relation, RelationType]]
) -> Warehouse:
    """The same warehouse with these relations and no others."""
    return replace(warehouse, types={warehouse.name(relation): kind for relation, kind in found})
