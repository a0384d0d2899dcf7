"""The rows of a FROM with its joins and WHERE: the laws between its columns, and what is proven of them.

Joins are taken in order. Rows of `left JOIN right ON p` with a column of the left in a window are
made of the left's rows in it, and of those rows of the right that p can join to them, whether the
join keeps rows without a partner or not: having no partner hangs on nothing else either. So what p says
of two columns proves the right for the left and the left for the right in every kind of join. It is a
law of the joined rows only where no NULLs are filled in.
"""

from __future__ import annotations

from dataclasses import field
from itertools import product

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.hops import road
from sqlpipes.core.lineage.proofs import (
    NOWHERE,
    Col,
    Law,
    Path,
    Relation,
    Support,
    all_of,
    along,
    better,
    clearer,
    cost,
)


@dataclass(eq=False, slots=True)
class Source:
    """A relation under a name in FROM, with columns of its own: `cols[i]` is `relation.cols[i]` here."""

    name: str
    relation: Relation
    parts: tuple[str, ...] = ()
    cols: list[Col] = field(default_factory=list)
    hidden: frozenset[str] = frozenset()  # keys that an unqualified star or name does not see here
    seen: bool = True  # the right side of a semi join is not
    inner: dict[Col, Col] = field(default_factory=dict)
    outer: dict[Col, Col] = field(default_factory=dict)

    def add(self, theirs: Col, name: str | None, key: str | None) -> Col:
        mine = Col(name, key, theirs.kind)
        self.cols.append(mine)
        self.inner[mine], self.outer[theirs] = theirs, mine
        return mine

    def further(self, key: str) -> Col | None:
        """A column that could not be listed."""
        found = self.relation.rest(key) if self.relation.rest is not None else None
        if found is None:
            return None
        return self.outer.get(found) or self.add(found, found.name, found.key)


@dataclass(eq=False, slots=True)
class Pins:
    """A subquery that is asked for each row. Each option has rows of it, and laws that lead there."""

    tables: frozenset[str]
    options: list[tuple[Joined, list[Law]]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Joined:
    """The rows of one FROM. `sources[k]` is joined to all before it under the laws `on[k]`.

    `strong[k]`: those of them that hold for every joined row. `halves`: a column that FULL JOIN ...
    USING makes of two. `where`: laws of the rows that are left. `loose`: tables that expressions read
    in a way that nothing is known of. `lost`: nothing is known of any.
    """

    sources: list[Source] = field(default_factory=list)
    on: list[list[Law]] = field(default_factory=list)
    strong: list[list[Law]] = field(default_factory=list)
    halves: dict[Col, tuple[Law, Law]] = field(default_factory=dict)
    home: dict[Col, int] = field(default_factory=dict)  # of the halves
    where: list[Law] = field(default_factory=list)
    pinned: list[Pins] = field(default_factory=list)  # subqueries in expressions
    lateral: dict[int, Pins] = field(default_factory=dict)  # subqueries among the sources
    loose: set[str] = field(default_factory=set)
    nearest: set[int] = field(default_factory=set)  # sources of an ASOF join
    lost: bool = False
    claims: dict[Col, Support] = field(default_factory=dict)  # what was asked before
    nearby: dict[tuple[Col, int], dict[Col, Path]] = field(default_factory=dict)

    def place(self, col: Col) -> int | None:
        """Which source a column is of; that of the join for a column of USING."""
        if col in self.home:
            return self.home[col]
        return next((i for i, source in enumerate(self.sources) if col in source.inner), None)

    @property
    def tables(self) -> frozenset[str]:
        read = [source.relation.tables for source in self.sources]
        read += [pins.tables for pins in self.pinned]
        return frozenset(self.loose).union(*read)


def support(rows: Joined, col: Col) -> Support:
    """What is proven of all tables for the rows that are left."""
    if rows.lost or rows.place(col) is None:
        return {}
    if col not in rows.claims:
        rows.claims[col] = _support(rows, col)
    return rows.claims[col]


def _support(rows: Joined, col: Col) -> Support:
    paths = reachable(rows, col)
    parts = [
        (
            better(along(path, _of_source(rows, x, i)) for x, path in paths.items()),
            each.relation.tables,
        )
        for i, each in enumerate(rows.sources)
    ]
    for pins in rows.pinned:
        parts.append((_of_pins(pins, paths), pins.tables))
    parts.append(({}, frozenset(rows.loose)))
    return all_of(parts)


def reachable(rows: Joined, col: Col, upto: int | None = None) -> dict[Col, Path]:
    """The columns that laws lead to. `upto`: only among the first sources, as joined; else WHERE, too."""
    limit = len(rows.sources) if upto is None else upto
    key = (col, -1 if upto is None else upto)
    if key not in rows.nearby:
        found: dict[Col, Path] = {col: ((), NOWHERE)}
        todo = [col]
        while todo:
            todo = _step(rows, todo, found, limit, upto is None)
        rows.nearby[key] = found
    return rows.nearby[key]


def _step(
    rows: Joined, todo: list[Col], found: dict[Col, Path], limit: int, all_: bool
) -> list[Col]:
    following = []
    for x in todo:
        for law in _laws(rows, x, limit, all_):
            path = extended(found[x], law)
            if path is None:
                continue
            known = found.get(law.other)
            if known is None or cost([path[0]]) < cost([known[0]]):
                found[law.other] = path
                following.append(law.other)
    return following


def extended(path: Path, law: Law) -> Path | None:
    reach = road(path[0], law.reach)
    return None if reach is None else (reach, clearer(path[1], law.why))


def _laws(rows: Joined, col: Col, limit: int, all_: bool) -> list[Law]:
    place = rows.place(col)
    found = [law for laws in rows.strong[:limit] for law in laws if law.one is col]
    if all_:
        found += [law for law in rows.where if law.one is col]
    if place is not None and place < limit and col not in rows.halves:
        found += _inner_laws(rows.sources[place], col)
    found += [
        Law(col, half, law.reach, NOWHERE)
        for half, pair in rows.halves.items()
        for law in pair
        if law.other is col and rows.home[half] < limit
    ]
    return found


def _inner_laws(source: Source, col: Col) -> list[Law]:
    found = []
    for law in source.relation.laws(source.inner[col]):
        other = source.outer.get(law.other)
        if other is not None:
            found.append(Law(col, other, law.reach, law.why))
    return found


def _of_source(rows: Joined, col: Col, i: int) -> Support:
    """What the rows as joined, without WHERE, need of source `i` when this very column is in a window."""
    place = rows.place(col)
    assert place is not None
    if col in rows.halves and i <= place:
        return _of_halves(rows, col, i)
    if i == place and i in rows.nearest:
        return _of_nearest(rows, col, i)
    if i == place:
        source = rows.sources[i]
        return source.relation.support(source.inner[col])
    if i > place:
        return _of_later(rows, col, i)
    return _of_earlier(rows, col, place, i)


def _of_later(rows: Joined, col: Col, i: int) -> Support:
    paths = reachable(rows, col, i)
    source, maybe = rows.sources[i], _partners(rows, paths, i)
    found = []
    for law in rows.on[i]:
        start = paths.get(law.one) or (maybe.get(law.one) if law.strict else None)
        path = extended(start, law) if start is not None and law.other in source.inner else None
        if path is not None:
            found.append(along(path, source.relation.support(source.inner[law.other])))
    if i in rows.lateral:
        found.append(_of_pins(rows.lateral[i], paths))
    if col in rows.halves:
        found.append(_of_halves(rows, col, i))
    return better(found)


def _of_nearest(rows: Joined, col: Col, i: int) -> Support:
    """Of the rows that fit one row of the left only the nearest is joined: all that fit count."""
    source, paths = rows.sources[i], _within(rows.sources[i], col)
    found = []
    for out, back in product(rows.on[i], rows.on[i]):
        if out.one in paths and back.one is out.other and back.other in source.inner:
            there = extended(paths[out.one], out)
            path = extended(there, back) if there is not None else None
            if path is not None:
                found.append(along(path, source.relation.support(source.inner[back.other])))
    return better(found)


def _of_halves(rows: Joined, col: Col, i: int) -> Support:
    tables = rows.sources[i].relation.tables
    parts = [
        (along((law.reach, law.why), _of_source(rows, law.other, i)), tables)
        for law in rows.halves[col]
    ]
    return all_of(parts)


def _partners(rows: Joined, paths: dict[Col, Path], i: int) -> dict[Col, Path]:
    """Columns of outer joins before the i-th: in the reach, or NULL with all of their source."""
    found: dict[Col, Path] = {}
    for k in range(i):
        for law in rows.on[k]:
            start = paths.get(law.one)
            path = extended(start, law) if start is not None else None
            if path is None or law in rows.strong[k] or law.other not in rows.sources[k].inner:
                continue
            for x, onward in _within(rows.sources[k], law.other).items():
                reach = road(path[0], onward[0])
                if reach is not None:
                    found.setdefault(x, (reach, path[1]))
    return found


def _of_earlier(rows: Joined, col: Col, place: int, i: int) -> Support:
    paths = _within(rows.sources[place], col)
    found = []
    for law in rows.on[place]:
        if law.one in paths and law.other not in rows.sources[place].inner:
            path = extended(paths[law.one], law)
            if path is not None:
                found.append(along(path, _of_source(rows, law.other, i)))
    return better(found)


def _within(source: Source, col: Col) -> dict[Col, Path]:
    """Where the laws of one source alone lead to."""
    found: dict[Col, Path] = {col: ((), NOWHERE)}
    todo = [col]
    while todo:
        following = []
        for x in todo:
            for law in _inner_laws(source, x):
                path = extended(found[x], law)
                if path is not None and law.other not in found:
                    found[law.other] = path
                    following.append(law.other)
        todo = following
    return found


def _of_pins(pins: Pins, paths: dict[Col, Path]) -> Support:
    found = []
    for rows, law in ((rows, law) for rows, laws in pins.options for law in laws):
        path = extended(paths[law.one], law) if law.one in paths else None
        if path is not None:
            found.append(along(path, support(rows, law.other)))
    return better(found)
