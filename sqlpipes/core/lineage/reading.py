"""What goes along while one query is read, and how a name in it finds its column.

`find` is the binder: a dotted name + the scopes around it -> the columns it means, by the rules that
DuckDB and Postgres share, or a Problem when it certainly means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from sqlglot import exp

from sqlpipes.core.asset import Column
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.core.lineage.places import Places
from sqlpipes.core.lineage.spelling import Spelling
from sqlpipes.core.lineage.tables import (
    Level,
    Opening,
    Origins,
    Out,
    Scope,
    Source,
    Table,
    any_of,
    merge,
    open_origins,
    openings,
    unknown_of,
)
from sqlpipes.core.lineage.types import Types

PSEUDO = {
    "duckdb": frozenset(
        {
            "rowid", "filename", "file_row_number", "file_index", "user", "current_user",
            "session_user", "current_schema", "current_catalog", "current_database", "current_role",
            "localtime", "localtimestamp", "current_time", "current_date", "current_timestamp",
        }
    ),
    "postgres": frozenset(
        {
            "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "user", "current_user", "session_user",
            "current_role", "current_catalog", "current_schema", "system_user",
        }
    ),
}  # fmt: skip
OF_ROWS = frozenset(
    {
        "rowid", "filename", "file_row_number", "file_index", "ctid", "xmin", "xmax", "cmin", "cmax",
        "tableoid",
    }
)  # fmt: skip
"""Those that tell where a row stands, and no constant."""
NAMES_ARE_CERTAIN = frozenset({"duckdb", "postgres"})  # dialects whose name rules are proven here


@dataclass(slots=True)
class Reading(Spelling):
    """One query being read. `query` binds a subquery; it is passed along so that modules stay a tree."""

    places: Places
    inputs: Mapping[tuple[str, ...], tuple[Column, ...] | None]
    types: Types
    query: Callable[[Reading, Any, Scope], Table]
    problems: list[Problem] = field(default_factory=list)
    may_expand: bool = (
        True  # the text has the word COLUMNS: without it no tree needs to be searched
    )
    may_spread: bool = True  # or one of the words for unnest
    doubted: bool = False  # a name may mean one thing or another
    tables: dict[str, None] = field(default_factory=dict)  # every leaf that was met, in order

    def report(self, code: str, message: str, node: Any, hint: str | None = None) -> None:
        offset = offset_of(node)
        if offset is None:
            return
        line, column = self.places.line_column(offset)
        length = self.places.end_of_token(offset) - offset
        problem = Problem(code, message, Location("", line, column, length), hint)
        if problem not in self.problems:
            self.problems.append(problem)


def offset_of(node: Any) -> int | None:
    """Where the first token with a known place of this expression stands."""
    own = node.meta.get("start")
    if own is None and isinstance(node, exp.Column):
        own = node.parts[0].meta.get("start")
    if own is not None:
        return int(own)
    first: int | None = None
    for part in node.walk():
        start = part.meta.get("start")
        if start is not None and (first is None or start < first):
            first = start
    return first


def is_name(item: Any) -> bool:
    """Whether an item of a SELECT list is a column's name and no more, so that nothing stands below it."""
    inner = item.this if isinstance(item, exp.Alias) else item
    return isinstance(inner, exp.Column) and isinstance(inner.this, exp.Identifier)


@dataclass(slots=True)
class Found:
    """What a name means. `type` None: unknown. `plain`: exactly one column, and nothing else."""

    origins: Origins
    type: Any = None
    out: Out | None = None


def find(reading: Reading, column: Any, scope: Scope) -> Found:
    """The columns that a (dotted) name means. Reports a name that certainly means nothing."""
    parts = [part for part in column.parts if not isinstance(part, exp.Star)]
    keys = [reading.key(part) for part in parts]
    for around in scope.chain():
        found = _in_scope(reading, parts, keys, around)
        if found is not None:
            return _doubted(found, reading, parts, scope, around)
        if around.implicit and openings(around.sources):
            break
    return _unfound(reading, parts, keys, scope)


def _in_scope(reading: Reading, parts: list[Any], keys: list[str], scope: Scope) -> Found | None:
    """By qualifier first, then as a bare column with fields after it, then as a whole row."""
    for split in range(len(keys) - 1, 0, -1):
        found = _qualified(reading, parts, keys, split, scope)
        if found is not None:
            return found
    out = _bare(reading, parts[0], keys[0], scope)
    if out is not None:
        return _with_fields(reading, out, parts[1:])
    if len(parts) == 1:
        for source in scope.sources:
            if source.name == keys[0]:
                return Found(whole_row(source.table))
    return None


def _qualified(
    reading: Reading, parts: list[Any], keys: list[str], split: int, scope: Scope
) -> Found | None:
    for source in scope.sources:
        if not _names(source, keys[:split]):
            continue
        hits = [out for out in source.table.outs if out.key == keys[split]]
        if hits:
            return _with_fields(reading, hits[0], parts[split + 1 :])
        if source.table.open:
            origins = open_origins(source.table.open, parts[split].name)
            return Found(origins) if len(parts) == split + 1 else Found(_raised(origins))
        if keys[split] in PSEUDO.get(reading.dialect, ()):
            return Found(_pseudo(keys[split], source.table.leaves))
        if split == len(keys) - 1 and len(source.parts) <= split - 1 + len(source.parts):
            missing(reading, parts[split], source.table, parts[split - 1].name)
            return Found(any_of(source.table.leaves, Level.UNKNOWN))
    return None


def _names(source: Source, qualifiers: list[str]) -> bool:
    if source.name != qualifiers[-1]:
        return False
    before = qualifiers[:-1]
    return not before or (
        len(before) <= len(source.parts)
        and list(source.parts[len(source.parts) - len(before) :]) == before
    )


def _bare(reading: Reading, part: Any, key: str, scope: Scope) -> Out | None:
    if scope.alias_first and key in scope.aliases:
        return scope.aliases[key]
    if key in scope.merged:
        return scope.merged[key]
    hits = [
        (source, out)
        for source in scope.sources
        if key not in source.hidden
        for out in source.table.outs
        if out.key == key
    ]
    if len(hits) > 1 and len({id(source) for source, _ in hits}) > 1:
        _ambiguous(reading, part, [source.name for source, _ in hits], scope)
        return Out(part.name, key, _union(out for _, out in hits), hits[0][1].type)
    if hits:
        return hits[0][1]
    return scope.aliases.get(key)


def _pseudo(key: str, leaves: tuple[str, ...]) -> Origins:
    return any_of(leaves, Level.COMPUTED) if key in OF_ROWS else {}


def _union(outs: Any) -> Origins:
    origins: Origins = {}
    for out in outs:
        merge(origins, out.origins, Level.STAR)
    return origins


def _ambiguous(reading: Reading, part: Any, tables: list[str], scope: Scope) -> None:
    if reading.dialect not in NAMES_ARE_CERTAIN or any(s.table.guessed for s in scope.sources):
        return
    names = [name for name in dict.fromkeys(tables) if name]
    hint = f"write {' or '.join(f'{name}.{part.name}' for name in names)}" if names else None
    where = f" ({' and '.join(names)})" if names else ""
    message = f"column '{part.name}' is in more than one table{where}"
    reading.report("COL002", message, part, hint)


def _with_fields(reading: Reading, out: Out, fields: list[Any]) -> Found:
    if not fields:
        return Found(dict(out.origins), out.type, out)
    found = out.type
    for part in fields:
        found = reading.types.field(found, part.name)
    return Found(_raised(out.origins), found)


def _raised(origins: Origins) -> Origins:
    return {origin: max(level, Level.COMPUTED) for origin, level in origins.items()}


def whole_row(table: Table) -> Origins:
    origins: Origins = unknown_of(table.open)
    for out in table.outs:
        merge(origins, out.origins, Level.COMPUTED)
    return origins


def _doubted(found: Found, reading: Reading, parts: list[Any], scope: Scope, where: Scope) -> Found:
    """A name of a scope further out, or an alias, may yet be a column of an open table nearer by."""
    if found.out is None and len(parts) > 1:
        return found
    key = reading.key(parts[0])
    if scope is where and not openings(where.sources):
        return found
    nearer: list[Opening] = []
    for inner in scope.chain():
        if inner is where:
            break
        nearer += openings(inner.sources)
    if found.out is not None and found.out is where.aliases.get(key) and not where.alias_first:
        nearer += openings(where.sources)
    if not nearer or any(_names(s, [key]) for s in where.sources if len(parts) > 1):
        return found
    reading.doubted = True
    found.origins.update(open_origins(tuple(nearer), parts[0].name))
    return Found(dict.fromkeys(found.origins, Level.UNKNOWN), found.type)


def _unfound(reading: Reading, parts: list[Any], keys: list[str], scope: Scope) -> Found:
    opened = next((found for around in scope.chain() if (found := openings(around.sources))), ())
    if opened:
        origins = open_origins(opened, parts[0].name)
        return Found(origins if len(parts) == 1 else _raised(origins))
    if keys[0] in PSEUDO.get(reading.dialect, ()) or not scope.is_certain:
        return Found(_pseudo(keys[0], scope.leaves()))
    _report_missing(reading, parts, scope)
    return Found(any_of(scope.leaves(), Level.UNKNOWN))


def _report_missing(reading: Reading, parts: list[Any], scope: Scope) -> None:
    if reading.dialect not in NAMES_ARE_CERTAIN:
        return
    name = parts[0].name
    if len(parts) == 1:
        hint = did_you_mean(name, scope.names())
        reading.report("COL001", f"column '{name}' does not exist", parts[0], hint)
        return
    aliases = [source.name for around in scope.chain() for source in around.sources]
    spelt = ".".join(part.name for part in parts[:-1])
    hint = did_you_mean(name, aliases)
    reading.report("COL001", f"no table is named '{spelt}' here", parts[0], hint)


def missing(reading: Reading, part: Any, table: Table, name: str) -> None:
    """Reports a column that a known table does not have."""
    if reading.dialect not in NAMES_ARE_CERTAIN or table.guessed:
        return
    hint = did_you_mean(part.name, [out.name for out in table.outs])
    reading.report("COL001", f"column '{part.name}' does not exist in {name}", part, hint)
