"""Target -> its DuckLake: Parquet files in a folder, and a catalog in a database that says which count.

Said as `type: ducklake` with `catalog:`, or as dbt does: `type: duckdb` with `path: ducklake:...`.
Nothing is opened here, and duckdb is not imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, did_you_mean
from sqlpipes.core.sql import identifier, literal
from sqlpipes.engines.duckdb.attached import MEMORY

TYPE = "ducklake"
PREFIX = "ducklake:"
ALIAS = "lake"
POSTGRES, SQLITE, DUCKDB = "postgres", "sqlite", "duckdb"
SECRET = "sqlpipes_lake_catalog"
URLS = ("postgresql://", "postgres://", "postgresql+psycopg://")
WORD = re.compile(r"""\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)\s*""")
OPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PARTS = MappingProxyType(
    {"pass": "password", "database": "dbname", "username": "user", "hostname": "host"}
)
KNOWN_PARTS = frozenset(
    {"host", "port", "user", "password", "dbname", "sslmode", "sslcert", "sslkey", "sslrootcert"}
    | {"connect_timeout", "application_name", "options", "passfile", "service", "keepalives_idle"}
)
OWN = ("catalog", "data_path", "alias", "options", "path")
SHARED_WITH_DUCKDB = ("extensions", "secrets", "settings", "config_options", "attach")
FORMS = "a file (lake.ducklake), sqlite:FILE, postgresql://..., or host, user, dbname ..."


@dataclass(frozen=True, slots=True)
class Lake:
    """`address` is what DuckLake calls the catalog, without a password; `file` is that of one that is a
    file, `options` are those of ATTACH."""

    kind: str
    address: str
    alias: str
    options: Mapping[str, Plain]
    password: str = field(default="", repr=False)
    file: str | None = None

    @property
    def name(self) -> str:
        """What a message may call it."""
        return f"the lake whose catalog is {self.address}"

    @property
    def extensions(self) -> tuple[str, ...]:
        return (TYPE,) if self.kind == DUCKDB else (TYPE, self.kind)

    def secret_sql(self) -> str | None:
        """The password, told apart from the address, which messages show."""
        if not self.password:
            return None
        return (
            f"create or replace temporary secret {SECRET} "
            f"(type postgres, password {literal(self.password)})"
        )

    @property
    def database(self) -> str:
        """That of a catalog in Postgres."""
        return _of_words(self.address.partition(":")[2]).get("dbname", "")

    def beside_sql(self, database: str, alias: str) -> str:
        """Attaches another database of the server that a catalog is in, to be looked at."""
        words = {**_of_words(self.address.partition(":")[2]), "dbname": database}
        where = " ".join(f"{key}={_word(value)}" for key, value in words.items())
        secret = f", secret {literal(SECRET)}" if self.password else ""
        return f"attach {literal(where)} as {identifier(alias)} (type postgres, read_only{secret})"

    def attach_sql(self, *, read_only: bool) -> str:
        options = [f"{name} {_option(value)}" for name, value in self.options.items()]
        options += [f"meta_secret {literal(SECRET)}"] if self.password else []
        options += ["read_only"] if read_only else []
        said = f" ({', '.join(options)})" if options else ""
        return f"attach {literal(PREFIX + self.address)} as {identifier(self.alias)}{said}"


def lake_of(target: Target, root: str) -> Lake | None:
    """None for a target that is no lake. Raises ProjectError PRF003 for one that is said wrongly."""
    said = target.options
    path = said.get("path")
    if target.engine == TYPE:
        _demand_known(target)
        where = said.get("catalog")
    elif isinstance(path, str) and path.startswith(PREFIX):
        where = path.removeprefix(PREFIX)
    else:
        return None
    alias = said.get("alias", ALIAS)
    if not isinstance(alias, str) or not alias:
        _refuse(target, "alias", "'alias' must be a name: what SQL may call the lake")
    lake = _located(target, where, root)
    return Lake(lake.kind, lake.address, alias, _options(target, root), lake.password, lake.file)


def bare(target: Target) -> Target:
    """The DuckDB in memory beside which the lake lies: all that is not said of the lake."""
    options = {key: value for key, value in target.options.items() if key not in OWN}
    return replace(target, engine="duckdb", options={**options, "path": MEMORY}, catalog=None)


def is_shared(target: Target) -> bool:
    """A catalog in Postgres takes several writers; one in a file, one process at a time."""
    lake = lake_of(target, ".")
    return lake is not None and lake.kind == POSTGRES


def _demand_known(target: Target) -> None:
    known = (*OWN[:4], *SHARED_WITH_DUCKDB)
    for key in target.options:
        if key not in known:
            near = did_you_mean(key, known) or f"it has {', '.join(sorted(known))}"
            _refuse(target, f"{key}:", f"a target of type ducklake has no '{key}'", near)


def _located(target: Target, where: Plain, root: str) -> Lake:
    """The catalog alone."""
    if isinstance(where, dict):
        return _of_parts(target, _named_parts(target, where), root)
    if not isinstance(where, str) or not where:
        key = "catalog" if target.engine == TYPE else "path"
        message = f"target '{target.name}' does not say where the lake's catalog is"
        _refuse(target, key, message, f"`catalog:` is {FORMS}")
    if where.startswith(URLS):
        return _in_postgres(_of_url(target, where))
    if where.startswith((f"{POSTGRES}:", f"{POSTGRES}ql:")):
        rest = where.partition(":")[2]
        return _in_postgres(_of_url(target, rest) if rest.startswith(URLS) else _of_words(rest))
    kind, _, file = where.rpartition(":") if where.startswith(f"{SQLITE}:") else (DUCKDB, "", where)
    if re.match(r"[a-z_]{2,}:", file) and "://" not in file:
        message = f"a lake's catalog cannot be '{file.partition(':')[0]}'"
        _refuse(target, "catalog", message, f"`catalog:` is {FORMS}")
    return _in_file(kind, file, root)


def _in_file(kind: str, file: str, root: str) -> Lake:
    path = file if "://" in file else os.path.abspath(os.path.join(root, os.path.expanduser(file)))
    return Lake(kind, path if kind == DUCKDB else f"{kind}:{path}", ALIAS, {}, file=path)


def _in_postgres(parts: Mapping[str, str]) -> Lake:
    """
    >>> _in_postgres({"dbname": "my lake", "password": "x"}).address
    "postgres:dbname='my lake'"
    """
    words = [f"{key}={_word(value)}" for key, value in parts.items() if key != "password"]
    return Lake(POSTGRES, f"{POSTGRES}:{' '.join(words)}", ALIAS, {}, parts.get("password", ""))


def _of_parts(target: Target, parts: dict[str, str], root: str) -> Lake:
    kind = parts.pop("type", POSTGRES)
    if kind in (POSTGRES, "postgresql"):
        for key in parts:
            if key not in KNOWN_PARTS:
                near = (
                    did_you_mean(key, sorted(KNOWN_PARTS))
                    or f"it has {', '.join(sorted(KNOWN_PARTS))}"
                )
                _refuse(target, f"catalog/{key}", f"a catalog in Postgres has no '{key}'", near)
        _demand_port(target, parts.get("port", "1"))
        return _in_postgres(parts)
    if kind in (SQLITE, DUCKDB) and parts.get("path"):
        return _in_file(kind, parts["path"], root)
    wanted = [POSTGRES, SQLITE, DUCKDB]
    message = f"a lake's catalog cannot be '{kind}'"
    if kind in wanted:
        message = f"a lake's catalog of type '{kind}' needs a `path`"
    hint = None if kind in wanted else did_you_mean(kind, wanted)
    _refuse(target, "catalog", message, hint or f"`catalog:` is {FORMS}")


def _demand_port(target: Target, said: str) -> None:
    if not (said.isdecimal() and 0 < int(said) < 65536):
        hint = "write `port: 5432`, a number from 1 to 65535"
        _refuse(target, "catalog/port=", f"'{said}' is no port of a server", hint)


def _named_parts(target: Target, said: Mapping[str, Plain]) -> dict[str, str]:
    parts = {}
    for key, value in said.items():
        if isinstance(value, (dict, list)):
            _refuse(target, "catalog", f"'{key}' of the catalog must be a text")
        if value is not None:
            parts[PARTS.get(key, key)] = str(value)
    return parts


def _of_url(target: Target, url: str) -> dict[str, str]:
    """No message repeats it: it may hold a password."""
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        hint = "write postgresql://user:password@host:5432/database"
        _refuse(target, "catalog", "the address of the lake's catalog is no URL", hint)
    parts = {
        "host": found.hostname or "",
        "port": str(port or ""),
        "user": unquote(found.username or ""),
        "password": unquote(found.password or ""),
        "dbname": unquote(found.path.lstrip("/")),
    }
    return {key: part for key, part in (*parts.items(), *parse_qsl(found.query)) if part}


def _of_words(said: str) -> dict[str, str]:
    """libpq's words.

    >>> _of_words(r"dbname=lake password='it\\'s' host = db")
    {'dbname': 'lake', 'password': "it's", 'host': 'db'}
    """
    return {key: value for key, value in _words(said) if value}


def _words(said: str) -> Iterator[tuple[str, str]]:
    for key, value in WORD.findall(said):
        bare = value[1:-1] if value.startswith("'") else value
        yield key, re.sub(r"\\(.)", r"\1", bare)


def _word(value: str) -> str:
    if re.fullmatch(r"[\w./@%+:,-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _options(target: Target, root: str) -> dict[str, Plain]:
    said = target.options.get("options") or {}
    if not isinstance(said, dict):
        _refuse(target, "options", "'options' must be names with their values, those of ATTACH")
    for name, value in said.items():
        if not OPTION.fullmatch(name) or isinstance(value, (dict, list)):
            _refuse(target, "options", f"'{name}' is no option of ATTACH")
    data = target.options.get("data_path")
    if data is None:
        return dict(said)
    if not isinstance(data, str) or not data:
        _refuse(
            target, "data_path", "'data_path' must be a folder or an address such as s3://lake/"
        )
    if "://" not in data:
        data = os.path.abspath(os.path.join(root, os.path.expanduser(data))) + os.sep
    return {"data_path": data, **said}


def _option(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else literal(str(value))


def _refuse(target: Target, key: str, message: str, hint: str | None = None) -> NoReturn:
    place = target.at(key, key.partition("/")[0], "path")
    raise ProjectError(Problem("PRF003", message, place, hint))
