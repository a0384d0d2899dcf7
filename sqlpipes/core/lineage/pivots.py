"""PIVOT and UNPIVOT: the columns of a table turned, with where each comes from."""

from __future__ import annotations

from itertools import product
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.expressions import record, record_origins, value_of
from sqlpipes.core.lineage.facts import RowSetKind
from sqlpipes.core.lineage.names import call_name
from sqlpipes.core.lineage.reading import Reading, offset_of
from sqlpipes.core.lineage.tables import (
    Level,
    Opening,
    Origins,
    Out,
    Rows,
    Scope,
    Source,
    Table,
    merge,
    merge_rows,
    open_origins,
)


def pivoted(reading: Reading, pivot: Any, table: Table, scope: Scope) -> Table:
    """The table as `pivot` turns it."""
    inner = Scope(scope, scope.ctes, [Source("", table)])
    rows: Rows = {}
    merge_rows(rows, table.rows)
    if pivot.args.get("unpivot"):
        return _unpivot(reading, pivot, table, inner, rows)
    return _pivot(reading, pivot, table, inner, rows)


def _pivot(reading: Reading, pivot: Any, table: Table, scope: Scope, rows: Rows) -> Table:
    fields = pivot.args.get("fields") or pivot.expressions
    aggregates = list(
        pivot.args.get("using") or (pivot.expressions if pivot.args.get("fields") else ())
    )
    values: Origins = {}
    for node in (*aggregates, *fields):
        merge(values, value_of(reading, node, scope).origins, Level.AGGREGATED)
    used = {key for node in (*aggregates, *fields) for key in _keys(reading, node)}
    group = pivot.args.get("group")
    kept = _kept(reading, group, table, used)
    for out in kept:
        record_origins(out.origins, RowSetKind.GROUP, offset_of(pivot), rows)
    names = _pivot_names(reading, fields, aggregates)
    if not table.is_certain and group is None:
        names = None
    if names is None:
        return Table([*kept], lost(table), table.leaves, rows)
    offset = offset_of(pivot)
    turned = [Out(name, reading.key_of(name), dict(values), None, offset) for name in names]
    return Table([*kept, *turned], (), table.leaves, rows)


def _kept(reading: Reading, group: Any, table: Table, used: set[str]) -> list[Out]:
    if group is None:
        return [out for out in table.outs if out.key not in used]
    keys = [key for node in group.expressions for key in _keys(reading, node)]
    by_key = {out.key: out for out in table.outs}
    return [by_key.get(key) or Out(key, key, open_origins(table.open, key)) for key in keys]


def _keys(reading: Reading, node: Any) -> list[str]:
    return [reading.key(column.parts[-1]) for column in node.find_all(exp.Column)]


def _pivot_names(reading: Reading, fields: list[Any], aggregates: list[Any]) -> list[str] | None:
    """Names of the turned columns, None when only the data knows them."""
    choices: list[list[str]] = []
    for field in fields:
        if not isinstance(field, exp.In) or not field.expressions:
            return None
        names = [_value_name(value) for value in field.expressions]
        if any(name is None for name in names):
            return None
        choices.append([str(name) for name in names])
    suffixes = _suffixes(reading, aggregates)
    if suffixes is None:
        return None
    return ["_".join(values) + suffix for values in product(*choices) for suffix in suffixes]


def _value_name(node: Any) -> str | None:
    if isinstance(node, exp.PivotAlias):
        return str(node.args["alias"].name)
    return str(node.name) if isinstance(node, exp.Literal) else None


def _suffixes(reading: Reading, aggregates: list[Any]) -> list[str] | None:
    if not aggregates or (len(aggregates) == 1 and not isinstance(aggregates[0], exp.Alias)):
        return [""]
    names = [
        node.alias if isinstance(node, exp.Alias) else call_name(node, reading.places)
        for node in aggregates
    ]
    return None if None in names else [f"_{name}" for name in names]


def _unpivot(reading: Reading, pivot: Any, table: Table, scope: Scope, rows: Rows) -> Table:
    name, value_names, columns = _unpivot_parts(reading, pivot, table)
    value: Origins = {}
    for node in columns:
        merge(
            value,
            value_of(reading, node, scope, _matching(node, table)).origins,
            Level.COMPUTED,
        )
        if not isinstance(node, exp.Columns):
            record(reading, node, scope, RowSetKind.WHERE, rows)
    used = {key for node in columns for key in _keys(reading, node)}
    if any(isinstance(node, exp.Columns | exp.Star) for node in columns):
        return Table([], lost(table), table.leaves, rows)
    offset = offset_of(pivot)
    kept = [out for out in table.outs if out.key not in used]
    label = Out(name, reading.key_of(name), {}, reading.types.read("VARCHAR"), offset)
    outs = [
        Out(n, reading.key_of(n), dict(value), _common(table, used), offset) for n in value_names
    ]
    return Table([*kept, label, *outs], table.open, table.leaves, rows, table.guessed)


def _matching(node: Any, table: Table) -> list[Out] | None:
    return table.outs if isinstance(node, exp.Columns) else None


def _common(table: Table, used: set[str]) -> Any:
    types = [out.type for out in table.outs if out.key in used]
    return types[0] if types and all(type_ == types[0] for type_ in types) else None


def _unpivot_parts(reading: Reading, pivot: Any, table: Table) -> tuple[str, list[str], list[Any]]:
    """(name column, value columns, the columns that are turned)."""
    fields = pivot.args.get("fields")
    if fields:
        turned = [
            item.this if isinstance(item, exp.PivotAlias) else item
            for item in fields[0].expressions
        ]
        columns = [part for item in turned for part in _parts(item)]
        return fields[0].this.name, [part.name for part in pivot.expressions], columns
    into = pivot.args.get("into")
    columns = [part for node in pivot.expressions for part in _parts(node)]
    if into is None:
        return "name", ["value"], columns
    return into.this.name, [part.name for part in into.expressions], columns


def _parts(node: Any) -> list[Any]:
    return list(node.expressions) if isinstance(node, exp.Tuple) else [node]


def lost(table: Table) -> tuple[Opening, ...]:
    """Columns of unknown names, made of anything in the table."""
    return tuple(Opening(leaf, exact=False) for leaf in table.leaves)
