"""A Python asset + what property files say of it -> the asset with both; the decorator counts more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.errors import Problem
from sqlpipes.read.automation import automation
from sqlpipes.read.braces import Names
from sqlpipes.read.extras import read_extras
from sqlpipes.read.ground import Ground, layers_of
from sqlpipes.read.keys import EXTRAS, IGNORED, KNOWN, OTHER_NAMES
from sqlpipes.read.marked import Node
from sqlpipes.read.models import described, filled
from sqlpipes.read.settings import layer, merge

DESCRIBING = frozenset(
    {"description", "owner", "tags", "kind", "columns", "checks", "group", "meta", "links", "auto"}
    | {"statement_timeout_s"}
    | EXTRAS
)


def redescribed(
    asset: Asset, entries: Sequence[Node], ground: Ground, problems: list[Problem]
) -> Asset:
    """A Python asset with what a property file adds to it; the decorator's own words come first."""
    asset, entries = _with_options(asset, entries, ground.names, problems)
    merged = layer(filled(entries, ground.names, problems), "model", problems, ("name",))
    for key, nodes in merged.nodes.items():
        if key not in DESCRIBING:
            message = f"'{key}' of a Python asset is set in its decorator"
            problems.append(Problem("CFG002", message, nodes[-1].key_at))
    said = described(asset.name, merged, (), problems)
    over = layers_of(ground.folders, asset.path, KNOWN["model"])
    return replace(
        asset,
        checks=(*asset.checks, *said["checks"]),
        columns=asset.columns or said["columns"],
        description=asset.description or said["description"],
        owners=asset.owners or said["owners"],
        tags=tuple(dict.fromkeys((*asset.tags, *said["tags"]))),
        kinds=tuple(dict.fromkeys((*asset.kinds, *said["kinds"]))),
        group=asset.group or said["group"],
        meta={**said["meta"], **asset.meta},
        links={**said["links"], **asset.links},
        limit=said["limit"],
        extras=read_extras(merge([over, merged]), problems),
        auto=asset.auto or automation(merged.node("auto"), problems),
    )


def _with_options(
    asset: Asset, entries: Sequence[Node], names: Names, problems: list[Problem]
) -> tuple[Asset, list[Node]]:
    """The asset with its parameters as `config:` sets them, and the entries without that."""
    from sqlpipes.read.python.config import Config, configured

    options: dict[str, Node] = {}
    rest: list[Node] = []
    known = {o.name for o in asset.body.options} if isinstance(asset.body, PythonBody) else set()
    for entry in filled(entries, names, problems):
        left = dict(entry.value) if isinstance(entry.value, dict) else {}
        config = entry.get("config")
        for name, node in config.entries() if config else ():
            if name in known or name not in KNOWN["model"] | OTHER_NAMES.keys() | IGNORED:
                if name in options and options[name].value != node.value:
                    others = (options[name].key_at,)
                    message = f"'{name}' of '{asset.name}' is set to two different values"
                    problems.append(Problem("CFG003", message, node.key_at, others=others))
                options[name] = node
        if config and isinstance(config.value, dict):
            left["config"] = {k: v for k, v in config.value.items() if k not in options}
        rest.append(entry.with_value(left))
    return (configured(asset, Config(options), problems) if options else asset), rest
