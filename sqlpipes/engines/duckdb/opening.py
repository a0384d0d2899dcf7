"""Target -> an open DuckDB: settings, extensions, secrets and attached databases, in this order."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TypeVar

import duckdb

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, Problem, SqlpipesError, did_you_mean
from sqlpipes.core.sql import identifier, literal
from sqlpipes.engines.duckdb.attached import MEMORY
from sqlpipes.engines.duckdb.engine import DuckEngine, set_one
from sqlpipes.engines.duckdb.extensions import load_extension, packaged, with_extension
from sqlpipes.engines.duckdb.faults import (
    is_held,
    opening_error,
    secret_problem,
    storage_problem,
    without,
)
from sqlpipes.engines.duckdb.names import value_sql
from sqlpipes.engines.duckdb.place import database_path
from sqlpipes.engines.duckdb.profile import DuckSecret, Extension, Profile, read_profile
from sqlpipes.engines.room import demand_room

T = TypeVar("T")

POLL_S = 0.1
SQLITE = b"SQLite format 3\0"  # how such a file begins
VERSIONS = re.compile(r"valid options are: (.*)")
NUMBERS = re.compile(r"\d+")


def open_duckdb(target: Target, root: str, *, read_only: bool, wait_s: float) -> DuckEngine:
    """Raises EngineError ENG002 when a database does not open, LockedError ENG003 when it is held,
    ENG020 for an output that is wrong, ENG021 to ENG023 for an extension, a secret and a version."""
    path, profile = database_path(target, root), read_profile(target, root)
    if problems := (*profile.problems, *profile.missing):
        raise EngineError(*problems)
    on_disk = path != MEMORY and "://" not in path
    if on_disk and not read_only:
        make_folder(os.path.dirname(path))
    deadline = time.monotonic() + wait_s
    only = read_only and path != MEMORY
    if on_disk and not read_only and profile.storage_version:
        patiently(partial(_make_file, path, target, profile), path, deadline)
    connect = partial(duckdb.connect, path, read_only=only, config=dict(profile.startup))
    first = patiently(connect, path, deadline)
    try:
        prepare(first, target, profile, read_only=read_only, deadline=deadline)
        if on_disk and not read_only:
            _demand_version(first, target, profile)
        return DuckEngine(first, target, profile)
    except BaseException:
        first.close()
        raise


def rehearse(target: Target, root: str) -> tuple[str, ...]:
    """All that a build would do to open a database that is not there yet, done in memory. What was tried.

    Nothing is written: attached files that are to be made are not. Raises as `open_duckdb`.
    """
    path, profile = database_path(target, root), read_profile(target, root)
    memory = replace(target, options={**target.options, "path": MEMORY})
    with closing(open_duckdb(memory, root, read_only=True, wait_s=0)) as engine:
        engine.connect().close()
    tried = [
        _counted(len(profile.settings), "setting"),
        _counted(len(profile.extensions), "extension"),
        _counted(len(profile.secrets), "secret"),
        _counted(len(profile.attached), "attached database"),
    ]
    if path == MEMORY or "://" in path:
        return tuple(filter(None, tried))
    if profile.storage_version:
        with TemporaryDirectory(prefix="sqlpipes-") as folder:
            _make_file(os.path.join(folder, "made.duckdb"), target, profile)
        tried.append(f"storage_version {profile.storage_version}")
    return (f"{demand_room(path)} can be written to", *filter(None, tried))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


OF_SECRETS = MappingProxyType(
    dict.fromkeys(("s3", "r2", "gcs", "http", "huggingface"), "httpfs")
    | {"postgres": "postgres_scanner", "mysql": "mysql_scanner"}
)


def prepare(
    first: duckdb.DuckDBPyConnection,
    target: Target,
    profile: Profile,
    *,
    read_only: bool,
    deadline: float,
) -> None:
    for name, value in profile.settings.items():  # such as where extensions lie
        with suppress(EngineError):  # of an extension that is not loaded; each cursor sets it again
            set_one(first, target, name, value)
    for extension in (*profile.extensions, *_needed(first, profile)):
        load_extension(first, extension)
    for secret in profile.secrets:
        _add_secret(first, secret)
    for found in profile.attached:
        sql = found.sql(read_only=read_only)
        if found.is_file and not (read_only or found.read_only):
            make_folder(os.path.dirname(found.where))  # of one that `create: true` wants
        try:
            patiently(partial(first.execute, sql), found.name, deadline, found.where)
        except SqlpipesError as error:
            cause = error.__cause__ or error.__context__
            problems = (without(p, profile.hidden, found.at) for p in error.problems)
            error.problems = tuple(
                with_extension(p, found.extensions, cause, _version(first)) for p in problems
            )
            raise error from (None if profile.hidden else error.__cause__)


def _needed(first: duckdb.DuckDBPyConnection, profile: Profile) -> Iterable[Extension]:
    """What attached databases and secrets need and a package has brought; DuckDB finds the others."""
    if not profile.attached and not profile.secrets:
        return
    named = {extension.name for extension in profile.extensions}
    version = _version(first)
    for found in profile.attached:
        by_content = ("sqlite_scanner",) if found.is_file and _is_sqlite(found.where) else ()
        for name in (*found.extensions, *by_content):
            if name not in named and packaged(name, version):
                named.add(name)
                yield Extension(name, at=found.at)
    for secret in profile.secrets:
        name = _extension_of(secret)
        if name not in named and packaged(name, version):
            named.add(name)
            yield Extension(name, at=secret.at)


def _is_sqlite(path: str) -> bool:
    """DuckDB sees it by itself, but not where the extension that it needs for it is."""
    with suppress(OSError), open(path, "rb") as file:
        return file.read(len(SQLITE)) == SQLITE
    return False


def _version(first: duckdb.DuckDBPyConnection) -> str:
    row = first.execute("select version()").fetchone()
    return str(row[0]) if row else ""


def _extension_of(secret: DuckSecret) -> str:
    return OF_SECRETS.get(secret.type.lower(), secret.type.lower())


def _add_secret(first: duckdb.DuckDBPyConnection, secret: DuckSecret) -> None:
    words = [f"type {secret.type}"]
    for key, value in secret.options.items():
        bare = key == "provider" and isinstance(value, str) and value.isidentifier()
        words.append(f"{key} {value if bare else value_sql(value)}")
    try:
        first.execute(
            f"create or replace temporary secret {identifier(secret.name)} ({', '.join(words)})"
        )
    except duckdb.Error as error:
        problem = secret_problem(error, secret)
        needed = (_extension_of(secret),)
        raise EngineError(with_extension(problem, needed, error, _version(first))) from None


def _make_file(path: str, target: Target, profile: Profile) -> None:
    """An empty database of that version where there is none; its version stays."""
    if os.path.isfile(path):
        return
    assert profile.storage_version is not None
    version = literal(profile.storage_version)
    with duckdb.connect(MEMORY) as maker:
        try:
            maker.execute(f"attach {literal(path)} as made (storage_version {version})")
        except duckdb.InvalidInputException as error:
            known = VERSIONS.search(str(error))
            listed = known[1].split(", ") if known else []
            hint = did_you_mean(profile.storage_version, listed[-12:])
            said = (
                f"DuckDB {duckdb.__version__} knows no storage version '{profile.storage_version}'"
            )
            at = target.places.get("storage_version")
            newest = f"it knows those up to {listed[-2]}" if len(listed) > 1 else None
            raise EngineError(Problem("ENG023", said, at, hint or newest)) from error
        maker.execute("detach made")


def _demand_version(first: duckdb.DuckDBPyConnection, target: Target, profile: Profile) -> None:
    """A file that stands there keeps the version that it was made with."""
    wanted = profile.storage_version
    if wanted is None or wanted == "latest":
        return
    row = first.execute(
        "select tags['storage_version'] from duckdb_databases() "
        "where database_name = current_database()"
    ).fetchone()
    found = str(row[0]).removesuffix("+") if row and row[0] else ""
    if found and _numbers(found) > _numbers(wanted):
        raise EngineError(storage_problem(target, found, wanted))


def _numbers(version: str) -> list[int]:
    """
    >>> _numbers("v1.5.0")
    [1, 5, 0]
    """
    return [int(number) for number in NUMBERS.findall(version)]


def make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise EngineError(Problem("ENG002", f"cannot make the folder {folder}: {error}")) from error


def patiently(action: Callable[[], T], name: str, deadline: float, where: str = "") -> T:
    """Try until nobody else holds the database; `where` is not shown, as it may hold a password."""
    while True:
        try:
            return action()
        except duckdb.Error as error:
            if not is_held(error) or time.monotonic() >= deadline:
                raise opening_error(error, name, where) from (None if where else error)
        time.sleep(POLL_S)
