"""Small JSON files under .sqlpipes/cache: what was learnt and can be learnt again."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

FOLDER = ".sqlpipes/cache"
TABLES = "tables.json"  # columns of tables, as the warehouse last told them


def read_json(root: str, name: str) -> dict[str, Any] | None:
    """What was kept under this name; None when nothing readable was."""
    try:
        with open(os.path.join(root, FOLDER, name), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def read_tables(root: str) -> dict[str, Any] | None:
    """asset -> [[column, type], ...], which several ask for in one command. It must not be changed."""
    try:
        found = os.stat(os.path.join(root, FOLDER, TABLES))
    except OSError:
        return None
    return _tables(root, (found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=1)
def _tables(root: str, which: tuple[int, int, int]) -> dict[str, Any] | None:
    return read_json(root, TABLES)


def write_tables(root: str, tables: dict[str, Any]) -> None:
    write_json(root, TABLES, tables)


def is_kept(root: str, name: str) -> bool:
    return os.path.exists(os.path.join(root, FOLDER, name))


def write_json(root: str, name: str, value: dict[str, Any], secrets: Sequence[str] = ()) -> None:
    """Atomically; a folder that cannot be written only means that it is learnt again.

    So it is with entries in which a secret stands: they are not kept.
    """
    folder = os.path.join(root, FOLDER)
    value = {key: said for key, said in value.items() if not _shows(said, secrets)}
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
            file.write(json.dumps(value))  # in C, which `dump` is not
        os.replace(file.name, os.path.join(folder, name))
    except OSError:
        pass


def _shows(value: Any, secrets: Sequence[str]) -> bool:
    if not secrets:
        return False
    text = json.dumps(value)
    return any(json.dumps(secret)[1:-1] in text for secret in secrets)


def lend(root: str, other: str) -> None:
    """What was learnt in one folder for a copy of its files: most of it is about contents."""
    with suppress(OSError):
        shutil.copytree(os.path.join(root, FOLDER), os.path.join(other, FOLDER), dirs_exist_ok=True)
