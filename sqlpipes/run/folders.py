"""A folder with a file for each slice: what the slices are called in it, and how new ones take their places.

A slice is one file, which takes the place of the old one in a single rename: whoever reads, and
whatever dies in between, sees the old slice or the new one. What is about to stand in the folder is
noted first, so the next build knows the files for its own and finishes the work.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from urllib.parse import quote

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.export import Export
from sqlpipes.core.partitions import (
    Grain,
    IntegerAxis,
    Partitioning,
    Partitions,
    TimeAxis,
    first_of,
    keys_of,
)
from sqlpipes.run.bounds import FOLDER, Note, names_in
from sqlpipes.run.disk import put

NOBODY = "__HIVE_DEFAULT_PARTITION__"  # the folder of no slice: its file has columns and no rows
LONGEST = 180  # characters of a folder's name
PLAIN = " _-.,:+@()!~"  # beside letters and digits: what stands in a folder's name as it is
Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """What a part does to a folder; paths are relative to it, with / between.

    `emptied` are taken away; `whole`: all that may be there afterwards, None: whatever is there stays.
    `blank` is put there when nothing else is, so that readers find the columns.
    """

    written: tuple[str, ...]
    emptied: tuple[str, ...]
    whole: frozenset[str] | None
    blank: str
    columns: Columns = ()


def file_names(cut: Partitioning, slices: Partitions, export: Export) -> tuple[str, ...]:
    """The file of one slice, under each name that it may have: see `folder_name`; the plainest first.

    >>> cut = Partitioning("d", TimeAxis(Grain.DAY))
    >>> file_names(cut, Partitions.of(Grain.DAY, [(0, 1)]), Export("out", "parquet", {}, True))
    ('d=1970-01-01/data.parquet', 'd_day=1970-01-01/data.parquet')
    """
    labels, ranges = slices.rows[0]
    keys = keys_of(slices.axis, labels, first_of(slices.axis).key(ranges[0][0]))
    parts = [
        [folder_name(name, key) for name in column_names(each)]
        for each, key in zip(cut.cuts, keys, strict=True)
    ]
    return tuple("/".join((*found, f"data{export.ending}")) for found in product(*parts))


def blank_name(cut: Partitioning, export: Export) -> str:
    """
    >>> cut = Partitioning("n/s", TimeAxis(Grain.DAY))
    >>> blank_name(cut, Export("out", "parquet", {}, True))
    'n%2Fs=__HIVE_DEFAULT_PARTITION__/data.parquet'
    """
    folders = (f"{_column_said(column)}={NOBODY}" for column in cut.columns)
    return "/".join((*folders, f"data{export.ending}"))


def column_names(cut: Partitioning) -> tuple[str, ...]:
    """The column, if its value is the slice's key; else a name of its own, as readers that take the values
    of the folder's name for those of the column would lose what the key does not say.
    """
    if isinstance(cut.along, TimeAxis):
        grain = str(cut.along.unit)
        own = f"{cut.column}_{grain}"
        return (cut.column, own) if cut.along.unit is Grain.DAY else (own,)
    if isinstance(cut.along, IntegerAxis) and cut.along.width != 1:
        return (f"{cut.column}_range",)
    return (cut.column,)


def folder_name(column: str, key: str) -> str:
    """As Hive writes it: what could mean something else is written as %2F.

    >>> folder_name("region", "north/west")
    'region=north%2Fwest'
    """
    said = "%5F" + key[1:] if key == NOBODY else quote(key, safe=PLAIN)
    return _cut(f"{_column_said(column)}={said}", LONGEST)


def _column_said(column: str) -> str:
    """Short enough that a = and something of a key stand behind it."""
    return _cut(quote(column, safe=PLAIN), LONGEST - 40)


def _cut(said: str, longest: int) -> str:
    if len(said) <= longest:
        return said
    digest = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
    return f"{said[: longest - 20].rstrip('%')}~{digest}"


def path_below(folder: str, name: str) -> str:
    """Where a file of a folder is, by its name with / between. No name leads out of the folder.

    >>> path_below("/out", "d=1/../../x")
    Traceback (most recent call last):
    ValueError: 'd=1/../../x' leads out of its folder
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or os.path.basename(part) != part for part in parts):
        raise ValueError(f"{name!r} leads out of its folder")
    return os.path.join(folder, *parts)


def merge(stage: str, folder: str, root: str, asset: str, what: Merge) -> None:
    """The staged files into their places in the folder; raises OSError."""
    with _alone(folder, root):
        there = frozenset(names_in(folder))
        coming = frozenset((*what.written, what.blank))
        Note(asset, there | coming, what.columns).write(folder, root)
        for name in what.written:
            _move(stage, folder, name)
        gone = {*what.emptied, *({what.blank} if what.written else ())}
        if what.whole is not None:
            gone |= there - what.whole
        gone -= {*what.written}
        if not (there | {*what.written}) - gone - {what.blank}:
            _move(stage, folder, what.blank)
            gone.discard(what.blank)
        for name in gone & there:
            _remove(folder, name)
        with suppress(OSError):
            Note(asset, frozenset(names_in(folder)), what.columns).write(folder, root)


def _move(stage: str, folder: str, name: str) -> None:
    path = path_below(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    put(path_below(stage, name), path)


def _remove(folder: str, name: str) -> None:
    """A file, and the folders that are empty without it."""
    path = path_below(folder, name)
    os.unlink(path)
    while (path := os.path.dirname(path)) != folder:
        try:
            os.rmdir(path)
        except OSError:
            return


@contextmanager
def _alone(folder: str, root: str) -> Iterator[None]:
    """One thread or process at a time changes a folder; where files cannot be locked, one thread of none."""
    digest = hashlib.blake2b(os.path.realpath(folder).encode(), digest_size=16).hexdigest()
    where = os.path.join(root, FOLDER, f"{digest}.lock")
    os.makedirs(os.path.dirname(where), exist_ok=True)
    with open(where, "w", encoding="utf-8") as file:
        _lock(file.fileno())
        yield


def _lock(number: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: slices are still replaced whole, notes may lag behind
        return
    fcntl.flock(number, fcntl.LOCK_EX)


def all_names(cut: Partitioning, slices: Partitions, export: Export) -> Iterable[str]:
    for one in slices.each():
        yield from file_names(cut, one, export)
