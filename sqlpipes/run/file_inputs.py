"""An asset that is a file, as the parameter of another function -> the file's path, for reading.

A File without an annotation, or the path as text or as pathlib.Path when the annotation says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlpipes.core.asset import Asset
from sqlpipes.core.definitions import File
from sqlpipes.core.errors import EngineError, Location, Problem

TEXTS = (str, "str")
PATHS = ("Path", "PosixPath", "PurePath", "PathLike")


def file_input(
    asset: Asset,
    hint: Any,
    at: Location,
    *,
    outputs: Mapping[str, str],
    staged: Mapping[str, str],
    root: str,
) -> Any:
    """Raises EngineError BLD019 when the file is not there, or a function writes one per slice."""
    path = os.path.normpath(os.path.join(root, _path(asset, at, outputs)))
    path = staged.get(path, path)
    if not os.path.exists(path):
        message = f"the file of '{asset.name}' is not there: {os.path.relpath(path, root)}"
        again = f"somebody has removed it: sqlpipes build --force -s {asset.name} writes it again"
        raise EngineError(Problem("BLD019", message, at, again))
    if hint in TEXTS:
        return path
    name = hint.rpartition(".")[2] if isinstance(hint, str) else getattr(hint, "__name__", "")
    return Path(path) if name in PATHS else File(path)


def _path(asset: Asset, at: Location, outputs: Mapping[str, str]) -> str:
    if asset.export is not None:  # a folder, if it is cut
        return os.path.expanduser(asset.export.path)
    if asset.partition is not None:
        message = f"'{asset.name}' is a file for each of its slices, so none can be handed over"
        hint = f"name it in deps=['{asset.name}'] instead, and ask context.path(...) for each"
        raise EngineError(Problem("BLD019", message, at, hint))
    if asset.name in outputs:
        return outputs[asset.name]
    message = f"nobody knows where the file of '{asset.name}' is: it was not built yet"
    raise EngineError(Problem("BLD019", message, at, f"sqlpipes build -s {asset.name}"))
