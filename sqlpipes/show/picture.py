"""Points and links -> text: a tree for the terminal, Mermaid, Graphviz, JSON. Knows no assets, no columns.

Names come from the user's files and from warehouses: whatever is in them, it is escaped here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from click import style

from sqlpipes.core.dataclass import dataclass
from sqlpipes.show.letters import cut, padded, plain, width_of

LONGEST = 72
ALIGNED = 48  # a name that is longer pushes its own remark to the right, not everybody's


@dataclass(frozen=True, slots=True)
class Point:
    """One box. `key` is unique, `facts` is what JSON says of it.

    `group` names the box around it; within that its name is `inner`.
    """

    key: str
    name: str
    remark: str = ""
    shape: str = "table"  # table | source | seed
    group: str | None = None
    inner: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow in the direction of the data. `faint`: not a value, but the choice of rows."""

    source: str
    target: str
    remark: str = ""
    faint: bool = False
    doubtful: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """`points` by key, `links` without doubles. `start` is empty where none of them is.

    `more`: how many further ones a cut left out, by key.
    """

    start: str
    points: Mapping[str, Point]
    links: tuple[Link, ...]
    more: Mapping[str, int] = field(default_factory=dict)


def joined(pictures: Sequence[Picture]) -> Picture:
    """One picture of several that have the same start."""
    return Picture(
        start=pictures[0].start,
        points={key: point for picture in pictures for key, point in picture.points.items()},
        links=tuple(dict.fromkeys(link for picture in pictures for link in picture.links)),
        more={key: count for picture in pictures for key, count in picture.more.items()},
    )


# ------------------------------------------------------------------------------------------- tree


def tree_lines(picture: Picture, *, up: bool) -> list[str]:
    """What hangs on the start, itself left out; faint links are not followed.

    A point that is reached on several ways is unfolded once, where it is nearest to the start.
    """
    step = _steps(picture, up)
    nearest = _distances(picture.start, step)
    unfolded: set[str] = set()
    rows: list[tuple[str, str, str]] = []
    stack = _children(picture.start, step, "", 1)
    while stack:
        link, indent, last, level = stack.pop()
        point = picture.points[link.source if up else link.target]
        below = step.get(point.key, [])
        unfold = nearest[point.key] == level and point.key not in unfolded
        left = f"{indent}{'└── ' if last else '├── '}{plain(point.name)}"
        rows.append((left, *_remarks(picture, point, link, bool(below) and not unfold)))
        if unfold:
            unfolded.add(point.key)
            stack += _children(point.key, step, indent + ("    " if last else "│   "), level + 1)
    return aligned(rows)


def head_line(point: Point) -> str:
    remark = style(f"  {plain(point.remark)}", dim=True) if point.remark else ""
    return style(plain(point.name), bold=True) + remark


def flat_lines(entries: Sequence[tuple[str, str]]) -> list[str]:
    """(name, remark) pairs, one below the other, as the leaves of a tree. Remarks are short already."""
    rows = [
        (f"{'└── ' if i == len(entries) else '├── '}{plain(name)}", remark, "dim")
        for i, (name, remark) in enumerate(entries, 1)
    ]
    return aligned(rows)


def aligned(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    """(left, right, dim or the right side's colour) -> lines whose right sides begin in one column."""
    rows = list(rows)
    widths = [width_of(left) for left, right, _ in rows if right]
    width = max((each for each in widths if each <= ALIGNED), default=0)
    return [
        f"{padded(left, width)}  {style(right, dim=True) if how == 'dim' else style(right, fg=how)}"
        if right
        else left
        for left, right, how in rows
    ]


def _remarks(picture: Picture, point: Point, link: Link, elsewhere: bool) -> tuple[str, str]:
    said = [short(text) for text in (link.remark, point.remark) if text]
    if elsewhere:
        said.append("(unfolded elsewhere)")
    elif picture.more.get(point.key):
        said.append(f"(+{picture.more[point.key]})")
    return "  ".join(said), "yellow" if link.doubtful else "dim"


def _steps(picture: Picture, up: bool) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for link in picture.links:
        if not link.faint:
            found.setdefault(link.target if up else link.source, []).append(link)
    return found


def _children(
    key: str, step: Mapping[str, list[Link]], indent: str, level: int
) -> list[tuple[Link, str, bool, int]]:
    """For a stack: the first one last."""
    links = step.get(key, [])
    found = [(link, indent, i == len(links), level) for i, link in enumerate(links, 1)]
    return found[::-1]


def _distances(start: str, step: Mapping[str, list[Link]]) -> dict[str, int]:
    found = {start: 0}
    ring = [start]
    while ring:
        beyond = [
            end
            for key in ring
            for link in step.get(key, ())
            for end in (link.source, link.target)
            if end not in found
        ]
        level = found[ring[0]] + 1
        ring = list(dict.fromkeys(beyond))
        found |= dict.fromkeys(ring, level)
    return found


# --------------------------------------------------------------------------------- other languages


def mermaid_text(picture: Picture) -> str:
    """A Mermaid flowchart, left to right; grouped points stand in boxes of their group's name."""
    ids = {key: f"n{i}" for i, key in enumerate(picture.points)}
    lines = ["flowchart LR"]
    for number, (group, points) in enumerate(_grouped(picture)):
        drawn = [_mermaid_point(ids[point.key], point) for point in points]
        if group is None:
            lines += [f"    {text}" for text in drawn]
        else:
            lines.append(f'    subgraph g{number}["{_mermaid(group)}"]')
            lines += [f"        {text}" for text in drawn]
            lines.append("    end")
    for link in picture.links:
        arrow = "-.->" if link.faint or link.doubtful else "-->"
        label = f'|"{_mermaid(short(link.remark))}"|' if link.remark else ""
        lines.append(f"    {ids[link.source]} {arrow}{label} {ids[link.target]}")
    if picture.start:
        lines.append(f"    style {ids[picture.start]} stroke-width:3px")
    return "\n".join(lines)


def _mermaid_point(identity: str, point: Point) -> str:
    left, right = {"source": ("[(", ")]"), "seed": ("[/", "/]")}.get(point.shape, ("[", "]"))
    return f'{identity}{left}"{_mermaid(point.inner or point.name)}"{right}'


def _mermaid(text: str) -> str:
    """Inside a quoted label; entities are written with # there. Mermaid takes `\\n` for a new line, `$$` for
    a formula, and `direction TB` for a command wherever it stands.

    >>> _mermaid('a"b<i>#1'), _mermaid("direction TB")
    ('a#quot;b#lt;i#gt;#35;1', '#100;irection TB')
    """
    marks = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "&": "#amp;", "`": "#96;"}
    marks |= {"\\": "#92;", "$": "#36;"}
    said = "".join(marks.get(letter, letter) for letter in plain(text))
    return re.sub(r"(?i)d(?=irection\s+(tb|bt|rl|lr|td))", "#100;", said)


def dot_text(picture: Picture) -> str:
    """A Graphviz digraph, left to right."""
    ids = {key: f"n{i}" for i, key in enumerate(picture.points)}
    shapes = {"source": "cylinder", "seed": "note"}
    lines = ["digraph lineage {", "    rankdir=LR;", '    node [shape=box, fontname="sans-serif"];']
    for number, (group, points) in enumerate(_grouped(picture)):
        indent = "    " if group is None else "        "
        if group is not None:
            lines += [f"    subgraph cluster_{number} {{", f"        label={_dot(group)};"]
        for point in points:
            more = f", shape={shapes[point.shape]}" if point.shape in shapes else ""
            more += ", penwidth=3" if point.key == picture.start else ""
            lines.append(
                f"{indent}{ids[point.key]} [label={_dot(point.inner or point.name)}{more}];"
            )
        if group is not None:
            lines.append("    }")
    for link in picture.links:
        said = [f"label={_dot(short(link.remark))}"] if link.remark else []
        said += ["style=dashed"] if link.faint or link.doubtful else []
        more = f" [{', '.join(said)}]" if said else ""
        lines.append(f"    {ids[link.source]} -> {ids[link.target]}{more};")
    return "\n".join([*lines, "}"])


def _dot(text: str) -> str:
    r"""Graphviz knows entities in any label.

    >>> print(_dot('a"b\\n&lt;'))
    "a\"b\\n&amp;lt;"
    """
    escaped = plain(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def json_text(picture: Picture, names: tuple[str, str], about: Mapping[str, Any]) -> str:
    """`about`, then the facts of points and links under the two `names`."""
    points, links = names
    body = {
        **about,
        points: [dict(point.facts) for point in picture.points.values()],
        links: [dict(link.facts) for link in picture.links],
    }
    return json.dumps(body, indent=2, default=str)


def _grouped(picture: Picture) -> list[tuple[str | None, list[Point]]]:
    found: dict[str | None, list[Point]] = {}
    for point in picture.points.values():
        found.setdefault(point.group, []).append(point)
    return list(found.items())


def short(text: str) -> str:
    """One line, white space squeezed, its end cut off when it is long."""
    return cut(plain(" ".join(text.split())), LONGEST)
