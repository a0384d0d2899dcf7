"""Functions that say which version of a source there is -> the sources, each with its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody, SourceBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.read.marked import Node


@dataclass(frozen=True, slots=True)
class Observer:
    """One such function, and where it stands. `source` names a source, or all tables of one."""

    source: str
    body: PythonBody
    at: Location


def with_observers(
    sources: Sequence[Asset], observers: Iterable[Observer], problems: list[Problem]
) -> list[Asset]:
    """SRC005 for a function whose source nobody declares, and for two functions of one source."""
    known = list(dict.fromkeys(asset.name for asset in sources))
    bodies: dict[str, PythonBody] = {}
    places: dict[str, Location] = {}
    for each in observers:
        names = _named(each.source, known)
        if not names:
            message = f"there is no source '{each.source}' to observe"
            hint = did_you_mean(each.source, known) or "declare it under `sources:`, or by source()"
            problems.append(Problem("SRC005", message, each.at, hint))
        for name in names:
            if name in places:
                message = f"the source '{name}' is observed by two functions"
                others = (places[name],)
                problems.append(Problem("SRC005", message, each.at, "keep one", others=others))
            places[name] = each.at
            bodies[name] = each.body
    return [_with_observer(source, bodies.get(source.name)) for source in sources]


def _with_observer(source: Asset, observer: PythonBody | None) -> Asset:
    if observer is None:
        return source
    assert isinstance(source.body, SourceBody)
    return replace(source, body=replace(source.body, observer=observer))


def _named(source: str, known: Sequence[str]) -> list[str]:
    if source in known:
        return [source]
    return [name for name in known if name.startswith(f"{source}.")]


def demand_python(node: Node | None, problems: list[Problem]) -> None:
    """SRC005 for an `observe:` in YAML, which has no functions."""
    if node is not None and not node.file.endswith(".py"):
        message = "'observe' goes with a source that is declared in Python"
        hint = "write @observe(source=...) above the function, in a .py file under models/"
        problems.append(Problem("SRC005", message, node.key_at, hint))
