"""FROM, JOIN and the subqueries in expressions -> the joined rows with all that is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.chains import kind_made
from sqlpipes.core.lineage.conditions import conjuncts, equal, laws_of
from sqlpipes.core.lineage.hops import meeting
from sqlpipes.core.lineage.joined import Joined, Pins, Source
from sqlpipes.core.lineage.proofs import CONDITION, Chain, Col, Law, Relation, Value, Why, unproven
from sqlpipes.core.lineage.reading import is_name, offset_of
from sqlpipes.core.lineage.sources import READER_NAMES, READERS
from sqlpipes.core.lineage.walk import Around, Unsure, Walk, leaf, value_in

QUERIES = (exp.Query, exp.Values)
KINDS = frozenset({"", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"})


def add_from(walk: Walk, node: Any, around: Around) -> None:
    from_ = node.args.get("from_")
    if from_ is not None:
        _add_relation(walk, from_.this, around)
    for lateral in node.args.get("laterals") or ():
        _add(walk, lateral, around)
        _unlinked(around)
    for join in node.args.get("joins") or ():
        add_join(walk, join, around)


def _add_relation(walk: Walk, node: Any, around: Around) -> None:
    _add(walk, node, around)
    _unlinked(around)
    if isinstance(node, exp.Table):
        for join in node.args.get("joins") or ():
            add_join(walk, join, around)


def _unlinked(around: Around) -> None:
    around.rows.on.append([])
    around.rows.strong.append([])


def add_join(walk: Walk, join: Any, around: Around) -> None:
    rows, place = around.rows, len(around.rows.sources)
    _add(walk, join.this, around)
    side, kind, method = (str(join.args.get(key) or "") for key in ("side", "kind", "method"))
    if kind not in KINDS or method not in ("", "ASOF", "NATURAL"):
        rows.lost = True
    if method == "ASOF":
        rows.nearest.add(place)
    if _is_comma(join):
        around.has_comma = True
    elif around.has_comma and (side in ("RIGHT", "FULL") or method or join.args.get("using")):
        rows.lost = True  # a comma binds less: these see what stands after it only
    laws = _using(walk, join, around, place, side, kind, method)
    condition = join.args.get("on")
    if condition is not None:
        laws += laws_of(conjuncts(condition), lambda part: value_in(walk, part, around))
        for query in queries_in(condition):
            rows.loose |= walk.query(walk, query, Around(around, around.ctes)).tables
    laws = [law for law in laws if _crosses(rows, law, place)]
    rows.on.append(laws)
    rows.strong.append([law for law in laws if _is_strong(rows, law, place, side, kind)])
    if kind in ("SEMI", "ANTI"):
        rows.lost = rows.lost or side in ("RIGHT", "FULL")
        rows.sources[place].seen = False


def _is_comma(join: Any) -> bool:
    return not any(join.args.get(key) for key in ("side", "kind", "method", "on", "using"))


def _crosses(rows: Joined, law: Law, place: int) -> bool:
    places = rows.place(law.one), rows.place(law.other)
    return None not in places and places.count(place) == 1


def _is_strong(rows: Joined, law: Law, place: int, side: str, kind: str) -> bool:
    """Whether every joined row that has `law.one` has a partner."""
    if kind in ("SEMI", "ANTI") or side == "FULL":
        return False
    from_right = rows.place(law.one) == place
    return from_right if side == "LEFT" else not from_right if side == "RIGHT" else True


def _using(
    walk: Walk, join: Any, around: Around, place: int, side: str, kind: str, method: str
) -> list[Law]:
    laws: list[Law] = []
    right = around.rows.sources[place]
    for key, identifier in _shared(walk, join, around, place, method):
        one, other = _left(around, place, key), _col(right, key)
        why = Why(CONDITION, offset_of(identifier if identifier is not None else join.this) or 0)
        if one is not None and other is not None and method != "ASOF":
            laws += equal(_plain(one), _plain(other), why)
        if kind in ("SEMI", "ANTI"):
            continue
        around.merged[key] = _merged(around.rows, place, one, other, side, why)
        right.hidden = right.hidden | {key}
        if method == "ASOF":
            around.merged[key] = None
    return laws


def _plain(col: Col) -> Value:
    return Value((Chain(col),), col.kind)


def _shared(
    walk: Walk, join: Any, around: Around, place: int, method: str
) -> list[tuple[str, Any]]:
    using = join.args.get("using")
    if using:
        return [(walk.key(name), name) for name in using]
    if method != "NATURAL":
        return []
    if any(s.relation.rest or s.relation.doubted for s in around.rows.sources):
        around.rows.lost = True
        return []
    theirs = {col.key for col in around.rows.sources[place].cols}
    ours = [c.key for s in around.seen[:-1] for c in s.cols if c.key not in s.hidden]
    return [(key, None) for key in dict.fromkeys(ours) if key is not None and key in theirs]


def _left(around: Around, place: int, key: str) -> Col | None:
    if key in around.merged:
        return around.merged[key]
    left = [s for s in around.rows.sources[:place] if s.seen and key not in s.hidden]
    hits = [col for source in left for col in source.cols if col.key == key]
    if any(key in source.relation.doubted for source in left) or len(hits) > 1:
        return None
    opened = [source for source in left if source.relation.rest]
    if not hits and len(opened) == 1:
        return opened[0].further(key)
    return hits[0] if hits and not opened else None


def _col(source: Source, key: str) -> Col | None:
    if key in source.relation.doubted:
        return None
    listed = (col for col in source.cols if col.key == key)
    return next(listed, None) or source.further(key)


def _merged(
    rows: Joined, place: int, one: Col | None, other: Col | None, side: str, why: Why
) -> Col | None:
    """The one column that USING makes of two."""
    if one is None or other is None:
        return None
    bend = meeting(one.kind, other.kind)
    if bend is None:
        return None
    if side != "FULL":
        first = other if side == "RIGHT" else one
        return first if one.kind == other.kind or not bend else None
    half = Col(
        one.name, one.key, one.kind if one.kind == other.kind else "stamp" if not bend else None
    )
    rows.halves[half] = (Law(half, one, bend, why), Law(half, other, bend, why))
    rows.home[half] = place
    return half


def _add(walk: Walk, node: Any, around: Around) -> None:
    """One relation of FROM as a source, under its alias."""
    name, parts, relation = _relation(walk, node, around)
    alias, place = node.args.get("alias"), len(around.rows.sources)
    if relation.asked is not None and relation.asked.options:
        around.rows.lateral[place] = relation.asked
    if node.args.get("sample") or node.args.get("pivots") or node.args.get("when"):
        pivoted = node.args.get("pivots")
        relation = unproven(relation.tables, None if pivoted else relation.cols)
        alias = next((p.args["alias"] for p in pivoted or () if p.args.get("alias")), alias)
        around.rows.lateral.pop(place, None)
    names: list[Any] = []
    if isinstance(alias, exp.TableAlias):
        names = alias.args.get("columns") or []
        if alias.this is not None:
            name, parts = walk.key(alias.this), ()
    if names and relation.rest:
        relation = unproven(relation.tables)
        names = []
    around.rows.sources.append(_source(walk, Source(name, relation, parts), names))


def _source(walk: Walk, source: Source, names: list[Any]) -> Source:
    identifiers = [name.this if isinstance(name, exp.ColumnDef) else name for name in names]
    for i, col in enumerate(source.relation.cols):
        if i < len(identifiers):
            source.add(col, walk.spelt(identifiers[i]), walk.key(identifiers[i]))
        else:
            source.add(col, col.name, col.key)
    return source


def _relation(walk: Walk, node: Any, around: Around) -> tuple[str, tuple[str, ...], Relation]:
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        walk.met.add(id(node))
        keys = tuple(walk.key(part) for part in node.parts if isinstance(part, exp.Identifier))
        if len(keys) == 1 and keys[0] in around.ctes:
            return keys[0], (), around.ctes[keys[0]]
        return keys[-1], keys[:-1], leaf(walk, keys)
    if isinstance(node, exp.Table):
        return "", (), _function(walk, node.this, around)
    if isinstance(node, exp.Lateral):
        inner = node.this
        if isinstance(inner, exp.Query):
            return "", (), _subquery(walk, inner, around, implicit=True)
        return "", (), _function(walk, inner, around)
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        return "", (), _parenthesised(walk, node, around)
    if isinstance(node, exp.Values):
        return "", (), _values(walk, node, around)
    if isinstance(node, exp.Query):
        return "", (), _subquery(walk, node, around, implicit=True)
    return "", (), _function(walk, node, around)


def _subquery(walk: Walk, node: Any, around: Around, implicit: bool = False) -> Relation:
    return walk.query(walk, node, Around(around, around.ctes, implicit=implicit))


def _parenthesised(walk: Walk, node: Any, around: Around) -> Relation:
    """Its rows are known, but its names reach out: nothing is proven through it."""
    inner = Around(around, around.ctes)
    _add_relation(walk, node.this, inner)
    for join in node.args.get("joins") or ():
        add_join(walk, join, inner)
    return unproven(inner.rows.tables)


def _function(walk: Walk, node: Any, around: Around) -> Relation:
    """A series, a list or a file. Any other function may read any table."""
    if isinstance(node, READERS) or str(node.name).lower() in READER_NAMES:
        files = [part.name for part in node.find_all(exp.Literal) if part.is_string][:1]
        return leaf(walk, (files[0],)) if files else unproven(())
    if not isinstance(node, (exp.GenerateSeries, exp.Unnest, exp.Explode)):
        raise Unsure(str(node.key))
    read: set[str] = set()
    for query in queries_in(node):
        read |= walk.query(walk, query, Around(around, around.ctes)).tables
    return unproven(read, None, kind_made(node))


def _values(walk: Walk, node: Any, around: Around) -> Relation:
    read: set[str] = set()
    for query in queries_in(node):
        if query is not node:
            read |= walk.query(walk, query, Around(around, around.ctes)).tables
    alias = node.args.get("alias")
    named = isinstance(alias, exp.TableAlias) and alias.args.get("columns")
    cols = [Col(None, None) for _ in alias.args["columns"]] if named else None
    return unproven(read, cols)


def queries_in(node: Any) -> Iterator[Any]:
    """The outermost queries in an expression, that itself left out."""
    todo = list(node.iter_expressions()) if node is not None else []
    while todo:
        current = todo.pop()
        if isinstance(current, QUERIES):
            yield current
        else:
            todo += current.iter_expressions()


def add_where(walk: Walk, node: Any, around: Around) -> list[Law]:
    """WHERE: laws of the rows that are left. Returned: the laws to columns of the query around."""
    where = node.args.get("where")
    if where is None:
        return []
    rows = around.rows
    conditions = list(conjuncts(where.this))
    laws = laws_of(conditions, lambda part: value_in(walk, part, around))
    placed = [(rows.place(law.one), rows.place(law.other), law) for law in laws]
    rows.where += [law for one, other, law in placed if None not in (one, other)]
    for condition in conditions:
        query = condition.args.get("query") if isinstance(condition, exp.In) else None
        if query is not None:
            _add_membership(walk, condition, query, around)
    return [law for one, other, law in placed if one is None and other is not None]


def _add_membership(walk: Walk, node: Any, query: Any, around: Around) -> None:
    """`x in (select y ...)` that must be true: only rows with y equal to x can make it so."""
    relation = _subquery(walk, query, around)
    rows = Joined([_source(walk, Source("", relation), [])], [[]], [[]])
    left = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
    laws: list[Law] = []
    why = Why(CONDITION, offset_of(node) or 0)
    for part, col in zip(left, rows.sources[0].cols, strict=False):
        laws += equal(value_in(walk, part, around), _plain(col), why)
    options = [(rows, [law for law in laws if law.one not in rows.sources[0].inner])]
    if relation.asked is not None:
        options += relation.asked.options
    around.rows.pinned.append(Pins(relation.tables, options))


def add_subqueries(walk: Walk, node: Any, around: Around) -> None:
    """Every query in the expressions of a SELECT that is not in its FROM."""
    done = {id(q) for q in _memberships(node)}
    items = (item for item in node.expressions if not is_name(item))
    clauses = [*items, *(node.args.get(key) for key in CLAUSES)]
    for clause in (clause for clause in clauses if clause is not None):
        for query in [clause] if isinstance(clause, QUERIES) else queries_in(clause):
            if id(query) in done:
                continue
            relation = _subquery(walk, query, around)
            if relation.asked is not None and relation.asked.options:
                around.rows.pinned.append(relation.asked)
            else:
                around.rows.loose |= relation.tables


CLAUSES = ("where", "group", "having", "qualify", "order", "distinct")


def _memberships(node: Any) -> Iterator[Any]:
    where = node.args.get("where")
    for condition in conjuncts(where.this) if where is not None else ():
        if isinstance(condition, exp.In) and condition.args.get("query") is not None:
            yield condition.args["query"]
