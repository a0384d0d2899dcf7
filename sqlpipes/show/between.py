"""Graph or column lineage + two ends -> what `lineage --between` prints: all ways from one to the other."""

from __future__ import annotations

from collections.abc import Iterable

from click import style

from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage import ColumnRef, Lineage, Way, Ways, ways
from sqlpipes.show.letters import plain
from sqlpipes.show.lineage import ANY, asset_point, column_link, column_point, drawn, rows_point
from sqlpipes.show.picture import Link, Picture, Point, flat_lines, head_line, short, tree_lines


def assets_between(graph: Graph, start: str, end: str, *, form: str = "tree") -> str:
    """All ways along which one asset reads the other."""
    names = ({start} | graph.descendants([start])) & ({end} | graph.ancestors([end]))
    ordered = [name for name in graph.order if name in names]
    links = tuple(
        Link(parent, name, facts={"from": parent, "to": name})
        for name in ordered
        for parent in graph.parents(name)
        if parent in names and name != start and start != end
    )
    points = {name: asset_point(graph.assets[name]) for name in ordered if links}
    points.setdefault(start, asset_point(graph.assets[start]))
    picture = Picture(start, points, links)
    if form != "tree":
        return drawn(picture, form, ("assets", "edges"), {"from": start, "to": end})
    if not links:
        return nothing_text(start, end, bool(graph.ancestors([start]) & {end}))
    return "\n".join([head_line(picture.points[start]), *tree_lines(picture, up=False)])


def assets_drawn(graph: Graph, names: Iterable[str], *, form: str) -> str:
    """These assets as Mermaid or Graphviz; a faint arrow leads through assets that are left out."""
    among = dict.fromkeys(names)
    links = tuple(
        Link(above, name, faint=above not in graph.parents(name))
        for name in among
        for above in sorted(graph.nearest(graph.parents(name), among))
        if above != name
    )
    points = {name: asset_point(graph.assets[name]) for name in among}
    return drawn(Picture("", points, links), form, ("assets", "edges"), {})


def columns_between(
    traced: Lineage, start: ColumnRef, end: ColumnRef, *, form: str = "tree"
) -> str:
    """All ways from one column to the other, with the expression of each hop. Column "*": of any."""
    found = ways(traced, start, end)
    picture = _picture(found, start)
    if form != "tree":
        about = {"from": _facts(start), "to": _facts(end)}
        return drawn(picture, form, ("columns", "edges"), about)
    if not found:
        return nothing_text(_name(start), _name(end), bool(ways(traced, end, start)))
    return "\n".join(_lines(picture, found, start))


def _picture(found: Ways, start: ColumnRef) -> Picture:
    """Where an end is a whole asset, its columns hang on it."""
    whole = _end(start)
    points = {whole.key: whole}
    links: dict[Link, None] = {}
    for way in (*found.values, *found.rows):
        source, target = column_point(way.source), column_point(way.column)
        if way.edge.is_row_set:
            target = rows_point(way.column.asset)
        points.setdefault(source.key, source)
        points.setdefault(target.key, target)
        if start.column == ANY and way.source.asset == start.asset and source.key != whole.key:
            faint = way.edge.is_row_set  # the tree need not show that it has such a column
            links.setdefault(Link(whole.key, source.key, "", faint, facts=_part(whole, source)))
        links[column_link(points[source.key], way.edge, points[target.key])] = None
    return Picture(whole.key, points, tuple(links))


def _part(whole: Point, part: Point) -> dict[str, object]:
    return {
        "from": dict(whole.facts), "to": dict(part.facts),
        "kind": "column", "rows": False, "expression": "", "line": None,
    }  # fmt: skip


def _end(ref: ColumnRef) -> Point:
    """A column, or the whole of an asset."""
    point = column_point(ref)
    return point if ref.column != ANY else Point(point.key, ref.asset, "", facts=point.facts)


def _lines(picture: Picture, found: Ways, start: ColumnRef) -> list[str]:
    lines = [head_line(picture.points[picture.start])]
    if found.values:
        lines += [style("goes into", fg="cyan"), *tree_lines(picture, up=False)]
    else:
        lines.append(style("no value of it goes there", dim=True))
    if found.rows:
        lines.append(style("decides the rows of", fg="cyan"))
        entries = {_row_entry(way, start): None for way in found.rows}
        lines += flat_lines(list(entries))
    return lines


def _row_entry(way: Way, start: ColumnRef) -> tuple[str, str]:
    kind = str(way.edge.kind).replace("_", " ")
    by = "" if way.source == start else f" (by {plain(str(way.source))})"
    return plain(way.column.asset), short(f"{kind}: {way.edge.expression}".rstrip(": ")) + by


def nothing_text(start: str, end: str, other_way: bool) -> str:
    line = f"no way leads from {plain(start)} to {plain(end)}"
    if other_way:
        line += style("\n  hint: one leads from there: name them the other way round", dim=True)
    return line


def _name(ref: ColumnRef) -> str:
    return ref.asset if ref.column == ANY else str(ref)


def _facts(ref: ColumnRef) -> dict[str, str | None]:
    return {"asset": ref.asset, "column": None if ref.column == ANY else ref.column}
