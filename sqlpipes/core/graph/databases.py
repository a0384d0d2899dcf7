"""Assets + the databases that SQL may name -> where `other.t` is: in a schema, or in a database."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from sqlpipes.core.asset import Asset, Kind, Materialized, SourceBody
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.sql.relation import Reference, Relation, fold

Name = tuple[str, ...]  # one to three folded identifiers, catalog first
Homes = Mapping[str, tuple[str, str | None]]  # a further engine -> its default schema and database
NO_HOMES: Homes = MappingProxyType({})
Databases = Mapping[str, Mapping[str, str]]
"""An engine -> the databases that SQL may name there, its own too -> the schema of a bare table in it.
`link` folds these names first."""
NO_DATABASES: Databases = MappingProxyType({})
MAIN = "main"  # where a target that says no schema writes; a server has seldom one of that name


def in_database(
    asset: Asset, dialect: str, default_catalog: str | None, databases: Databases
) -> Iterator[Name]:
    """catalog.table, where the table is in the schema that this means."""
    relation = asset.relation
    catalog = relation and (relation.catalog or default_catalog)
    if relation is None or not catalog:
        return
    schema = default_schema_in(databases, asset.engine, catalog, dialect)
    if schema is not None and schema == fold(relation.schema, True, dialect):
        for last in last_parts(asset, relation):
            yield fold(catalog, True, dialect), fold(last, True, dialect)


def default_schema_in(databases: Databases, engine: str, catalog: str, dialect: str) -> str | None:
    """As the name is compared; None for what is no database that SQL may name there."""
    return databases.get(engine, {}).get(fold(catalog, True, dialect)) or None


def folded(databases: Databases, dialect: str) -> Databases:
    """With all names as they are compared; of two that are the same the first counts."""
    return {
        engine: {
            fold(name, True, dialect): fold(named[name], True, dialect) for name in reversed(named)
        }
        for engine, named in ((each, dict(found)) for each, found in databases.items())
    }


def databases_beside(
    dialect: str, default_catalog: str | None, homes: Homes, databases: Databases
) -> frozenset[tuple[str, str]]:
    """(engine, folded name) of those that are not the engine's own."""
    return frozenset(
        (engine, fold(name, True, dialect))
        for engine, named in databases.items()
        for name in named
        if not _same(name, homes.get(engine, ("", default_catalog))[1], dialect)
    )


def settled(
    assets: Iterable[Asset],
    dialect: str,
    default_catalog: str | None = None,
    homes: Homes = NO_HOMES,
    databases: Databases = NO_DATABASES,
) -> tuple[list[Asset], frozenset[tuple[str, str]]]:
    """The assets, sources in the database that they are said to be in, and what says no schema in that
    which its database means; and (engine, folded name) of what is both another database and a schema
    that something is built in, so that nobody can tell.
    """
    listed = [_schemed(asset, dialect, default_catalog, homes, databases) for asset in assets]
    beside = databases_beside(dialect, default_catalog, homes, databases)
    if not beside:
        return listed, frozenset()
    taken = {
        (asset.engine, fold(asset.relation.schema, True, dialect))
        for asset in listed
        if asset.kind is not Kind.SOURCE and asset.relation is not None
        if is_own(asset.relation, dialect, homes.get(asset.engine, ("", default_catalog))[1])
    }
    free = beside - taken
    return [_settled(asset, free, dialect, databases) for asset in listed], frozenset(
        beside & taken
    )


def _schemed(
    asset: Asset, dialect: str, default_catalog: str | None, homes: Homes, databases: Databases
) -> Asset:
    """With `database: crm` and no schema anywhere: where `crm.t` is looked up."""
    relation = asset.relation
    if asset.kind is Kind.SOURCE or relation is None or not relation.catalog:
        return asset
    if relation.schema != MAIN or asset.settings.get("schema"):
        return asset
    if is_own(relation, dialect, homes.get(asset.engine, ("", default_catalog))[1]):
        return asset
    schema = default_schema_in(databases, asset.engine, relation.catalog, dialect)
    return replace(asset, relation=replace(relation, schema=schema)) if schema else asset


def _settled(
    asset: Asset, free: Container[tuple[str, str]], dialect: str, databases: Databases
) -> Asset:
    """`other.t` of a source without a database is in the attached one of that name."""
    relation = asset.relation
    if asset.kind is not Kind.SOURCE or relation is None or relation.catalog is not None:
        return asset
    if (asset.engine, fold(relation.schema, True, dialect)) not in free:
        return asset
    schema = default_schema_in(databases, asset.engine, relation.schema, dialect)
    if schema is None:
        return asset
    return replace(asset, relation=Relation(relation.name, schema, relation.schema))


def is_own(relation: Relation, dialect: str, own: str | None) -> bool:
    return relation.catalog is None or _same(relation.catalog, own, dialect)


def _same(name: str, other: str | None, dialect: str) -> bool:
    return other is not None and fold(name, True, dialect) == fold(other, True, dialect)


def last_parts(asset: Asset, relation: Relation) -> Sequence[str]:
    """What may follow the schema: the relation's name, and the asset's own where it has no dot."""
    if asset.name == relation.name or "." in asset.name:
        return (relation.name,)
    return sorted((relation.name, asset.name))


def unclear(reference: Reference, own: str | None, schema: str | None, at: Location) -> Problem:
    first, last = reference.parts
    message = (
        f"'{reference}' is ambiguous: '{first}' is a schema of the target's own database, and a "
        "database that is attached to it"
    )
    hint = (
        f"write {own or 'the database'}.{first}.{last} or {first}.{schema}.{last}, or give the "
        "attached database another name with `alias:`"
    )
    return Problem("REF007", message, at, hint)


def implicit(name: str, relation: Relation, at: Location, system: bool) -> Asset:
    """A source that nobody declared. System tables may look different every time."""
    return Asset(
        name=name,
        kind=Kind.SOURCE,
        materialized=Materialized.EXTERNAL,
        relation=relation,
        body=SourceBody(changes="always" if system else None, implicit=True),
        version="implicit.",
        at=at,
        path=at.file,
        fqn=("source", name),
    )
