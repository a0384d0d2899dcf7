"""A table or query of another database -> a table here, whole, by a growing column, or by slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sqlpipes.components.downloads import shown
from sqlpipes.components.kinds import kind_named
from sqlpipes.components.secrets import refuse_password
from sqlpipes.core.definitions import (
    Building,
    Definitions,
    Entry,
    Execution,
    FieldError,
    asset,
    component,
)

EXAMPLE = """\
type: table_copy
attributes:
  url: "{{ env_var('SHOP_URL') }}"
  table: customers
  cursor: updated_at
  key: [customer_id]
"""


@component(name="table_copy", example=EXAMPLE)
class TableCopy:
    """A table of another database, copied in batches: whole, or only what is new."""

    # of the database, for SQLAlchemy; one with a password comes from env_var, and is never shown
    url: str
    table: str | None = None  # name of the table, or schema.table
    query: str | None = None  # instead of a table: a SELECT in the other database's own SQL
    name: str | None = None  # of the asset; else the table's
    columns: list[str] = []  # only these, in this order
    where: str | None = None  # a condition in the other database's own SQL
    # a column that only grows, such as updated_at: each build asks for what is beyond the highest
    # value that is here. Without `key` such rows are appended
    cursor: str | None = None
    key: list[str] = []  # with a cursor: rows of the same key take each other's place
    # as in a model: each slice is asked for by its column
    partition: dict[str, Any] | None = None
    # column -> DuckDB type, where the other database's is no help
    types: dict[str, str] = {}
    batch_rows: int = 50_000  # that are in memory at once
    retries: int = 0
    # keys of a model's front matter: description, owner, tags, checks ...
    asset: dict[str, Any] = {}

    def build(self, context: Building) -> Definitions:
        self.refuse(context)
        name = self.name or (self.table or "").rpartition(".")[2]
        origin = f"{name}_origin"
        keys: dict[str, Any] = {}
        place = context.place
        if self.cursor:
            way = "merge" if self.key else "append"
            keys = {"materialized": "incremental", "strategy": way}
            keys |= {"unique_key": self.key} if self.key else {}

        @asset(
            name=name,
            deps=[origin],
            kind="table_copy",
            partition=context.partition(self.partition) if self.partition else None,
            version=self.version(),
            retries=self.retries,
            **keys,
        )
        def rows(context: Execution) -> Iterator[Any]:
            from sqlpipes.components.copying import copied

            beyond = context.newest(self.cursor) if self.cursor and context.incremental else None
            yield from copied(self, context, beyond, place)

        said: dict[str, Any] = {"files": self.files(context), "description": self.told()}
        where = Entry("sources", origin, said)
        described = [Entry("models", name, self.asset)] if self.asset else []
        return Definitions(assets=[rows], sources=[where, *described])

    def refuse(self, context: Building) -> None:
        """FieldError for what cannot be copied, and for fields that do not go together."""
        if not self.url:
            raise FieldError("url", "the URL is empty", "is the variable that it comes from set?")
        if "://" not in self.url:
            hint = "such as sqlite:///shop.db or postgresql+psycopg://me@host/shop"
            raise FieldError("url", "the URL of a database begins with its kind and ://", hint)
        if (self.table is None) == (self.query is None):
            raise FieldError("table", "a table_copy needs either `table` or `query`")
        if self.query is not None and self.name is None:
            raise FieldError("query", "the copy of a query needs a `name`")
        if self.batch_rows < 1:
            raise FieldError("batch_rows", "a batch has at least one row")
        for name, said in self.types.items():
            try:
                kind_named(said)
            except FieldError as fault:
                raise FieldError(f"types/{name}", fault.message, fault.hint) from None
        self.refuse_ways()
        refuse_password(context)

    def refuse_ways(self) -> None:
        """FieldError for ways to say what is new that do not go together."""
        if self.key and not self.cursor:
            hint = "without it the whole table is copied"
            raise FieldError("key", "`key` goes with `cursor`", hint)
        if self.cursor and self.partition:
            raise FieldError("cursor", "either `cursor` or `partition` says what is new, not both")
        if self.partition and isinstance(self.partition.get("by"), list):
            message = "a copy is cut along one column: `partition` with several is not known"
            raise FieldError("partition/by", message)
        wanted = [("cursor", self.cursor), *((f"key/{i}", n) for i, n in enumerate(self.key))]
        for field, name in wanted:
            if self.columns and name is not None and name not in self.columns:
                raise FieldError(field, f"'{name}' is not among the `columns`", "add it there")

    def told(self) -> str:
        return f"{self.table or 'a query'} of {shown(self.url)}"

    def files(self, context: Building) -> list[str]:
        """What is looked at before a build: a SQLite file, else a URL, which counts as changed each time."""
        path = urlsplit(self.url).path
        if self.url.startswith("sqlite") and path.strip("/"):
            file = path.removeprefix("/")  # sqlite:///shop.db; an absolute one has a fourth slash
            return [file, f"{file}-wal"]
        return [f"{shown(self.url)}#{self.table or 'query'}"]

    def version(self) -> str:
        said = [shown(self.url), self.table, self.query, self.columns, self.where, self.types]
        return repr([*said, self.cursor, self.key])
