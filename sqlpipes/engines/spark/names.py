"""Names and values as Spark reads them: backticks around names, backslashes that are escapes."""

from __future__ import annotations

import hashlib
import re

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


def stage_name(name: str, schema: str, builder: str) -> Relation:
    """Catalogs of Hive know small letters, digits and underlines; two names never become one.

    >>> stage_name("sqlpipes_orders", "main", "0a1b2c3d").name
    'sqlpipes__b0a1b2c3d_sqlpipes_orders'
    >>> stage_name("sqlpipes_Größe", "main", "0a1b2c3d").name
    'sqlpipes__b0a1b2c3d_sqlpipes_gr__e_6c668f9f'
    """
    plain = re.sub(r"[^a-z0-9_]", "_", name.lower())[:80]
    if plain != name:
        plain += f"_{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    return Relation(f"{OURS}b{builder}_{plain}", schema)
