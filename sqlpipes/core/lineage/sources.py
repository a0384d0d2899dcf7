"""FROM and JOIN -> the sources that a scope can see, and the join conditions among the rows' deciders."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.expressions import record, record_origins, value_of
from sqlpipes.core.lineage.facts import ANY, RowSetKind
from sqlpipes.core.lineage.pivots import pivoted
from sqlpipes.core.lineage.reading import Reading, missing, offset_of
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
    openings,
    unique,
    unknown_of,
)
from sqlpipes.core.lineage.types import element, is_list, is_struct, struct_fields

READERS = (exp.ReadCSV, exp.ReadParquet)
READER_NAMES = frozenset(
    {"read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_json", "read_json_auto",
     "read_ndjson", "read_text", "read_blob", "sniff_csv", "read_xlsx", "delta_scan", "iceberg_scan"}
)  # fmt: skip


def add_sources(reading: Reading, node: Any, scope: Scope, rows: Rows) -> None:
    """Everything in FROM, in order; each may refer to those before it (LATERAL)."""
    from_ = node.args.get("from_")
    if from_ is not None:
        add_relation(reading, from_.this, scope, rows)
    for lateral in node.args.get("laterals") or ():
        _add(scope, source_of(reading, lateral, scope, rows), rows)
    for join in node.args.get("joins") or ():
        add_join(reading, join, scope, rows)


def add_relation(reading: Reading, node: Any, scope: Scope, rows: Rows) -> None:
    """A table, or a table with joins of its own (from-first lists, parenthesised joins)."""
    _add(scope, source_of(reading, node, scope, rows), rows)
    for join in node.args.get("joins") or ():
        if not isinstance(node, exp.Subquery) or not _is_join(node.this):
            add_join(reading, join, scope, rows)


def _add(scope: Scope, source: Source, rows: Rows) -> None:
    scope.sources.append(source)
    merge_rows(rows, source.table.rows)


def add_join(reading: Reading, join: Any, scope: Scope, rows: Rows) -> None:
    left = list(scope.sources)
    add_relation(reading, join.this, scope, rows)
    right = scope.sources[len(left) :]
    keys = _shared_keys(reading, join, left, right, rows)
    for key, identifier in keys:
        _merge_column(reading, scope, join, (left, right), key, identifier, rows)
    condition = join.args.get("on")
    if condition is not None:
        record(reading, condition, scope, RowSetKind.JOIN, rows)
    if join.args.get("kind") in ("SEMI", "ANTI"):
        _hide(scope, left, right, rows)


def _hide(scope: Scope, left: list[Source], right: list[Source], rows: Rows) -> None:
    """The right side of a semi join decides rows and is not seen afterwards."""
    for source in right:
        for leaf in source.table.leaves:
            if not any(table == leaf for table, _, _ in rows):
                rows.setdefault((leaf, ANY, RowSetKind.JOIN), -1)
    scope.sources = left


def _shared_keys(
    reading: Reading, join: Any, left: list[Source], right: list[Source], rows: Rows
) -> list[tuple[str, Any]]:
    using = join.args.get("using")
    if using:
        return [(reading.key(identifier), identifier) for identifier in using]
    if join.args.get("method") != "NATURAL":
        return []
    for source in (*left, *right):
        if source.table.open:
            record_origins(unknown_of(source.table.open), RowSetKind.JOIN, offset_of(join), rows)
    theirs = {out.key for source in right for out in source.table.outs}
    ours = [out.key for s in left for out in s.table.outs if out.key not in s.hidden]
    return [(key, None) for key in dict.fromkeys(ours) if key in theirs]


def _merge_column(
    reading: Reading,
    scope: Scope,
    join: Any,
    sides: tuple[list[Source], list[Source]],
    key: str,
    identifier: Any,
    rows: Rows,
) -> None:
    """One column of USING: a single output column, made of both sides'."""
    left, right = (_side(reading, side, key, identifier) for side in sides)
    if key in scope.merged:
        left = scope.merged[key]
    offset = offset_of(identifier) if identifier is not None else offset_of(join.this)
    origins: Origins = {}
    merge(origins, left.origins, Level.STAR)
    merge(origins, right.origins, Level.STAR)
    record_origins(origins, RowSetKind.JOIN, offset, rows)
    first = right if join.args.get("side") == "RIGHT" else left
    if join.args.get("kind") in ("SEMI", "ANTI"):
        return
    scope.merged[key] = Out(first.name, key, origins, first.type or left.type, None)
    for source in sides[1]:
        source.hidden = source.hidden | {key}


def _side(reading: Reading, side: list[Source], key: str, identifier: Any) -> Out:
    for source in side:
        for out in source.table.outs:
            if out.key == key:
                return out
    name = identifier.name if identifier is not None else key
    opened = openings(side)
    if not opened and len(side) == 1:
        missing(reading, identifier, side[0].table, side[0].name or "the joined table")
    return Out(name, key, open_origins(opened, name))


def source_of(reading: Reading, node: Any, scope: Scope, rows: Rows) -> Source:
    """One relation of FROM under its alias, pivots applied."""
    if isinstance(node, exp.Table):
        name, parts, table = _named(reading, node, scope, rows)
    elif isinstance(node, exp.Subquery) and _is_join(node.this):
        name, parts, table = "", (), _parenthesised(reading, node, scope)
    elif isinstance(node, exp.Lateral):
        name, parts, table = "", (), _lateral(reading, node, scope, rows)
    elif isinstance(node, exp.Unnest):
        name, parts, table = "unnest", (), _unnest(reading, node, scope, rows)
    elif isinstance(node, exp.Values):
        name, parts, table = "", (), values(reading, node, scope)
    elif isinstance(node, exp.Query | exp.Pivot):
        inner = Scope(scope, scope.ctes, implicit=True)
        query = node.this if isinstance(node, exp.Subquery) else node
        name, parts, table = "", (), reading.query(reading, query, inner)
    else:
        name, parts, table = "", (), _function(reading, node, scope, rows)
    for pivot in node.args.get("pivots") or ():
        table = pivoted(reading, pivot, table, scope)
        if pivot.args.get("alias") is not None:
            node, name, parts = pivot, "", ()
    return _aliased(reading, node, Source(name, table, parts))


def _is_join(node: Any) -> bool:
    return isinstance(node, exp.Table) and not node.args.get("pivots")


def _parenthesised(reading: Reading, node: Any, scope: Scope) -> Table:
    inner = Scope(scope, scope.ctes, implicit=True)
    rows: Rows = {}
    add_relation(reading, node.this, inner, rows)
    for join in node.args.get("joins") or ():
        add_join(reading, join, inner, rows)
    table = Table(star_columns(inner), leaves=inner.leaves(), rows=rows)
    table.open = openings(inner.sources)
    table.guessed = any(source.table.guessed for source in inner.sources)
    return table


def _aliased(reading: Reading, node: Any, source: Source) -> Source:
    alias = node.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        return source
    if alias.this is not None:
        if _is_one_column_function(node):
            source.table = renamed(reading, source.table, [alias.this])
        source = Source(reading.key(alias.this), source.table)
    if alias.args.get("columns"):
        source.table = renamed(reading, source.table, alias.args["columns"])
    return source


def renamed(reading: Reading, table: Table, names: list[Any]) -> Table:
    """The table with its first columns under new names: `t(a, b)`."""
    outs = [_copy(out, out.name, out.key) for out in table.outs]
    identifiers = [name.this if isinstance(name, exp.ColumnDef) else name for name in names]
    for i, identifier in enumerate(identifiers):
        name, key = reading.spelt(identifier), reading.key(identifier)
        if i < len(outs):
            outs[i] = _copy(outs[i], name, key)
        else:
            outs.append(Out(name, key, unknown_of(table.open)))
    return Table(outs, table.open, table.leaves, table.rows, table.guessed)


def _is_one_column_function(node: Any) -> bool:
    """range(3) AS r has a column r."""
    return isinstance(node, exp.Unnest) or isinstance(node.this, exp.GenerateSeries)


def _copy(out: Out, name: str, key: str) -> Out:
    return Out(name, key, out.origins, out.type, out.offset, out.aggregated)


def _named(
    reading: Reading, node: Any, scope: Scope, rows: Rows
) -> tuple[str, tuple[str, ...], Table]:
    identifiers = [part for part in node.parts if isinstance(part, exp.Identifier)]
    if not identifiers or not isinstance(node.this, exp.Identifier):
        name = (
            node.this.name.lower()
            if isinstance(node.this, exp.Anonymous)
            else _called(reading, node.this)
        )
        return name, (), _function(reading, node.this, scope, rows)
    keys = tuple(reading.key(identifier) for identifier in identifiers)
    if len(keys) == 1:
        cte = scope.ctes.get(keys[0])
        if cte is not None:
            return keys[0], (), Table(list(cte.outs), cte.open, cte.leaves, cte.rows, cte.guessed)
    return keys[-1], keys[:-1], leaf(reading, keys)


def leaf(reading: Reading, keys: tuple[str, ...]) -> Table:
    """A table that the query does not define."""
    name = ".".join(keys)
    reading.tables[name] = None
    columns = reading.inputs.get(keys)
    if columns is None:
        return Table(open=(Opening(name),), leaves=(name,))
    outs = [
        Out(
            c.name, reading.key_of(c.name), {(name, c.name): Level.STAR}, reading.types.read(c.type)
        )
        for c in columns
    ]
    return Table(outs, leaves=(name,))


def _called(reading: Reading, node: Any) -> str:
    offset = offset_of(node)
    if offset is None:
        return ""
    return reading.places.text[offset : reading.places.end_of_token(offset)].lower()


def _function(reading: Reading, node: Any, scope: Scope, rows: Rows) -> Table:
    """A table function. What it is given decides its rows; which columns it has is mostly unknown."""
    name = _called(reading, node)
    origins: Origins = {}
    for argument in node.iter_expressions():
        if isinstance(argument, exp.EQ | exp.PropertyEQ | exp.Kwarg):
            continue  # an option, such as header = true
        if (
            not isinstance(node, exp.Anonymous)
            or not isinstance(argument, exp.Column)
            or scope.sources
        ):
            merge(origins, value_of(reading, argument, scope).origins, Level.COMPUTED)
    record_origins(origins, RowSetKind.JOIN, offset_of(node), rows)
    if isinstance(node, exp.GenerateSeries):
        column = "range" if name == "range" else "generate_series"
        return Table([Out(column, column, origins, reading.types.read("BIGINT"))])
    return _opened(reading, node, name, origins)


def _opened(reading: Reading, node: Any, name: str, origins: Origins) -> Table:
    if isinstance(node, READERS) or name in READER_NAMES:
        files = [part.name for part in node.find_all(exp.Literal) if part.is_string][:1]
        if files:
            return leaf(reading, (files[0],))
    called = f"{name}()"
    reading.tables[called] = None
    leaves = unique([called, *(table for table, _ in origins)])
    return Table(open=(Opening(called),), leaves=leaves)


def _unnest(reading: Reading, node: Any, scope: Scope, rows: Rows) -> Table:
    outs: list[Out] = []
    for expression in node.expressions:
        origins: Origins = {}
        merge(origins, value_of(reading, expression, scope).origins, Level.COMPUTED)
        record_origins(origins, RowSetKind.JOIN, offset_of(expression), rows)
        outs.append(Out("unnest", "unnest", origins, element(reading.types.of(expression))))
    if node.args.get("offset"):
        outs.append(Out("ordinality", "ordinality", {}, reading.types.read("BIGINT")))
    return Table(outs)


def _lateral(reading: Reading, node: Any, scope: Scope, rows: Rows) -> Table:
    inner = node.this
    if isinstance(inner, exp.Subquery | exp.Query):
        return reading.query(reading, inner, Scope(scope, scope.ctes))
    if isinstance(inner, exp.Unnest):
        return _unnest(reading, inner, scope, rows)
    origins: Origins = {}
    merge(origins, value_of(reading, inner, scope).origins, Level.COMPUTED)
    record_origins(origins, RowSetKind.JOIN, offset_of(inner), rows)
    alias = node.args.get("alias")
    names = alias.args.get("columns") if alias is not None else None
    if not names:
        return _opened(reading, inner, _called(reading, inner), origins)
    return Table([Out(n.name, reading.key(n), dict(origins)) for n in names])


def values(reading: Reading, node: Any, scope: Scope) -> Table:
    """VALUES lists; DuckDB names the columns col0, col1, ..., Postgres column1, column2, ..."""
    rows: Rows = {}
    columns: list[Out] = []
    for line in node.expressions:
        cells = line.expressions if isinstance(line, exp.Tuple) else [line]
        for i, cell in enumerate(cells):
            origins = value_of(reading, cell, scope).origins
            if i == len(columns):
                name = f"column{i + 1}" if reading.dialect == "postgres" else f"col{i}"
                columns.append(Out(name, name, {}, reading.types.of(cell), offset_of(cell)))
            merge(columns[i].origins, origins, Level.COPIED)
    return Table(columns, rows=rows)


def star_columns(scope: Scope) -> list[Out]:
    """What an unqualified star stands for, columns of USING once and where the left table has them."""
    found: list[Out] = []
    placed: set[str] = set()
    for source in scope.sources:
        for out in source.table.outs:
            if out.key in source.hidden:
                continue
            if out.key in scope.merged and out.key not in placed:
                placed.add(out.key)
                found.append(scope.merged[out.key])
            elif out.key not in scope.merged or out.key in placed:
                found.append(out)
    missed = [out for key, out in scope.merged.items() if key not in placed]
    return found + missed


def exploded(reading: Reading, node: Any) -> list[tuple[str, Any]] | None:
    """Fields that unnest(struct) spreads into; [] for a list; None when the type is not known."""
    type_ = reading.types.of(node)
    if is_struct(type_):
        return struct_fields(type_)
    return [] if is_list(type_) else None
