"""Assets -> those that would write one file, as far as their text says where."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from sqlpipes.core.asset import Asset
from sqlpipes.core.errors import Location, Problem


def same_files(assets: Iterable[Asset]) -> list[Problem]:
    """DUP006 for the second of two assets with one path; what is computed is found when it is written."""
    first: dict[str, Asset] = {}
    problems: list[Problem] = []
    found = [(asset, asset.writes[0]) for asset in assets if len(asset.writes) == 1]
    found = [(asset, path) for asset, path in found if "*" not in path]
    folders = {posixpath.normpath(path): asset for asset, path in found if path.endswith("/")}
    for asset, written in found:
        path = posixpath.normpath(written)
        holder = first.setdefault(path, asset)
        if holder is asset:
            holder = next((folders[above] for above in _above(path) if above in folders), asset)
        if holder is not asset:
            at, other = _place(asset), _place(holder)
            message = (
                f"'{asset.name}' and '{holder.name}' both write {written}: here and in {other}"
            )
            if posixpath.normpath(holder.writes[0]) != path:
                message = f"'{asset.name}' writes {written} into the folder {holder.writes[0]}, "
                message += f"which is '{holder.name}': see {other}"
            hint = "give each of them a path of its own"
            problems.append(Problem("DUP006", message, at, hint, others=(other,)))
    return problems


def _place(asset: Asset) -> Location:
    """Where its path is said."""
    return (asset.export.at if asset.export else None) or asset.at


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in.

    >>> list(_above("out/a/b.csv"))
    ['out/a', 'out']
    """
    while (path := posixpath.dirname(path)) not in ("", "/"):
        yield path
