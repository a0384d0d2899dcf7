"""A folder -> the files in it, with what tells that they changed. Nothing is opened here but `read_text`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from stat import S_ISREG

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem

UNSPEAKABLE = (
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"  # in a path; undecodable bytes are the last range
)
FORMATS = {  # of data files, by their ending
    "csv": "csv",
    "tsv": "csv",
    "parquet": "parquet",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
}
SKIPPED = frozenset({"__pycache__", "node_modules", "dbt_packages", "target"})


@dataclass(frozen=True, slots=True)
class File:
    """A file of the project. `path` is relative to the root, with forward slashes."""

    path: str
    absolute: str
    mtime_ns: int
    size: int

    @property
    def stem(self) -> str:
        """The file's name without its ending.

        >>> File("models/a.b.sql", "", 0, 0).stem
        'a.b'
        """
        return self.path.rpartition("/")[2].rpartition(".")[0]

    @property
    def suffix(self) -> str:
        return self.path.rpartition(".")[2].casefold()

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


def walk(root: str, folder: str, problems: list[Problem]) -> list[File]:
    """Every file under a folder of the project, sorted by path; hidden ones are left out.

    A folder that does not exist has no files; one that may not be listed is FIL001.
    """
    start = os.path.join(root, folder)
    relative = folder.replace(os.sep, "/").strip("/")
    return sorted(_walk(start, relative, problems), key=lambda file: file.path)


def walk_all(root: str, folders: Iterable[str], problems: list[Problem]) -> list[File]:
    """Every file under several folders, each once."""
    found: dict[str, File] = {}
    for folder in folders:
        found |= {file.path: file for file in walk(root, folder, problems)}
    return list(found.values())


def _walk(absolute: str, relative: str, problems: list[Problem]) -> Iterator[File]:
    try:
        entries = list(os.scandir(absolute))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as fault:
        problems.append(_unreadable(relative, fault))
        return
    unspeakable = re.compile(UNSPEAKABLE).search
    for entry in entries:
        if entry.name.startswith(".") or entry.name in SKIPPED:
            continue
        path = f"{relative}/{entry.name}" if relative not in ("", ".") else entry.name
        if _is_folder(entry):
            if not _leads_upwards(entry, absolute):
                yield from _walk(entry.path, path, problems)
        elif unspeakable(path):
            if "." in entry.name:  # a Mac's 'Icon\r' is nothing of the user's
                problems.append(_unspeakable(path))
        elif found := _stat(entry, path):
            yield found


def _unspeakable(path: str) -> Problem:
    shown = ascii(path)[1:-1]
    message = "the name of this file has a control character or is not UTF-8"
    return Problem("FIL003", message, Location(shown), "rename it: an asset is named by its file")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that lead in a circle
        return False


def _leads_upwards(entry: os.DirEntry[str], folder: str) -> bool:
    """Whether a link points to a folder above itself, which would never end."""
    if not entry.is_symlink():
        return False
    target = os.path.join(os.path.realpath(entry.path), "")
    return os.path.join(os.path.realpath(folder), "").startswith(target)


def _unreadable(path: str, fault: OSError) -> Problem:
    reason = fault.strerror or str(fault)
    return Problem("FIL001", f"this cannot be read: {reason}", Location(path))


def _stat(entry: os.DirEntry[str], path: str) -> File | None:
    try:
        stat = entry.stat()
    except OSError:  # a dangling link, or gone since it was listed
        return None
    if not S_ISREG(stat.st_mode):  # a pipe or a device would never end
        return None
    return File(path, entry.path, stat.st_mtime_ns, stat.st_size)


def one_file(root: str, path: str) -> File | None:
    """A single file by its relative path, or None when there is none."""
    absolute = os.path.join(root, path)
    try:
        stat = os.stat(absolute)
    except OSError:
        return None
    return (
        File(path, absolute, stat.st_mtime_ns, stat.st_size) if os.path.isfile(absolute) else None
    )


def read_bytes(file: File) -> bytes | Problem:
    """The content, or FIL001 when it cannot be read."""
    try:
        with open(file.absolute, "rb") as stream:
            return stream.read()
    except OSError as fault:
        return _unreadable(file.path, fault)


def decode(content: bytes, path: str) -> str | Problem:
    """UTF-8 text without its byte order mark, or FIL002 with the place of the first bad byte."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = content[: fault.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        at = Location(path, line, column)
        return Problem("FIL002", "this file is not UTF-8 text", at, "save it as UTF-8")


def content_hash(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def file_hash(file: File) -> str | Problem:
    """The hash of a file of any size, read in pieces."""
    digest = blake2b(digest_size=16)
    try:
        with open(file.absolute, "rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    except OSError as fault:
        return _unreadable(file.path, fault)
    return digest.hexdigest()


def files_token(patterns: Iterable[str], besides: Iterable[str] = ()) -> str | None:
    """A text that moves when a file behind the patterns comes, goes or changes (path, size, time).

    For an http(s) URL it moves with the tag or the date that its server gives. Files `besides` do not
    count. None when it cannot be known: of a file elsewhere, or from a server that says neither.
    """
    patterns = tuple(patterns)
    left_out = {path for path, _ in list_files(besides)}
    local = [pattern for pattern in patterns if not is_remote(pattern)]
    remote = [pattern for pattern in patterns if is_remote(pattern)]
    lines = [line for path, line in list_files(local) if path not in left_out]
    if remote:
        from sqlpipes.read.urls import url_lines

        if (found := url_lines(remote)) is None:
            return None
        lines += found
    return content_hash("\n".join(lines).encode())


def list_files(patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(path, a line that moves when the file does) of every local file behind the patterns."""
    from glob import glob

    for pattern in patterns:
        for path in sorted(glob(pattern, recursive=True, include_hidden=True)):
            with suppress(OSError):  # gone since it was listed
                stat = os.stat(path)
                yield path, f"{path} {stat.st_size} {stat.st_mtime_ns}"


def newest_file(patterns: Iterable[str]) -> float | None:
    """When the newest local file behind the patterns was written, in seconds since 1970."""
    from glob import glob

    found: list[float] = []
    for pattern in patterns:
        for path in glob(pattern, recursive=True, include_hidden=True):
            with suppress(OSError):  # gone since it was listed
                found.append(os.stat(path).st_mtime)
    return max(found, default=None)


def is_remote(pattern: str) -> bool:
    return "://" in pattern
