"""Check + Graph -> a query of bad rows. No rows: the check holds.

A check of a partitioned asset looks at the slices just written, unless it says otherwise. Values
and names are quoted; only `where`, `expression` and `matches` take SQL from the user as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sqlpipes.core.asset import (
    Asset,
    Check,
    Kind,
    Materialized,
    Scope,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.sql import rewrite
from sqlpipes.core.sql.porting import Ported, Refusal
from sqlpipes.run.conditions import needs_total, parse_condition, verdict
from sqlpipes.run.exported import export_rows
from sqlpipes.run.query import (
    NamedTables,
    body_query,
    files_query,
    is_ported,
    named_tables,
    subquery,
    unmoved,
)
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import inside_sql

__all__ = ["check_sql", "count_sql", "needs_total", "parse_condition", "total_sql", "verdict"]


@dataclass(frozen=True, slots=True)
class Question:
    """A check with what it is asked of: the table, and a predicate for the rows it looks at."""

    check: Check
    table: str
    rows: str | None  # None: all of them
    graph: Graph
    warehouse: Warehouse
    partition_columns: tuple[str, ...]  # when it looks at slices only
    now: datetime | None

    @property
    def seen(self) -> str:
        """The rows it looks at, as something to select from."""
        where = f" where {self.rows}" if self.rows else ""
        return f"(\nselect * from {self.table}{where}\n) as seen"

    def bad(self, predicate: str) -> str:
        if self.rows is None:
            return f"select * from {self.table} where {predicate}"
        return f"select * from {self.table} where ({self.rows}) and ({predicate})"

    def argument(self, name: str) -> Plain:
        """Raises ProjectError CHK013 when it is missing."""
        if name not in self.check.arguments:
            message = f"check '{self.check.name}' needs '{name}'"
            hint = f"{self.check.type} is told: {', '.join(self.check.arguments) or 'nothing'}"
            raise ProjectError(Problem("CHK013", message, self.check.at, hint))
        return self.check.arguments[name]

    @property
    def column(self) -> str:
        return self.warehouse.can.name(str(self.argument("column")))


def check_sql(
    check: Check,
    graph: Graph,
    warehouse: Warehouse,
    slices: Partitions | None = None,
    *,
    now: datetime | None = None,
) -> str:
    """A SELECT that returns the bad rows of the check's asset.

    `slices`: those just written; None looks at the whole table. `now` (naive UTC) is what freshness
    is measured from; None lets the warehouse's clock say. Raises ProjectError CHK013 for an unknown
    type or a missing argument, CHK012 for a check in Python, which has no SQL.
    """
    question = _question(check, graph, warehouse, slices, now)
    if check.type == "python":
        message = f"check '{check.name}' is a Python function: it has no SQL"
        raise ProjectError(Problem("CHK012", message, check.at))
    if check.type not in TYPES:
        hint = did_you_mean(check.type, TYPES)
        message = f"there is no check type '{check.type}'"
        raise ProjectError(Problem("CHK013", message, check.at, hint))
    return TYPES[check.type](question)


def count_sql(query: str) -> str:
    return f"select count(*) from (\n{query}\n) as bad"


def total_sql(
    check: Check, graph: Graph, warehouse: Warehouse, slices: Partitions | None = None
) -> str:
    """The number of rows that the check looks at, for conditions in percent."""
    return f"select count(*) from {_question(check, graph, warehouse, slices, None).seen}"


def _question(
    check: Check,
    graph: Graph,
    warehouse: Warehouse,
    slices: Partitions | None,
    now: datetime | None,
) -> Question:
    asset = graph.assets[check.asset]
    check = said_there(check, graph, warehouse)
    rows = [f"(\n{check.where}\n)"] if check.where else []
    cut = asset.partition if asset.kind is not Kind.SOURCE else None
    columns: tuple[str, ...] = ()
    narrowed = slices is not None and not slices.is_whole
    if narrowed and cut and not check.whole_table and check.type != "freshness":
        assert slices is not None
        rows.insert(0, f"({inside_sql(cut, slices, warehouse.can)})")
        columns = cut.columns
    table = subject(asset, graph, warehouse)
    return Question(check, table, " and ".join(rows) or None, graph, warehouse, columns, now)


def said_there(check: Check, graph: Graph, warehouse: Warehouse) -> Check:
    """The check with its `where` and `expression` in the target's dialect."""
    if not is_ported(graph, warehouse):
        return _with_tables(check, graph, warehouse)
    own = check.asset

    def there(text: str, key: str) -> str:
        body = check.conditions.get(key, SqlBody(text))
        return condition(text, own, graph, warehouse, check.at, body)

    where = check.where and there(check.where, "where")
    said = check.arguments.get("expression")
    if check.type != "expression" or not isinstance(said, str):
        return replace(check, where=where)
    arguments = {**check.arguments, "expression": there(said, "expression")}
    return replace(check, where=where, arguments=arguments)


def _with_tables(check: Check, graph: Graph, warehouse: Warehouse) -> Check:
    """The tables that its conditions read, as they are named here."""
    file = check.at.file if check.at else ""
    said = {
        key: body_query(body, file, graph, warehouse).text for key, body in check.conditions.items()
    }
    if not said:
        return check
    arguments = {**check.arguments, **{key: text for key, text in said.items() if key != "where"}}
    return replace(check, where=said.get("where", check.where), arguments=arguments)


def condition(
    text: str,
    asset: str,
    graph: Graph,
    warehouse: Warehouse,
    at: Location | None,
    body: SqlBody | None = None,
) -> str:
    """An expression about each row of an asset, as the engine says it. Raises ProjectError TRN...

    `body`: the same text with the tables that queries in it read.
    """
    porter = graph.porter_to(warehouse.dialect)
    if porter is None:
        return text
    ours = named_tables((body or SqlBody(text)).render(Scope()), graph, warehouse)
    found = porter.condition(ours.text, asset, ours.tables)
    said = _told(replace(found, refusals=_as_written(found, ours)), text, at)
    return rewrite(said, ours.put_back(said))


def _as_written(found: Ported, ours: NamedTables) -> tuple[Refusal, ...]:
    """Where the refusals stand in what the user wrote."""
    return tuple(
        replace(each, start=unmoved(each.start, ours.spans), end=unmoved(each.end, ours.spans))
        for each in found.refusals
    )


def aggregate(text: str, asset: Asset, graph: Graph, dialect: str) -> str:
    """An expression over all rows of an asset, as that dialect says it. Raises like `condition`."""
    porter = graph.porter_to(dialect)
    return text if porter is None else _told(porter.expression(text, asset.name), text, asset.at)


def _told(found: Ported, text: str, at: Location | None) -> str:
    if found.refusals:
        raise ProjectError(*(_in_words(refusal, text, at) for refusal in found.refusals))
    return found.text


def _in_words(found: Refusal, text: str, at: Location | None) -> Problem:
    """The place is the check's: which part of it is meant is told."""
    part = text[found.start : found.end]
    message = (
        f"'{part}' in '{text}': {found.message}" if part != text else f"'{text}': {found.message}"
    )
    return Problem(found.code, message, at, found.hint)


def subject(asset: Asset, graph: Graph, warehouse: Warehouse) -> str:
    """What stands after FROM to read an asset: its table, its inlined query, or its files."""
    if asset.materialized is Materialized.EPHEMERAL:
        return f"{subquery(asset, graph, warehouse)} as {warehouse.can.name(asset.name)}"
    if asset.relation is not None:
        return warehouse.quote(warehouse.where(asset))
    if isinstance(asset.body, SourceBody) and asset.body.files:
        return f"{files_query(asset.body, warehouse)} as {warehouse.can.name(asset.name)}"
    if asset.export is not None:
        return f"{export_rows(asset, warehouse)} as {warehouse.can.name(asset.name)}"
    message = f"'{asset.name}' is no table that SQL can read"
    raise ProjectError(Problem("CHK012", message, asset.at, "write its checks in Python"))


def _not_null(ask: Question) -> str:
    return ask.bad(f"{ask.column} is null")


def _unique(ask: Question) -> str:
    """Keys that stand more than once; rows without a key are not_null's matter.

    Slices just written are compared with the whole table, or a key that was there already would
    pass; only where the key holds the partition column can equal keys meet in their slice alone.
    """
    names = ask.argument("columns")
    listed = names if isinstance(names, list) else [names]
    keys = [ask.warehouse.can.name(str(name)) for name in listed]
    known = " and ".join(f"{key} is not null" for key in keys)
    where, said = ask.rows, {str(name).casefold() for name in listed}
    if where and any(column.casefold() not in said for column in ask.partition_columns):
        inside = f"select {', '.join(keys)} from {ask.table} where {where}"
        where = f"({', '.join(keys)}) in (\n{inside}\n)"
        if ask.check.where:
            where += f" and (\n{ask.check.where}\n)"
    return (
        f"select {', '.join(keys)}, count(*) as rows_of_this_key from {ask.table} "
        f"where {known}{f' and ({where})' if where else ''} "
        f"group by {', '.join(keys)} having count(*) > 1"
    )


def _accepted_values(ask: Question) -> str:
    """Values are written as text, which the engine casts to the column's type."""
    values = ask.argument("values")
    listed = values if isinstance(values, list) else [values]
    said = ask.warehouse.can.any_of(_text(value) for value in listed if value is not None)
    return ask.bad(f"{ask.column} not in ({said})" if said else f"{ask.column} is not null")


def _text(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _relationships(ask: Question) -> str:
    """Values that the other table lacks. NOT EXISTS, as one NULL over there makes NOT IN empty."""
    parent = _named(ask, str(ask.argument("to")))
    field = ask.warehouse.can.name(str(ask.argument("field")))
    bad = (
        f"seen.{ask.column} is not null and not exists "
        f"(select 1 from {parent} as parent where parent.{field} = seen.{ask.column})"
    )
    return f"select * from {ask.seen} where {bad}"


def _named(ask: Question, name: str) -> str:
    graph = ask.graph
    found = graph.assets.get(name) or graph.assets.get(
        graph.index.get(tuple(part.casefold() for part in name.split(".")), "")
    )
    if found is None:
        message = f"check '{ask.check.name}' names '{name}', which does not exist"
        hint = did_you_mean(name, graph.assets)
        raise ProjectError(Problem("CHK013", message, ask.check.at, hint))
    return f"(select * from {subject(found, graph, ask.warehouse)})"


def _row_count(ask: Question) -> str:
    bounds = []
    if "min" in ask.check.arguments:
        bounds.append(f"row_count < {ask.warehouse.can.value(ask.argument('min'))}")
    if "max" in ask.check.arguments:
        bounds.append(f"row_count > {ask.warehouse.can.value(ask.argument('max'))}")
    if not bounds:
        ask.argument("min")
    counted = f"(select count(*) as row_count from {ask.seen}) as counted"
    return f"select * from {counted} where {' or '.join(bounds)}"


def _expression(ask: Question) -> str:
    """NULL holds, as in a CHECK constraint."""
    return ask.bad(f"not (\n{ask.argument('expression')}\n)")


def _range(ask: Question) -> str:
    bounds = []
    if ask.check.arguments.get("min") is not None:
        bounds.append(f"{ask.column} < {ask.warehouse.can.value(ask.argument('min'))}")
    if ask.check.arguments.get("max") is not None:
        bounds.append(f"{ask.column} > {ask.warehouse.can.value(ask.argument('max'))}")
    if not bounds:
        ask.argument("min")
    return ask.bad(" or ".join(bounds))


def _matches(ask: Question) -> str:
    """The pattern may match anywhere; anchor it with ^ and $. NULL holds."""
    can = ask.warehouse.can
    pattern = can.value(str(ask.argument("pattern")))
    found = can.matches.format(f"cast({ask.column} as {can.text})", pattern)
    return ask.bad(f"not {found}")


def _freshness(ask: Question) -> str:
    """Always of the whole table: building an old slice makes nothing stale. Empty is stale."""
    can, now = ask.warehouse.can, "current_timestamp"
    if ask.now is not None:
        now = can.timestamp.format(f"{ask.now:%Y-%m-%d %H:%M:%S}")
    oldest = can.earlier.format(now, int(str(ask.argument("max_age_s"))))
    newest = f"(select max({ask.column}) as newest from {ask.seen}) as found"
    return f"select newest from {newest} where newest is null or newest < {oldest}"


def _sql(ask: Question) -> str:
    """The user's own query of bad rows. It says itself where it looks."""
    body = ask.check.body
    if body is None:
        message = f"check '{ask.check.name}' has no query"
        raise ProjectError(Problem("CHK013", message, ask.check.at))
    file = ask.check.at.file if ask.check.at else ""
    text = body_query(body, file, ask.graph, ask.warehouse).text
    if not ask.check.where:
        return text
    return f"select * from (\n{text}\n) as found where (\n{ask.check.where}\n)"


TYPES: MappingProxyType[str, Callable[[Question], str]] = MappingProxyType(
    {
        "not_null": _not_null,
        "unique": _unique,
        "accepted_values": _accepted_values,
        "relationships": _relationships,
        "row_count": _row_count,
        "expression": _expression,
        "range": _range,
        "matches": _matches,
        "freshness": _freshness,
        "sql": _sql,
    }
)
