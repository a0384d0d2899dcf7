"""What a component declares -> assets with their functions, checks, queries and entries, as of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlpipes.core.asset import Asset, Check
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.read import settings as s
from sqlpipes.read.braces import fill, has_braces
from sqlpipes.read.components.entries import Component
from sqlpipes.read.components.overrides import overrides_of
from sqlpipes.read.ground import Ground
from sqlpipes.read.keys import OTHER_NAMES
from sqlpipes.read.marked import Node
from sqlpipes.read.python import entry_node
from sqlpipes.read.python.assets import asset_of, check_of
from sqlpipes.read.python.found import FoundSql


@dataclass(frozen=True, slots=True)
class Declared:
    """`names`: all that it makes, also what is not enabled. Overrides stand beside what they change."""

    names: tuple[str, ...]
    assets: tuple[tuple[Asset, Sequence[Node]], ...]
    checks: tuple[Check, ...]
    queries: tuple[tuple[FoundSql, Sequence[Node]], ...]
    entries: tuple[tuple[str, Node], ...]


def declared(component: Component, ground: Ground, problems: list[Problem]) -> Declared:
    """Faults of the overrides, and of what is told of the assets, are added to `problems`."""
    contents = component.contents
    functions = [found for found in contents.found if found.kind == "asset"]
    names = [*(each.name for each in functions), *(each.name for each in contents.queries)]
    over = overrides_of(component.overrides, names, problems)
    path = component.wanted.at.file
    assets: list[tuple[Asset, Sequence[Node]]] = []
    for found in functions:
        said = over.get(found.name, [])
        if all(_is_enabled(node, ground, problems) for node in said):
            load = component.loader("asset", found.name)
            asset = asset_of(found, path, ground, load, problems)
            assets.append((_bared(asset, said), [_without_enabled(node) for node in said]))
    kept = {asset.name for asset, _ in assets} | {each.name for each in contents.queries}
    checks = [
        check_of(found, component.loader("check", found.name))
        for found in contents.found
        if found.kind == "check" and (found.asset in kept or found.asset not in names)
    ]
    return Declared(
        tuple(names),
        tuple(assets),
        tuple(checks),
        tuple((each, over.get(each.name, [])) for each in contents.queries),
        tuple((found.section, entry_node(found)) for found in contents.entries),
    )


def _is_enabled(node: Node, ground: Ground, problems: list[Problem]) -> bool:
    said = node.get("enabled")
    filled = fill(said, ground.names, problems) if said else None
    return filled is None or has_braces(filled.value) or s.flag(filled, True, problems)


def _bared(asset: Asset, over: Sequence[Node]) -> Asset:
    """The asset without what its overrides say anew: elsewhere a function's own words count more."""
    said = {OTHER_NAMES.get(key, key) for node in over for key, _ in node.entries()}
    if "description" in said:
        asset = replace(asset, description="")
    if "owner" in said:
        asset = replace(asset, owners=())
    if "group" in said:
        asset = replace(asset, group=None)
    return asset


def _without_enabled(node: Node) -> Node:
    value = node.value if isinstance(node.value, dict) else {}
    return node.with_value({key: below for key, below in value.items() if key != "enabled"})
