"""Target -> where its database is, and what the file looks like from outside. Does not import duckdb."""

from __future__ import annotations

import os
import re

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.engines.duckdb.attached import MEMORY
from sqlpipes.engines.duckdb.profile import local_path, read_profile

HOLDER = re.compile(r"held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")


def database_path(target: Target, root: str) -> str:
    """The absolute path of the target's database file, or ":memory:".

    >>> database_path(Target("dev", "duckdb", options={"path": ":memory:"}), "/somewhere")
    ':memory:'
    """
    said = target.options.get("path", target.options.get("database"))
    if not isinstance(said, str) or not said:
        message = f"target '{target.name}' does not say where its DuckDB database is"
        hint = "add `path: warehouse.duckdb` to the target (`path: ':memory:'` keeps nothing)"
        raise EngineError(Problem("ENG002", message, hint=hint))
    return local_path(said, root)


def exists(target: Target, root: str) -> bool:
    """Whether there is a database to look into; one in memory is always new."""
    return is_there(database_path(target, root))


def is_there(path: str) -> bool:
    return path != MEMORY and ("://" in path or os.path.isfile(path))


def stamp(target: Target, root: str, path: str | None = None) -> str | None:
    """Inode, size and time of the database file, of what is attached, and of their write-ahead logs.

    None without a file, and where an attached database is none: it may change unseen. `path`: of a
    file that stands for the target's own.
    """
    path = path or database_path(target, root)
    beside = [each for each in read_profile(target, root).attached if each.where != MEMORY]
    if path == MEMORY or not os.path.isfile(path) or not all(found.is_file for found in beside):
        return None
    paths = (path, *(found.where for found in beside))
    logs = (f"{found}{end}" for found in paths for end in ("", ".wal", "-wal"))
    return ";".join(_file_stamp(found) for found in logs)


def _file_stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return "-"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def holder(message: str) -> str:
    """Who holds a locked file, from DuckDB's message and, where there is one, from /proc.

    >>> holder("Could not set lock: Conflicting lock is held in /usr/bin/dbshell (PID 999999999).")
    '/usr/bin/dbshell (pid 999999999)'
    """
    found = HOLDER.search(message)
    if found is None:
        return "another process"
    command = _command_of(found["pid"]) or found["program"]
    return f"{command} (pid {found['pid']})"


def _command_of(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return ""
    said = " ".join(word.decode("utf-8", "replace") for word in words)
    return " ".join(said.split())[:200]
