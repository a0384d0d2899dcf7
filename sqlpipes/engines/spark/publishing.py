"""How staged rows come to be read on Spark: by renaming, by partitions, or by what the format can.

Parquet has no transactions. A table of it gives way to another by two renames; slices of it are
partitions, which INSERT OVERWRITE replaces one by one where it is told to be dynamic. Delta and Iceberg
take the place of a table, of slices and of keys in one statement each.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence

from sqlpipes.core.engine import Connection, Deed, RelationType
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import Grain, Partitioning, TimeAxis, ValueAxis
from sqlpipes.core.sql import Relation
from sqlpipes.engines.spark.names import identifier, literal, quoted, stage_name

ATOMIC = ("delta", "iceberg")  # formats whose statements are done as a whole or not at all
WITHIN_A_DAY = (Grain.HOUR, Grain.MINUTE)
VALUES = ("string", "boolean", "date", "tinyint", "smallint", "int", "bigint")
MOST_EMPTIED = 5000  # partitions that one statement drops


class SparkPublishing:
    """See `core.engine.Publishing`."""

    def __init__(self, file_format: str, schema: str) -> None:
        self._format = file_format
        self._schema = schema  # of the table that dynamic overwriting is tried on
        self.builder = uuid.uuid4().hex[:8]
        self._lock = threading.Lock()
        self._verified = False

    @property
    def moves(self) -> bool:
        return self._format not in ATOMIC

    def head(self, table: str, along: Sequence[str] = ()) -> str:
        create = "create or replace table" if self._format in ATOMIC else "create table"
        return f"{create} {table} {self._using(along)} as\n"

    def _using(self, along: Sequence[str]) -> str:
        cut = f" partitioned by ({', '.join(map(identifier, along))})" if along else ""
        return f"using {self._format}{cut}"

    def rename(self, table: Relation, to: Relation) -> str:
        return f"alter table {quoted(table)} rename to {quoted(to)}"

    def layout(self, cut: Partitioning, columns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Every value of a partition column must lie in one slice, and there must not be too many."""
        there = {name.casefold(): (name, kind) for name, kind in columns}
        found = []
        for each in cut.cuts:
            name, kind = there.get(each.column.casefold(), ("", ""))
            if not _divides(each, kind):
                return ()
            found.append(name)
        return tuple(found) if len(found) < len(columns) else ()

    def swap(
        self,
        staged: Relation,
        table: Relation,
        old: Relation,
        there: RelationType | None,
        along: Sequence[str] = (),
    ) -> tuple[Deed, ...]:
        stage, name = quoted(staged), quoted(table)
        first: tuple[Deed, ...] = ()
        if there is RelationType.VIEW:
            first = (Deed(f"drop view {name}", needs=(staged, table)),)
        if self._format in ATOMIC:
            return (*first, Deed(f"{self.head(name, along)}select * from {stage}"))
        put = Deed(self.rename(staged, table), needs=(staged,))
        if there is not RelationType.TABLE:
            return (*first, put)
        return (
            Deed(self.rename(table, old), needs=(staged, table)),
            put,
            Deed(f"drop table if exists {quoted(old)}", cleans=True),
        )

    def slices(
        self,
        connection: Connection,
        staged: Relation,
        table: Relation,
        columns: Sequence[tuple[str, str]],
        cut: Partitioning,
        inside: str,
    ) -> tuple[Deed, ...] | None:
        names = ", ".join(identifier(name) for name, _ in columns)
        stage, name = quoted(staged), quoted(table)
        if self._format == "delta":
            put = f"insert into {name} replace where {inside}\nselect {names} from {stage}"
            return (Deed(put),)
        if self._format == "iceberg":
            values = ", ".join(f"new.{identifier(column)}" for column, _ in columns)
            put = (
                f"merge into {name} as old\nusing {stage} as new\non false\n"
                f"when not matched by source and ({inside}) then delete\n"
                f"when not matched then insert ({names}) values ({values})"
            )
            return (Deed(put),)
        along = self.layout(cut, columns)
        if not along or tuple(map(str.casefold, _laid_out(connection, name))) != tuple(
            map(str.casefold, along)
        ):
            return None
        self._verify(connection)
        put = f"insert overwrite table {name}\nselect {names} from {stage}"
        emptied = _emptied(connection, name, stage, dict(columns), along, inside)
        return (Deed(put, is_atomic=False), *emptied)

    def _verify(self, connection: Connection) -> None:
        """A server that takes `dynamic` for `static` would replace the whole table. Raises SPK001."""
        with self._lock:
            if not self._verified:
                _try_dynamic(connection, stage_name("try", self._schema, self.builder))
            self._verified = True


def _divides(cut: Partitioning, kind: str) -> bool:
    if isinstance(cut.along, ValueAxis):
        return kind in VALUES
    if isinstance(cut.along, TimeAxis):
        return kind == "date" and cut.along.unit not in WITHIN_A_DAY
    return cut.along.width == 1 and kind in ("tinyint", "smallint", "int", "bigint")


def _laid_out(connection: Connection, table: str) -> tuple[str, ...]:
    """The columns that a table is partitioned by."""
    rows = connection.fetch(f"describe table {table}").rows
    names = [str(row[0]) for row in rows]
    if "# Partition Information" not in names:
        return ()
    below = names[names.index("# Partition Information") + 1 :]
    return tuple(name for name in below if name and not name.startswith("#"))


def _emptied(
    connection: Connection,
    table: str,
    stage: str,
    kinds: dict[str, str],
    along: Sequence[str],
    inside: str,
) -> tuple[Deed, ...]:
    """Slices without any new row: overwriting leaves them as they are, so they are dropped."""
    names = ", ".join(map(identifier, along))
    sql = (
        f"select distinct {names} from {table} where {inside}\n"
        f"except select distinct {names} from {stage}"
    )
    specs = [
        ", ".join(
            f"{identifier(name)} = {_value(value, kinds[name])}"
            for name, value in zip(along, row, strict=True)
        )
        for row in connection.fetch(sql).rows
    ]
    found = []
    for first in range(0, len(specs), MOST_EMPTIED):
        listed = ", ".join(f"partition ({spec})" for spec in specs[first : first + MOST_EMPTIED])
        found.append(Deed(f"alter table {table} drop if exists {listed}", is_atomic=False))
    return tuple(found)


def _value(value: object, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return f"date '{value}'" if kind == "date" else literal(str(value))


def _try_dynamic(connection: Connection, scratch: Relation) -> None:
    name = quoted(scratch)
    try:
        connection.execute(
            f"create table {name} using parquet partitioned by (p) as\n"
            "select a, p from values (1, 1), (1, 2) as t(a, p)"
        )
        connection.execute(f"insert overwrite table {name}\nselect 2 as a, 2 as p")
        rows = connection.fetch(f"select cast(a as int), cast(p as int) from {name}").rows
    finally:
        connection.execute(f"drop table if exists {name}")
    if sorted(rows) != [(1, 1), (2, 2)]:
        message = (
            "this server ignores spark.sql.sources.partitionOverwriteMode=dynamic: "
            "to write one slice would replace all of the table"
        )
        hint = "set `file_format: delta` in the target, or use a server that follows it"
        raise EngineError(Problem("SPK001", message, hint=hint))
