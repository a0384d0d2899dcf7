"""One expression + the scope it stands in -> where its value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.facts import ANY, RowSetKind
from sqlpipes.core.lineage.reading import Reading, find, offset_of, whole_row
from sqlpipes.core.lineage.tables import (
    Level,
    Origins,
    Out,
    Rows,
    Scope,
    Table,
    any_of,
    merge,
    merge_rows,
)

AGGREGATES = frozenset(
    {
        "arg_max_null", "arg_min_null", "bitstring_agg", "entropy", "favg", "fsum", "geomean",
        "geometric_mean", "histogram", "histogram_exact", "kahan_sum", "kurtosis_pop", "mad", "max_by",
        "min_by", "product", "quantile", "quantile_disc", "regr_avgx", "regr_avgy", "regr_count",
        "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "reservoir_quantile",
        "sem", "skewness", "sumkahan", "approx_top_k", "json_group_array", "json_group_object",
        "json_group_structure", "count_if", "list", "array_agg", "mode", "bit_and", "bit_or", "bit_xor",
    }
)  # fmt: skip
ORDER_SENSITIVE = (
    exp.Window, exp.First, exp.Last, exp.AnyValue, exp.ArrayAgg, exp.GroupConcat, exp.ArgMax,
    exp.ArgMin, exp.Limit, exp.Offset, exp.Fetch, exp.Distinct,
)  # fmt: skip
QUERIES = (exp.Query, exp.Values)


@dataclass(slots=True)
class Use:
    """One mention of columns in an expression: what it means, how far it is changed, where it stands."""

    origins: Origins
    level: Level
    offset: int | None


@dataclass(slots=True)
class Value:
    """Where an expression's value comes from."""

    origins: Origins
    aggregated: bool = False
    windowed: bool = False
    uncertain: bool = False


def is_aggregate(node: Any) -> bool:
    if isinstance(node, exp.AggFunc):
        return True
    return isinstance(node, exp.Anonymous) and str(node.name).lower() in AGGREGATES


def value_of(reading: Reading, node: Any, scope: Scope, columns: list[Out] | None = None) -> Value:
    """Origins of the expression. What decides the rows of a subquery in it is among them."""
    value = Value({})
    for use in uses(reading, node, scope, {}, columns, value):
        merge(value.origins, use.origins, use.level)
    if not value.origins and (value.aggregated or value.windowed):
        level = Level.AGGREGATED if value.aggregated else Level.WINDOW
        value.origins = any_of(scope.leaves(), level)
    return value


def record(reading: Reading, node: Any, scope: Scope, kind: RowSetKind, rows: Rows) -> None:
    """Adds the columns of a condition or key to `rows`."""
    for use in uses(reading, node, scope, rows):
        record_origins(use.origins, kind, use.offset, rows)


def record_origins(origins: Origins, kind: RowSetKind, offset: int | None, rows: Rows) -> None:
    for (table, source), level in origins.items():
        is_vague = source == ANY and level is Level.UNKNOWN
        how = RowSetKind.UNKNOWN if is_vague else kind
        rows.setdefault((table, source, how), -1 if offset is None else offset)


def uses(
    reading: Reading,
    node: Any,
    scope: Scope,
    rows: Rows,
    columns: list[Out] | None = None,
    value: Value | None = None,
) -> Iterator[Use]:
    """Every mention of a column in the expression, subqueries included.

    `columns` is what a COLUMNS(...) in it stands for; names bound by a lambda are no columns. The walk
    keeps its own stack: a thousand terms joined by AND nest a thousand deep.
    """
    stack: list[tuple[Any, Level, frozenset[str]]] = [(node, Level.COPIED, frozenset())]
    while stack:
        current, level, bound = stack.pop()
        if isinstance(current, exp.Column):
            if reading.key(current.parts[0]) not in bound:
                yield _column(reading, current, scope, level)
        elif isinstance(current, QUERIES):
            yield _subquery(reading, current, scope, rows, level, value)
        elif isinstance(current, (exp.Star, exp.Columns)):
            yield _star(current, scope, level, columns)
        else:
            below, names = _below(reading, current, level, bound, value)
            stack += [(child, below, names) for child in reversed(_children(current, scope))]


def _column(reading: Reading, column: Any, scope: Scope, level: Level) -> Use:
    if isinstance(column.this, exp.Star):
        return Use(_row(reading, column, scope), Level.COMPUTED, offset_of(column))
    found = find(reading, column, scope)
    column.type = found.type if found.type is not None else exp.DType.UNKNOWN
    return Use(found.origins, level, offset_of(column.parts[0]))


def _row(reading: Reading, column: Any, scope: Scope) -> Origins:
    key = reading.key(column.parts[0])
    for around in scope.chain():
        for source in around.sources:
            if source.name == key:
                return whole_row(source.table)
    return {}


def _subquery(
    reading: Reading, node: Any, scope: Scope, rows: Rows, level: Level, value: Value | None
) -> Use:
    """A subquery's value hangs on what decides its rows as much as on its columns."""
    table: Table = reading.query(reading, node, scope)
    merge_rows(rows, table.rows)
    origins: Origins = whole_row(table)
    for leaf, source, kind in table.rows:
        own = Level.UNKNOWN if kind is RowSetKind.UNKNOWN else Level.COMPUTED
        merge(origins, {(leaf, source): own}, own)
    if not origins:
        origins = any_of(table.leaves, Level.COMPUTED)
    return Use(origins, max(level, Level.COMPUTED), offset_of(node))


def _star(node: Any, scope: Scope, level: Level, columns: list[Out] | None) -> Use:
    """COUNT(*) counts rows; any other star, and COLUMNS, stands for the columns given."""
    if columns is not None and isinstance(node, exp.Columns):
        origins: Origins = {}
        for out in columns:
            merge(origins, out.origins, level)
        return Use(origins, level, offset_of(node))
    if isinstance(node.parent, exp.Count):
        return Use(any_of(scope.leaves(), Level.AGGREGATED), level, offset_of(node))
    origins = {}
    for source in scope.sources:
        merge(origins, whole_row(source.table), Level.COMPUTED)
    return Use(origins, Level.COMPUTED, offset_of(node))


def _below(
    reading: Reading, node: Any, level: Level, bound: frozenset[str], value: Value | None
) -> tuple[Level, frozenset[str]]:
    """The level of what stands below `node`, and the names that `node` binds for it."""
    if isinstance(node, (exp.Paren, exp.Alias)):
        return level, bound
    if isinstance(node, exp.Cast):
        return max(level, Level.CAST), bound
    if isinstance(node, exp.Window):
        if value is not None:
            value.windowed = True
        return max(level, Level.WINDOW), bound
    if is_aggregate(node) and not is_over(node):
        if value is not None:
            value.aggregated = True
        return max(level, Level.AGGREGATED), bound
    if isinstance(node, exp.Filter) and is_aggregate(node.this) and not is_over(node.this):
        return max(level, Level.AGGREGATED), bound
    if isinstance(node, exp.Lambda):
        bound = bound | {reading.key(name) for name in node.expressions}
    elif isinstance(node, exp.Comprehension):
        bound = bound | {reading.key(name) for name in _identifiers(node.args.get("expression"))}
        bound |= {reading.key(name) for name in _identifiers(node.args.get("position"))}
    return max(level, Level.COMPUTED), bound


def _identifiers(node: Any) -> list[Any]:
    return list(node.find_all(exp.Identifier)) if isinstance(node, exp.Expression) else []


def is_over(node: Any) -> bool:
    """Whether this function is the one that a window spreads, and so collapses no rows."""
    parent, child = node.parent, node
    while isinstance(parent, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
        parent, child = parent.parent, parent
    return isinstance(parent, exp.Window) and parent.this is child


def _children(node: Any, scope: Scope) -> list[Any]:
    children = list(node.iter_expressions())
    if isinstance(node, exp.Window) and node.args.get("alias") is not None:
        named = _named_window(scope, node.args["alias"].name)
        children += [] if named is None else [named]
    return children


def _named_window(scope: Scope, name: str) -> Any:
    for around in scope.chain():
        if name.casefold() in around.windows:
            return around.windows[name.casefold()]
    return None


def is_rows(origin: tuple[str, str]) -> bool:
    return origin[1] == ANY
