"""SELECT, set operations and WITH -> a Relation: a term for each column, and one for the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.digests.columns import Projected, project
from sqlpipes.core.lineage.digests.sources import add_from, renamed, values_of
from sqlpipes.core.lineage.digests.terms import (
    Reader,
    Relation,
    Sight,
    Term,
    Unread,
    digest_of,
    of_sides,
    only,
    together,
    whole,
)

CUTS = ("limit", "offset", "fetch")
SELECT = frozenset(
    {"expressions", "from_", "joins", "where", "group", "having", "qualify", "windows", "distinct"}
    | {"order", "with_", *CUTS}
)
QUERY = frozenset({"this", "alias", "with_", "order", *CUTS})
SET_OPERATION = QUERY | {"expression", "distinct", "by_name"}


def read_query(reader: Reader, node: Any, around: Sight) -> Relation:
    """`around` is what is in sight around the query. Raises Unread."""
    sight = _with_ctes(reader, node, around)
    if isinstance(node, exp.Select):
        return _select(reader, node, sight)
    if isinstance(node, exp.SetOperation):
        return _set_operation(reader, node, sight)
    if isinstance(node, exp.Subquery):
        only(node, QUERY)
        return _ordered(reader, node, read_query(reader, node.this, sight))
    if isinstance(node, exp.Values):
        return values_of(reader, node, sight)
    raise Unread


def _with_ctes(reader: Reader, node: Any, around: Sight) -> Sight:
    with_ = node.args.get("with_")
    if with_ is None:
        return around
    if with_.args.get("search"):
        raise Unread
    ctes = dict(around.ctes)
    sight = Sight(around.parent, ctes, around.sources, around.aliases, windows=around.windows)
    for cte in with_.expressions:
        alias = cte.args["alias"]
        key = reader.key(alias.this)
        relation = _recursive(reader, cte, key, sight) if with_.args.get("recursive") else None
        if relation is None:
            relation = read_query(reader, cte.this, sight)
        ctes[key] = renamed(reader, relation, alias.args.get("columns"))
    return sight


def _recursive(reader: Reader, cte: Any, key: str, sight: Sight) -> Relation | None:
    """Each column of a query that reads itself hangs on all of it. None: it does not."""
    tables = (table.this for table in cte.this.find_all(exp.Table) if not table.args.get("db"))
    if all(not isinstance(name, exp.Identifier) or reader.key(name) != key for name in tables):
        return None
    own = Relation([], Term("self"), (Term("self"),))
    inner = Sight(sight.parent, {**sight.ctes, key: own}, sight.sources)
    if not isinstance(cte.this, exp.SetOperation):
        raise Unread
    sides = [read_query(reader, side, inner) for side in (cte.this.this, cte.this.expression)]
    only(cte.this, frozenset({"this", "expression", "distinct"}))
    keyed = [reader.key_of(each.name) for each in cte.args.get("key_expressions") or ()]
    said = f"recursive {cte.this.args.get('distinct')} {keyed}"
    all_of_it = together(said, *map(whole, sides))
    if keyed:  # of two rows for one key the last one stays, whichever that is
        all_of_it = all_of_it._replace(stable=False)
    columns = [
        (name, Term(digest_of(all_of_it.digest, place), all_of_it.stable))
        for place, (name, _) in enumerate(sides[0].columns)
    ]
    return Relation(columns, all_of_it, (all_of_it,) if sides[0].open else ())


def _set_operation(reader: Reader, node: Any, sight: Sight) -> Relation:
    """A chain of unions leans to the left: it is walked, not recursed into."""
    chain = [node]
    while isinstance(chain[-1].this, exp.SetOperation) and not chain[-1].this.args.get("with_"):
        chain.append(chain[-1].this)
    relation = read_query(reader, chain[-1].this, sight)
    for operation in reversed(chain):
        only(operation, SET_OPERATION)
        right = read_query(reader, operation.expression, sight)
        relation = _ordered(reader, operation, _combined(operation, relation, right))
    return relation


def _combined(node: Any, left: Relation, right: Relation) -> Relation:
    if left.open or right.open:
        raise Unread
    said = f"{type(node).__name__} {bool(node.args.get('by_name'))} {node.args.get('distinct')}"
    if node.args.get("by_name"):
        keys = dict.fromkeys(key for key, _ in (*left.columns, *right.columns))
        sides = [(key, [*left.named(key)], [*right.named(key)]) for key in keys]
    else:
        pairs = zip(left.columns, right.columns, strict=True)
        sides = [(key, [one], [other]) for (key, one), (_, other) in pairs]
    columns = [(key, of_sides(one, other)) for key, one, other in sides]
    rows = together(said, left.rows, right.rows)
    if node.args.get("distinct") or not isinstance(node, exp.Union):
        rows = together("distinct", rows, *(term for _, term in columns))
    return Relation(columns, rows)


def _ordered(reader: Reader, node: Any, relation: Relation) -> Relation:
    """ORDER BY and LIMIT around a whole query; names mean its output."""
    if not any(node.args.get(key) for key in ("order", *CUTS)):
        return relation
    outs = [term for _, term in relation.columns]
    sight = Sight(sources=[("", relation)])
    rows = together("cut", relation.rows, *_order(reader, node, sight, outs))
    return Relation(relation.columns, rows, relation.open)


def _select(reader: Reader, node: Any, around: Sight) -> Relation:
    only(node, SELECT)
    sight = Sight(around, around.ctes)
    rows = list(add_from(reader, node, sight))
    for window in node.args.get("windows") or ():
        sight.windows[window.this.name.casefold()] = window
    found = Projected()
    for item in node.expressions:
        project(reader, item, sight, found)
    if not node.expressions:
        raise Unread
    outs = [term for _, term in found.columns]
    for clause in ("where", "having", "qualify"):
        if node.args.get(clause) is not None:
            rows += [Term(clause), reader.term(node.args[clause].this, sight)]
        sight.after_where = True
    rows += [*_group(reader, node, sight, found, outs), *found.rows]
    rows += [*_distinct(reader, node, sight, found, outs), *_order(reader, node, sight, outs)]
    return Relation(found.columns, together("select", *rows), tuple(found.open))


def _group(
    reader: Reader, node: Any, sight: Sight, found: Projected, outs: list[Term]
) -> Iterator[Term]:
    group = node.args.get("group")
    if group is None:
        yield Term(f"collapses {found.collapses or node.args.get('having') is not None}")
        yield from found.doubtful
        return
    if group.args.get("all"):
        yield from (Term("group all"), *found.keys, *found.doubtful, *found.open)
        return
    yield Term("group")
    for key in group.expressions:
        yield _key(reader, key, sight, outs)
    rest = {key: value for key, value in group.args.items() if key != "expressions" and value}
    for word, value in sorted(rest.items()):
        for each in value if isinstance(value, list) else [value]:
            yield Term(word)
            yield reader.term(each, sight) if isinstance(each, exp.Expression) else Term(str(each))


def _distinct(
    reader: Reader, node: Any, sight: Sight, found: Projected, outs: list[Term]
) -> Iterator[Term]:
    distinct = node.args.get("distinct")
    if distinct is None:
        return
    on = distinct.args.get("on")
    if on is None:
        yield from (Term("distinct"), *outs, *found.open)
        return
    yield Term("distinct on", False)  # among equals the engine chooses
    for key in on.expressions if isinstance(on, exp.Tuple) else [on]:
        yield _key(reader, key, sight, outs)


def _order(reader: Reader, node: Any, sight: Sight, outs: list[Term]) -> Iterator[Term]:
    """Which rows are first; among equals the engine chooses, so a cut is never certain."""
    order = node.args.get("order")
    for item in order.expressions if order is not None else ():
        yield together("order", _key(reader, item, sight, outs))
    for key in CUTS:
        if node.args.get(key) is not None:
            yield Term(key, False)
            yield reader.term(node.args[key], sight)


def _key(reader: Reader, node: Any, sight: Sight, outs: list[Term]) -> Term:
    """A key of GROUP BY, ORDER BY or DISTINCT ON: an expression, an output's place, or ALL of them."""
    key = node.this if isinstance(node, exp.Ordered) else node
    how = f"{node.args.get('desc')} {node.args.get('nulls_first')}"
    if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit():
        if not 0 < int(key.name) <= len(outs):
            raise Unread
        return together(f"place {how}", outs[int(key.name) - 1])
    if isinstance(key, exp.Var) and key.name.upper() == "ALL":
        return together(f"all {how}", *outs)
    return reader.term(node, sight)
