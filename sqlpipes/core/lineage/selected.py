"""One SELECT -> the relation it yields: its columns as values of the joined rows, groups and windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

from sqlglot import exp

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.chains import settled
from sqlpipes.core.lineage.frames import Look, looks_of, rest_of, windows_in
from sqlpipes.core.lineage.framing import add_from, add_subqueries, add_where
from sqlpipes.core.lineage.hops import back, forth, road
from sqlpipes.core.lineage.joined import Joined, Pins, reachable, support
from sqlpipes.core.lineage.proofs import (
    Chain,
    Col,
    Law,
    Path,
    Relation,
    Support,
    Value,
    all_of,
    along,
    better,
    clearer,
)
from sqlpipes.core.lineage.reading import is_name
from sqlpipes.core.lineage.starred import starred
from sqlpipes.core.lineage.stars import star_of
from sqlpipes.core.lineage.walk import Around, Walk, value_in

CUTTING = ("limit", "offset", "fetch", "sample", "connect", "match", "kind", "into")
GROUPINGS = ("grouping_sets", "cube", "rollup", "totals")


@dataclass(eq=False, slots=True)
class Selected:
    """What is known of one SELECT. `keys` None: it does not group.

    `looks`: per window function, and for DISTINCT ON, the ways in which it is known to look around.
    """

    rows: Joined
    values: dict[Col, Value | None] = field(default_factory=dict)
    keys: list[Value] | None = None
    looks: list[list[Look]] = field(default_factory=list)
    is_lost: bool = False
    claims: dict[Col, Support] = field(default_factory=dict)
    chains: dict[Col, list[tuple[Col, Chain]]] = field(default_factory=dict)
    indexed: int = 0


def read_select(walk: Walk, node: Any, around: Around) -> Relation:
    """`around` is the scope of this SELECT."""
    add_from(walk, node, around)
    around.aliases = dict(_aliases(walk, node))
    outward = add_where(walk, node, around)
    add_subqueries(walk, node, around)
    found = Selected(around.rows)
    items = starred(walk, node, around)
    found.values = {col: settled(value) for col, value in items.values}
    found.is_lost = any(node.args.get(key) for key in CUTTING) or not node.expressions
    _group(walk, node, around, found)
    _look(walk, node, around, found)
    tables = around.rows.tables
    relation = Relation(
        list(found.values),
        tables,
        lambda col: _support(found, col),
        lambda col: _laws(found, col),
        items.further(found.values) if items.further is not None else None,
        items.doubted,
    )
    options = [(around.rows, outward)] if outward else []
    relation.asked = Pins(tables, options)
    return relation


def _aliases(walk: Walk, node: Any) -> Iterator[tuple[str, Any]]:
    """The first of a name counts."""
    found: dict[str, Any] = {}
    for item in node.expressions:
        if isinstance(item, exp.Alias):
            found.setdefault(walk.key(item.args["alias"]), item.this)
    yield from found.items()


def _group(walk: Walk, node: Any, around: Around, found: Selected) -> None:
    group = node.args.get("group")
    if group is None:
        found.is_lost = found.is_lost or node.args.get("having") is not None or _collapses(node)
        return
    if any(group.args.get(key) for key in GROUPINGS) or any(
        isinstance(key, (exp.Rollup, exp.Cube, exp.GroupingSets)) for key in group.expressions
    ):
        found.is_lost = True
    if group.args.get("all"):
        found.keys = [value for value in found.values.values() if value is not None]
        return
    keys = (_key(walk, key, node, around) for key in group.expressions)
    found.keys = [value for value in keys if value is not None]


def _collapses(node: Any) -> bool:
    """Aggregates without GROUP BY: one row made of all."""
    todo = [item for item in node.expressions if not is_name(item)]
    while todo:
        current = todo.pop()
        if isinstance(current, (exp.Query, exp.Window)):
            continue
        if isinstance(current, exp.AggFunc):
            return True
        todo += current.iter_expressions()
    return False


def _key(walk: Walk, key: Any, node: Any, around: Around) -> Value | None:
    """A key of GROUP BY or DISTINCT ON: an expression, an output's place or its alias."""
    while isinstance(key, exp.Paren):
        key = key.this
    if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit():
        at = int(key.name) - 1
        if any(star_of(item) is not None for item in node.expressions[: at + 1]):
            return None
        key = node.expressions[at] if at < len(node.expressions) else key
    value = value_in(walk, key, around)
    if value is None and isinstance(key, exp.Column) and len(key.parts) == 1:
        alias = around.aliases.get(walk.key(key.this))
        value = value_in(walk, alias, around) if alias is not None else None
    return value


def _look(walk: Walk, node: Any, around: Around, found: Selected) -> None:
    named = {w.this.name.casefold(): w for w in node.args.get("windows") or ()}
    items = (item for item in node.expressions if not is_name(item))
    for clause in (*items, node.args.get("qualify")):
        for window in windows_in(clause) if clause is not None else ():
            found.looks.append(looks_of(window, named, lambda part: value_in(walk, part, around)))
    distinct = node.args.get("distinct")
    on = distinct.args.get("on") if distinct is not None else None
    if on is not None:
        parts = on.expressions if isinstance(on, exp.Tuple) else [on]
        values = (_key(walk, _output(walk, part, node, around), node, around) for part in parts)
        found.looks.append([Look(value) for value in values if value is not None])


def _output(walk: Walk, node: Any, select: Any, around: Around) -> Any:
    """DISTINCT ON knows the names of the output before those of the input."""
    if not isinstance(node, exp.Column) or len(node.parts) > 1:
        return node
    stars = (star_of(item) for item in select.expressions)
    if any(star.args.get("replace") or star.args.get("rename") for star in stars if star):
        return exp.Null()
    return around.aliases.get(walk.key(node.this), node)


def _support(found: Selected, col: Col) -> Support:
    value = found.values.get(col)
    if value is None or found.is_lost:
        return {}
    if col not in found.claims:
        tables = found.rows.tables
        parts = [(_of_value(found, value), tables)]
        parts += [(_of_looks(found, value, looks), tables) for looks in found.looks]
        found.claims[col] = all_of(parts)
    return found.claims[col]


def _of_value(found: Selected, value: Value) -> Support:
    """Claims of the rows (groups) with this value in a window, before windows look around."""
    tables = found.rows.tables
    parts = []
    for chain in value.chains:
        if not _is_kept(found, value, chain):
            return {}
        parts.append(
            (along((back(chain.steps), chain.why), support(found.rows, chain.base)), tables)
        )
    return all_of(parts)


def _is_kept(found: Selected, value: Value, chain: Chain) -> bool:
    """Whether a group has one such value: it is a key, or made of one."""
    if found.keys is None or value in found.keys:
        return True
    return any(
        key.only is not None
        and key.only.base is chain.base
        and rest_of(chain.steps, key.only.steps) is not None
        for key in found.keys
    )


def _of_looks(found: Selected, value: Value, looks: list[Look]) -> Support:
    return better(_of_look(found, value, look) for look in looks)


def _of_look(found: Selected, value: Value, look: Look) -> Support:
    if look.at == value and not look.reach:
        return _of_value(found, value)
    target = look.at.only
    if target is None:
        return {}
    parts = []
    for chain in value.chains:
        paths = [] if not _is_kept(found, value, chain) else list(_paths(found.rows, chain, target))
        claims = _of_value(found, look.at)
        roads = [(road_of(path[0], look.reach), clearer(path[1], look.why)) for path in paths]
        around = (along(each, claims) for each in roads)
        parts.append((better(around), found.rows.tables))
    return all_of(parts)


def road_of(*parts: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(hop for part in parts for hop in part)


def _paths(rows: Joined, chain: Chain, target: Chain) -> Iterator[Path]:
    """The ways from one value to another of the same row."""
    if chain.base is target.base:
        rest = rest_of(chain.steps, target.steps)
        if rest is not None:
            yield back(rest), chain.why
            return
    onward = forth(target.steps)
    nearby = reachable(rows, chain.base) if rows.place(chain.base) is not None else {}
    if onward is None or target.base not in nearby:
        return
    reach, why = nearby[target.base]
    found = road(back(chain.steps), reach, onward)
    if found is not None:
        yield found, clearer(chain.why, why)


def _laws(found: Selected, col: Col) -> list[Law]:
    """Laws between the columns that are selected."""
    value = found.values.get(col)
    if value is None or value.only is None or found.rows.place(value.only.base) is None:
        return []
    laws = []
    chains = _by_base(found)
    for base in reachable(found.rows, value.only.base):
        for other, target in chains.get(base, ()):
            if other is not col:
                paths = _paths(found.rows, value.only, target)
                laws += [Law(col, other, reach, why) for reach, why in paths]
    return laws


def _by_base(found: Selected) -> dict[Col, list[tuple[Col, Chain]]]:
    """The columns that are selected, by what they are made of. More may be asked for later."""
    if len(found.values) != found.indexed:
        found.chains, found.indexed = {}, len(found.values)
        for col, value in found.values.items():
            if value is not None and value.only is not None:
                found.chains.setdefault(value.only.base, []).append((col, value.only))
    return found.chains
