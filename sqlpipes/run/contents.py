"""What slices hold, before and after they are written -> which of them hold what they held.

Only for assets with `skip_unchanged`: it costs a pass over the slices on either side of the write.
"""

from __future__ import annotations

from sqlpipes.core.asset import Asset
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.windows import Windows, slots
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import inside_sql


@dataclass(frozen=True, slots=True)
class Contents:
    """The columns of a relation, and a hash of all rows or, with slices, of those of each slice."""

    columns: tuple[tuple[str, str], ...]
    whole: str = ""
    windows: Windows | None = None


def contents(
    asset: Asset, slices: Partitions, warehouse: Warehouse, connection: Connection
) -> Contents | None:
    """What these slices of an asset hold now; None when nobody asks, or there is nothing yet."""
    relation = asset.relation
    if not asset.skip_unchanged or relation is None:
        return None
    columns = connection.columns(relation)
    if columns is None:
        return None
    if asset.partition is None:
        row = connection.fetch(warehouse.token_sql(relation, "hash")).rows[0]
        return Contents(columns, str(row[0]))
    inside = inside_sql(asset.partition, slices, warehouse.can)
    found = warehouse.windows(connection, relation, "hash", asset.partition, inside)
    return Contents(columns, windows=found)


def unmoved(
    before: Contents | None, after: Contents | None, slices: Partitions
) -> Partitions | None:
    """The slices that hold what they held; None when there are none, or nobody can tell."""
    if before is None or after is None or before.columns != after.columns:
        return None
    if before.windows is None or after.windows is None:
        return slices if before.whole == after.whole else None
    old, new = before.windows.tokens, after.windows.tokens
    every = old.keys() | new.keys()
    if slots(slices.axis, every) - slices or before.windows.loose or after.windows.loose:
        return None  # values that are written otherwise than those of the slices
    moved = slots(slices.axis, (slot for slot in every if old.get(slot) != new.get(slot)))
    return (slices - moved) or None
