"""How rows that are kept from build to build take up new ones: values only, validated by `read`."""

from __future__ import annotations

from enum import StrEnum

from sqlpipes.core.dataclass import dataclass


class Strategy(StrEnum):
    """What an incremental asset does with the rows of its query. `slices` and `full` have none of this."""

    MERGE = "merge"  # a row replaces the one of the same key
    APPEND = "append"  # rows are added, nothing is looked for


class SchemaChange(StrEnum):
    """What happens when the query's columns are not those of the table, and the table is kept."""

    FAIL = "fail"
    ADD = "add"  # new columns are added, old rows have NULL there
    SYNC = "sync"  # and others dropped or given another type
    REBUILD = "rebuild"  # the relation is written anew, older slices too
    IGNORE = "ignore"  # only the columns that the table has are written


class HardDeletes(StrEnum):
    """What a snapshot does about a key that its query no longer yields."""

    IGNORE = "ignore"
    INVALIDATE = "invalidate"  # the current row ends
    NEW_RECORD = "new_record"  # and a row that says so begins


@dataclass(frozen=True, slots=True)
class Incremental:
    """Of `materialized: incremental`. Columns that are not updated keep the stored value."""

    strategy: Strategy = Strategy.MERGE
    updated_at: str | None = None  # a row that is older here than the stored one changes nothing
    update_columns: tuple[str, ...] = ()  # only these are updated; empty: all
    exclude_columns: tuple[str, ...] = ()  # these are never updated


@dataclass(frozen=True, slots=True)
class SnapshotColumns:
    """What the columns of a snapshot are called that its query does not yield."""

    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    is_current: str = "is_current"
    is_deleted: str = "is_deleted"  # with hard_deletes: new_record


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Of `materialized: snapshot`: a row for each state that a key was ever seen in.

    A state is new when `updated_at` is newer (strategy timestamp) or, without one, when one of
    `check_columns` differs (strategy check; empty: any column beside the key).
    """

    updated_at: str | None = None
    check_columns: tuple[str, ...] = ()
    hard_deletes: HardDeletes = HardDeletes.IGNORE
    names: SnapshotColumns = SnapshotColumns()

    @property
    def added(self) -> tuple[str, ...]:
        """The columns that the table has beside the query's, in order."""
        names = self.names
        found = (names.valid_from, names.valid_to, names.is_current)
        return (*found, names.is_deleted) if self.marks_deleted else found

    @property
    def marks_deleted(self) -> bool:
        return self.hard_deletes is HardDeletes.NEW_RECORD
