"""Graph + names -> what `ls` prints: names, a tree by folder, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from click import style

from sqlpipes.show.letters import padded, plain, width_of

if TYPE_CHECKING:
    from sqlpipes.core.asset import Asset, Check
    from sqlpipes.core.graph import Graph
    from sqlpipes.core.lineage import Documented


def names_text(names: Iterable[str]) -> str:
    return "\n".join(names)


def tree_text(graph: Graph, names: Iterable[str]) -> str:
    """Assets under their folders, each with its kind and the first line of its description."""
    folders: dict[str, list[Asset]] = {}
    for name in sorted(names):
        asset = graph.assets[name]
        folders.setdefault(asset.path.rpartition("/")[0] or ".", []).append(asset)
    lines: list[str] = []
    for folder in sorted(folders):
        lines.append(style(f"{folder}/", fg="cyan"))
        width = max(width_of(plain(asset.name)) for asset in folders[folder])
        lines += [_line(asset, width) for asset in folders[folder]]
    return "\n".join(lines)


def _line(asset: Asset, width: int) -> str:
    what = f"{asset.kind} {asset.materialized}" if asset.kind in ("sql", "python") else asset.kind
    cut = f" by {asset.partition.axis}" if asset.partition else ""
    cut += f" on {asset.engine}" if asset.engine else ""
    about = asset.description.strip().splitlines()[0] if asset.description.strip() else ""
    tail = f"{what + cut:<22}  {plain(about)}".rstrip()
    return f"  {padded(plain(asset.name), width)}  " + style(tail, dim=True)


def asset_json(graph: Graph, asset: Asset, columns: Sequence[Documented] = ()) -> dict[str, Any]:
    """`columns`: with the descriptions that they inherit."""
    from sqlpipes.show.cards import column_json, labels_json

    return {
        "name": asset.name,
        "kind": str(asset.kind),
        "materialized": str(asset.materialized),
        "relation": str(asset.relation) if asset.relation else None,
        "engine": asset.engine or None,
        "path": asset.path,
        "line": asset.at.line,
        "inputs": list(graph.parents(asset.name)),
        **labels_json(asset),
        "partition": str(asset.partition.axis) if asset.partition else None,
        "columns": [column_json(column) for column in columns],
        "checks": [_check_json(check) for check in graph.gate(asset.name)],
        "version": graph.version(asset.name),
    }


def _check_json(check: Check) -> dict[str, Any]:
    return {"name": check.name, "type": check.type, "severity": str(check.severity)}
