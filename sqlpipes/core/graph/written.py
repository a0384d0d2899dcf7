"""Assets -> those that would write one file, as far as their text says where."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from sqlpipes.core.asset import Asset
from sqlpipes.core.errors import Problem


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
            message = f"'{asset.name}' and '{holder.name}' both write {written}"
            hint = "give each of them a path of its own"
            message += f": here and in {holder.at}"
            problems.append(Problem("DUP006", message, asset.at, hint, others=(holder.at,)))
    return problems


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in.

    >>> list(_above("out/a/b.csv"))
    ['out/a', 'out']
    """
    while (path := posixpath.dirname(path)) not in ("", "/"):
        yield path
