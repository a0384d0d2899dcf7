"""A query -> the relation it yields, with what is proven of it: SELECT, set operations, WITH."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.framing import queries_in
from sqlpipes.core.lineage.hops import meeting
from sqlpipes.core.lineage.proofs import (
    NOWHERE,
    Col,
    Law,
    Relation,
    Support,
    all_of,
    along,
    unproven,
)
from sqlpipes.core.lineage.selected import read_select
from sqlpipes.core.lineage.walk import Around, Walk


def read_relation(walk: Walk, node: Any, around: Around) -> Relation:
    """`around` is the new scope of this query: its parent and the CTEs in sight, and nothing yet."""
    _add_ctes(walk, node, around)
    if isinstance(node, exp.Select):
        return read_select(walk, node, around)
    if isinstance(node, exp.SetOperation):
        return _set_operation(walk, node, around)
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
        return _parenthesised(walk, node, around)
    return unproven(_tables_in(walk, node, around))


def _parenthesised(walk: Walk, node: Any, around: Around) -> Relation:
    inner = read_relation(
        walk, node.this, Around(around.parent, around.ctes, implicit=around.implicit)
    )
    alias = node.args.get("alias")
    named = isinstance(alias, exp.TableAlias) and alias.args.get("columns")
    if node.args.get("joins") or node.args.get("pivots") or (named and not _in_from(node)):
        return unproven(inner.tables | _tables_in(walk, node, around))
    return _cut(node, inner)


def _in_from(node: Any) -> bool:
    """There the alias is given by whoever reads the FROM."""
    return isinstance(node.parent, (exp.From, exp.Join, exp.Lateral))


def _cut(node: Any, relation: Relation) -> Relation:
    """LIMIT and SAMPLE take rows by looking at all of them."""
    if not any(node.args.get(key) for key in ("limit", "offset", "fetch", "sample")):
        return relation
    kept = unproven(relation.tables, relation.cols)
    kept.laws, kept.rest, kept.doubted = relation.laws, relation.rest, relation.doubted
    return kept


def _tables_in(walk: Walk, node: Any, around: Around) -> frozenset[str]:
    """Whatever an unknown kind of query names anywhere."""
    found: set[str] = set()
    for query in queries_in(node):
        inner = Around(around.parent, around.ctes, implicit=around.implicit)
        found |= read_relation(walk, query, inner).tables
    for table in node.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            continue
        walk.met.add(id(table))
        keys = tuple(walk.key(part) for part in table.parts)
        if len(keys) == 1 and keys[0] in around.ctes:
            found |= around.ctes[keys[0]].tables
        else:
            name = walk.inputs.get(keys, (None, None))[0]
            found.add(name if name is not None else "?" + ".".join(keys))
    return frozenset(found)


def _add_ctes(walk: Walk, node: Any, around: Around) -> None:
    with_ = node.args.get("with_")
    if with_ is None:
        return
    ctes = dict(around.ctes)
    around.ctes = ctes
    for cte in with_.expressions:
        key = walk.key(cte.args["alias"].this)
        inner = Around(around.parent, dict(ctes), implicit=around.implicit)
        if with_.args.get("recursive") and key in set(_names(walk, cte.this)):
            ctes[key] = unproven(frozenset())
            inner.ctes = {**ctes, key: unproven(frozenset())}
            ctes[key] = unproven(read_relation(walk, cte.this, inner).tables)
            continue
        relation = read_relation(walk, cte.this, inner)
        ctes[key] = _renamed(walk, relation, cte.args["alias"].args.get("columns") or [])


def _names(walk: Walk, node: Any) -> Iterator[str]:
    for table in node.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not table.args.get("db"):
            yield walk.key(table.this)


def _renamed(walk: Walk, relation: Relation, names: list[Any]) -> Relation:
    """The relation with its first columns under new names. It has this one reader's names only."""
    if not names:
        return relation
    if relation.rest is not None or relation.doubted:
        return unproven(relation.tables)
    for name, col in zip(names, relation.cols, strict=False):
        col.name, col.key = walk.spelt(name), walk.key(name)
    return relation


def _set_operation(walk: Walk, node: Any, around: Around) -> Relation:
    """A chain of unions leans to the left: it is walked, not recursed into."""
    chain = [node]
    while isinstance(chain[-1].this, exp.SetOperation) and not chain[-1].this.args.get("with_"):
        chain.append(chain[-1].this)
    relation = _branch(walk, chain[-1].this, around)
    for operation in reversed(chain):
        right = _branch(walk, operation.expression, around)
        relation = _cut(operation, _combined(operation, relation, right))
    return relation


def _branch(walk: Walk, node: Any, around: Around) -> Relation:
    return read_relation(walk, node, Around(around.parent, around.ctes, implicit=around.implicit))


def _combined(node: Any, left: Relation, right: Relation) -> Relation:
    """Rows of either side keep their window, so both sides' claims are needed, for the same column."""
    tables = left.tables | right.tables
    sound = not (left.rest or right.rest or left.doubted or right.doubted)
    if not sound or not _is_known(node):
        return unproven(tables)
    pairs = _pairs(node, left, right)
    cols = {_joined(one, other): (one, other) for one, other in pairs}
    firsts = {one: (col, other) for col, (one, other) in cols.items()}

    def support(col: Col) -> Support:
        parts = []
        for side, relation in zip(cols[col], (left, right), strict=True):
            bend = None if side is None else meeting(side.kind, _other(cols[col], side).kind)
            claims = {} if side is None or bend is None else relation.support(side)
            parts.append((along((bend or (), NOWHERE), claims), relation.tables))
        return all_of(parts)

    def laws(col: Col) -> list[Law]:
        one, other = cols[col]
        if other is None or (one.kind, other.kind) == (None, None) or one.kind != other.kind:
            return []
        theirs = {(law.other, law.reach) for law in right.laws(other)}
        found = []
        for law in left.laws(one):
            mine, partner = firsts.get(law.other, (None, None))
            if mine is not None and partner is not None and (partner, law.reach) in theirs:
                found.append(Law(col, mine, law.reach, law.why))
        return found

    return Relation(list(cols), tables, support, laws)


def _is_known(node: Any) -> bool:
    return not any(node.args.get(key) for key in ("side", "kind", "on"))


def _other(pair: tuple[Col, Col | None], side: Col) -> Col:
    one, other = pair
    return one if other is None or side is other else other


def _pairs(node: Any, left: Relation, right: Relation) -> list[tuple[Col, Col | None]]:
    if not node.args.get("by_name"):
        return list(zip(left.cols, right.cols, strict=False))
    theirs = {col.key: col for col in right.cols}
    pairs: list[tuple[Col, Col | None]] = [(col, theirs.get(col.key)) for col in left.cols]
    return pairs


def _joined(one: Col, other: Col | None) -> Col:
    same = other is not None and one.kind == other.kind
    both = "stamp" if other is not None and {one.kind, other.kind} == {"date", "stamp"} else None
    return Col(one.name, one.key, one.kind if same else both)
