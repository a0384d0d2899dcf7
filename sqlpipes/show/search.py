"""What a search found -> lines with the places, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from click import style

from sqlpipes.core.graph import Graph
from sqlpipes.decide.search import Found, Place
from sqlpipes.show.letters import cut, padded, plain, width_of

ROOM = 11  # of the words that say where
LONGEST = 100


def search_text(found: Sequence[Found]) -> str:
    """Each asset, and below it where the words stand."""
    return "\n".join(line for each in found for line in _lines(each))


def _lines(found: Found) -> list[str]:
    room = max(width_of(_at(place)) for place in found.places)
    lines = [style(plain(found.asset), bold=True)]
    for place in found.places:
        at = style(padded(_at(place), room), dim=True)
        lines.append(f"  {place.where:<{ROOM}}  {at}  {cut(_said(place), LONGEST)}".rstrip())
    return lines


def _at(place: Place) -> str:
    return plain(str(place.at))


def _said(place: Place) -> str:
    text = plain(" ".join(place.text.split()))
    return f"{plain(place.column)}: {text}" if place.where == "column doc" else text


def search_json(graph: Graph, found: Sequence[Found]) -> list[dict[str, Any]]:
    """Best first. `column` is null where the place is not about one."""
    return [
        {
            "name": each.asset,
            "kind": str(graph.assets[each.asset].kind),
            "path": graph.assets[each.asset].path,
            "found": [
                {
                    "where": place.where,
                    "text": place.text,
                    "column": place.column or None,
                    "path": place.at.file,
                    "line": place.at.line,
                    "column_at": place.at.column,
                }
                for place in each.places
            ],
        }
        for each in found
    ]
