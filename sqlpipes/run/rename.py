"""Two relations + what the warehouse can do -> the statements that give one's content to the other."""

from __future__ import annotations

from sqlpipes.core.engine import RelationType
from sqlpipes.core.sql import Relation
from sqlpipes.run.warehouse import Warehouse


def rename_sql(old: Relation, new: Relation, warehouse: Warehouse) -> tuple[str, ...]:
    """Statements for one transaction; none when nothing stands at `old` or both are one relation.

    Rows are copied where the warehouse cannot rename, or not into another schema. A view is only
    dropped there: the next build makes it again from its query. ValueError for another database.
    """
    kind = warehouse.type_of(old)
    before, after = warehouse.name(old), warehouse.name(new)
    if kind is None or before == after:
        return ()
    if before[0] != after[0]:
        raise ValueError(f"{old} and {new} are in two databases")
    source, target = warehouse.quote(old), warehouse.quote(new)
    if warehouse.can.renames and before[1] == after[1]:
        return (f"alter {kind} {source} rename to {warehouse.can.name(new.name)}",)
    if kind is RelationType.VIEW:
        return (f"drop view {source}",)
    return (f"create table {target} as select * from {source}", f"drop table {source}")
