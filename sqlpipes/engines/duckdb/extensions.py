"""An extension that a target names -> loaded: from a file, a package from PyPI, or as DuckDB installs it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from types import MappingProxyType

import duckdb

from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import identifier, literal
from sqlpipes.engines.duckdb.faults import plain_message
from sqlpipes.engines.duckdb.profile import Extension

OTHER_NAMES = MappingProxyType(
    {
        "sqlite": "sqlite_scanner",
        "sqlite3": "sqlite_scanner",
        "postgres": "postgres_scanner",
        "mysql": "mysql_scanner",
        "http": "httpfs",
        "https": "httpfs",
        "s3": "httpfs",
        "md": "motherduck",
    }
)
PACKAGED = "1.5.5"  # the newest DuckDB whose extensions PyPI has
NO_NETWORK = ("Failed to download", "establish connection", "Could not resolve")


def load_extension(cursor: duckdb.DuckDBPyConnection, wanted: Extension) -> None:
    """EngineError ENG021 when it cannot be had, with what else can be done."""
    version = _version(cursor)
    if wanted.path:
        _run(cursor, f"load {literal(wanted.path)}", wanted, version)
    elif file := packaged(wanted.name, version):
        _run(cursor, f"load {literal(file)}", wanted, version)
    else:
        _install(cursor, wanted, version)


def packaged(name: str, version: str) -> str | None:
    """The file that a package `duckdb-extension-NAME` brought for this version of DuckDB.

    >>> packaged("no_such_extension", "v2.0.0")
    """
    for folder in _folders(name):
        file = os.path.join(folder, version, f"{_own_name(name)}.duckdb_extension")
        if os.path.isfile(file):
            return file
    return None


def _folders(name: str) -> Iterator[str]:
    found = find_spec(f"duckdb_extension_{_own_name(name)}")
    for place in (found.submodule_search_locations or ()) if found else ():
        yield os.path.join(place, "extensions")


def _own_name(name: str) -> str:
    return OTHER_NAMES.get(name, name)


def _version(cursor: duckdb.DuckDBPyConnection) -> str:
    row = cursor.execute("select version()").fetchone()
    return str(row[0]) if row else ""


def _install(cursor: duckdb.DuckDBPyConnection, wanted: Extension, version: str) -> None:
    """LOAD alone first: what is installed, or built in, needs no network."""
    name = identifier(wanted.name)
    try:
        cursor.execute(f"load {name}")
        return
    except duckdb.Error as error:
        if not wanted.install:
            raise _fault(error, wanted, version) from error
    repo = ""
    if wanted.repo:
        known = wanted.repo.isidentifier()  # core, community, core_nightly
        repo = f" from {wanted.repo if known else literal(wanted.repo)}"
    _run(cursor, f"install {name}{repo}", wanted, version)
    _run(cursor, f"load {name}", wanted, version)


def _run(cursor: duckdb.DuckDBPyConnection, sql: str, wanted: Extension, version: str) -> None:
    try:
        cursor.execute(sql)
    except duckdb.Error as error:
        raise _fault(error, wanted, version) from error


def _fault(error: duckdb.Error, wanted: Extension, version: str) -> EngineError:
    said = plain_message(error)
    first = next((line.strip() for line in said.splitlines() if line.strip()), "no message")
    if any(words in said for words in NO_NETWORK):
        first = "it is not installed, and could not be downloaded (no network?)"
    message = f"the DuckDB extension '{wanted.name}' does not load: {first}"
    return EngineError(Problem("ENG021", message, wanted.at, _hint(wanted, version)))


def _hint(wanted: Extension, version: str) -> str:
    if wanted.path:
        return f"it must be a file of an extension for DuckDB {version} on this platform"
    own = _own_name(wanted.name)
    others = [found for folder in _folders(wanted.name) for found in _versions(folder)]
    if others:
        return (
            f"the package duckdb-extension-{own.replace('_', '-')} here is for DuckDB "
            f"{', '.join(others)}, and this is {version}: the two must be equal"
        )
    by_hand = f"name its file: `extensions: {{name: {wanted.name}, path: ...}}`"
    install = "" if wanted.install else "`install: false` forbids to download it; "
    package = f"duckdb-extension-{own.replace('_', '-')}"
    if not version.startswith("v1."):
        return (
            f"{install}PyPI has packages of extensions for DuckDB {PACKAGED} only (pip install "
            f"duckdb=={PACKAGED} {package}=={PACKAGED}); for {version}, {by_hand}"
        )
    return (
        f"{install}pip install {package}=={version.lstrip('v')} "
        f"brings it where there is such a package, or {by_hand}"
    )


def with_extension(
    problem: Problem, names: Sequence[str], error: BaseException | None, version: str
) -> Problem:
    """What a secret or an attached database lacks when DuckDB could not fetch it: which extension, and
    how it is had. Any other problem stays as it is."""
    said = str(error)
    if not names or not any(words in said for words in (*NO_NETWORK, "required extension")):
        return problem
    wanted = Extension(names[0], at=problem.at)
    what = problem.message.partition(": ")[0]
    message = f"{what}: it needs the DuckDB extension '{names[0]}', which is not installed, and could not "
    return replace(problem, message=message + "be downloaded", hint=_hint(wanted, version))


def _versions(folder: str) -> list[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []
