"""Graph + columns + a text -> the assets that have it somewhere, the likeliest first. No files, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from sqlpipes.core.asset import Asset, SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, did_you_mean
from sqlpipes.core.graph import Graph

RANKS = ("name", "column", "tag", "owner", "group", "kind", "description", "column doc", "sql")
"""Where a text may be, the place that says most first."""

WHOLE, BEGINS, INSIDE = range(3)  # how much of what stands there it is
SHOWN_LINES = 3  # of one query


class Known(Protocol):
    """A column with its description."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was found. `where` is one of RANKS, `text` what stands there, `column` whose it is."""

    where: str
    text: str
    at: Location
    fit: int = INSIDE
    column: str = ""

    @property
    def rank(self) -> tuple[int, int]:
        return RANKS.index(self.where), self.fit


@dataclass(frozen=True, slots=True)
class Found:
    """An asset that has every word of the search somewhere, and the places, best first."""

    asset: str
    places: tuple[Place, ...]


def search(
    graph: Graph,
    columns: Mapping[str, Sequence[Known]],
    text: str,
    *,
    made_at: Mapping[tuple[str, str], Location] | None = None,
) -> tuple[Found, ...]:
    """Letter case does not count. Several words must all be there, not next to each other.

    `columns`: of each asset, with their descriptions. `made_at`: where the query of an asset makes a
    column, by both names. A text without words finds nothing.
    """
    words = text.casefold().split()
    found: list[tuple[list[tuple[int, int]], Found]] = []
    for name in graph.order if words else ():
        asset = graph.assets[name]
        whole = list(_everything(asset, columns.get(name, ()), made_at or {}))
        hits = [[hit for place in whole if (hit := _hit(place, word))] for word in words]
        if all(hits):
            best = sorted(min(place.rank for place in places) for places in hits)
            found.append((best, Found(name, _best(hits))))
    found.sort(key=lambda each: (each[0], each[1].asset))
    return tuple(each for _, each in found)


def near(graph: Graph, columns: Mapping[str, Sequence[Known]], text: str) -> str | None:
    """A hint with the nearest name of an asset or a column, for a text that is nowhere."""
    names = {*graph.assets, *(each.name for known in columns.values() for each in known)}
    labels = {label for asset in graph.assets.values() for label in (*asset.tags, *asset.owners)}
    return did_you_mean(text.strip(), sorted(names | labels))


def _everything(
    asset: Asset, columns: Sequence[Known], made_at: Mapping[tuple[str, str], Location]
) -> Iterator[Place]:
    at = asset.at
    yield Place("name", asset.name, at)
    for column in columns:
        there = made_at.get((asset.name, column.name), at)
        yield Place("column", column.name, there, column=column.name)
        if column.description:
            yield Place("column doc", column.description, there, column=column.name)
    yield from (Place("tag", tag, at) for tag in asset.tags)
    yield from (Place("owner", owner, at) for owner in asset.owners)
    yield from (Place("kind", kind, at) for kind in asset.kinds)
    if asset.group:
        yield Place("group", asset.group, at)
    if asset.description:
        yield Place("description", asset.description, at)
    if isinstance(asset.body, SqlBody):
        yield from _lines(asset, asset.body)


def _lines(asset: Asset, body: SqlBody) -> Iterator[Place]:
    for number, line in enumerate(body.text.split("\n"), 1):
        if line.strip():
            begin = len(line) - len(line.lstrip()) + 1
            place = body.spot.at(number, begin) if body.spot else (number + body.line - 1, begin)
            yield Place("sql", line.strip(), Location(asset.at.file, *place, len(line.strip())))


def _hit(place: Place, word: str) -> Place | None:
    """The place with how well the word fits; of a query, also where in the line it stands."""
    text = place.text.casefold()
    begin = text.find(word)
    if begin < 0:
        return None
    fit = WHOLE if text == word else BEGINS if begin == 0 else INSIDE
    at = place.at
    if place.where == "sql":
        at = Location(at.file, at.line, at.column + begin, len(word))
        fit = INSIDE
    return Place(place.where, place.text, at, fit, place.column)


def _best(hits: Sequence[Sequence[Place]]) -> tuple[Place, ...]:
    """Every place once; of the lines of the query only the first few."""
    places: dict[tuple[str, str, int], Place] = {}
    for place in sorted((place for one in hits for place in one), key=lambda each: each.rank):
        places.setdefault((place.where, place.column or place.text, place.at.line), place)
    lines = [place for place in places.values() if place.where == "sql"]
    lines.sort(key=lambda each: each.at)
    others = [place for place in places.values() if place.where != "sql"]
    return (*others, *lines[:SHOWN_LINES])
