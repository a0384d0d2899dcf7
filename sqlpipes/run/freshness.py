"""A source with a declared freshness + a connection -> when its newest data came, in naive UTC."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from sqlpipes.core.asset import Asset, SourceBody, SqlBody
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import Location, Problem, ProjectError
from sqlpipes.core.freshness import Freshness
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import as_naive_utc, parse_instant
from sqlpipes.run.checks import aggregate, condition, subject
from sqlpipes.run.query import body_query, is_ported
from sqlpipes.run.warehouse import Warehouse

THIS = re.compile(r"\{\{\s*this\s*\}\}|\{this\}")


def newest_sql(asset: Asset, graph: Graph, warehouse: Warehouse) -> str:
    """A query of one value. `{{ this }}` in the user's own, or `{this}`, stands for the source."""
    declared = _declared(asset)
    table = subject(asset, graph, warehouse)
    if declared.query is None:
        said = declared.filter
        if said and is_ported(graph, warehouse):
            said = condition(said, asset.name, graph, warehouse, declared.at or asset.at)
        where = f"\nwhere (\n{said}\n)" if said else ""
        column = declared.column or ""
        if column.isidentifier():
            said = f"max({warehouse.can.name(column)})"
        else:  # dbt takes an expression, too
            said = aggregate(f"max({column})", asset, graph, warehouse.dialect)
        return f"select {said} as newest from {table}{where}"
    from sqlpipes.core.sql import analyse  # here, as it imports the parser

    plain = table.partition(" as ")[0] if asset.relation is None else table
    text = THIS.sub(lambda _: plain, declared.query)
    at = declared.at or asset.at
    facts = analyse(text, graph.dialect, at=at)
    body = SqlBody(text, facts.references, files=facts.files)
    return body_query(body, at.file, graph, warehouse).text


def newest(
    asset: Asset, graph: Graph, warehouse: Warehouse, connection: Connection
) -> datetime | None:
    """None: there is no row. EngineError when the query fails, ProjectError SRC007 for no instant."""
    found = connection.fetch(newest_sql(asset, graph, warehouse), limit=2)
    at = _declared(asset).at or asset.at
    if len(found.rows) > 1 or len(found.columns) != 1:
        raise _fault(asset, "its query must give one value", at)
    return instant(asset, found.rows[0][0], at) if found.rows else None


def instant(asset: Asset, value: Any, at: Location) -> datetime | None:
    """A value of the warehouse as naive UTC; one without an offset is UTC, a date begins at midnight."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return as_naive_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except ValueError:
            pass
    shown = str(value)[:40]
    raise _fault(asset, f"{shown!r} is no date and no time", at)


def _declared(asset: Asset) -> Freshness:
    assert isinstance(asset.body, SourceBody)
    assert asset.body.freshness is not None
    return asset.body.freshness


def _fault(asset: Asset, what: str, at: Location) -> ProjectError:
    message = f"how old '{asset.name}' is cannot be told: {what}"
    return ProjectError(Problem("SRC007", message, at))
