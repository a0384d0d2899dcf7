"""SELECT, set operations and WITH -> a Table: its columns with their origins, and what decides its rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.expressions import (
    ORDER_SENSITIVE,
    record,
    record_origins,
)
from sqlpipes.core.lineage.facts import ANY, RowSetKind
from sqlpipes.core.lineage.pivots import pivoted
from sqlpipes.core.lineage.projections import project
from sqlpipes.core.lineage.reading import Reading, offset_of
from sqlpipes.core.lineage.sources import (
    add_relation,
    add_sources,
    renamed,
    source_of,
    values,
)
from sqlpipes.core.lineage.tables import (
    Level,
    Origins,
    Out,
    Rows,
    Scope,
    Table,
)
from sqlpipes.core.lineage.unions import combined

SUMMARY = [
    "column_name", "column_type", "min", "max", "approx_unique", "avg", "std", "q25", "q50", "q75",
    "count", "null_percentage",
]  # fmt: skip
DESCRIPTION = ["column_name", "column_type", "null", "key", "default", "extra"]


def read_query(reading: Reading, node: Any, scope: Scope) -> Table:
    """Binds a query; `scope` is what is visible around it."""
    scope = _with_ctes(reading, node, scope)
    if isinstance(node, exp.Select):
        table = read_select(reading, node, scope)
    elif isinstance(node, exp.SetOperation):
        table = _set_operation(reading, node, scope)
    elif isinstance(node, exp.Subquery):
        table = _subquery(reading, node, scope)
    elif isinstance(node, exp.Values):
        table = values(reading, node, scope)
    elif isinstance(node, exp.Pivot):
        table = pivoted(reading, node, source_of(reading, node.this, scope, {}).table, scope)
    elif isinstance(node, exp.Summarize | exp.Describe):
        table = _described(reading, node, scope)
    else:
        table = _relation(reading, node, scope)
    return deduplicated(reading, table)


def deduplicated(reading: Reading, table: Table) -> Table:
    """DuckDB stores a second `id` as `id_1`."""
    if reading.dialect != "duckdb" or len({out.key for out in table.outs}) == len(table.outs):
        return table
    taken: set[str] = set()
    counts: dict[str, int] = {}
    outs: list[Out] = []
    for out in table.outs:
        name, key = out.name, out.key
        while key in taken:
            counts[out.key] = counts.get(out.key, 0) + 1
            name = f"{out.name}_{counts[out.key]}"
            key = reading.key_of(name)
        taken.add(key)
        twin = (
            out
            if key == out.key
            else Out(name, key, out.origins, out.type, out.offset, twin=out.name)
        )
        outs.append(twin)
    return Table(outs, table.open, table.leaves, table.rows, table.guessed)


def _relation(reading: Reading, node: Any, scope: Scope) -> Table:
    inner = Scope(scope, scope.ctes)
    rows: Rows = {}
    add_relation(reading, node, inner, rows)
    source = inner.sources[0].table
    return Table(source.outs, source.open, source.leaves, rows, source.guessed)


def _described(reading: Reading, node: Any, scope: Scope) -> Table:
    names = SUMMARY if isinstance(node, exp.Summarize) else DESCRIPTION
    inner = read_query(reading, node.this, scope)
    origins: Origins = {(leaf, ANY): Level.UNKNOWN for leaf in inner.leaves}
    offset = offset_of(node)
    outs = [Out(name, name, dict(origins), None, offset) for name in names]
    return Table(outs, (), inner.leaves, inner.rows)


def _subquery(reading: Reading, node: Any, scope: Scope) -> Table:
    """Parentheses around a query, maybe with an order, a limit or an alias of their own."""
    inner = node.this
    if isinstance(inner, exp.Table) or node.args.get("joins") or node.args.get("pivots"):
        bare = source_of(reading, node, scope, {}).table
        return bare
    table = read_query(reading, inner, scope)
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
        table = renamed(reading, table, alias.args["columns"])
    _order_of_output(reading, node, scope, table)
    return table


def _with_ctes(reading: Reading, node: Any, scope: Scope) -> Scope:
    with_ = node.args.get("with_")
    if with_ is None:
        return scope
    ctes = dict(scope.ctes)
    inner = Scope(scope.parent, ctes, scope.sources, scope.merged, scope.aliases)
    inner.implicit = scope.implicit
    for cte in with_.expressions:
        key = reading.key(cte.args["alias"].this)
        recursive = with_.args.get("recursive") and _reads(reading, cte.this, key)
        before = len(reading.problems)
        table = (
            _recursive(reading, cte, key, inner)
            if recursive
            else read_query(reading, cte.this, inner)
        )
        ctes[key] = _named_columns(reading, cte, table)
        is_wrong = len(reading.problems) > before
        if is_wrong and reading.dialect == "duckdb" and not _is_used(reading, node, cte, key):
            del reading.problems[before:]  # it runs all the same
    return inner


def _reads(reading: Reading, node: Any, key: str) -> bool:
    return any(
        isinstance(table.this, exp.Identifier)
        and not table.args.get("db")
        and reading.key(table.this) == key
        for table in node.find_all(exp.Table)
    )


def _is_used(reading: Reading, node: Any, cte: Any, key: str) -> bool:
    return any(
        isinstance(table.this, exp.Identifier)
        and reading.key(table.this) == key
        and not _is_within(table, cte)
        for table in node.find_all(exp.Table)
    )


def _is_within(node: Any, ancestor: Any) -> bool:
    while node is not None:
        if node is ancestor:
            return True
        node = node.parent
    return False


def _named_columns(reading: Reading, cte: Any, table: Table) -> Table:
    names = cte.args["alias"].args.get("columns")
    return renamed(reading, table, names) if names else table


def _recursive(reading: Reading, cte: Any, key: str, scope: Scope) -> Table:
    """The recursive part is read again until its origins stop growing."""
    body = cte.this
    if not isinstance(body, exp.Union):
        return read_query(reading, body, scope)  # INTERSECT and EXCEPT never read themselves
    inner = Scope(scope.parent, {**scope.ctes}, scope.sources, scope.merged, scope.aliases)
    anchor = read_query(reading, body.this, inner)
    known = Table(anchor.outs, anchor.open, anchor.leaves, dict(anchor.rows), anchor.guessed)
    for _ in range(len(anchor.outs) + 3):
        inner.ctes = {**scope.ctes, key: _named_columns(reading, cte, known)}
        step = read_query(reading, body.expression, inner)
        grown = combined(body, known, step)
        if _same(grown, known):
            return grown
        known = grown
    return known


def _same(one: Table, other: Table) -> bool:
    return (
        [out.origins for out in one.outs] == [out.origins for out in other.outs]
        and one.rows.keys() == other.rows.keys()
        and set(one.leaves) == set(other.leaves)
    )


def _set_operation(reading: Reading, node: Any, scope: Scope) -> Table:
    """A chain of unions leans to the left: it is walked, not recursed into."""
    chain = [node]
    while isinstance(chain[-1].this, exp.SetOperation) and not chain[-1].this.args.get("with_"):
        chain.append(chain[-1].this)
    table = read_query(reading, chain[-1].this, scope)
    for operation in reversed(chain):
        right = read_query(reading, operation.expression, scope)
        table = combined(operation, table, right)
        _order_of_output(reading, operation, scope, table)
    return table


def _order_of_output(reading: Reading, node: Any, scope: Scope, table: Table) -> None:
    """ORDER BY and LIMIT around a whole query; names mean its output."""
    limited = [
        node.args[key] for key in ("limit", "offset", "fetch") if node.args.get(key) is not None
    ]
    if not limited:
        return
    outer = Scope(scope, scope.ctes, aliases={out.key: out for out in table.outs}, alias_first=True)
    _record_order(reading, node.args.get("order"), outer, table.outs, table.rows)
    for part in limited:
        record(reading, part, outer, RowSetKind.ORDER_LIMIT, table.rows)
    if node.args.get("order") is None:
        _record_all(table.leaves, RowSetKind.ORDER_LIMIT, table.rows)


def _record_all(leaves: Iterable[str], kind: RowSetKind, rows: Rows) -> None:
    for leaf in leaves:
        rows.setdefault((leaf, ANY, kind), -1)


def _record_order(reading: Reading, order: Any, scope: Scope, outs: list[Out], rows: Rows) -> None:
    for item in order.expressions if order is not None else ():
        key = item.this if isinstance(item, exp.Ordered) else item
        chosen = _positional(key, outs)
        if chosen is not None:
            record_origins(chosen.origins, RowSetKind.ORDER_LIMIT, offset_of(key), rows)
        elif isinstance(key, exp.Var) and key.name.upper() == "ALL":
            for out in outs:
                record_origins(out.origins, RowSetKind.ORDER_LIMIT, out.offset, rows)
        else:
            record(reading, item, scope, RowSetKind.ORDER_LIMIT, rows)


def _positional(node: Any, outs: list[Out]) -> Out | None:
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        i = int(node.name) - 1
        return outs[i] if 0 <= i < len(outs) else None
    return None


def read_select(reading: Reading, node: Any, around: Scope) -> Table:
    """One SELECT, clause by clause."""
    scope = Scope(_visible(around), around.ctes, implicit=around.implicit)
    rows: Rows = {}
    add_sources(reading, node, scope, rows)
    for window in node.args.get("windows") or ():
        scope.windows[window.this.name.casefold()] = window
    table = Table(leaves=scope.leaves(), rows=rows)
    for projection in node.expressions:
        project(reading, projection, scope, table)
    if not node.expressions:
        table.guessed = True  # FROM alone parses as SELECT *; this is something else
    for clause, kind in (
        ("where", RowSetKind.WHERE),
        ("having", RowSetKind.HAVING),
        ("qualify", RowSetKind.QUALIFY),
    ):
        if node.args.get(clause) is not None:
            record(reading, node.args[clause].this, scope, kind, rows)
    _group(reading, node, scope, table)
    _distinct(reading, node, scope, table)
    _limit(reading, node, scope, table)
    return table


def _visible(around: Scope) -> Scope | None:
    return around if around.sources or around.aliases else around.parent


def _group(reading: Reading, node: Any, scope: Scope, table: Table) -> None:
    group = node.args.get("group")
    if group is None:
        return
    if group.args.get("all"):
        for out in table.outs:
            if not out.aggregated:
                record_origins(out.origins, RowSetKind.GROUP, out.offset, table.rows)
        _record_all((opening.leaf for opening in table.open), RowSetKind.UNKNOWN, table.rows)
        return
    for key in group.iter_expressions():
        chosen = _positional(key, table.outs)
        if chosen is not None:
            record_origins(chosen.origins, RowSetKind.GROUP, offset_of(key), table.rows)
        else:
            record(reading, key, scope, RowSetKind.GROUP, table.rows)


def _distinct(reading: Reading, node: Any, scope: Scope, table: Table) -> None:
    distinct = node.args.get("distinct")
    if distinct is None:
        return
    on = distinct.args.get("on")
    if on is None:
        for out in table.outs:
            record_origins(out.origins, RowSetKind.DISTINCT, out.offset, table.rows)
        _record_all((opening.leaf for opening in table.open), RowSetKind.UNKNOWN, table.rows)
        return
    for key in on.expressions if isinstance(on, exp.Tuple) else [on]:
        chosen = _positional(key, table.outs)
        if chosen is not None:
            record_origins(chosen.origins, RowSetKind.DISTINCT, offset_of(key), table.rows)
        else:
            record(reading, key, scope, RowSetKind.DISTINCT, table.rows)
    if node.args.get("order") is None:
        _record_all(table.leaves, RowSetKind.DISTINCT, table.rows)


def _limit(reading: Reading, node: Any, scope: Scope, table: Table) -> None:
    """An order decides rows only when something is cut off, here or further out."""
    limited = [
        node.args[key] for key in ("limit", "offset", "fetch") if node.args.get(key) is not None
    ]
    distinct = node.args.get("distinct")
    is_cut = bool(limited) or (distinct is not None and distinct.args.get("on") is not None)
    order = node.args.get("order")
    scope.alias_first = True
    if order is not None and (is_cut or _matters(node)):
        _record_order(reading, order, scope, table.outs, table.rows)
    elif order is not None:
        _record_order(reading, order, scope, table.outs, {})  # only to find unknown names
    for part in limited:
        record(reading, part, scope, RowSetKind.ORDER_LIMIT, table.rows)
    if limited and order is None:
        _record_all(table.leaves, RowSetKind.ORDER_LIMIT, table.rows)
    scope.alias_first = False


def _matters(node: Any) -> bool:
    """Whether some query around this one can tell in which order rows come."""
    outer = node.parent
    while outer is not None and outer.parent is not None:
        outer = outer.parent
    if outer is None:
        return False
    return any(outer.find(kind) is not None for kind in ORDER_SENSITIVE)
