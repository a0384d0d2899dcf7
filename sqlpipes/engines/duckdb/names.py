"""Relations and values as they stand in DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Collection

from sqlpipes.core.sql import Relation, identifier

TEMPORARY = "temp"  # the catalog of tables that only their connection sees


def quoted(relation: Relation, catalog: str, catalogs: Collection[str]) -> str:
    """The relation in a statement. A schema that is also called like a database needs the database
    before it, or DuckDB finds the name ambiguous.

    >>> quoted(Relation("orders", "shop"), "shop", {"shop"})
    '"shop"."shop"."orders"'
    >>> quoted(Relation("orders", "main"), "shop", {"shop"})
    '"main"."orders"'
    """
    ambiguous = relation.schema.casefold() in {name.casefold() for name in catalogs}
    first = relation.catalog or (catalog if ambiguous else None)
    parts = [part for part in (first, relation.schema, relation.name) if part]
    return ".".join(identifier(part) for part in parts)
