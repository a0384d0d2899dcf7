"""`*`, `t.*`, `s.*` of a struct, with EXCLUDE, REPLACE, RENAME and LIKE -> the columns they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.expressions import value_of
from sqlpipes.core.lineage.reading import Reading, find, missing, offset_of
from sqlpipes.core.lineage.sources import exploded, star_columns
from sqlpipes.core.lineage.tables import (
    Level,
    Opening,
    Origins,
    Out,
    Scope,
    Source,
    Table,
    merge,
    open_origins,
    openings,
)

NARROWED = (exp.Like, exp.ILike, exp.SimilarTo, exp.Glob, exp.Not)


def star_of(node: Any) -> Any:
    """The Star of `*`, `t.*`, `* LIKE ...`; None for everything else."""
    if isinstance(node, exp.Star):
        return node
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return node.this
    if isinstance(node, NARROWED):
        return star_of(node.this)
    return None


def add_star(reading: Reading, node: Any, star: Any, scope: Scope, table: Table) -> None:
    qualifier = node if isinstance(node, exp.Column) else None
    found = _starred(reading, qualifier, scope, table)
    if found is None:
        return
    outs, opened = found
    test = _like(node)
    if test is None and not isinstance(node, exp.Star | exp.Column):
        table.guessed = True
    table.outs += _edited(
        reading, star, [out for out in outs if test is None or test(out.name)], opened, scope, table
    )
    table.open = tuple(dict.fromkeys((*table.open, *opened)))
    table.guessed = table.guessed or any(source.table.guessed for source in scope.sources)


def _starred(
    reading: Reading, qualifier: Any, scope: Scope, table: Table
) -> tuple[list[Out], tuple[Opening, ...]] | None:
    """The columns a star stands for; those of a struct for `s.*`."""
    if qualifier is None:
        return star_columns(scope), openings(scope.sources)
    source = _source_named(reading, qualifier, scope)
    if source is not None:
        return list(source.table.outs), source.table.open
    return _struct_columns(reading, qualifier, scope, table)


def _source_named(reading: Reading, qualifier: Any, scope: Scope) -> Source | None:
    key = reading.key(qualifier.args["table"])
    for around in scope.chain():
        for source in around.sources:
            if source.name == key:
                return source
    return None


def _struct_columns(
    reading: Reading, qualifier: Any, scope: Scope, table: Table
) -> tuple[list[Out], tuple[Opening, ...]] | None:
    parts = [part for part in qualifier.parts if not isinstance(part, exp.Star)]
    column = exp.Column(this=parts[-1].copy())
    found = find(reading, column, scope)
    origins: Origins = {}
    merge(origins, found.origins, Level.COMPUTED)
    names = exploded(reading, _typed(column, found.type))
    if not names:
        table.open = (*table.open, *(Opening(leaf, False) for leaf, _ in origins))
        table.guessed = True
        return None
    offset = offset_of(qualifier)
    return [
        Out(name, reading.key_of(name), dict(origins), kind, offset) for name, kind in names
    ], ()


def _typed(column: Any, type_: Any) -> Any:
    column.type = type_ if type_ is not None else exp.DType.UNKNOWN
    return column


def _like(node: Any) -> Callable[[str], bool] | None:
    """The filter of `* LIKE 'x%'`."""
    if isinstance(node, exp.Not):
        inner = _like(node.this)
        return None if inner is None else (lambda name: not inner(name))
    if not isinstance(node, exp.Like | exp.ILike | exp.SimilarTo | exp.Glob):
        return None
    if not isinstance(node.expression, exp.Literal) or isinstance(node, exp.Glob):
        return None
    if isinstance(node, exp.SimilarTo):
        regex = re.compile(node.expression.name)
    else:
        pieces = (
            ".*" if c == "%" else "." if c == "_" else re.escape(c) for c in node.expression.name
        )
        regex = re.compile("".join(pieces), re.IGNORECASE if isinstance(node, exp.ILike) else 0)
    return lambda name: regex.fullmatch(name) is not None


def _edited(
    reading: Reading,
    star: Any,
    outs: list[Out],
    opened: tuple[Opening, ...],
    scope: Scope,
    table: Table,
) -> list[Out]:
    """EXCLUDE, REPLACE and RENAME of a star."""
    except_ = star.args.get("except_") or ()
    excluded = {reading.key(_last(node)) for node in except_ if not _qualifier(node)}
    dropped = [_out_named(reading, node, scope) for node in except_ if _qualifier(node)]
    replaced = {reading.key(node.args["alias"]): node for node in star.args.get("replace") or ()}
    renamed = {
        reading.key(_last(node.this)): node.args["alias"] for node in star.args.get("rename") or ()
    }
    _report_edits(reading, star, outs, opened, scope)
    found: list[Out] = []
    for out in outs:
        if out.key in excluded or any(out is other for other in dropped):
            continue
        found.append(
            _edit(reading, out, replaced.get(out.key), renamed.get(out.key), star, scope, table)
        )
    known = {out.key for out in outs}
    if opened:
        found += [
            _computed_as(reading, node, scope, table)
            for key, node in replaced.items()
            if key not in known
        ]
        found += [
            Out(new.name, reading.key(new), open_origins(opened, key), None, offset_of(new))
            for key, new in renamed.items()
            if key not in known
        ]
    return found


def _qualifier(node: Any) -> Any:
    return node.args.get("table") if isinstance(node, exp.Column) else None


def _out_named(reading: Reading, node: Any, scope: Scope) -> Out | None:
    """The very column that `t.id` in an EXCLUDE list means."""
    source = _source_named(reading, node, scope)
    key = reading.key(node.this)
    outs = source.table.outs if source is not None else []
    return next((out for out in outs if out.key == key), None)


def _last(node: Any) -> Any:
    return node.parts[-1] if isinstance(node, exp.Column) else node


def _edit(
    reading: Reading, out: Out, replaced: Any, renamed: Any, star: Any, scope: Scope, table: Table
) -> Out:
    if replaced is not None:
        return _computed_as(reading, replaced, scope, table)
    if renamed is not None:
        return again(out, reading.spelt(renamed), reading.key(renamed), offset_of(renamed))
    offset = out.offset if out.offset is not None else offset_of(star)
    return Out(out.name, out.key, dict(out.origins), out.type, offset)


def _computed_as(reading: Reading, node: Any, scope: Scope, table: Table) -> Out:
    value = value_of(reading, node.this, scope)
    identifier = node.args["alias"]
    kind = reading.types.of(node.this)
    offset = offset_of(node.this)
    return Out(
        identifier.name, reading.key(identifier), value.origins, kind, offset, value.aggregated
    )


def _report_edits(
    reading: Reading, star: Any, outs: list[Out], opened: tuple[Opening, ...], scope: Scope
) -> None:
    if opened or any(source.table.guessed for source in scope.sources):
        return
    known = {out.key for out in outs}
    shown = Table(outs)
    named = [_last(node) for node in star.args.get("except_") or ()]
    named += [node.args["alias"] for node in star.args.get("replace") or ()]
    named += [_last(node.this) for node in star.args.get("rename") or ()]
    for identifier in named:
        if reading.key(identifier) not in known:
            missing(reading, identifier, shown, "this star")


def again(out: Out, name: str, key: str, offset: int | None) -> Out:
    origins: Origins = {}
    merge(origins, out.origins, Level.COPIED)
    return Out(name, key, origins, out.type, out.offset if out.offset is not None else offset)
