"""Documents + the files of the front end -> a folder that a browser opens from a disk, a share or any server.

A page that is opened as a file may fetch nothing, so each document is a script that hands itself over.
Each file takes its place at once, and a folder that is not ours is not touched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from sqlpipes.api import Overview, asset_pages, hidden_in, run_pages
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.show.site.asset import asset_document
from sqlpipes.show.site.overview import graph_document, search_document, slug
from sqlpipes.show.site.runs import run_document, runs_document

MARK = "sqlpipes-docs.json"
"""The list of the files that were written. A folder that has it is ours."""

Hide = Callable[[str], str]


def documents(seen: Overview) -> Iterator[tuple[str, Any]]:
    """Key and document, one after the other: asset/NAME, run/ID, runs, search, graph."""
    for page in asset_pages(seen):
        yield f"asset/{slug(page.status.asset)}", asset_document(seen, page)
    runs = list(run_pages(seen.project))
    for run in runs:
        yield f"run/{slug(run.run_id)}", run_document(run)
    yield "runs", runs_document(runs)
    yield "search", search_document(seen)
    yield "graph", graph_document(seen)


def write_site(seen: Overview, folder: str) -> int:
    """Write the page about a project into `folder`; how many files it has now.

    Raises ProjectError UIX001 for a folder that holds something else, UIX002 where nothing can be written.
    """
    before = _own_files(folder)
    hide = hidden_in(seen.project)
    try:
        os.makedirs(folder, exist_ok=True)
        if MARK not in before:
            _put(folder, MARK, _mark([]))  # a page that was broken off is ours, too
        written: list[str] = []
        for path, content in _files(seen, hide):
            _put(folder, path, content)
            written.append(path)
        _remove(folder, before - {*written, MARK})
        _put(folder, MARK, _mark(written))
    except OSError as error:
        said = error.strerror or str(error)
        raise ProjectError(
            Problem("UIX002", f"cannot write the page to {folder}: {said}")
        ) from None
    return len(written)


def _files(seen: Overview, hide: Hide) -> Iterator[tuple[str, bytes]]:
    for key, document in documents(seen):
        yield f"data/{key}.js", script(key, hidden(document, hide)).encode()
    yield from front_end()


def script(key: str, document: Any) -> str:
    """A document as a script. What it says cannot end it, whatever letters are in it.

    >>> script("runs", {"runs": []})
    'sqlpipes.take("runs",{"runs":[]})\\n'
    """
    return f"sqlpipes.take({json.dumps(key)},{document_text(document)})\n"


def document_text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), default=str)


def hidden(value: Any, hide: Hide) -> Any:
    """The same document without secrets, in keys as well."""
    if hide is str:
        return value
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {hidden(key, hide): hidden(item, hide) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hidden(item, hide) for item in value]
    return value


def front_end() -> Iterator[tuple[str, bytes]]:
    """The page's own files, the same for every project: path and content, index.html last."""
    found = dict(_below(resources.files("sqlpipes.show.site") / "page", ""))
    for path in sorted(found, key=lambda path: (path == "index.html", path)):
        yield path, found[path].read_bytes()


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _own_files(folder: str) -> set[str]:
    """What an earlier page left there. ProjectError UIX001 when it is no page, nor empty."""
    try:
        found = os.listdir(folder)
    except FileNotFoundError:
        return set()
    except NotADirectoryError:
        raise ProjectError(_not_ours(f"{folder} is a file")) from None
    except OSError as error:
        said = f"cannot read {folder}: {error.strerror or error}"
        raise ProjectError(Problem("UIX002", said)) from None
    if not found:
        return set()
    try:
        with open(os.path.join(folder, MARK), encoding="utf-8") as file:
            told = json.load(file)["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ProjectError(_not_ours(f"{folder} holds other files")) from None
    if not isinstance(told, list):
        raise ProjectError(_not_ours(f"{folder} holds other files"))
    return {MARK, *(path for path in told if isinstance(path, str) and _is_inside(path))}


def _not_ours(what: str) -> Problem:
    hint = "name a new or empty folder: sqlpipes docs --output site"
    return Problem("UIX001", f"{what}, and not a page of ours; nothing was written", hint=hint)


def _is_inside(path: str) -> bool:
    """Whether a listed path stays in the folder, whoever wrote the list."""
    parts = path.split("/")
    return ".." not in parts and "" not in parts and "\\" not in path and ":" not in path


def _mark(files: list[str]) -> bytes:
    about = "written by sqlpipes docs; what is listed here is written anew and removed"
    return (json.dumps({"about": about, "files": sorted(files)}, indent=1) + "\n").encode()


def _put(folder: str, path: str, content: bytes) -> None:
    """At once, and not at all where it is so already."""
    place = os.path.join(folder, *path.split("/"))
    try:
        with open(place, "rb") as file:
            if file.read() == content:
                return
    except OSError:
        os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(f"{place}.new", "wb") as file:
        file.write(content)
    os.replace(f"{place}.new", place)


def _remove(folder: str, paths: set[str]) -> None:
    for path in sorted(paths):
        place = os.path.join(folder, *path.split("/"))
        if os.path.isfile(place) or os.path.islink(place):
            os.remove(place)
