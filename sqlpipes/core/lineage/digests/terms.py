"""An expression + the names in sight -> its term: equal terms over equal rows have equal values.

A term does not hang on case, white space, comments or the names of tables, CTEs and columns on the way:
a name stands for what it may mean. Where the rules leave a choice, a term is made of all that the name
may mean, so that it moves when any of them does. What is not understood raises `Unread`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from sqlglot import exp

from sqlpipes.core.asset import Column
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.reading import NAMES_ARE_CERTAIN
from sqlpipes.core.lineage.spelling import Spelling

Inputs = Mapping[tuple[str, ...], tuple[Column, ...] | None]

LOOSE = (
    exp.RowNumber, exp.Ntile, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead,
    exp.First, exp.Last, exp.AnyValue, exp.ArrayAgg, exp.GroupConcat, exp.ArgMax, exp.ArgMin,
    exp.ApproxQuantile, exp.Rand, exp.Randn, exp.Uuid, exp.JSONArrayAgg, exp.JSONObjectAgg,
)  # fmt: skip
"""Among equals they choose one, or an order, as the engine likes; or they throw dice."""

LOOSE_NAMES = frozenset(
    {
        "list", "array_agg", "mode", "max_by", "min_by", "arg_max_null", "arg_min_null", "string_agg",
        "json_group_array", "json_group_object", "json_group_structure", "reservoir_quantile",
        "approx_top_k", "random", "gen_random_uuid", "nextval", "setseed", "fill",
    }
)  # fmt: skip
UNREAD = (
    exp.Table, exp.Columns, exp.PositionalColumn, exp.Comprehension, exp.Pivot, exp.Lateral,
)  # fmt: skip


class Unread(Exception):
    """Something in the query is not understood: nothing is said of what hangs on it."""


class Term(NamedTuple):
    """`stable` False: the same text over the same tables may give other values the next time."""

    digest: str
    stable: bool = True


NOTHING = Term("", False)  # of a column that is not understood


@dataclass(slots=True)
class Relation:
    """Columns by key, "" where only the engine knows the name. `open`: relations of further columns."""

    columns: list[tuple[str, Term]]
    rows: Term
    open: tuple[Term, ...] = ()

    _by_name: dict[str, list[Term]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def named(self, key: str) -> Sequence[Term]:
        if self._by_name is None:  # a wide relation is asked for many names
            self._by_name = {}
            for name, term in self.columns:
                self._by_name.setdefault(name, []).append(term)
        return self._by_name.get(key, ())

    def further(self, key: str) -> Iterator[Term]:
        """What a name may mean among the columns that are not listed, or whose names nobody knows."""
        yield from self.named("")
        for term in self.open:
            yield Term(digest_of(term.digest, key), term.stable)


@dataclass(slots=True)
class Sight:
    """The names that an expression can see; `parent` is what is in sight around its query."""

    parent: Sight | None = None
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    sources: list[tuple[str, Relation]] = field(default_factory=list)
    aliases: dict[str, Term] = field(default_factory=dict)
    after_where: bool = False  # some of these clauses see the output before the input
    merged: set[str] = field(default_factory=set)  # columns of USING
    hidden: set[int] = field(default_factory=set)  # places of sources that a star does not show
    windows: dict[str, Any] = field(default_factory=dict)

    def chain(self) -> Iterator[tuple[int, Sight]]:
        depth, sight = 0, self
        while True:
            yield depth, sight
            if sight.parent is None:
                return
            depth, sight = depth + 1, sight.parent


@dataclass(slots=True)
class Reader(Spelling):
    """One text being read. `query` reads a subquery; it is passed along so that modules stay a tree."""

    query: Callable[[Reader, Any, Sight], Relation]
    inputs: Inputs

    def term(self, node: Any, sight: Sight) -> Term:
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Column):
            return _named(self, node, sight)  # as a star would say it
        written = _Written()
        _write(self, node, sight, written)
        return written.term()


class _Written:
    """A term while it is written."""

    __slots__ = ("pieces", "stable")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.stable = True

    def add(self, *terms: Term) -> None:
        for term in terms:
            if not term.digest:
                raise Unread
            self.pieces.append(term.digest)
            self.stable = self.stable and term.stable

    def term(self) -> Term:
        return Term(digest_of(*self.pieces), self.stable)


def digest_of(*parts: object) -> str:
    text = "\x1f".join(map(str, parts))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def together(word: str, *terms: Term) -> Term:
    """One term made of several. Raises Unread when one of them is not understood."""
    written = _Written()
    written.pieces.append(word)
    written.add(*terms)
    return written.term()


def whole(relation: Relation) -> Term:
    """All that a relation holds."""
    columns = (term for _, term in relation.columns)
    return together("whole", relation.rows, *columns, *relation.open)


def _write(reader: Reader, node: Any, sight: Sight, written: _Written) -> None:
    if isinstance(node, exp.Column):
        written.add(_named(reader, node, sight))
    elif isinstance(node, exp.Paren):
        _write(reader, node.this, sight, written)
    elif isinstance(node, (exp.Query, exp.Values)):
        written.add(whole(reader.query(reader, node, sight)))
    elif (isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count)) or isinstance(
        node, UNREAD
    ):
        raise Unread
    elif isinstance(node, exp.Identifier):
        written.pieces.append(reader.key(node))
    elif isinstance(node, exp.Connector):
        _write_flat(reader, node, sight, written)
    else:
        _write_node(reader, node, sight, written)


def _write_flat(reader: Reader, node: Any, sight: Sight, written: _Written) -> None:
    """A thousand terms joined by AND nest a thousand deep."""
    written.pieces.append(f"{type(node).__name__}(")
    for part in node.flatten(unnest=False):
        _write(reader, part, sight, written)
        written.pieces.append(",")
    written.pieces.append(")")


def _write_node(reader: Reader, node: Any, sight: Sight, written: _Written) -> None:
    if is_loose(node):
        written.stable = False
    written.pieces.append(f"{type(node).__name__}(")
    for key in sorted(node.args):
        value = node.args[key]
        if value is None or value is False or value == []:
            continue
        written.pieces.append(f"{key}=")
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, exp.Expression):
                _write(reader, each, sight, written)
            else:
                written.pieces.append(_plain(node, each))
            written.pieces.append(",")
    written.pieces.append(")")
    if isinstance(node, exp.Window) and node.args.get("alias") is not None:
        _write(reader, _window(sight, node.args["alias"].name), sight, written)


def _plain(node: Any, value: object) -> str:
    """A word of the tree. Names of functions have no case; text in quotes has."""
    return repr(value) if isinstance(node, exp.Literal) else repr(value).lower()


def _window(sight: Sight, name: str) -> Any:
    for _, around in sight.chain():
        if name.casefold() in around.windows:
            return around.windows[name.casefold()]
    raise Unread


def is_loose(node: Any) -> bool:
    """Whether what it gives may differ although nothing that it reads does."""
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower() in LOOSE_NAMES
    if isinstance(node, exp.WindowSpec):
        return str(node.args.get("kind")).upper() != "RANGE"
    if isinstance(node, exp.Array):  # of a query: its rows in a list
        return any(isinstance(each.unnest(), exp.Query) for each in node.expressions)
    return isinstance(node, LOOSE)


def _named(reader: Reader, column: Any, sight: Sight) -> Term:
    """All that a (dotted) name may mean, with where it stands: two sides of a self-join are two."""
    if isinstance(column.this, exp.Star):
        raise Unread
    keys = [reader.key(part) for part in column.parts]
    found: list[Term] = []
    for depth, around in sight.chain():
        near = list(_in_sight(keys, depth, around))
        found += [term for term, _ in near]
        if reader.dialect in NAMES_ARE_CERTAIN and any(certain for _, certain in near):
            break
    if not found:
        raise Unread
    return together("name", *found)


def _in_sight(keys: list[str], depth: int, sight: Sight) -> Iterator[tuple[Term, bool]]:
    """Meanings in one scope; of each, whether it hides what stands further out."""
    is_certain = False
    for place, (name, relation) in enumerate(sight.sources):
        for split, key in enumerate(keys):
            if split and keys[split - 1] != name:
                continue
            rest = keys[split + 1 :]
            for term in relation.named(key):
                is_certain = True
                yield _placed(term, place, depth, rest), True
            for term in relation.further(key):
                yield _placed(term, place, depth, rest), False
        if keys == [name]:
            yield _placed(whole(relation), place, depth, ["*"]), False
    alias = sight.aliases.get(keys[0])
    if alias is not None and (sight.after_where or not is_certain):
        yield _placed(alias, "alias", depth, keys[1:]), False


def _placed(term: Term, place: object, depth: int, fields: list[str]) -> Term:
    if not term.digest:
        raise Unread
    return Term(digest_of(place, depth, term.digest, *fields), term.stable)


def named_at(place: int, term: Term) -> Term:
    """What the name of a column means where one relation alone has it."""
    return together("name", _placed(term, place, 0, [])) if term.digest else NOTHING


def of_sides(left: list[Term], right: list[Term]) -> Term:
    """A column that is made of those of two relations."""
    if not all(term.digest for term in (*left, *right)):
        return NOTHING
    return together(f"sides {len(left)}", *left, *right)


def only(node: Any, known: frozenset[str]) -> None:
    """Raises Unread for a clause that nobody looks at."""
    if any(value for key, value in node.args.items() if key not in known):
        raise Unread
