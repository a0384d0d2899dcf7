"""A DuckLake -> an open engine: a DuckDB in memory with the lake attached, whose names are the usual ones."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import duckdb

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, LockedError, Problem, did_you_mean
from sqlpipes.core.faults import NO_DATABASE, unwrapped
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.engines.duckdb.connection import DuckConnection
from sqlpipes.engines.duckdb.engine import DuckEngine
from sqlpipes.engines.duckdb.extensions import load_extension
from sqlpipes.engines.duckdb.lake import POSTGRES, Lake
from sqlpipes.engines.duckdb.opening import make_folder, patiently, prepare
from sqlpipes.engines.duckdb.place import is_there
from sqlpipes.engines.duckdb.profile import Extension, Profile, read_profile
from sqlpipes.engines.duckdb.spelling import CAN
from sqlpipes.engines.libpq import way_of

ATTEMPTS = 20
PAUSE_S = 0.1
BEING_MADE = re.compile("duplicate key|already exists|could not serialize|concurrently", re.I)
WAY = re.compile(r'^.*Unable to connect to Postgres at "[^"]*": |^[A-Za-z ]+ Error: ', re.S)
OTHER_PATH = re.compile('does not match existing data path in the catalog "([^"]*)"')
PROBE = "sqlpipes_probe"
DATABASES = (
    "select datname from pg_database where datallowconn and not datistemplate "
    "and has_database_privilege(oid, 'connect') order by 1 limit 10"
)
NOT_YET = "creating a new DuckLake is explicitly disabled"
CONFLICT = "ENG006"
# Every commit wants the next number, so builds that share a lake often meet there, and are quick to go on.
PATIENCE = MappingProxyType(
    {
        "ducklake_max_retry_count": 100,
        "ducklake_retry_wait_ms": 10,
        "ducklake_retry_backoff": 1.05,
    }
)


class LakeConnection(DuckConnection):
    """See `core.engine.Connection`. It has a DuckDB of its own, which ends with it."""

    def __init__(
        self,
        instance: duckdb.DuckDBPyConnection,
        open_cursor: Callable[[], duckdb.DuckDBPyConnection],
        catalog: str,
        schema: str,
        quote: Callable[[Relation], str],
    ) -> None:
        super().__init__(open_cursor, catalog, quote)
        self._instance = instance
        self._schema = schema

    def shared(self, name: str) -> Relation:
        """No two connections share a memory, so it is a table of the lake; it is dropped once fetched."""
        return Relation(f"sqlpipes_{name}", self._schema)

    def close(self) -> None:
        super().close()
        with suppress(duckdb.Error):  # a function that was left alone is still in it
            self._instance.close()


class FileLake(DuckEngine):
    """See `core.engine.Engine`: a lake whose catalog is a file, which only one DuckDB at a time can open.

    One connection writes: two transactions of one DuckDB use each other's memory of the catalog after it
    is freed, and so fail, or leave a catalog that cannot be read (duckdb/ducklake#1248).
    """

    can = replace(
        CAN,
        conflicts_by_table=True,
        retypes=False,
        indexes=frozenset(),
        attempts=ATTEMPTS,
        parallel=False,
    )


class SharedLake(DuckEngine):
    """A lake whose catalog is on a server. Each connection opens it anew, for the same reason."""

    can = replace(FileLake.can, parallel=True)

    def __init__(
        self, again: Callable[[], duckdb.DuckDBPyConnection], target: Target, profile: Profile
    ) -> None:
        super().__init__(again(), target, profile)
        self._again = again

    def connect(self) -> LakeConnection:
        instance = self._again()
        try:
            cursor = partial(self._open_cursor, instance)
            schema = self._target.schema
            return LakeConnection(instance, cursor, self._catalog, schema, self.quote)
        except BaseException:
            instance.close()
            raise

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        """Another build may make them at this very moment."""
        for left in reversed(range(ATTEMPTS)):
            try:
                return super().create_schemas(schemas, catalog)
            except EngineError as error:
                if not left or CONFLICT not in {problem.code for problem in error.problems}:
                    raise
            time.sleep(PAUSE_S)


def open_lake(
    lake: Lake, target: Target, root: str, *, read_only: bool, wait_s: float
) -> DuckEngine:
    """Raises EngineError ENG002 when the catalog does not open, ENG021 when DuckDB lacks an extension,
    LockedError ENG003 when another process holds the catalog's file. Who only looks makes no lake."""
    deadline, profile = time.monotonic() + wait_s, read_profile(target, root)
    if problems := (*profile.problems, *profile.missing):
        raise EngineError(*problems)
    if read_only and lake.file is not None and not is_there(lake.file):
        return open_nothing(lake, target, root)
    if lake.file is not None and "://" not in lake.file and not read_only:
        make_folder(os.path.dirname(lake.file))

    def again() -> duckdb.DuckDBPyConnection:
        return _instance(lake, target, root, deadline, read_only=read_only)

    if lake.file is None:
        return SharedLake(again, target, profile)
    return FileLake(again(), target, profile)


def _instance(
    lake: Lake, target: Target, root: str, deadline: float, *, read_only: bool
) -> duckdb.DuckDBPyConnection:
    profile = read_profile(target, root)
    first = duckdb.connect(config=dict(profile.startup))
    try:
        prepare(first, target, profile, read_only=read_only, deadline=deadline)
        for name in lake.extensions:
            load_extension(first, Extension(name))
        for name, value in PATIENCE.items():
            if name not in profile.settings:
                first.execute(f"set global {name} = {value}")
        _attach(first, lake, target, deadline, read_only=read_only)
        first.execute(f"use {identifier(lake.alias)}")
        return first
    except BaseException:
        first.close()
        raise


def open_nothing(lake: Lake, target: Target, root: str) -> DuckEngine:
    """A lake without anything in it, that nothing keeps."""
    first = duckdb.connect()
    first.execute(_nothing_sql(lake))
    first.execute(f"use {identifier(lake.alias)}")
    return Nothing(first, target, read_profile(target, root))


class Nothing(DuckEngine):
    """Spells statements as a lake does."""

    can = SharedLake.can


def _attach(
    first: duckdb.DuckDBPyConnection,
    lake: Lake,
    target: Target,
    deadline: float,
    *,
    read_only: bool,
) -> None:
    if secret := lake.secret_sql():
        first.execute(secret)
    sql = lake.attach_sql(read_only=read_only)
    for left in reversed(range(ATTEMPTS)):
        try:
            patiently(partial(first.execute, sql), lake.name, deadline)
            return
        except EngineError as error:
            said = str(error.__cause__)
            if read_only and NOT_YET in said:
                first.execute(_nothing_sql(lake))
                return
            if not left or not BEING_MADE.search(said):
                raise opening_error(error, lake, target, first) from None
        time.sleep(PAUSE_S)


def opening_error(
    error: EngineError, lake: Lake, target: Target, first: duckdb.DuckDBPyConnection
) -> EngineError:
    """In a line what DuckDB says in several, where the profile says it: ENG060 to ENG067 of a server that
    does not let us in, else ENG002. Who holds a catalog's file is told as it is."""
    said = str(error.__cause__)
    if isinstance(error, LockedError) or not error.__cause__:
        return error
    if lake.kind == POSTGRES and "Unable to connect to Postgres" in said:
        return _no_way_in(WAY.sub("", said), lake, target, first)
    key, hint = "catalog", "see `catalog` of the target's output in profiles.yml"
    if "data_path is not set" in said:
        hint = "say where its files shall be: `data_path: lake` or `data_path: s3://bucket/lake/`"
    elif found := OTHER_PATH.search(said):
        key = "data_path"
        hint = f"its files are in {found[1]}: say so, or `options: {{override_data_path: true}}`"
    last = WAY.sub("", said).strip().splitlines()[0]
    at = target.at(key, "catalog", "path")
    return EngineError(Problem("ENG002", f"{lake.name} does not open: {last}", at, hint))


def _no_way_in(
    said: str, lake: Lake, target: Target, first: duckdb.DuckDBPyConnection
) -> EngineError:
    way = way_of(" ".join(line.strip() for line in said.splitlines()[:2]))
    last = said.strip().splitlines()[0]
    hint = (_databases(lake, first) if way.code == NO_DATABASE else None) or way.hint
    told = f"{lake.name} does not open: {unwrapped(last)}"
    keys = [place for key in way.keys for place in (f"catalog/{key}=", key)]
    return EngineError(Problem(way.code, told, target.at(*keys, "catalog", "path"), hint))


def _databases(lake: Lake, first: duckdb.DuckDBPyConnection) -> str | None:
    """The nearest of those that the same user may see, asked of the one that is always there."""
    with suppress(duckdb.Error):
        first.execute(lake.beside_sql("postgres", PROBE))
        sql = f"select datname from postgres_query({literal(PROBE)}, {literal(DATABASES)})"
        found = [str(name) for (name,) in first.execute(sql).fetchall()]
        listed = f"there are: {', '.join(found)}" if found else None
        return did_you_mean(lake.database, found) or listed
    return None


def _nothing_sql(lake: Lake) -> str:
    return f"attach ':memory:' as {identifier(lake.alias)}"
