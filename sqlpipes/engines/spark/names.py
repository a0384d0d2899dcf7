"""Names and values as Spark reads them: backticks around names, backslashes that are escapes."""

from __future__ import annotations

from sqlpipes.core.sql import Relation
from sqlpipes.core.sql import identifier as marked

MARK = "`"
OURS = "sqlpipes__"  # begins the names of tables and views that are there for one step only


def identifier(name: str) -> str:
    """
    >>> identifier("x`; drop table y")
    '`x``; drop table y`'
    """
    return marked(name, MARK)


def literal(text: str) -> str:
    r"""
    >>> print(literal("it's C:\\new"))
    'it\'s C:\\new'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted(relation: Relation) -> str:
    """
    >>> quoted(Relation("orders", "shop", "dw"))
    '`dw`.`shop`.`orders`'
    """
    parts = [part for part in (relation.catalog, relation.schema, relation.name) if part]
    return ".".join(identifier(part) for part in parts)
