"""The SELECT list -> output columns, each with the value it is. Stars stand for copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

from sqlglot import exp

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.chains import kind_made
from sqlpipes.core.lineage.joined import Source
from sqlpipes.core.lineage.proofs import Chain, Col, Value, Why
from sqlpipes.core.lineage.reading import is_name, offset_of
from sqlpipes.core.lineage.stars import star_of
from sqlpipes.core.lineage.walk import Around, Walk, value_in

SPREADING = (exp.Explode, exp.Unnest, exp.Posexplode, exp.Inline)
Rest = Callable[[str], Col | None]


@dataclass(eq=False, slots=True)
class Items:
    """The columns so far. `opened`: a source of which further columns pass, but for these keys."""

    values: list[tuple[Col, Value | None]] = field(default_factory=list)
    opened: list[tuple[Source, frozenset[str], dict[str, str], int]] = field(default_factory=list)
    is_murky: bool = False  # there are columns of which nothing is known
    certain: set[str] = field(default_factory=set)  # keys that an open star certainly lacks
    doubted: frozenset[str] = frozenset()

    @property
    def further(self) -> Callable[[dict[Col, Value | None]], Rest] | None:
        if not self.opened and not self.is_murky:
            return None
        return lambda values: _further(self, values)


def _further(items: Items, values: dict[Col, Value | None]) -> Rest:
    made: dict[str, Col] = {}

    def find(key: str) -> Col | None:
        if key in made:
            return made[key]
        col, value = Col(key, key), None
        if not items.is_murky and len(items.opened) == 1:
            source, without, renamed, offset = items.opened[0]
            theirs = None if key in without else source.further(renamed.get(key, key))
            if theirs is None:
                return None
            col.name, col.kind = theirs.name if key not in renamed else key, theirs.kind
            value = Value((Chain(theirs, (), Why(0, offset)),), theirs.kind)
        made[key] = col
        values[col] = value
        return col

    return find


def starred(walk: Walk, node: Any, around: Around) -> Items:
    """Everything that is selected, in order."""
    items, every = Items(), around.aliases
    around.aliases = {}  # an item sees the aliases before it
    for item in node.expressions:
        inner = item.this if isinstance(item, exp.Alias) else item
        star = star_of(inner)
        if is_name(item):
            _add_one(walk, item, inner, around, items)
        elif star is not None and isinstance(inner, (exp.Star, exp.Column)):
            _add_star(walk, inner, star, around, items)
        elif star is not None or isinstance(inner, SPREADING) or inner.find(exp.Columns):
            _add_unknown(walk, item, inner, items)
        else:
            _add_one(walk, item, inner, around, items)
        if isinstance(item, exp.Alias):
            around.aliases.setdefault(walk.key(item.args["alias"]), inner)
    around.aliases = every
    _name_apart(walk, items)
    return items


def _add_unknown(walk: Walk, item: Any, inner: Any, items: Items) -> None:
    """unnest(list) under an alias is one column; anything else may be any number of them."""
    if isinstance(inner, SPREADING) and isinstance(item, exp.Alias):
        alias = item.args["alias"]
        _add(items, Col(walk.spelt(alias), walk.key(alias), kind_made(inner)), None)
    else:
        items.is_murky = True


def _add(items: Items, col: Col, value: Value | None) -> None:
    items.values.append((col, value))
    hides = items.is_murky or (items.opened and col.key not in items.certain)
    if hides and col.key is not None:
        items.doubted = items.doubted | {col.key}


def _add_one(walk: Walk, item: Any, inner: Any, around: Around, items: Items) -> None:
    value = value_in(walk, inner, around)
    kind = value.kind if value is not None else kind_made(inner)
    col = Col(None, None, kind, offset_of(inner))
    plain = inner
    while isinstance(plain, exp.Paren):
        plain = plain.this
    if isinstance(item, exp.Alias):
        alias = item.args["alias"]
        col.name, col.key = walk.spelt(alias), walk.key(alias)
    elif isinstance(plain, exp.Column) and isinstance(plain.this, exp.Identifier):
        col.name, col.key = walk.spelt(plain.this), walk.key(plain.this)
        only = value.only if value is not None else None
        if only is not None and not only.steps and only.base.key == col.key:
            col.name = only.base.name
    _add(items, col, value)


def _add_star(walk: Walk, node: Any, star: Any, around: Around, items: Items) -> None:
    sources = around.seen
    if isinstance(node, exp.Column):
        name = walk.key(node.args["table"])
        sources = [source for source in sources if source.name == name][:1]
    if not sources or (isinstance(node, exp.Column) and node.args.get("db")):
        items.is_murky = True
        return
    offset = offset_of(node) or 0
    dropped = {walk.key(_last(each)) for each in star.args.get("except_") or ()}
    replaced = {walk.key(each.args["alias"]): each for each in star.args.get("replace") or ()}
    renamed = {
        walk.key(_last(each.this)): each.args["alias"] for each in star.args.get("rename") or ()
    }
    listed = _columns(sources, around) if isinstance(node, exp.Star) else sources[0].cols
    for col in list(listed):
        if col is None or col.key is None:
            _add(items, Col(None, None), None)
        elif col.key in replaced:
            _add_one(
                walk, replaced.pop(col.key), _inner(replaced, col.key, star, walk), around, items
            )
        elif col.key not in dropped:
            _add(items, _copy(walk, col, renamed.get(col.key)), _of(col, offset))
    _open(walk, sources, around, items, dropped, renamed, offset)
    for key, each in replaced.items():
        items.certain.add(key)
        _add_one(walk, each, each.this, around, items)


def _inner(replaced: Any, key: str, star: Any, walk: Walk) -> Any:
    found = (e for e in star.args.get("replace") or () if walk.key(e.args["alias"]) == key)
    return next(found).this


def _last(node: Any) -> Any:
    return node.parts[-1] if isinstance(node, exp.Column) else node


def _of(col: Col, offset: int) -> Value:
    return Value((Chain(col, (), Why(0, offset)),), col.kind)


def _copy(walk: Walk, col: Col, renamed: Any) -> Col:
    if renamed is not None:
        return Col(walk.spelt(renamed), walk.key(renamed), col.kind)
    return Col(col.name, col.key, col.kind)


def _columns(sources: list[Source], around: Around) -> list[Col | None]:
    """What an unqualified star stands for, columns of USING once."""
    found: list[Col | None] = []
    placed: set[str] = set()
    for source in sources:
        for col in source.cols:
            if col.key in source.hidden or col.key in placed:
                continue
            if col.key is not None and col.key in around.merged:
                placed.add(col.key)
                found.append(around.merged[col.key])
            else:
                found.append(col)
    return found


def _open(
    walk: Walk,
    sources: list[Source],
    around: Around,
    items: Items,
    dropped: set[str],
    renamed: dict[str, Any],
    offset: int,
) -> None:
    """Columns that could not be listed pass through, of one source whose names are all its own."""
    opened = [source for source in sources if source.relation.rest is not None]
    doubted = [source for source in sources if source.relation.doubted]
    if not opened and not doubted:
        return
    if len(sources) > 1 or len(around.seen) > 1 or doubted or items.opened or around.merged:
        items.is_murky = True
        return
    listed = {col.key for col in sources[0].cols if col.key is not None}
    without = frozenset(dropped | set(renamed))
    keys = {walk.key(new): old for old, new in renamed.items()}
    items.opened.append((sources[0], without | (listed - set(keys)), keys, offset))
    items.certain |= dropped | set(renamed)


def _name_apart(walk: Walk, items: Items) -> None:
    """DuckDB stores a second `id` as `id_1`."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for col, _ in items.values:
        first = col.key
        if first is None:
            continue
        while col.key is not None and col.key in taken:
            counts[first] = counts.get(first, 0) + 1
            col.key = (
                col.key if walk.dialect != "duckdb" else walk.key_of(f"{first}_{counts[first]}")
            )
            if walk.dialect != "duckdb":
                col.name = col.key = None
            else:
                col.name = col.key
        if col.key is not None:
            taken.add(col.key)
