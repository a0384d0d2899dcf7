"""What of a DuckDB engine needs no DuckDB: its names, and the statements that ask what a table holds."""

from __future__ import annotations

from collections.abc import Set

from sqlpipes.core.engine import Capabilities, Connection
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation
from sqlpipes.core.windows import Windows
from sqlpipes.engines.duckdb.names import TEMPORARY, quoted
from sqlpipes.engines.duckdb.windows import WORDS
from sqlpipes.engines.offline import Offline
from sqlpipes.engines.windows import token_sql, windows_of

CAN = Capabilities(
    transactional_ddl=True,
    create_or_replace_table=True,
    merge=True,
    insert_by_name=True,
    qualifies=True,
    reads_files=True,
    writes_files=True,
    renames=True,
    comments=True,
    indexes=frozenset({"art"}),
    indexes_bind=True,
    crosses=True,
)


class Spelling:
    """Half of a `core.engine.Engine`. `catalogs`: the names of all databases that are attached."""

    dialect = "duckdb"
    can = CAN

    def __init__(self, catalog: str, catalogs: Set[str]) -> None:
        self._catalog, self._catalogs = catalog, catalogs
        self.catalog: str | None = catalog

    def quote(self, relation: Relation) -> str:
        return quoted(relation, self._catalog, self._catalogs)

    def temporary(self, name: str) -> Relation:
        return Relation(name, "main", TEMPORARY)

    def token_sql(self, relation: Relation, changes: str) -> str:
        """`changes`: count, hash (row count and the sum of all row hashes), or an aggregate."""
        return token_sql(self.quote(relation), changes, WORDS)

    def windows(
        self,
        connection: Connection,
        relation: Relation,
        changes: str,
        cut: Partitioning,
        where: str = "",
    ) -> Windows:
        columns = connection.columns(relation) or ()
        rows = self.quote(relation)
        if where:
            rows = f"(select * from {rows} where {where})"
        return windows_of(connection, rows, columns, changes, cut, WORDS)


class OfflineDuck(Offline, Spelling):
    """Spells names and statements as a database does that nothing is attached to."""

    def __init__(self, catalog: str) -> None:
        super().__init__(catalog, frozenset({catalog}))
