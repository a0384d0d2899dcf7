"""Relations and values as they stand in DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Collection

from sqlpipes.core.config import Plain
from sqlpipes.core.sql import Relation, identifier, literal

TEMPORARY = "temp"  # the catalog of tables that only their connection sees


def value_sql(value: Plain) -> str:
    """A value of YAML as an option's value.

    >>> value_sql(["a", "it's"]), value_sql({"a": 1}), value_sql(True), value_sql(None)
    ("['a', 'it''s']", "MAP {'a': 1}", 'true', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(value_sql(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{literal(key)}: {value_sql(item)}" for key, item in value.items())
        return f"MAP {{{', '.join(pairs)}}}"
    return literal(value)


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
