"""What a component made -> the same with the places of the YAML values that it was made from.

A class hands on values and no places. So a text, or the value of a key, is placed where the attributes
hold the very same; all else stands where the component does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Location
from sqlpipes.core.sql import Spot
from sqlpipes.read.marked import Node
from sqlpipes.read.python.found import Contents, Found, FoundEntry, FoundSql, Named

Marks = dict[str, list[int]]


def relocated(
    contents: Contents, node: Node, at: Location, lines: Sequence[str], *, own: bool
) -> Contents:
    """`node`: the attributes. `own`: the class is the project's, so its places mean something."""
    every = list(_all(node))
    return replace(
        contents,
        found=tuple(_function(each, node, every, at, own=own) for each in contents.found),
        entries=tuple(_entry(each, node, every, at) for each in contents.entries),
        queries=tuple(_query(each, node, every, at, lines, own=own) for each in contents.queries),
    )


def _all(node: Node) -> Iterator[Node]:
    yield node
    for _, below in node.entries():
        yield from _all(below)
    if isinstance(node.value, list):
        for item in node.items():
            yield from _all(item)


def _mark(at: Location) -> list[int]:
    return [at.line, at.column, at.length]


def _marks(keys: Mapping[str, Plain], every: Sequence[Node], at: Location) -> Marks:
    """Places of the keys of something that was made, and of all that stands below them."""
    found: Marks = {"": _mark(at)}
    for key, value in keys.items():
        home = next((n for n in every if n.key == key and n.path and n.value == value), None)
        if home is not None:
            length = len(home.path)
            found |= {
                f"/{key}{path[length:]}": list(mark)
                for path, mark in home.marks.items()
                if path == home.path or path.startswith(f"{home.path}/")
            }
    return found


def _function(found: Found, node: Node, every: Sequence[Node], at: Location, *, own: bool) -> Found:
    marks = _marks({"checks": list(found.checks)} if found.checks else {}, every, at)
    below = {path[len("/checks") :]: mark for path, mark in marks.items() if path}

    def named(said: Sequence[Named]) -> list[Named]:
        return [_named(each, every, at, own=own) for each in said]

    return replace(
        found,
        file=node.file,
        at=_mark(at),
        inputs=named(found.inputs),
        files=named(found.files),
        paths=named(found.paths),
        kept_marks={"": _mark(at), **_marks(found.kept or {}, every, at)},
        check_marks={"": _mark(at), **below},
        family=f"{at}:{found.function}" if found.family else "",
    )


def _named(said: Sequence[Any], every: Sequence[Node], at: Location, *, own: bool) -> list[Any]:
    """What a function names: at the same text in the YAML, else in the project's Python."""
    name, *place, declared = said
    home = next((each.at for each in every if each.value == name), None)
    if home is None and own:
        return [name, *place, declared]
    home = home or at
    return [name, home.file, *_mark(home), declared]


def _entry(found: FoundEntry, node: Node, every: Sequence[Node], at: Location) -> FoundEntry:
    return replace(found, file=node.file, marks=_marks(found.keys, every, at))


def _query(
    found: FoundSql,
    node: Node,
    every: Sequence[Node],
    at: Location,
    lines: Sequence[str],
    *,
    own: bool,
) -> FoundSql:
    """A text stands in the YAML file, or exactly in the project's Python, or where the component does."""
    home = next((each for each in every if found.sql and each.value == found.sql), None)
    if home is None and own and found.path is None and Spot(*found.spot).exact:
        return found
    spot = yaml_spot(home, lines) if home is not None else Spot(at.line, at.column, exact=False)
    marks = _marks({**found.keys, "path": found.path}, every, at)
    return replace(found, file=node.file, spot=astuple(spot), marks=marks)


def yaml_spot(node: Node, lines: Sequence[str]) -> Spot:
    """Where a text begins in the lines of its file, as far as they hold it letter for letter."""
    at, said = node.at, str(node.value).rstrip("\n").split("\n")
    first = lines[at.line - 1] if at.line <= len(lines) else ""
    if first[at.column - 1 : at.column] in ("|", ">"):
        below = list(lines[at.line : at.line + len(said)])
        blank = next((i for i, line in enumerate(said) if line.strip()), 0)
        indent = len(below[blank]) - len(said[blank]) if blank < len(below) else 0
        if indent >= 0 and [line[indent:] for line in below] == said:
            return Spot(at.line + 1, indent + 1, indent)
    for column in (at.column, at.column + 1):  # plain, or in quotes
        if len(said) == 1 and first[column - 1 :].startswith(said[0]):
            return Spot(at.line, column)
    return Spot(at.line, at.column, exact=False)
