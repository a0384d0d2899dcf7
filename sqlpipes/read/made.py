"""A SELECT that a call declares, in Python or by a component -> a Model, read as a .sql file is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.core.partitions import partitioning_from
from sqlpipes.core.sql import Spot
from sqlpipes.read.cache import Cache, Facts, problems_from_json
from sqlpipes.read.files import File, one_file, walk
from sqlpipes.read.front_matter import split_front_matter
from sqlpipes.read.ground import Ground
from sqlpipes.read.marked import Node, node_of
from sqlpipes.read.models import read_model
from sqlpipes.read.python.found import FoundSql
from sqlpipes.read.queries import Made, front_facts, made_query
from sqlpipes.read.reading import Model
from sqlpipes.read.templates import Templates


def read_made(
    found: FoundSql,
    entries: Sequence[Node],
    over: Sequence[Node],
    ground: Ground,
    cache: Cache,
    templates: Templates,
    problems: list[Problem],
) -> Model | None:
    """None when it is not enabled, or its file cannot be read (CMP010). `over`: keys that count more."""
    marks = {at: list(mark) for at, mark in found.marks.items()}
    keys = Node(found.file, marks, "", dict(found.keys))
    text, path, spot, front = _text(found, keys, ground, cache, problems)
    if text is None:
        return None
    line, column = found.spot[:2]
    key = File(f"{found.file}#{found.name}@{line}:{column}", "", 0, 0)
    cut = partitioning_from(found.partition) if found.partition else None
    made = Made(found.name, key, spot, dict(found.names), cut, (keys, *over), found.secret)
    query = made_query(text, path, made, front, cache, templates)
    return read_model(query.file, query, entries, ground, problems)


def _text(
    found: FoundSql, keys: Node, ground: Ground, cache: Cache, problems: list[Problem]
) -> tuple[str | None, str, Spot, Node | None]:
    """The text, the file and the spot that it stands at, and the front matter of such a file."""
    if found.path is None:
        return found.sql, found.file, Spot(*found.spot), None
    file = one_file(ground.root, found.path)
    if file is None:
        at = Node(keys.file, keys.marks, "/path", found.path).at
        problems.append(_no_file(found.path, ground.root, at))
        return None, found.path, Spot(), None
    facts = cache.facts(file, "text", _split)
    problems += problems_from_json(facts.get("problems", []))
    front = node_of(file.path, facts["front"], facts["marks"]) if "front" in facts else None
    line, column = facts.get("at", (1, 1))
    return facts.get("text"), file.path, Spot(line, column), front


def _split(text: str, path: str) -> Facts:
    return front_facts(split_front_matter(text, path), path)


def _no_file(path: str, root: str, at: Location) -> Problem:
    folder = path.rpartition("/")[0]
    beside = [file.path for file in walk(root, folder, [])] if folder else []
    hint = did_you_mean(path, beside) or "a path counts from the project's folder"
    return Problem("CMP010", f"there is no file {path}", at, hint)
