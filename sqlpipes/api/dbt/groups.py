"""Assets -> the groups of dbt's manifest, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlpipes.api.dbt.ids import asset_id
from sqlpipes.core.asset import Asset

Json = dict[str, Any]


def groups(project: str, assets: Iterable[Asset]) -> Json:
    """Who owns a group is who owns its first asset that has an owner."""
    found: Json = {}
    for asset in assets:
        if not asset.group:
            continue
        name = f"group.{project}.{asset.group}"
        known = found.get(name)
        if known is None or (asset.owners and not known["owner"]["name"]):
            owner = asset.owners[0] if asset.owners else ""
            found[name] = {
                "name": asset.group,
                "resource_type": "group",
                "package_name": project,
                "path": asset.path,
                "original_file_path": asset.path,
                "unique_id": name,
                "owner": {"name": owner, "email": owner if "@" in owner else None},
            }
    return found


def group_map(project: str, assets: Iterable[Asset]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for asset in assets:
        if asset.group:
            found.setdefault(asset.group, []).append(asset_id(project, asset))
    return {name: sorted(ids) for name, ids in found.items()}
