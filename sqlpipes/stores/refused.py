"""What the database of a state says when it refuses -> a problem with a way out."""

from __future__ import annotations

from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.faults import unwrapped


def refused(where: str, said: str, at: Location | None) -> Problem:
    """The database's first line, sorted into what a person can do about it."""
    line = unwrapped(_first_line(said))
    for words, code, hint in _KNOWN:
        if any(word in line for word in words):
            return Problem(code, f"{where}: {line}", at, hint.format(where=where))
    hint = "see that its database is up and that `state` leads there"
    return Problem("STO001", f"cannot use the state in {where}: {line}", at, hint)


def _first_line(said: str) -> str:
    return said.strip().splitlines()[0] if said.strip() else "no reason given"


_KNOWN = (
    (
        ("translate host name", "failed to resolve host", "Name or service not known"),
        "STO015",
        "is the host in `state` spelt right, and can this machine look it up?",
    ),
    (
        ("Connection refused", "No route to host", "Network is unreachable"),
        "STO015",
        "is the server of the state up, and are host and port in `state` right?",
    ),
    (
        ("timeout expired", "timed out"),
        "STO015",
        "a firewall, or another host than the one in `state`?",
    ),
    (
        ("password", "pg_hba.conf", "Access denied", "not permitted to log in"),
        "STO015",
        "see the user and the password in `state`: take it from outside, {{{{ env_var('...') }}}}",
    ),
    (
        ("does not exist", "Unknown database"),
        "STO015",
        "`state` names a database or a user that is not there",
    ),
    (
        ("too many c", "connection slots", "starting up", "shutting down"),
        "STO015",
        "the server of the state takes no connection now: try again in a moment",
    ),
    (("SSL", "certificate"), "STO015", "see sslmode in `state`, and its certificates"),
    (
        ("permission denied for table", "permission denied for relation", "must be owner of"),
        "STO016",
        "its tables are somebody else's: grant select, insert, update, delete on the tables "
        "sqlpipes_* to the user in `state`, or let their owner run the build",
    ),
    (
        ("permission denied",),
        "STO016",
        "the user in `state` must be able to make tables: grant create on schema public to it",
    ),
    (
        ("server closed", "terminating connection", "connection is closed", "connection is lost"),
        "STO017",
        "what was built is safe: build again when it is back, and only the rest is done",
    ),
    (
        ("not a database", "malformed", "disk image", "file is encrypted"),
        "STO002",
        "the file is damaged: move {where} away (with its -wal and -shm); "
        "the next build starts a new one and builds what it cannot prove current",
    ),
    (
        ("database is locked", "database table is locked"),
        "STO003",
        "another process has been writing to it for 30 s: see what is still running",
    ),
    (
        ("readonly", "read-only", "unable to open", "disk is full", "disk I/O error"),
        "STO004",
        "the folder must exist, be writable and have room: {where}",
    ),
)
