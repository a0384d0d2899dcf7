"""Assets -> those that would write one file, as far as their text says where."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.errors import Problem


def same_files(assets: Iterable[Asset]) -> list[Problem]:
    """DUP006 for the second of two assets with one path; what is computed is found when it is written."""
    first: dict[str, Asset] = {}
    problems: list[Problem] = []
    for asset in assets:
        written = asset.body.written if isinstance(asset.body, PythonBody) else ()
        if len(written) != 1 or "*" in written[0]:
            continue
        holder = first.setdefault(posixpath.normpath(written[0]), asset)
        if holder is not asset:
            message = f"'{asset.name}' and '{holder.name}' both write {written[0]}"
            hint = "give each of them a path of its own"
            message += f": here and in {holder.at}"
            problems.append(Problem("DUP006", message, asset.at, hint, others=(holder.at,)))
    return problems
