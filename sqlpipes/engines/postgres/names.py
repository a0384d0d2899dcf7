"""Relations and values as they stand in Postgres' SQL, and names that fit into 63 bytes."""

from __future__ import annotations

import hashlib

from sqlpipes.core.sql import Relation, header_name, identifier

TEMPORARY = "pg_temp"  # the schema of tables that only their connection sees
LONGEST = 63  # bytes of a name; the server cuts the rest off


def quoted(relation: Relation) -> str:
    """
    >>> quoted(Relation("orders", "shop", "dw"))
    '"dw"."shop"."orders"'
    """
    parts = [part for part in (relation.catalog, relation.schema, relation.name) if part]
    return ".".join(identifier(part) for part in parts)


def shortened(name: str, longest: int = LONGEST) -> str:
    """A name of ours that would be cut: its beginning, and a digest in place of the rest.

    >>> shortened("sqlpipes_orders"), len(shortened("x" * 80)), shortened("x" * 80) == shortened("x" * 81)
    ('sqlpipes_orders', 63, False)
    """
    raw = name.encode()
    if len(raw) <= longest:
        return name
    digest = hashlib.blake2b(raw, digest_size=6).hexdigest()
    head = raw[: longest - len(digest) - 1].decode(errors="ignore")
    return f"{head}_{digest}"


def folded(name: str) -> str:
    return header_name(name, "postgres")
