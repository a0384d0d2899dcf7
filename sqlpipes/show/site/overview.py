"""The whole project -> the documents that a page reads first: the graph, and what is searched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from sqlpipes.api import AssetStatus, Overview, Project
from sqlpipes.core.asset import Asset, Kind
from sqlpipes.core.graph import Graph
from sqlpipes.core.status import Status
from sqlpipes.show.site.layout import HEIGHT, WIDTH, Layout, layered
from sqlpipes.show.status import state_of
from sqlpipes.version import __version__

VERSION = 1
"""Of the documents. It moves when a page of one cannot read those of the other."""

LONGEST = 60  # characters of a file's name
PLAIN = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?")  # which Windows takes for no files


def slug(name: str) -> str:
    """A file's name for any name, another one for each, also where letter case is not told apart.

    >>> slug("stg_orders"), slug("Orders"), slug("../x"), slug("con")
    ('stg_orders', 'orders-4f0df874', 'x-d42ff05c', 'con-d1d8ab24')
    """
    if PLAIN.fullmatch(name) and len(name) <= LONGEST and not DEVICES.fullmatch(name):
        return name
    plain = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:LONGEST]
    return f"{plain}-{hashlib.blake2b(name.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"


def placed(project: Project) -> Layout:
    """The picture of the graph. It hangs on who reads whom, and on nothing else."""
    return layered({name: project.graph.parents(name) for name in project.graph.order})


def graph_document(seen: Overview, layout: Layout | None = None) -> dict[str, Any]:
    """Every asset with its place in the picture, and who reads whom (by their numbers in `nodes`)."""
    graph = seen.project.graph
    inputs = {item.asset: graph.parents(item.asset) for item in seen.statuses}
    layout = layout or placed(seen.project)
    number = {name: at for at, name in enumerate(inputs)}
    failing = {n for n, c in seen.checks.items() if c.status in (Status.FAIL, Status.ERROR)}
    checks_of = _checks_of(graph)
    nodes = []
    for item in seen.statuses:
        asset, place = graph.assets[item.asset], layout.places[item.asset]
        checks = checks_of.get(item.asset, [])
        nodes.append(
            {
                **_node(asset, item),
                "columns": len(seen.columns.get(item.asset, ())),
                "checks": len(checks),
                "failing": sum(name in failing for name in checks),
                "x": place.x,
                "y": place.y,
                "layer": place.layer,
            }
        )
    edges: list[list[Any]] = [
        [
            number[parent],
            number[name],
            *([list(bent)] if (bent := layout.bends.get((parent, name))) else []),
        ]
        for name, read in inputs.items()
        for parent in dict.fromkeys(read)
        if parent in number
    ]
    return {
        "version": VERSION,
        "sqlpipes": __version__,
        "project": seen.project.config.name,
        "target": seen.project.target.name,
        "at": seen.at.isoformat(),
        "box": [WIDTH, HEIGHT],
        "step": layout.step,
        "nodes": nodes,
        "edges": edges,
    }


def _node(asset: Asset, item: AssetStatus) -> dict[str, Any]:
    about = asset.description.strip()
    return {
        "name": asset.name,
        "doc": slug(asset.name),
        "kind": str(asset.kind),
        "materialized": str(asset.materialized),
        "kinds": list(asset.kinds),
        "path": asset.path,
        "folder": asset.path.rpartition("/")[0] or ".",
        "fqn": list(asset.fqn),
        "group": asset.group,
        "owners": list(asset.owners),
        "tags": list(asset.tags),
        "engine": asset.engine,
        "relation": asset.place,
        "about": about.splitlines()[0] if about else "",
        "state": node_state(asset, item),
        "why": str(item.step.reasons[0]) if item.step else "",
        "written_at": item.written_at.isoformat() if item.written_at else None,
    }


def node_state(asset: Asset, item: AssetStatus) -> str:
    """In one word. What somebody else writes is not missing before we have seen it."""
    word = state_of(item)[0]
    return "external" if asset.kind is Kind.SOURCE and word in ("missing", "inlined") else word


def search_document(seen: Overview) -> dict[str, Any]:
    """A row an asset: name, description, columns with theirs, checks, words."""
    graph = seen.project.graph
    checks = _checks_of(graph)
    return {"assets": [_row(graph.assets[i.asset], seen, checks) for i in seen.statuses]}


def _checks_of(graph: Graph) -> dict[str, list[str]]:
    checks: dict[str, list[str]] = {}
    for check in graph.checks.values():
        checks.setdefault(check.asset, []).append(check.name)
    return checks


def _row(asset: Asset, seen: Overview, checks: dict[str, list[str]]) -> list[Any]:
    columns = [[c.name, _short(c.description)] for c in seen.columns.get(asset.name, ())]
    words: Iterable[str] = (*asset.tags, *asset.owners, *asset.kinds, asset.path)
    return [
        asset.name,
        _short(asset.description),
        columns,
        checks.get(asset.name, []),
        " ".join(filter(None, [*words, asset.group or ""])),
    ]


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
