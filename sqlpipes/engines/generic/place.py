"""Target -> where its database is, and how each connection to it is set up. Nothing is opened here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import EngineError, Problem, ProjectError, did_you_mean
from sqlpipes.core.sql.dialects import DIALECTS
from sqlpipes.engines.generic.dialects import KNOWN, OTHER_NAMES, dialect_of, read_as

ADDRESS = {
    "host": "host",
    "port": "port",
    "user": "username",
    "username": "username",
    "password": "password",
    "pass": "password",
    "database": "database",
    "dbname": "database",
    "account": "host",
}
SERVERS = tuple(key for key in ADDRESS if key not in ("database", "dbname"))
MAPPINGS = ("connect_args", "query", "schemas", "capabilities")
OTHERS = ("url", "path", "settings", "dialect", "probe")
EXAMPLE = "write dialect+driver://user:password@host:port/database"
SECRET = re.compile(r"(?i)pass|pwd|token|secret|key|credential")


@dataclass(frozen=True, slots=True)
class Place:
    """How to connect. Its text shows no password."""

    url: Any = field(repr=False)  # sqlalchemy.URL
    scheme: str
    dialect: str  # sqlglot's name
    arguments: Mapping[str, Any] = field(repr=False)  # of the driver
    settings: tuple[str, ...] = field(repr=False)  # statements of the user's for each connection
    schemas: Mapping[str, str]  # SQLite: schema -> file
    capabilities: Mapping[str, bool]  # what the user says of the engine, instead of asking it
    probes: bool

    @property
    def name(self) -> str:
        """What a message may call it: `shop on db.example.com:3306`."""
        database, host, port = self.url.database, self.url.host, self.url.port
        what = database or f"a database of {self.scheme}"
        return f"{what} on {host}{f':{port}' if port else ''}" if host else str(what)

    def masked(self, text: str) -> str:
        """The text without what is secret in the address."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "...")
        return text

    def _secrets(self) -> set[str]:
        url = self.url
        found = {str(url.password)} if url.password else set()
        if url.password:
            found.add(_quoted(str(url.password)))
        for name, value in (*url.query.items(), *self.arguments.items()):
            if SECRET.search(name) and value:
                found.add(str(value))
        return found


def place_of(target: Target, root: str) -> Place:
    """Raises ProjectError PRF003 for what the target's output says wrongly, all of it at once, and
    EngineError ENG001 when SQLAlchemy does not know the dialect."""
    problems = [*_unknown(target), *_shapes(target)]
    if problems:
        raise ProjectError(*problems)
    said = target.options
    url = _of_url(target) if "url" in said else _of_parts(target, root)
    scheme = str(url.get_backend_name())
    if scheme == "sqlite":
        url = _beside(url, root)
    return Place(
        url,
        scheme,
        str(said.get("dialect") or read_as(scheme)),
        dict(_mapping(said.get("connect_args"))),
        _settings(target),
        {name: os.path.join(root, str(path)) for name, path in _mapping(said.get("schemas"))},
        _capabilities(target),
        said.get("probe") is not False,
    )


def demand_driver(target: Target) -> None:
    """EngineError ENG001, with the line for pip, when what the dialect needs is not installed."""
    known = dialect_of(scheme_of(target))
    if known is None or "+" in scheme_of(target):
        return  # SQLAlchemy itself says what is missing
    missing = [name for name in known.modules if not _is_there(name)]
    if missing:
        message = f"the target '{target.name}' needs {', '.join(missing)}, not installed here"
        hint = f"pip install {known.pip}"
        raise EngineError(Problem("ENG001", message, target.at("url"), hint))


def scheme_of(target: Target) -> str:
    """Of the target's URL, else its type; nothing is opened or checked."""
    url = target.options.get("url")
    if isinstance(url, str) and "://" in url:
        return url.partition("://")[0]
    return target.engine


def _is_there(module: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _unknown(target: Target) -> list[Problem]:
    known = [*ADDRESS, *MAPPINGS, *OTHERS]
    found = []
    for key in target.options:
        if key not in known:
            listed = ", ".join(sorted({*known, "schema", "threads"}))
            near = did_you_mean(key, [*known, "schema", "threads", "schema_prefix"])
            message = f"a target of type {target.engine} has no '{key}'"
            found.append(_wrong(target, f"{key}:", message, near or f"it has {listed}"))
    return found


def _shapes(target: Target) -> list[Problem]:
    said, found = target.options, []
    for key in MAPPINGS:
        if not isinstance(said.get(key), dict | None):
            found.append(_wrong(target, key, f"'{key}' must be names with their values"))
    for key in (*ADDRESS, "url", "path", "dialect"):
        if isinstance(said.get(key), (dict, list, bool)):
            found.append(_wrong(target, key, f"'{key}' must be a text"))
    if "url" in said and (both := [key for key in (*ADDRESS, "path", "query") if key in said]):
        message = f"'url' already says what '{both[0]}' is"
        found.append(_wrong(target, both[0], message, "say either, not both"))
    if "port" in said and not str(said["port"]).isdigit():
        found.append(_wrong(target, "port", "'port' must be a whole number"))
    if target.engine == "sqlalchemy" and "url" not in said:
        found.append(_wrong(target, "type", "a target of type sqlalchemy needs a url", EXAMPLE))
    if target.engine == "sqlite" and not any(said.get(key) for key in ("url", "path", "database")):
        hint = "write `path: shop.db`, or `path: ':memory:'` for one that is gone at the end"
        found.append(_wrong(target, "type", "a target of type sqlite needs a path", hint))
    if type(said.get("path")) in (int, float):
        found.append(_wrong(target, "path", "'path' must be a text"))
    if target.engine == "sqlite":
        for key in (each for each in SERVERS if each in said):
            message = f"SQLite is a file and asks for no '{key}'"
            found.append(_wrong(target, key, message, "leave it out"))
    dialect = said.get("dialect")
    if isinstance(dialect, str) and dialect not in DIALECTS:
        near = did_you_mean(dialect, DIALECTS) or f"they are {', '.join(sorted(DIALECTS))}"
        found.append(_wrong(target, "dialect", f"there is no dialect '{dialect}'", near))
    if not isinstance(said.get("probe"), bool | None):
        found.append(_wrong(target, "probe", "'probe' must be true or false"))
    return found


def _of_url(target: Target) -> Any:
    """A URL is never shown: it may hold a password."""
    from sqlalchemy import exc, make_url

    try:
        url = make_url(str(target.options["url"]))
    except (exc.ArgumentError, ValueError):
        problem = _wrong(target, "url", "'url' is no URL of a database", EXAMPLE)
        raise ProjectError(problem) from None
    known = dialect_of(url.drivername)
    own = dialect_of(target.engine)  # none of sqlalchemy, and of a third party's engine
    if own is not None and own is not known:
        message = f"'url' is of '{url.drivername}', and the type is {target.engine}"
        raise ProjectError(_wrong(target, "url", message, "leave one of them out"))
    return url.set(drivername=known.url) if known and "+" not in url.drivername else url


def _of_parts(target: Target, root: str) -> Any:
    from sqlalchemy import URL

    known = KNOWN.get(OTHER_NAMES.get(target.engine, target.engine))
    if known is None:
        message = f"a target of type {target.engine} needs a url"
        raise ProjectError(_wrong(target, "type", message, EXAMPLE))
    said: dict[str, Any] = {}
    for key, value in target.options.items():
        if key in ADDRESS and value not in (None, ""):
            said[ADDRESS[key]] = int(str(value)) if key == "port" else str(value)
    if known.reads == "sqlite":
        said = {"database": str(target.options.get("path") or said.get("database") or "")}
    query = {name: str(value) for name, value in _mapping(target.options.get("query"))}
    if said.get("host") and known.port and target.engine != "snowflake":
        said.setdefault("port", known.port)
    return URL.create(known.url, query=query, **said)


def _beside(url: Any, root: str) -> Any:
    """A file name counts from the project's folder."""
    path = url.database or ""
    if path in ("", ":memory:") or path.startswith("file:"):
        return url
    return url.set(database=os.path.join(root, path))


def _settings(target: Target) -> tuple[str, ...]:
    """Statements, or names with their values."""
    said = target.options.get("settings")
    if said is None:
        return ()
    if isinstance(said, str):
        return (said,)
    if isinstance(said, list):
        return tuple(str(each) for each in said)
    if isinstance(said, dict):
        from sqlpipes.core.sql import literal

        values = {name: "null" if v is None else literal(v) for name, v in said.items()}
        return tuple(f"set {name} = {value}" for name, value in values.items())
    raise ProjectError(_wrong(target, "settings", "'settings' must be statements, or names"))


def _capabilities(target: Target) -> dict[str, bool]:
    from sqlpipes.engines.generic.probes import ASKED

    found: dict[str, bool] = {}
    for name, value in _mapping(target.options.get("capabilities")):
        if name not in ASKED:
            hint = did_you_mean(name, ASKED) or f"they are {', '.join(ASKED)}"
            message = f"there is no capability '{name}'"
            raise ProjectError(_wrong(target, "capabilities", message, hint))
        if not isinstance(value, bool):
            message = f"the capability '{name}' must be true or false"
            raise ProjectError(_wrong(target, "capabilities", message))
        found[name] = value
    return found


def _mapping(value: Plain) -> list[tuple[str, Plain]]:
    return list(value.items()) if isinstance(value, dict) else []


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _wrong(target: Target, key: str, message: str, hint: str | None = None) -> Problem:
    return Problem("PRF003", message, target.places.get(key), hint)
