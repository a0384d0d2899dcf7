"""A state URL -> a SQLAlchemy engine, and whatever its database refuses -> StoreError."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, exc, make_url

from sqlpipes.core.errors import Location, Problem, StoreError
from sqlpipes.core.hiding import ESCAPES, is_torn
from sqlpipes.stores.lasting import Away, is_away, options
from sqlpipes.stores.lock import state_folder
from sqlpipes.stores.refused import refused
from sqlpipes.stores.sqlite import BUSY_TIMEOUT_S, prepare


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
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        message = f"`state` is kept in SQLite or Postgres, not in {parsed.get_backend_name()}"
        raise StoreError(Problem("STO007", message, at, _FORM))
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
    event.listen(engine, "connect", lambda connection, _: prepare(connection))
    return engine


def begin(db: Connection, *, writes: bool) -> None:
    """Begin on SQLite, whose driver must not: a reader that turns writer half-way cannot wait for
    its turn, so a writer says so first. (An event could say it, at a price for every statement.)"""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def faults(where: str, at: Location | None = None) -> Iterator[None]:
    """Turn what the database and its driver raise into StoreError, with a way out in the hint.

    `at`: where the database is named.
    """
    try:
        yield
    except exc.DBAPIError as error:
        kind = Away if is_away(error) else StoreError
        raise kind(refused(where, str(error.orig), at)) from error
    except sqlite3.Error as error:
        raise StoreError(refused(where, str(error), at)) from error
    except (exc.NoSuchModuleError, ModuleNotFoundError) as error:
        hint = "install the database's driver, or leave `state` out for a SQLite file"
        message = f"no driver for {where}: {error}"
        raise StoreError(Problem("STO006", message, at, hint)) from error
    except (exc.SQLAlchemyError, OSError) as error:
        message = f"cannot use the state in {where}: {error}"
        raise StoreError(Problem("STO001", message, at)) from error


_FORM = (
    "write it as sqlite:///path/state.db or postgresql+psycopg://user:password@host:5432/database; "
    "quote the password: %40 for @, %2F for /, %3A for :"
)


def _folder(root: str) -> str:
    try:
        return state_folder(os.path.abspath(root))
    except OSError as error:
        problem = Problem("STO004", f"cannot make {root}/.sqlpipes: {error.strerror}")
        raise StoreError(problem) from error
