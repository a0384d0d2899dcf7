"""A relation -> what stands on it, what is lost with it, and what it has beside its rows."""

from __future__ import annotations

from collections.abc import Callable

from sqlpipes.core.engine import Dependant, Rows, Standing
from sqlpipes.core.extras import Seen
from sqlpipes.core.sql import Relation
from sqlpipes.engines.postgres import catalog

Fetch = Callable[[str], Rows]


def standing_of(fetch: Fetch, relation: Relation, *, alone: bool = False) -> Standing | None:
    found = fetch(catalog.kind_sql(relation)).rows
    if not found:
        return None
    if alone:
        return Standing(catalog.KINDS.get(str(found[0][0]), "relation"))
    below = []
    for schema, name, kind, _ in fetch(catalog.below_sql(relation)).rows:
        each = Relation(name, schema)
        below.append(Dependant(catalog.KINDS.get(kind, "relation"), each, _lost_with(fetch, each)))
    for schema, name, key in fetch(catalog.keys_sql(relation)).rows:
        below.append(Dependant(f"foreign key {key}", Relation(name, schema)))
    kind = catalog.KINDS.get(str(found[0][0]), "relation")
    beside = fetch(catalog.on_columns_sql(relation)).rows
    needed = tuple((str(sql), tuple(columns)) for sql, columns in beside)
    return Standing(kind, tuple(below), _lost_with(fetch, relation), needed)


def _lost_with(fetch: Fetch, relation: Relation) -> tuple[str, ...]:
    return tuple(str(sql) for _, sql in fetch(catalog.restore_sql(relation)).rows)


def extras_of(fetch: Fetch, relation: Relation, *, grants: bool) -> Seen | None:
    found = fetch(catalog.extras_sql(relation, grants=grants)).rows
    if not found:
        return None
    told: dict[str, list[tuple[str, str]]] = {}
    for what, name, value in found:
        told.setdefault(str(what), []).append((str(name), str(value)))
    rights: dict[str, set[str]] = {}
    for role, privilege in told.get("grant", ()):
        rights.setdefault(privilege, set()).add(role)
    return Seen(
        told["comment"][0][1],
        tuple(told.get("column", ())),
        {privilege: frozenset(roles) for privilege, roles in rights.items()},
        tuple(name for name, _ in told.get("index", ())),
        told["owner"][0][0] if grants else "",
        frozenset(name for name, _ in told.get("role", ())),
    )
