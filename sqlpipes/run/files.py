"""Files of assets: written beside the old one, moved into its place when all went well."""

from __future__ import annotations

import glob
import hashlib
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlpipes.core.asset import Asset
from sqlpipes.core.definitions import File
from sqlpipes.core.errors import EngineError, Problem

ENDING = ".sqlpipes-new"


class Places:
    """Where files of one call wait until they are published: final path -> place.

    `used`: a place was asked for, so the files that readers see were not written to.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}
        self.used = False

    def place_of(self, path: str) -> str:
        """A new name beside the final one: on the same disk, so that it can be moved at once."""
        self.used = True
        path = os.path.normpath(path)
        folder, name = os.path.split(path)
        os.makedirs(folder, exist_ok=True)
        self._sweep(folder, name)
        own = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        stem, ending = os.path.splitext(name)
        # the ending stays last, as some writers tell the format by it
        self.waiting[path] = os.path.join(folder, f".{stem}.{own}{ENDING}{ending}")
        return self.waiting[path]

    def _sweep(self, folder: str, name: str) -> None:
        """What processes that died have left of this file."""
        stem, ending = os.path.splitext(name)
        pattern = os.path.join(glob.escape(folder), f".{glob.escape(stem)}.*{ENDING}{ending}")
        for left in glob.glob(pattern):
            process = os.path.basename(left)[len(stem) + 2 :].partition("-")[0]
            if process.isdigit() and not _is_alive(int(process)):
                with suppress(OSError):
                    os.unlink(left)

    def publish(self) -> None:
        """Each into its place, safely on disk. Raises OSError."""
        for path, place in list(self.waiting.items()):
            if os.path.exists(place):
                with open(place, "rb") as file:
                    os.fsync(file.fileno())
                os.replace(place, path)
            del self.waiting[path]

    def drop(self) -> None:
        for place in self.waiting.values():
            with suppress(OSError):
                os.unlink(place)
        self.waiting.clear()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def file_metadata(
    asset: Asset, value: Any, metadata: Mapping[str, Any], root: str
) -> dict[str, Any]:
    """What is recorded of an asset that is a file: path, size, hash of its content, and its own words.

    Raises EngineError BLD006 when the function returned no File, or wrote none.
    """
    if not isinstance(value, File):
        got = type(value).__name__
        message = f"'{asset.name}' is a file, but its function returned {got} instead of File(...)"
        hint = "return context.file(path), once it is written"
        raise EngineError(Problem("BLD006", message, asset.at, hint))
    path = value.place or os.path.join(root, value.path)
    if not os.path.isfile(path):
        raise EngineError(_missing(asset, value, path))
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    found = {"path": value.path, "bytes": os.path.getsize(path), "digest": digest}
    return {**metadata, **value.metadata, **found}


def _missing(asset: Asset, value: File, path: str) -> Problem:
    if os.path.isdir(path):
        message = f"'{asset.name}' returned File({value.path!r}), which is a folder"
        return Problem("BLD006", message, asset.at, "write one file, such as a zip of them")
    message = f"'{asset.name}' returned File({value.path!r}), which does not exist"
    hint = "write the file first, then return it; a relative path counts from the project"
    if value.place:
        message = f"'{asset.name}' returned File({value.path!r}), which was never written"
        hint = "give what context.file(...) returned to open(), Path() or to what writes it"
    return Problem("BLD006", message, asset.at, hint)
