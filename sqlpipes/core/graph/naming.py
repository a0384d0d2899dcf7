"""Assets -> which names in a query mean which asset, by the dialect's rules of case and quoting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlpipes.core.asset import Asset, Kind
from sqlpipes.core.graph.databases import (
    NO_DATABASES,
    NO_HOMES,
    Databases,
    Homes,
    Name,
    in_database,
    is_own,
    last_parts,
)
from sqlpipes.core.sql.relation import Relation, fold


def name_index(
    assets: Iterable[Asset],
    dialect: str,
    default_schema: str,
    default_catalog: str | None = None,
    homes: Homes = NO_HOMES,
    databases: Databases = NO_DATABASES,
) -> dict[Name, str]:
    """Folded name of one to three parts -> asset.

    What is built goes before sources, an asset's name before another one's relation, and a schema
    before a database of its name. A bare name that two sources have means neither of them.
    """
    listed = sorted(assets, key=lambda asset: asset.kind is Kind.SOURCE)
    index: dict[Name, str] = {}
    for asset in listed:
        index.setdefault((fold(asset.name, True, dialect),), asset.name)
    for asset in listed:
        _, catalog = homes.get(asset.engine, (default_schema, default_catalog))
        for name in qualified_names(asset, dialect, catalog):
            index.setdefault(name, asset.name)
    for asset in listed:
        schema, catalog = homes.get(asset.engine, (default_schema, default_catalog))
        for name in in_database(asset, dialect, catalog, databases):
            index.setdefault(name, asset.name)
        if _is_at_home(asset, dialect, schema, catalog):
            assert asset.relation is not None
            index.setdefault((fold(asset.relation.name, True, dialect),), asset.name)
    for name, owner in _bare_sources(listed, dialect):
        index.setdefault(name, owner)
    return index


def qualified_names(
    asset: Asset, dialect: str, default_catalog: str | None = None
) -> Iterator[Name]:
    """schema.table and catalog.schema.table, with the schema as declared and as the target spells it.

    `main.orders` is never a source in another database: there it is `other.main.orders`.
    """
    if "." in asset.name:  # source.table, wherever it is kept
        yield tuple(fold(part, True, dialect) for part in asset.name.split("."))
    if asset.relation is None:
        return
    catalog = asset.relation.catalog or default_catalog
    elsewhere = asset.kind is Kind.SOURCE and not is_own(asset.relation, dialect, default_catalog)
    above = None if catalog is None else fold(catalog, True, dialect)
    lasts = [fold(last, True, dialect) for last in last_parts(asset, asset.relation)]
    for spelt in _schemas(asset, asset.relation):
        schema = fold(spelt, True, dialect)
        for last in lasts:
            if not elsewhere:
                yield schema, last
            if above is not None:
                yield above, schema, last


def _is_at_home(asset: Asset, dialect: str, schema: str, catalog: str | None) -> bool:
    """Whether a bare name means it: what is built, wherever; a source only in the own database."""
    if asset.relation is None or asset.relation.schema != schema:
        return False
    return asset.kind is not Kind.SOURCE or is_own(asset.relation, dialect, catalog)


def _schemas(asset: Asset, relation: Relation) -> Sequence[str]:
    declared = asset.settings.get("schema")
    if not isinstance(declared, str) or declared == relation.schema:
        return (relation.schema,)
    return sorted((relation.schema, declared))


def _bare_sources(assets: Iterable[Asset], dialect: str) -> Iterator[tuple[Name, str]]:
    """Sources by their table's name alone, where only one has it."""
    owners: dict[Name, list[str]] = {}
    for asset in assets:
        if asset.kind is Kind.SOURCE and asset.relation is not None:
            owners.setdefault((fold(asset.relation.name, True, dialect),), []).append(asset.name)
    for name, found in owners.items():
        if len(found) == 1:
            yield name, found[0]
