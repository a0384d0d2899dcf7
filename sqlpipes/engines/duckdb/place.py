"""Target -> where its database is, and what the file looks like from outside. Does not import duckdb."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import identifier, literal

MEMORY = ":memory:"
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


def local_path(said: str, root: str) -> str:
    """A path as the user wrote it, made absolute; URLs and ":memory:" stay as they are.

    >>> local_path("s3://lake/x.duckdb", "/project")
    's3://lake/x.duckdb'
    """
    if said == MEMORY or "://" in said or said.startswith("md:"):
        return said
    return os.path.abspath(os.path.join(root, os.path.expanduser(said)))


def exists(target: Target, root: str) -> bool:
    """Whether there is a database to look into; one in memory is always new."""
    path = database_path(target, root)
    return path != MEMORY and ("://" in path or os.path.isfile(path))


@dataclass(frozen=True, slots=True)
class Attached:
    """A database beside the target's own. `where` is a path or an address, which may hold a password."""

    where: str
    alias: str | None
    kind: str | None
    read_only: bool
    is_file: bool  # on this machine

    @property
    def name(self) -> str:
        """What a message may call it."""
        if self.is_file:
            return self.where
        return f"the attached database '{self.alias or self.kind or ''}'"

    def sql(self, *, read_only: bool) -> str:
        """Who only looks writes to none of them, and makes no file for one that is not there yet."""
        where, kind = self.where, self.kind
        options = [f"type {identifier(kind)}"] if kind else []
        alias = self.alias
        if read_only and self.is_file and not os.path.exists(where):
            alias = alias or os.path.splitext(os.path.basename(where))[0]
            where, options = MEMORY, ["read_write"]  # there is no other in memory
        elif self.read_only or read_only:
            options.append("read_only")
        named = f" as {identifier(alias)}" if alias else ""
        return f"attach {literal(where)}{named}" + (f" ({', '.join(options)})" if options else "")


def attached(target: Target, root: str) -> tuple[Attached, ...]:
    """The databases under the target's `attach`."""
    return tuple(_attached(entry, root) for entry in listed(target.options.get("attach")))


def _attached(entry: Plain, root: str) -> Attached:
    said = entry if isinstance(entry, dict) else {"path": entry}
    path, kind, alias = (said.get(key) for key in ("path", "type", "alias"))
    path = MEMORY if path is None else str(path)
    is_file = kind in (None, "duckdb", "sqlite") and ":" not in path
    return Attached(
        local_path(path, root) if is_file else path,
        None if alias is None else str(alias),
        None if kind is None else str(kind),
        bool(said.get("read_only")),
        is_file,
    )


def listed(value: Plain) -> list[Plain]:
    """One, several, or none of something, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def stamp(target: Target, root: str) -> str | None:
    """Inode, size and time of the database file, of what is attached, and of their write-ahead logs.

    None without a file, and where an attached database is none: it may change unseen.
    """
    path = database_path(target, root)
    beside = [found for found in attached(target, root) if found.where != MEMORY]
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
