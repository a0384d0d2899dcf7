"""One item of a SELECT list -> output columns: names, stars, COLUMNS(...), unnest, values."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.expressions import Value, record_origins, value_of
from sqlpipes.core.lineage.facts import RowSetKind
from sqlpipes.core.lineage.names import duckdb_name
from sqlpipes.core.lineage.reading import Reading, find, offset_of
from sqlpipes.core.lineage.sources import exploded, star_columns
from sqlpipes.core.lineage.stars import add_star, again, star_of
from sqlpipes.core.lineage.tables import (
    Level,
    Opening,
    Origins,
    Out,
    Scope,
    Table,
    merge,
    openings,
    unique,
)

SPREADING = (exp.Explode, exp.Unnest, exp.Posexplode, exp.Inline)


def project(reading: Reading, node: Any, scope: Scope, table: Table) -> None:
    """Adds the columns of one projection to `table`, and its alias to the scope."""
    inner = node.this if isinstance(node, exp.Alias) else node
    star = star_of(inner)
    if star is not None:
        add_star(reading, inner, star, scope, table)
    elif reading.may_expand and inner.find(exp.Columns) is not None:
        _add_columns(reading, node, inner, scope, table)
    elif isinstance(inner, SPREADING):
        _add_unnest(reading, node, inner, scope, table)
    else:
        _add_one(reading, node, inner, scope, table)


def _add_one(reading: Reading, node: Any, inner: Any, scope: Scope, table: Table) -> None:
    plain = _plain_column(reading, inner, scope)
    if plain is not None:
        table.guessed = table.guessed or _is_signed(reading, inner, node)
        out, aliased = plain, isinstance(node, exp.Alias)
    elif isinstance(inner, exp.PositionalColumn):
        found = _at_position(inner, scope)
        if found is None:
            table.guessed = True
            return
        out, aliased = (
            again(found, found.name, found.key, offset_of(inner)),
            isinstance(node, exp.Alias),
        )
    else:
        out, aliased = _computed(reading, inner, scope, table), isinstance(node, exp.Alias)
    if aliased:
        identifier = node.args["alias"]
        out.name, out.key = reading.spelt(identifier), reading.key(identifier)
        scope.aliases.setdefault(out.key, out)
    table.outs.append(out)


def _plain_column(reading: Reading, node: Any, scope: Scope) -> Out | None:
    """`name` or `table.name`: its definition is that of the column it repeats."""
    while isinstance(node, exp.Paren):
        node = node.this
    if not isinstance(node, exp.Column):
        return None
    found = find(reading, node, scope)
    offset = offset_of(node)
    origins: Origins = {}
    merge(origins, found.origins, Level.COPIED)
    name = found.out.name if found.out is not None else node.name
    key = found.out.key if found.out is not None else reading.key(node.this)
    if reading.dialect != "duckdb":
        name, key = reading.spelt(node.this), reading.key(node.this)
    inherited = (
        found.out.offset if found.out is not None and found.out.offset is not None else offset
    )
    aggregated = found.out is not None and found.out.aggregated and found.out.key in scope.aliases
    return Out(name, key, origins, found.type, inherited, aggregated)


def _is_signed(reading: Reading, inner: Any, node: Any) -> bool:
    """`+a` parses as `a`, and DuckDB names it otherwise."""
    if isinstance(node, exp.Alias) or "+" not in reading.places.text:
        return False
    offset = offset_of(inner)
    segment = reading.places.segment(offset) if offset is not None else None
    if segment is None:
        return False
    return reading.places.tokens[segment.first].text == "+"


def _at_position(node: Any, scope: Scope) -> Out | None:
    columns = star_columns(scope)
    i = int(node.name) - 1 if node.name.isdigit() else -1
    is_listed = not openings(scope.sources)
    return columns[i] if is_listed and 0 <= i < len(columns) else None


def _computed(reading: Reading, inner: Any, scope: Scope, table: Table) -> Out:
    value = value_of(reading, inner, scope)
    spread = inner.find(*SPREADING) if reading.may_spread else None
    if spread is not None:
        record_origins(value.origins, RowSetKind.JOIN, offset_of(spread), table.rows)
    offset = _offset(reading, inner)
    name = "" if isinstance(inner.parent, exp.Alias) else _name(reading, inner, table, offset)
    return Out(
        name,
        reading.key_of(name),
        value.origins,
        reading.types.of(inner),
        offset,
        _collapses(value),
    )


def _offset(reading: Reading, inner: Any) -> int | None:
    """Where it stands; a bare NULL has no place of its own and is found beside its neighbours."""
    node = inner.parent if isinstance(inner.parent, exp.Alias) else inner
    own = offset_of(node)
    if own is not None or not isinstance(node.parent, exp.Select):
        return own
    siblings = node.parent.expressions
    i = next(i for i, sibling in enumerate(siblings) if sibling is node)
    for distance in range(1, len(siblings)):
        for j in (i - distance, i + distance):
            near = offset_of(siblings[j]) if 0 <= j < len(siblings) else None
            if near is not None:
                return reading.places.beside(near, i - j)
    return None


def _collapses(value: Value) -> bool:
    return value.aggregated


def _name(reading: Reading, inner: Any, table: Table, offset: int | None) -> str:
    """DuckDB's own name for it; else the text, and the table's names are no longer certain."""
    if isinstance(inner, exp.Dot) and isinstance(inner.this, exp.Column):
        return str(inner.expression.name)
    certain = duckdb_name(inner, reading.places, offset) if reading.dialect == "duckdb" else None
    if certain is not None:
        return certain
    if (
        reading.dialect == "postgres"
        and isinstance(inner, exp.Func)
        and not isinstance(inner, exp.Cast)
    ):
        called = _called(reading, inner)
        if called:
            return called
    table.guessed = True
    return reading.places.expression(offset) if offset is not None else inner.key


def _called(reading: Reading, node: Any) -> str | None:
    start = node.meta.get("start")
    if start is None:
        return None
    name = reading.places.text[start : reading.places.end_of_token(start)].lower()
    return name if name.isidentifier() else None


def _add_columns(reading: Reading, node: Any, inner: Any, scope: Scope, table: Table) -> None:
    """COLUMNS(...): the projection once for each column that it matches."""
    columns = inner.find(exp.Columns)
    opened = openings(scope.sources)
    matched = _matched(reading, columns, scope)
    if matched is None or opened or len(list(inner.find_all(exp.Columns))) > 1:
        value = value_of(reading, inner, scope, star_columns(scope))
        leaves = unique([*scope.leaves(), *(leaf for leaf, _ in value.origins)])
        table.open = (*table.open, *(Opening(leaf, False) for leaf in leaves))
        table.guessed = True
        return
    if columns.args.get("unpack"):
        value = value_of(reading, inner, scope, matched)
        name = node.alias if isinstance(node, exp.Alias) else inner.key
        table.guessed = table.guessed or not isinstance(node, exp.Alias)
        table.outs.append(Out(name, reading.key_of(name), value.origins, None, offset_of(inner)))
        return
    for out in matched:
        value = value_of(reading, inner, scope, [out])
        name = _pattern_name(node, columns, out)
        kind = out.type if inner is columns else None
        table.outs.append(
            Out(
                name,
                reading.key_of(name),
                value.origins,
                kind,
                offset_of(columns),
                value.aggregated,
            )
        )


def _pattern_name(node: Any, columns: Any, out: Out) -> str:
    if not isinstance(node, exp.Alias):
        return out.name
    alias = str(node.alias)
    if "\\" in alias and isinstance(columns.this, exp.Literal):
        match = re.search(columns.this.name, out.name)
        return match.expand(alias.replace("\\0", r"\g<0>")) if match else alias
    return alias


def _matched(reading: Reading, columns: Any, scope: Scope) -> list[Out] | None:
    """The columns that a COLUMNS(...) stands for; None when that cannot be told."""
    inner = columns.this
    everything = star_columns(scope)
    if isinstance(inner, exp.Literal):
        try:
            regex = re.compile(inner.name)
        except re.error:
            return None
        return [out for out in everything if regex.search(out.name)]
    if isinstance(inner, exp.Array) and all(
        isinstance(item, exp.Literal) for item in inner.expressions
    ):
        by_key = {out.key: out for out in everything}
        return [
            by_key[key]
            for item in inner.expressions
            if (key := reading.key_of(item.name)) in by_key
        ]
    star = star_of(inner)
    if star is None:
        return None
    scratch = Table()
    add_star(reading, inner, star, scope, scratch)
    return None if scratch.open or scratch.guessed else scratch.outs


def _add_unnest(reading: Reading, node: Any, inner: Any, scope: Scope, table: Table) -> None:
    """unnest(list) is a column and makes rows; unnest(struct) is a column for each field."""
    value = value_of(reading, inner, scope)
    record_origins(value.origins, RowSetKind.JOIN, offset_of(inner), table.rows)
    argument = inner.this if inner.this is not None else inner.expressions[0]
    fields = exploded(reading, argument)
    if fields is None or inner.expressions:
        fields = [] if fields is None else fields
        table.guessed = True
    offset = offset_of(inner)
    if fields:
        table.outs += [
            Out(name, reading.key_of(name), dict(value.origins), kind, offset)
            for name, kind in fields
        ]
        return
    out = _computed(reading, inner, scope, table)
    if isinstance(node, exp.Alias):
        out.name, out.key = reading.spelt(node.args["alias"]), reading.key(node.args["alias"])
        scope.aliases.setdefault(out.key, out)
    table.outs.append(out)
