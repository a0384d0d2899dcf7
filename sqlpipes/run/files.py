"""Files and folders of assets: written beside the old one, moved into its place when all went well."""

from __future__ import annotations

import glob
import os
import uuid
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.definitions import File
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.run.bounds import Bounds
from sqlpipes.run.disk import OLD, has_content, measured, put, remove
from sqlpipes.run.folders import Merge, merge

ENDING = ".sqlpipes-new"


class Places:
    """Where files and folders of one call wait until they are published: final path -> place.

    `used`: a place was asked for, so the files that readers see were not written to. `bounds`: what
    may be written; None: anything.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds
        self.waiting: dict[str, str] = {}
        self.merges: dict[str, Merge] = {}  # folders of which only some files change
        self.columns: dict[str, tuple[tuple[str, str], ...]] = {}  # of files that are rows
        self.used = False
        self.began = False  # to publish: what readers see may have changed

    def place_of(self, path: str, said: str = "") -> str:
        """A new name beside the final one: on the same disk, so that it can be moved at once.

        Of a path that ends with / an empty folder, which is there. `said` is how the user wrote it.
        Raises EngineError BLD021 for what is not the asset's to replace, DUP006 for another's.
        """
        self.used = True
        is_folder, path = path.endswith(os.sep), os.path.normpath(path)
        self._demand(path, said)
        if path in self.waiting:  # asked for twice: it is one file
            return self.waiting[path]
        folder, name = os.path.split(path)
        os.makedirs(folder, exist_ok=True)
        self._sweep(folder, name)
        own = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        stem, ending = os.path.splitext(name)
        # the ending stays last, as some writers tell the format by it
        self.waiting[path] = os.path.join(folder, f".{stem}.{own}{ENDING}{ending}")
        if is_folder:
            os.mkdir(self.waiting[path])
        return self.waiting[path]

    def _sweep(self, folder: str, name: str) -> None:
        """What processes that died have left of this file."""
        stem, ending = os.path.splitext(name)
        pattern = os.path.join(glob.escape(folder), f".{glob.escape(stem)}.*{ENDING}{ending}")
        for left in glob.glob(pattern):
            process = os.path.basename(left)[len(stem) + 2 :].partition("-")[0]
            if process.isdigit() and not _is_alive(int(process)):
                remove(left)
        for left in glob.glob(pattern + OLD):  # it died while a folder changed places
            if not os.path.exists(os.path.join(folder, name)):
                os.rename(left, os.path.join(folder, name))

    def publish(self) -> None:
        """Each into its place, safely on disk. Raises OSError, and EngineError as `place_of` does."""
        for path, place in list(self.waiting.items()):
            self.began = True
            if os.path.exists(place):
                self._put(place, path)
            del self.waiting[path]

    def _put(self, place: str, path: str) -> None:
        self._demand(path, path)  # again: somebody may have put something there meanwhile
        if path in self.merges and self.bounds is not None:
            merge(place, path, self.bounds.root, self.bounds.asset, self.merges[path])
            remove(place)
            return
        columns = self.columns.get(path, ())
        if self.bounds is not None:
            self.bounds.note(path, place, columns)
        put(place, path)
        if self.bounds is not None:
            self.bounds.noted(path, columns)

    def _demand(self, path: str, said: str) -> None:
        if self.bounds is not None and (problem := self.bounds.refusal(path, said)):
            raise EngineError(problem)

    def drop(self) -> None:
        for place in self.waiting.values():
            remove(place)
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
    if not has_content(path):
        raise EngineError(_missing(asset, value, path))
    _demand_path(asset, value, root)
    found = {"path": value.path, **measured(path)}
    return {**metadata, **value.metadata, **found}


def _demand_path(asset: Asset, value: File, root: str) -> None:
    """What the decorator or the code says of the path is what readers were linked by."""
    assert isinstance(asset.body, PythonBody)
    path = os.path.normpath(os.path.join(root, value.path))
    said = [os.path.normpath(os.path.join(root, each)) for each in asset.body.written]
    if said and not any(fnmatchcase(path, each) for each in said):
        message = (
            f"'{asset.name}' returned File({value.path!r}), but is to be {asset.body.written[0]}"
        )
        hint = "who reads it is found by that path: say path=... in the decorator"
        raise EngineError(Problem("BLD006", message, asset.at, hint))


def _missing(asset: Asset, value: File, path: str) -> Problem:
    if os.path.isdir(path):
        message = f"'{asset.name}' returned File({value.path!r}), a folder without any file"
        return Problem("BLD006", message, asset.at, "write at least one file into it")
    message = f"'{asset.name}' returned File({value.path!r}), which does not exist"
    hint = "write the file first, then return it; a relative path counts from the project"
    if value.place:
        message = f"'{asset.name}' returned File({value.path!r}), which was never written"
        hint = "give what context.file(...) returned to open(), Path() or to what writes it"
    return Problem("BLD006", message, asset.at, hint)
