"""One step that writes to the warehouse, and the pieces of SQL that all of its shapes are made of."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody, Scope, SeedBody, SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import RelationType
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.plan import Step
from sqlpipes.core.sql import Relation
from sqlpipes.run.query import Query, asset_query
from sqlpipes.run.seeds import seed_query
from sqlpipes.run.statement import (
    Call,
    Made,
    Purpose,
    Statement,
    create_head,
    insert_head,
    stage_head,
)
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import scope_of

EXAMPLES = 5  # rows that an audit shows


@dataclass(frozen=True, slots=True)
class Work:
    """What every shape of statement needs to know about one part of a step.

    `step.slices` are those of the part. `made`: an earlier part has made the table.
    """

    step: Step
    asset: Asset
    relation: Relation
    graph: Graph
    warehouse: Warehouse
    empty: bool
    made: bool = False
    picked: str = "*"  # the columns of the query that are written

    @property
    def table(self) -> str:
        return self.warehouse.quote(self.relation)

    @property
    def stage(self) -> str:
        return self.warehouse.quote(stage_of(self.asset, self.warehouse))

    @property
    def limit(self) -> str:
        return "\nlimit 0" if self.empty else ""

    @property
    def stands(self) -> bool:
        """Whether there is a table of that name now."""
        return self.warehouse.type_of(self.relation) is RelationType.TABLE

    @property
    def fresh(self) -> bool:
        """Whether the table is written anew: asked for, or there is none."""
        return not self.made and (self.step.full or not self.stands)

    @property
    def landing(self) -> Relation | None:
        """Where rows wait for the transaction: those of a function, or of a file that no SQL reads."""
        body, reads = self.asset.body, self.warehouse.can.reads_files
        read = isinstance(body, SeedBody) and not reads
        if isinstance(body, PythonBody) or read or (isinstance(body, SqlBody) and body.local):
            return stage_of(self.asset, self.warehouse)
        return None

    @property
    def this(self) -> Relation | None:
        """The table that a function may look at; None when it is written anew."""
        return None if self.fresh else self.relation

    def statement(self, before: str, query: Query | str, after: str = "") -> Statement:
        """A WRITE around the user's text, which keeps its own lines."""
        text = query if isinstance(query, str) else query.text
        user = None if isinstance(query, str) else query
        return Statement(before + text + after, Purpose.WRITE, query=user, offset=len(before))

    def put(self, create: bool, before: str, query: Query | str, after: str = "") -> Statement:
        """The same as rows of the table: it is made of them, or they join those that are there."""
        if create and self.asset.export is not None:  # on its way to a file
            return replace(self.into_stage(self.table, before, query, after), purpose=Purpose.WRITE)
        if create:
            head = create_head(self.table, self.warehouse.can)
            made = Made(self.relation, RelationType.TABLE)
            put = self.statement(head + before, query, after)
            return replace(put, select=len(head), makes=made)
        return replace(self.insert(self.table, before, query, after), into=self.table)

    def insert(self, table: str, before: str, query: Query | str, after: str = "") -> Statement:
        """Rows into any table, their columns matched by name."""
        head = insert_head(table, self.warehouse.can)
        put = self.statement(head + before, query, after)
        return replace(put, select=len(head), fills=table)

    def into_stage(self, table: str, before: str, query: Query | str, after: str = "") -> Statement:
        """A table of these rows that only this connection sees."""
        head = stage_head(table, self.warehouse.can)
        put = self.statement(head + before, query, after)
        return replace(put, select=len(head), purpose=Purpose.PREPARE)


def stage_of(asset: Asset, warehouse: Warehouse) -> Relation:
    """Where the rows of one asset wait before they are published."""
    return warehouse.temporary(f"sqlpipes_{asset.name}")


def whole_scope(work: Work) -> Scope:
    """What a template of an unpartitioned asset may know."""
    return scope_of(WHOLE, work.table, None, incremental=not work.fresh, full=work.step.full)


def rows_of(work: Work) -> Query | str:
    """The SELECT that yields an unpartitioned asset's rows."""
    body = work.asset.body
    if isinstance(body, SqlBody) and not body.local:
        return asset_query(work.asset, work.graph, work.warehouse, whole_scope(work))
    if isinstance(body, SeedBody) and work.landing is None:
        return seed_query(body)
    return f"select * from {work.stage}"


def create(work: Work, query: Query | str) -> Statement:
    """The table, made of all rows of a query."""
    if work.empty:
        return work.put(
            True, "select * from (\n", query, f"\n) as {work.warehouse.can.name('rows')} limit 0"
        )
    return work.put(True, "", query)


def staged(work: Work, scope: Scope) -> tuple[Statement, ...]:
    """The rows of an unpartitioned asset into its stage, where a function's have landed already."""
    if work.landing is not None:
        emptied = Statement(f"delete from {work.stage}", Purpose.PREPARE)
        return (emptied,) if work.empty else ()
    query = asset_query(work.asset, work.graph, work.warehouse, scope)
    tail = f"\n) as {work.warehouse.can.name(work.asset.name)}{work.limit}"
    return (work.into_stage(work.stage, "select * from (\n", query, tail),)


def landed(work: Work, this: Relation | None = None) -> tuple[Call, ...]:
    """The call of the function whose rows the stage waits for; nothing for a query."""
    return (Call(WHOLE, work.landing, this=this),) if work.landing is not None else ()


def cleaned(work: Work) -> tuple[Statement, ...]:
    """What is left to do for a stage that the rows of a function landed in."""
    return (clean(work.stage),) if work.landing is not None else ()


def make_room(work: Work, wanted: RelationType) -> tuple[Statement, ...]:
    """CREATE OR REPLACE does not replace a view with a table, nor a table with a view.

    Where it does not exist at all, what is to be done is asked when the time has come.
    """
    if not work.warehouse.can.create_or_replace_table:
        return ()
    existing = None if work.made else work.warehouse.type_of(work.relation)
    if existing is None or existing is wanted:
        return ()
    return (Statement(f"drop {existing} {work.table}", Purpose.PREPARE),)


def clean(table: str) -> Statement:
    return Statement(f"drop table {table}", Purpose.CLEAN)
