"""The paths of files -> which windows of a source they hold, and a token for each of these.

A path says it in folders (`date=2024-01-01`, or `year=2024/month=01/day=05`), or as a declared
pattern such as `raw/%Y-%m-%d.csv` does. Nothing is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from sqlpipes.core.asset import Asset, SourceBody
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.partitions import Partitioning, Partitions, TimeAxis, named_slices
from sqlpipes.core.windows import Slot, Windows
from sqlpipes.read.files import content_hash, files_token, list_files
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import text

Keys = tuple[str | None, ...]

NOTHING = "__HIVE_DEFAULT_PARTITION__"  # how a folder says that its rows have no value
PARTS = {"Y": r"\d{4}", "m": r"\d{2}", "d": r"\d{2}", "H": r"\d{2}", "M": r"\d{2}"}
FOLDERS = ("year", "month", "day", "hour")
SIGNS = ("", "-", "-", " ", ":")  # before each part of a key
SHOWN = 5  # files that one error names


def path_pattern(
    node: Node | None, cut: Partitioning | None, problems: list[Problem]
) -> str | None:
    """The pattern under `path:`, with %Y %m %d %H %M for the parts of a key, and * for any text."""
    said = text(node, problems)
    if node is None or not said:
        return None
    signs = re.findall(r"%(.?)", said)
    wrong = [sign for sign in signs if sign not in PARTS]
    fault = None
    if wrong:
        fault = f"'path' knows no %{wrong[0]}"
    elif "Y" not in signs or len(set(signs)) < len(signs):
        fault = "'path' must have a year (%Y), and each part once"
    elif cut is not None and (cut.others or not isinstance(cut.along, TimeAxis)):
        fault = "'path' says when, so it goes with one cut by time"
    if fault:
        hint = "such as raw/%Y-%m-%d.csv; known are %Y %m %d %H %M, and * is any text"
        problems.append(Problem("PAR002", fault, node.at, hint))
        return None
    return said


def file_windows(asset: Asset, root: str) -> Windows:
    """The token of each window that files are of. ProjectError SRC003 for paths that do not say which."""
    body, cut = asset.body, asset.partition
    assert isinstance(body, SourceBody)
    assert cut is not None
    pattern = _compiled(body.path) if body.path else None
    lines: dict[Slot, list[str]] = {}
    loose: list[str] = []
    faults: list[Problem] = []
    known: dict[Keys, Partitions] = {}
    for path, line in list_files(body.files):
        shown = _below(path, root)
        try:
            keys = _keys(shown, pattern, cut)
            if None not in keys and keys not in known:
                known[keys] = named_slices([str(key) for key in keys], cut.axis)
        except ValueError as fault:
            faults.append(_fault(asset, shown, str(fault)))
            continue
        loose += [line] if None in keys else []
        for slot in _slots(known[keys]) if None not in keys else ():
            lines.setdefault(slot, []).append(line)
    if faults:
        raise ProjectError(*faults[:SHOWN])
    tokens = {slot: content_hash("\n".join(found).encode()) for slot, found in lines.items()}
    return Windows(cut.axis, tokens, "\n".join(loose), files_token(body.files) or "")


def _fault(asset: Asset, path: str, what: str) -> Problem:
    message = f"source '{asset.name}' is cut into windows, but the path {path} {what}"
    hint = "name a folder like date=2024-01-01 after the column, or say `path: raw/%Y-%m-%d.csv`"
    return Problem("SRC003", message, asset.at, hint)


def _below(path: str, root: str) -> str:
    inside = root.rstrip("/").replace("\\", "/") + "/"
    return path.replace("\\", "/").removeprefix(inside)


def _slots(slices: Partitions) -> Iterator[Slot]:
    for labels, ranges in slices.rows:
        for low, high in ranges:
            yield from ((labels, place) for place in range(low, high))


def _keys(path: str, pattern: re.Pattern[str] | None, cut: Partitioning) -> Keys:
    """The key per cut; None: the file's rows have no value. ValueError says what the path lacks."""
    if pattern is not None:
        match = pattern.fullmatch(path)
        if match is None:
            raise ValueError("does not fit the pattern under `path:`")
        return (_joined([match.groupdict().get(part) for part in PARTS]),)
    pairs = (folder.partition("=") for folder in path.split("/")[:-1])
    folders = {key.casefold(): unquote(value) for key, sign, value in pairs if sign}
    return tuple(_key(folders, each) for each in cut.cuts)


def _key(folders: Mapping[str, str], cut: Partitioning) -> str | None:
    said = folders.get(cut.column.casefold())
    if said is None and isinstance(cut.along, TimeAxis):
        said = _joined([folders.get(name) for name in FOLDERS])
    if not said:
        raise ValueError(f"does not say which {cut.column}")
    return None if said == NOTHING else said


def _joined(parts: Sequence[str | None]) -> str:
    """2024, 1, 5 as a key, as far as it goes."""
    found = ""
    for sign, part in zip(SIGNS, parts, strict=False):
        if part is None:
            break
        found += sign + part.zfill(2)
    return found


def _compiled(pattern: str) -> re.Pattern[str]:
    """
    >>> bool(_compiled("raw/%Y-*.csv").fullmatch("raw/2024-x.csv"))
    True
    """

    def piece(said: str) -> str:
        if said == "*":
            return "[^/]*"
        return f"(?P<{said[1]}>{PARTS[said[1]]})" if said.startswith("%") else re.escape(said)

    return re.compile("".join(piece(said) for said in re.findall(r"%.|\*|[^%*]+", pattern)))
