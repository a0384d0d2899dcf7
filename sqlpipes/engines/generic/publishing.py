"""How staged rows come to be read where DDL commits, and RENAME TABLE moves several relations at once.

A table gives way to another in one statement; slices and keys of it are changed in a transaction of rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from sqlpipes.core.engine import Connection, Deed, RelationType
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation


class RenamePublishing:
    """See `core.engine.Publishing`."""

    moves = True

    def __init__(self, quote: Callable[[Relation], str], spell: Callable[[str], str]) -> None:
        self._quote, self._spell = quote, spell
        self.builder = uuid.uuid4().hex[:8]

    def head(self, table: str, along: Sequence[str] = ()) -> str:
        """InnoDB, whatever the server's default is: others cannot roll rows back."""
        return f"create table {table} engine=InnoDB as\n"

    def rename(self, table: Relation, to: Relation) -> str:
        return f"rename table {self._quote(table)} to {self._quote(to)}"

    def layout(self, cut: Partitioning, columns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Rows of a slice are found by a predicate: the table need not lie along anything."""
        return ()

    def swap(
        self,
        staged: Relation,
        table: Relation,
        old: Relation,
        there: RelationType | None,
        along: Sequence[str] = (),
    ) -> tuple[Deed, ...]:
        if there is None:
            return (Deed(self.rename(staged, table), needs=(staged,)),)
        both = f"{self.rename(table, old)}, {self._quote(staged)} to {self._quote(table)}"
        gone = f"drop {there} if exists {self._quote(old)}"
        return (Deed(both, needs=(staged, table), lacks=(old,)), Deed(gone, cleans=True))

    def slices(
        self,
        connection: Connection,
        staged: Relation,
        table: Relation,
        columns: Sequence[tuple[str, str]],
        cut: Partitioning,
        inside: str,
    ) -> tuple[Deed, ...]:
        names = ", ".join(self._spell(name) for name, _ in columns)
        name, rows = self._quote(table), self._quote(staged)
        put = f"insert into {name} ({names})\nselect {names} from {rows}"
        return (Deed(f"delete from {name} where {inside}", needs=(staged,), then=(put,)),)
