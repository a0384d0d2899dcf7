"""Two relations + what the warehouse can do -> the statements that give one's content to the other."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.engine import RelationType
from sqlpipes.core.sql import Relation
from sqlpipes.run.warehouse import Warehouse


def rename_sql(
    old: Relation, new: Relation, warehouse: Warehouse, *, copies: bool = False
) -> tuple[str, ...]:
    """Statements for one transaction; none when nothing stands at `old` or both are one relation.

    Rows are copied where the warehouse cannot rename, or not into another schema. A view is only
    dropped there: the next build makes it again from its query. `copies`: it has an index that binds it.
    ValueError for another database.
    """
    kind = warehouse.type_of(old)
    before, after = warehouse.name(old), warehouse.name(new)
    if kind is None or before == after:
        return ()
    if before[0] != after[0]:
        raise ValueError(f"{old} and {new} are in two databases")
    source, target = warehouse.quote(old), warehouse.quote(new)
    if warehouse.can.renames and not copies and before[1] == after[1]:
        return (f"alter {kind} {source} rename to {warehouse.can.name(new.name)}",)
    if warehouse.can.changes_schema:
        return _by_schema(kind, old, new, warehouse)
    if kind is RelationType.VIEW:
        return (f"drop view {source}",)
    return (f"create table {target} as select * from {source}", f"drop table {source}")


def _by_schema(
    kind: RelationType, old: Relation, new: Relation, warehouse: Warehouse
) -> tuple[str, ...]:
    """All that stands on it goes along. The name that it has in between must be free."""
    name, schema = (warehouse.can.name(each) for each in (new.name, new.schema))
    first = replace(old, schema=new.schema)
    if warehouse.type_of(first) is None or old.name == new.name:
        into = f"alter {kind} {warehouse.quote(old)} set schema {schema}"
        return (
            (into,)
            if old.name == new.name
            else (into, f"alter {kind} {warehouse.quote(first)} rename to {name}")
        )
    first = replace(old, name=new.name)
    return (
        f"alter {kind} {warehouse.quote(old)} rename to {name}",
        f"alter {kind} {warehouse.quote(first)} set schema {schema}",
    )
