"""What is proven of a relation: of its rows with a column in a window, which rows of each table they hang on.

Everything rests on one claim, made of a column x of a relation R and a table T with its column C: the
rows of R with x in a window W do not change when rows of T change whose C is outside of the reach of W.
A *law* of R says of two of its columns: in every row with x in W, y is in the reach of W. Laws carry
claims from column to column, since a filter of rows that do not change does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, TypeAlias

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.hops import Step, road
from sqlpipes.core.partitions import Reach, reach_text


@dataclass(frozen=True, slots=True, order=True)
class Why:
    """The place that says so. Of several the one that says most: a condition, a frame, a function, a copy."""

    rank: int = 0
    offset: int = 0


COPY, FUNCTION, FRAME, CONDITION = 0, 1, 2, 3
NOWHERE = Why(-1)


def clearer(one: Why, other: Why) -> Why:
    return other if other.rank > one.rank else one


@dataclass(eq=False, slots=True)
class Col:
    """A column of one relation; the same table read twice has two. Compared by identity."""

    name: str | None  # None: what it is called is not certain
    key: str | None
    kind: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A value made of a column by steps, one after the other."""

    base: Col
    steps: tuple[Step, ...] = ()
    why: Why = field(default=Why(), compare=False)


@dataclass(frozen=True, slots=True)
class Value:
    """A value that, when it is not NULL, is always that of one of the chains."""

    chains: tuple[Chain, ...]
    kind: str | None = field(default=None, compare=False)

    @property
    def only(self) -> Chain | None:
        return self.chains[0] if len(self.chains) == 1 else None


@dataclass(frozen=True, slots=True)
class Law:
    """Rows with `one` in a window have `other` in its reach. `strict`: and none where `one` is NULL."""

    one: Col
    other: Col
    reach: Reach
    why: Why
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim: `reaches` has the reach of every place that reads the table."""

    reaches: frozenset[Reach]
    why: Why


Support: TypeAlias = dict[tuple[str, str], Proof]
"""(table, its column) -> the claim. A table that is read and has none is not proven."""

Path: TypeAlias = tuple[Reach, Why]


@dataclass(eq=False, slots=True)
class Relation:
    """What a query or a table yields. `rest` gives a column that could not be listed, by its key.

    `doubted`: keys that may mean a listed column or one that could not be listed. `asked`: for one
    SELECT, what is known of its rows before they are grouped or cut (Pins).
    """

    cols: list[Col]
    tables: frozenset[str]
    support: Callable[[Col], Support]
    laws: Callable[[Col], list[Law]]
    rest: Callable[[str], Col | None] | None = None
    doubted: frozenset[str] = frozenset()
    asked: Any = None


def no_support(_: Col) -> Support:
    return {}


def no_laws(_: Col) -> list[Law]:
    return []


def cost(reaches: Iterable[Reach]) -> tuple[int, str]:
    """The narrower of two claims is the better one; hops count for how wide they mostly are."""
    said = [reach_text(reach) for reach in reaches]
    return sum(len(each) if each != "the same" else 0 for each in said), "".join(sorted(said))


def along(path: Path, support: Support) -> Support:
    """The claims of a column that lies at the end of a path, as claims of where it begins."""
    reach, why = path
    found: Support = {}
    for key, proof in support.items():
        roads = [road(reach, each) for each in proof.reaches]
        if None not in roads:
            reaches = frozenset(each for each in roads if each is not None)
            found[key] = Proof(reaches, clearer(why, proof.why))
    return found


def better(supports: Iterable[Support]) -> Support:
    """Claims of which each holds: the narrowest of each."""
    found: Support = {}
    for support in supports:
        for key, proof in support.items():
            if key not in found or cost(proof.reaches) < cost(found[key].reaches):
                found[key] = proof
    return found


def all_of(parts: Iterable[tuple[Support, frozenset[str]]]) -> Support:
    """Several relations that are read together: a table needs a claim of each that reads it."""
    listed = list(parts)
    found: dict[tuple[str, str], list[Proof]] = {}
    for support, _ in listed:
        for key, proof in support.items():
            found.setdefault(key, []).append(proof)
    readers: dict[str, int] = {}
    for _, tables in listed:
        for table in tables:
            readers[table] = readers.get(table, 0) + 1
    return {
        key: joined(proofs) for key, proofs in found.items() if len(proofs) == readers.get(key[0])
    }


def joined(proofs: list[Proof]) -> Proof:
    reaches = frozenset(reach for proof in proofs for reach in proof.reaches)
    return Proof(reaches, max((proof.why for proof in proofs), key=lambda why: why.rank))


def unproven(
    tables: Iterable[str], cols: Iterable[Col] | None = None, kind: str | None = None
) -> Relation:
    """Nothing is known of it but what it reads. Without columns, it has any that is asked for."""
    made: dict[str, Col] = {}

    def further(key: str) -> Col:
        return made.setdefault(key, Col(key, key, kind))

    listed = list(cols or ())
    rest = further if cols is None else None
    return Relation(listed, frozenset(tables), no_support, no_laws, rest)
