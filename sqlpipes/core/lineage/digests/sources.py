"""FROM and JOIN -> the relations that are in sight, and what they say of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.digests.terms import (
    Reader,
    Relation,
    Sight,
    Term,
    Unread,
    digest_of,
    only,
    together,
)
from sqlpipes.core.lineage.sources import READER_NAMES, READERS

JOIN = frozenset({"this", "side", "kind", "method", "on", "using"})
TABLE = frozenset({"this", "db", "catalog", "alias", "joins"})


def add_from(reader: Reader, node: Any, sight: Sight) -> Iterator[Term]:
    """Adds everything in FROM to `sight`, in order; yields what decides the rows."""
    from_ = node.args.get("from_")
    if from_ is not None:
        yield from _add(reader, from_.this, sight)
    for join in node.args.get("joins") or ():
        yield from _join(reader, join, sight)


def _add(reader: Reader, node: Any, sight: Sight) -> Iterator[Term]:
    """One relation, with joins of its own."""
    source = _source(reader, node, sight)
    sight.sources.append(source)
    yield source[1].rows
    for join in node.args.get("joins") or ():
        yield from _join(reader, join, sight)


def _join(reader: Reader, join: Any, sight: Sight) -> Iterator[Term]:
    """A join by place hangs on an order that nobody gave; one with the nearest row chooses among equals."""
    only(join, JOIN)
    method = str(join.args.get("method") or "").upper()
    if method == "NATURAL":
        raise Unread  # which columns are shared is no question of the text
    said = f"join {join.args.get('side')} {join.args.get('kind')} {method}".lower()
    yield Term(said, method in ("", "ASOF"))
    left = len(sight.sources)
    yield from _add(reader, join.this, sight)
    if join.args.get("kind") in ("SEMI", "ANTI"):
        sight.hidden.update(range(left, len(sight.sources)))
    for identifier in join.args.get("using") or ():
        sight.merged.add(reader.key(identifier))
        yield reader.term(exp.Column(this=identifier.copy()), sight)
    if join.args.get("on") is not None:
        yield reader.term(join.args["on"], sight)
    if method == "ASOF":
        sight.sources[left:] = [(name, _loose(found)) for name, found in sight.sources[left:]]


def _loose(relation: Relation) -> Relation:
    """One row of it is chosen for each, so there is one, and which of equals may differ."""
    columns = [(key, term._replace(stable=False)) for key, term in relation.columns]
    opened = tuple(term._replace(stable=False) for term in relation.open)
    return Relation(columns, relation.rows, opened)


def _source(reader: Reader, node: Any, sight: Sight) -> tuple[str, Relation]:
    """The relation and the name that it has here."""
    if isinstance(node, exp.Table):
        only(node, TABLE)
        if not isinstance(node.this, exp.Identifier):
            return _made(reader, node, _function(reader, node.this, sight), "")
        name, relation = _named(reader, node, sight)
    elif isinstance(node, exp.Subquery):
        name, relation = "", reader.query(reader, node, sight)
    elif isinstance(node, exp.Values):
        return _alias(reader, node), values_of(reader, node, sight)
    elif isinstance(node, exp.Unnest):
        only(node, frozenset({"expressions", "alias", "offset"}))
        lists = (reader.term(each, sight) for each in node.expressions)
        rows = together(f"unnest {bool(node.args.get('offset'))}", *lists)
        return _made(reader, node, rows, "unnest")
    else:
        raise Unread
    alias = node.args.get("alias")
    names = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    return _alias(reader, node) or name, renamed(reader, relation, names)


def _alias(reader: Reader, node: Any) -> str:
    alias = node.args.get("alias")
    is_named = isinstance(alias, exp.TableAlias) and alias.this is not None
    return reader.key(alias.this) if is_named else ""


def _named(reader: Reader, node: Any, sight: Sight) -> tuple[str, Relation]:
    """A CTE, or a table that the query does not define."""
    keys = tuple(reader.key(part) for part in node.parts if isinstance(part, exp.Identifier))
    if len(keys) == 1 and keys[0] in sight.ctes:
        return keys[0], sight.ctes[keys[0]]
    columns = reader.inputs.get(keys)
    rows = Term(digest_of("table", *keys))
    if columns is None:
        return keys[-1], Relation([], rows, (rows,))
    known = [reader.key_of(column.name) for column in columns]
    return keys[-1], Relation([(key, Term(digest_of(rows.digest, key))) for key in known], rows)


def _function(reader: Reader, node: Any, sight: Sight) -> Term:
    """The options of what reads files look like columns."""
    name = str(node.name).lower() if isinstance(node, exp.Anonymous) else ""
    if isinstance(node, READERS) or name in READER_NAMES:
        return Term(digest_of("files", node.sql(comments=False)))
    return reader.term(node, sight)


def _made(reader: Reader, node: Any, rows: Term, name: str) -> tuple[str, Relation]:
    """Rows that a function makes, whose columns the text names or nobody does."""
    alias = node.args.get("alias")
    names = alias.args.get("columns") or () if isinstance(alias, exp.TableAlias) else ()
    columns = [
        (reader.key(each), Term(digest_of(rows.digest, place), rows.stable))
        for place, each in enumerate(names)
        if isinstance(each, exp.Identifier)
    ]
    if len(columns) != len(names):
        raise Unread
    # more columns than are named may be there
    return _alias(reader, node) or name, Relation(columns, rows, (rows,))


def renamed(reader: Reader, relation: Relation, names: Any) -> Relation:
    """The first columns under the names of `t(a, b)`."""
    if not names:
        return relation
    if relation.open:
        raise Unread
    keys = [reader.key(name.this if isinstance(name, exp.ColumnDef) else name) for name in names]
    terms = [term for _, term in relation.columns]
    rest = relation.columns[len(keys) :]
    return Relation([*zip(keys, terms, strict=False), *rest], relation.rows)


def values_of(reader: Reader, node: Any, sight: Sight) -> Relation:
    """VALUES, whose columns each hang on all of it."""
    only(node, frozenset({"expressions", "alias"}))
    rows = together("values", *(reader.term(line, sight) for line in node.expressions))
    first = node.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    head, base = ("column", 1) if reader.dialect == "postgres" else ("col", 0)
    columns = [
        (f"{head}{i + base}", Term(digest_of(rows.digest, i), rows.stable)) for i in range(width)
    ]
    alias = node.args.get("alias")
    names = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    return renamed(reader, Relation(columns, rows), names)
