"""A state URL -> a SQLAlchemy engine, and whatever its database refuses -> StoreError."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, exc, make_url
from sqlalchemy.dialects import sqlite

from sqlpipes.core.errors import Location, Problem, StoreError
from sqlpipes.core.faults import unwrapped
from sqlpipes.core.hiding import ESCAPES, is_torn
from sqlpipes.stores.lasting import Away, is_away, options
from sqlpipes.stores.lock import state_folder

BUSY_TIMEOUT_S = 30


def parse_url(url: str | None, root: str, at: Location | None = None) -> URL:
    """The URL with a SQLite path made absolute; None is the file in the project's own folder.

    `at`: where `state` is written. StoreError STO007 shows nothing of what is no URL, as a part of a
    password may stand anywhere in it.
    """
    if url is None:
        return URL.create("sqlite", database=os.path.join(_folder(root), "state.db"))
    if is_torn(url):
        message = "`state` has an @ too many: a part of a password would be taken for the host"
        raise StoreError(Problem("STO007", message, at, ESCAPES))
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise StoreError(Problem("STO007", "`state` is no database URL", at, _FORM)) from None
    if parsed.get_backend_name() == "sqlite" and parsed.host:
        message = "`state` is a SQLite with a host, and a file has none"
        raise StoreError(Problem("STO007", message, at, _FORM))
    if is_file(parsed):
        path = os.path.join(os.path.abspath(root), parsed.database or "")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return parsed.set(database=path)
    return parsed


def is_file(url: URL) -> bool:
    """Whether the state is a SQLite file of its own."""
    return url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")


def name_of(url: URL) -> str:
    """The database as a message may show it: a path, or the URL without its password."""
    return str(url.database) if is_file(url) else url.render_as_string(hide_password=True)


def make_engine(url: URL) -> Engine:
    """An engine whose writers queue up instead of failing at commit."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, connect_args=options(url))
    timeout: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S}
    if is_file(url):
        engine = create_engine(url, connect_args=timeout)
    else:
        timeout["check_same_thread"] = False
        engine = create_engine(url, connect_args=timeout, poolclass=StaticPool)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL")


def _write_ahead(connection: Any) -> None:
    """Two that make a new database at once: SQLite lets no one wait for this change, so we do."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def begin(db: Connection, *, writes: bool) -> None:
    """Begin on SQLite, whose driver must not: a reader that turns writer half-way cannot wait for
    its turn, so a writer says so first. (An event could say it, at a price for every statement.)"""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def run(
    db: Connection, statement: Any, said: Mapping[str, Any] | list[dict[str, Any]]
) -> list[Any]:
    """Run a statement that is always the same object; its rows, as tuples.

    On SQLite its text goes straight to the driver: for the dozen small statements that each step of
    a build is recorded with, the way through SQLAlchemy costs three times as much as they do.
    """
    if db.dialect.name != "sqlite":
        answer = db.execute(statement, said)
        return [tuple(row) for row in answer] if answer.returns_rows else []
    rows = said if isinstance(said, list) else [said]
    text, names, own = _as_text(statement, tuple(rows[0]))
    values = [[row[name] if name in row else own[name] for name in names] for row in rows]
    driver: Any = db.connection.driver_connection
    if len(values) > 1:
        driver.executemany(text, values)
        return []
    found: list[Any] = driver.execute(text, values[0]).fetchall()
    return found


@cache
def _as_text(
    statement: Any, said: tuple[str, ...]
) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
    """A statement as SQLite's driver takes it, what its question marks stand for, and the values
    among these that are its own."""
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(said))
    return str(compiled), tuple(compiled.positiontup or ()), compiled.params


@contextmanager
def faults(where: str, at: Location | None = None) -> Iterator[None]:
    """Turn what the database and its driver raise into StoreError, with a way out in the hint.

    `at`: where the database is named.
    """
    try:
        yield
    except exc.DBAPIError as error:
        kind = Away if is_away(error) else StoreError
        raise kind(_refused(where, str(error.orig), at)) from error
    except sqlite3.Error as error:
        raise StoreError(_refused(where, str(error), at)) from error
    except (exc.NoSuchModuleError, ModuleNotFoundError) as error:
        hint = "install the database's driver, or leave `state` out for a SQLite file"
        message = f"no driver for {where}: {error}"
        raise StoreError(Problem("STO006", message, at, hint)) from error
    except (exc.SQLAlchemyError, OSError) as error:
        message = f"cannot use the state in {where}: {error}"
        raise StoreError(Problem("STO001", message, at)) from error


def _refused(where: str, said: str, at: Location | None) -> Problem:
    """The database's first line, sorted into what a person can do about it."""
    line = unwrapped(_first_line(said))
    for words, code, hint in _KNOWN:
        if any(word in line for word in words):
            return Problem(code, f"{where}: {line}", at, hint.format(where=where))
    hint = "see that its database is up and that `state` leads there"
    return Problem("STO001", f"cannot use the state in {where}: {line}", at, hint)


def _first_line(said: str) -> str:
    return said.strip().splitlines()[0] if said.strip() else "no reason given"


_FORM = (
    "write it as sqlite:///path/state.db or postgresql+psycopg://user:password@host:5432/database; "
    "quote the password: %40 for @, %2F for /, %3A for :"
)
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


def _folder(root: str) -> str:
    try:
        return state_folder(os.path.abspath(root))
    except OSError as error:
        problem = Problem("STO004", f"cannot make {root}/.sqlpipes: {error.strerror}")
        raise StoreError(problem) from error
