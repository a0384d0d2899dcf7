"""Graph or column lineage -> what `lineage` prints: a tree, Mermaid, Graphviz or JSON.

`up` is True for what something comes from, False for what it feeds, None for both; `depth` counts hops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from click import style

from sqlpipes.core.asset import Asset, Kind
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage import ColumnRef, Documented, Edge, Lineage
from sqlpipes.show.cards import column_json
from sqlpipes.show.letters import plain
from sqlpipes.show.picture import (
    Link,
    Picture,
    Point,
    dot_text,
    flat_lines,
    head_line,
    joined,
    json_text,
    mermaid_text,
    short,
    tree_lines,
)

ANY = "*"
ENDLESS = 10**9
FORMS = ("tree", "json", "mermaid", "dot")

Step = Callable[[str], Iterator[Link]]


def asset_lineage(
    graph: Graph,
    asset: str,
    *,
    up: bool | None = None,
    depth: int | None = None,
    form: str = "tree",
) -> str:
    """Which assets this one is made from, and which are made from it."""
    sides = _sides(up)
    pictures = [asset_picture(graph, asset, up=side, depth=depth) for side in sides]
    if form == "tree":
        return "\n".join(_asset_tree(pictures, sides))
    return drawn(joined(pictures), form, ("assets", "edges"), {"asset": asset})


def column_lineage(
    traced: Lineage,
    asset: str,
    column: str,
    *,
    up: bool | None = None,
    depth: int | None = None,
    form: str = "tree",
    said: Documented | None = None,
) -> str:
    """Which columns this one is made from, which are made from it, and what decides about rows.

    `said`: its description, which may be that of a column above.
    """
    start, sides = ColumnRef(asset, column), _sides(up)
    pictures = [column_picture(traced, start, up=side, depth=depth) for side in sides]
    doubts = _doubts(traced, start, sides)
    if form == "tree":
        head, *tree = _column_tree(pictures, sides)
        return "\n".join([head + _description(said), *tree, *_doubt_lines(doubts)])
    about = {"asset": asset, "column": column, "complete": not doubts, "unknown_in": doubts}
    if said is not None:
        own = column_json(said)
        about |= {key: own[key] for key in ("type", "description", "inherited_from")}
    return drawn(joined(pictures), form, ("columns", "edges"), about)


def _description(said: Documented | None) -> str:
    if said is None or not said.description:
        return ""
    origin = style(f" (from {said.origin})", dim=True) if said.origin else ""
    return f"  {plain(' '.join(said.description.split()))}{origin}"


def _sides(up: bool | None) -> tuple[bool, ...]:
    return (True, False) if up is None else (up,)


def drawn(picture: Picture, form: str, names: tuple[str, str], about: dict[str, Any]) -> str:
    if form == "mermaid":
        return mermaid_text(picture)
    if form == "dot":
        return dot_text(picture)
    if form == "json":
        return json_text(picture, names, about)
    raise ValueError(f"{form!r} is none of {', '.join(FORMS)}")


# ------------------------------------------------------------------------------------------ assets


def asset_picture(graph: Graph, start: str, *, up: bool, depth: int | None = None) -> Picture:
    """`start` and what is above or below it, at most `depth` hops away."""
    children = {} if up else graph.children()

    def step(name: str) -> Iterator[Link]:
        for other in graph.parents(name) if up else children.get(name, ()):
            source, target = (other, name) if up else (name, other)
            yield Link(source, target, facts={"from": source, "to": target})

    links, more = _walk(start, step, up, depth)
    names = dict.fromkeys([start, *(end for link in links for end in (link.source, link.target))])
    return Picture(start, {name: asset_point(graph.assets[name]) for name in names}, links, more)


def asset_point(asset: Asset) -> Point:
    built = asset.kind in (Kind.SQL, Kind.PYTHON)
    where = f" on {asset.engine}" if asset.engine else ""
    return Point(
        key=asset.name,
        name=asset.name,
        remark=(f"{asset.kind} {asset.materialized}" if built else str(asset.kind)) + where,
        shape=str(asset.kind) if asset.kind in (Kind.SOURCE, Kind.SEED) else "table",
        facts={
            "name": asset.name,
            "kind": str(asset.kind),
            "materialized": str(asset.materialized),
            "path": asset.path,
            **({"engine": asset.engine} if asset.engine else {}),
        },
    )


def _asset_tree(pictures: Sequence[Picture], sides: Sequence[bool]) -> Iterator[str]:
    yield head_line(pictures[0].points[pictures[0].start])
    for picture, up in zip(pictures, sides, strict=True):
        lines = tree_lines(picture, up=up)
        if not lines:
            yield style("reads nothing" if up else "nothing reads it", dim=True)
            continue
        if len(sides) > 1:
            yield style("reads" if up else "read by", fg="cyan")
        yield from lines


# ----------------------------------------------------------------------------------------- columns


def column_picture(
    traced: Lineage, start: ColumnRef, *, up: bool, depth: int | None = None
) -> Picture:
    """`start`, the columns above or below it, and as faint links the choice of rows on that way.

    Upwards these are the columns that decide the rows of the assets passed; downwards the assets
    whose rows a column of the way decides.
    """
    hops = (traced.upstream if up else traced.downstream)(start.asset, start.column, rows=True)
    near: dict[str, dict[tuple[ColumnRef, Edge, str], None]] = {}
    for hop in hops:
        at = hop.reader if up else hop.edge.table
        near.setdefault(at, {})[hop.column, hop.edge, hop.reader] = None
    points = {_key(start): column_point(start)}
    refs = {_key(start): start}

    def step(key: str) -> Iterator[Link]:
        at = refs[key]
        for column, edge, reader in near.get(at.asset, ()):
            if not (_ends(at, edge) if up else _begins(at, edge)):
                continue
            far = rows_point(reader) if edge.is_row_set and not up else column_point(column)
            refs[far.key] = column
            points.setdefault(far.key, far)
            source, target = (far, points[key]) if up else (points[key], far)
            if edge.is_row_set:
                target = points.setdefault(rows_point(reader).key, rows_point(reader))
            yield column_link(source, edge, target)

    links, more = _walk(_key(start), step, up, depth)
    ends = (end for link in links for end in (link.source, link.target))
    keys = dict.fromkeys([_key(start), *ends])
    return Picture(_key(start), {key: points[key] for key in keys}, links, more)


def _ends(at: ColumnRef, edge: Edge) -> bool:
    """Whether the edge leads to the column `at` of its reader, or decides that asset's rows."""
    ends = (edge.column or ANY).casefold()
    return at.column == ANY or ends in (ANY, at.column.casefold())


def _begins(at: ColumnRef, edge: Edge) -> bool:
    """Whether the edge comes from the column `at`. A source "*" is every column only when in doubt."""
    if edge.source == ANY:
        return at.column == ANY or _is_doubtful(edge)
    return at.column == ANY or edge.source.casefold() == at.column.casefold()


def _is_doubtful(edge: Edge) -> bool:
    return edge.kind == "unknown"


def column_link(source: Point, edge: Edge, target: Point) -> Link:
    kind = str(edge.kind)
    trivial = kind in ("copied", "star", "renamed") or not edge.expression
    return Link(
        source=source.key,
        target=target.key,
        remark=kind if trivial else f"{kind.replace('_', ' ')}: {edge.expression}",
        faint=edge.is_row_set,
        doubtful=_is_doubtful(edge),
        facts={
            "from": dict(source.facts),
            "to": dict(target.facts),
            "kind": kind,
            "rows": edge.is_row_set,
            "expression": edge.expression,
            "at": {
                "file": edge.file,
                "line": edge.line,
                "column": edge.column_at,
                "length": edge.length,
            },
        },
    )


def column_point(ref: ColumnRef) -> Point:
    facts = {"asset": ref.asset, "column": ref.column}
    return Point(_key(ref), str(ref), group=ref.asset, inner=ref.column, facts=facts)


def _key(ref: ColumnRef) -> str:
    """Names may hold dots: 'a.b' of c is not 'a' of b.c."""
    return f"{ref.asset}\0{ref.column}"


def rows_point(asset: str) -> Point:
    """What row-set edges lead to: no column, but which rows there are."""
    facts = {"asset": asset, "column": None}
    return Point(f"{asset}\0\0rows", f"rows of {asset}", group=asset, inner="rows", facts=facts)


def _column_tree(pictures: Sequence[Picture], sides: Sequence[bool]) -> Iterator[str]:
    yield head_line(pictures[0].points[pictures[0].start])
    for picture, up in zip(pictures, sides, strict=True):
        values = tree_lines(picture, up=up)
        rows = _row_entries(picture, up)
        if values:
            yield style("comes from" if up else "goes into", fg="cyan")
            yield from values
        else:
            yield style("comes from no column" if up else "goes into no column", dim=True)
        if rows:
            yield style("rows decided by" if up else "decides the rows of", fg="cyan")
            yield from flat_lines(rows)


def _row_entries(picture: Picture, up: bool) -> list[tuple[str, str]]:
    """Upwards the deciding column and where; downwards the asset and by which column."""
    start = picture.points[picture.start].facts["asset"]
    found: dict[tuple[str, str], None] = {}
    for link in picture.links:
        source, target = picture.points[link.source], picture.points[link.target]
        reader = plain(target.facts["asset"])
        if not link.faint:
            continue
        if up:
            where = "" if reader == start else f" (in {reader})"
            found[source.name, short(link.remark) + where] = None
        else:
            by = "" if source.key == picture.start else f" (by {plain(source.name)})"
            found[reader, short(link.remark) + by] = None
    return list(found)


def _doubts(traced: Lineage, start: ColumnRef, sides: Sequence[bool]) -> list[str]:
    """Assets on the way of which something is not known for certain: a column, or where it is from."""
    names = {start.asset}
    for up in sides:
        walk = traced.upstream if up else traced.downstream
        names |= {hop.column.asset for hop in walk(start.asset, start.column)}
    facts = {name: traced.facts.get(name) for name in names}
    return sorted(name for name, found in facts.items() if found is None or not found.complete)


def _doubt_lines(doubts: Sequence[str]) -> list[str]:
    if not doubts:
        return []
    shown = ", ".join(map(plain, doubts[:5])) + (
        f" and {len(doubts) - 5} more" if len(doubts) > 5 else ""
    )
    return [style(f"not certain: not all is known of {shown}", fg="yellow")]


# -------------------------------------------------------------------------------------------- both


def _walk(
    start: str, step: Step, up: bool, depth: int | None
) -> tuple[tuple[Link, ...], dict[str, int]]:
    """Links of everything at most `depth` hops away, and how many values each cut point leaves out."""
    links: dict[Link, None] = {}
    seen = {start}
    ring = [start]
    for _ in range(ENDLESS if depth is None else depth):
        beyond: list[str] = []
        for link in (link for key in ring for link in step(key)):
            links[link] = None
            end = link.source if up else link.target
            if end not in seen and not link.faint:
                seen.add(end)
                beyond.append(end)
        ring = beyond
        if not ring:
            break
    left = {key: sum(not link.faint for link in step(key)) for key in ring}
    return tuple(links), left
