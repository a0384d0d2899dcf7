"""Target -> where its server is, and how each connection to it is set up. Nothing is opened here.

The keys are dbt's, or one `url`. What libpq knows by itself (PGHOST, PGPASSWORD, ~/.pgpass) fills in
what is not said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, did_you_mean
from sqlpipes.core.hiding import ESCAPES, is_torn
from sqlpipes.core.sql import identifier, literal
from sqlpipes.engines.postgres.names import shortened

PLAIN = ("host", "user", "password", "dbname", "sslmode", "sslcert", "sslkey", "sslrootcert")
NUMBERS = ("port", "connect_timeout", "keepalives_idle", "tcp_user_timeout")
OTHER_NAMES = MappingProxyType({"pass": "password", "database": "dbname", "username": "user"})
ADDRESS = ("host", "port", "user", "password", "dbname")  # what a URL says
KNOWN = (
    *PLAIN,
    *NUMBERS,
    *OTHER_NAMES,
    "url",
    "role",
    "search_path",
    "settings",
    "application_name",
)
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
DRIVERS = ("postgresql", "postgres", "postgresql+psycopg")
CONNECT_TIMEOUT_S = 10
# A server that is gone without a word is noticed within a minute and a half.
DEFAULTS: Mapping[str, str | int] = MappingProxyType(
    {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 6,
        "tcp_user_timeout": 60_000,  # ms
    }
)
# And so does the server, which else would go on with a query that nobody waits for.
THEIRS = MappingProxyType(
    {
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "6",
    }
)
CHECKED = "client_connection_check_interval"  # a server on Linux, from version 14 on
CHECK_MS = "5000"
GENERIC = (
    "schema",
    "threads",
    "schema_prefix",
    "statement_timeout_s",
    "query_comment",
    "retries",
    "connect_retries",
)
# Texts of rows are compared and copied, and days begin in UTC, wherever the server is set up.
OURS = MappingProxyType(
    {
        "timezone": "UTC",
        "datestyle": "ISO",
        "intervalstyle": "postgres",
        "bytea_output": "hex",
        "standard_conforming_strings": "on",
        "extra_float_digits": "1",
        "client_min_messages": "notice",
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """How to connect, and what is said first on each connection. Its text shows no password."""

    arguments: Mapping[str, str | int] = field(repr=False)
    settings: tuple[tuple[str, str], ...]  # (name, value)
    schemas: tuple[str, ...]  # the search path
    role: str | None
    target: Target = field(repr=False)

    @property
    def name(self) -> str:
        """What a message may call it: `dw on db.example.com:5432`."""
        database = self.arguments.get("dbname", "the default database")
        host = self.arguments.get("host")
        port = self.arguments.get("port")
        return f"{database} on {host}{f':{port}' if port else ''}" if host else str(database)

    @property
    def secret(self) -> str:
        return str(self.arguments.get("password", ""))


def place_of(target: Target) -> Place:
    """Raises ProjectError PRF003 for what the target's output says wrongly, all of it at once."""
    problems: list[Problem] = []
    said = _named(target, problems)
    arguments: dict[str, str | int] = {**DEFAULTS, "application_name": _signature(target)}
    if "url" in said:
        arguments |= _of_url(target, said, problems)
    arguments |= _plain(target, said, problems)
    _check_sslmode(target, arguments.get("sslmode"), problems)
    settings, path = said.get("settings"), said.get("search_path")
    if settings is not None and not isinstance(settings, dict):
        problems.append(_wrong(target, "settings", "'settings' must be names with their values"))
        settings = {}
    if path is not None and not isinstance(path, str):
        problems.append(_wrong(target, "search_path", "'search_path' must be a text: a, b"))
    if problems:
        raise ProjectError(*problems)
    given = tuple((name, _text(value)) for name, value in (settings or {}).items())
    role = said.get("role")
    return Place(
        MappingProxyType(arguments),
        (*OURS.items(), *given),
        _search_path(target.schema, path if isinstance(path, str) else "public"),
        str(role) if role is not None else None,
        target,
    )


def _signature(target: Target) -> str:
    """What the server shows of us; names there have 63 bytes."""
    return shortened(f"sqlpipes {target.project}".strip())


def session_sql(place: Place, *, read_only: bool, checked: bool = False) -> str:
    """What every connection says first. A user's settings are said one by one, to name a wrong one.

    `checked`: the server looks now and then whether we are still there.
    """
    path = ", ".join(identifier(schema) for schema in place.schemas)
    ours = {**OURS, **THEIRS, **({CHECKED: CHECK_MS} if checked else {})}
    said = [f"set {name} = {literal(value)}" for name, value in ours.items()]
    said += [f"set role {identifier(place.role)}"] if place.role else []
    said += [f"set search_path = {path}"]
    said += ["set default_transaction_read_only = on"] if read_only else []
    return ";\n".join(said)


def _named(target: Target, problems: list[Problem]) -> dict[str, Plain]:
    said: dict[str, Plain] = {}
    for key, value in target.options.items():
        name = OTHER_NAMES.get(key, key)
        if key not in KNOWN:
            near = did_you_mean(key, [*KNOWN, *GENERIC])
            listed = ", ".join(sorted({*KNOWN, *GENERIC}))
            message = f"a target of type postgres has no '{key}'"
            problems.append(_wrong(target, f"{key}:", message, near or f"it has {listed}"))
        elif name in said and said[name] != value:
            problems.append(_wrong(target, key, f"'{key}' says again what '{name}' is"))
        else:
            said[name] = value
    return said


def _plain(
    target: Target, said: Mapping[str, Plain], problems: list[Problem]
) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for key in (*PLAIN, "application_name"):
        value = said.get(key)
        if isinstance(value, (dict, list, bool)):
            problems.append(_wrong(target, key, f"'{key}' must be a text"))
        elif key == "host" and "@" in str(value):  # never shown: it may hold a password
            hint = "write the user and the password in keys of their own"
            problems.append(_wrong(target, key, "'host' has an @, as if it held a password", hint))
        elif value is not None:
            found[key] = str(value)
    for key in NUMBERS:
        value = said.get(key)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not str(value).isdigit():
            problems.append(_wrong(target, key, f"'{key}' must be a whole number"))
        elif not (key == "keepalives_idle" and int(str(value)) == 0):
            found[key] = int(str(value))
    return found


def _check_sslmode(target: Target, mode: object, problems: list[Problem]) -> None:
    if mode is None or mode in SSLMODES:
        return
    key = "sslmode" if "sslmode" in target.options else "url"
    hint = did_you_mean(str(mode), SSLMODES) or f"it is one of {', '.join(SSLMODES)}"
    message = "there is no such sslmode" if key == "url" else f"there is no sslmode '{mode}'"
    problems.append(_wrong(target, key, message, hint))


def _of_url(
    target: Target, said: Mapping[str, Plain], problems: list[Problem]
) -> dict[str, str | int]:
    """The parts of a URL, which is never shown: it may hold a password."""
    from sqlalchemy import exc, make_url

    if doubled := [key for key in ADDRESS if key in said]:
        message = f"'url' already says what '{doubled[0]}' is"
        problems.append(_wrong(target, doubled[0], message, "say either, not both"))
    hint = (
        "write postgresql://user:password@host:5432/database?sslmode=require; "
        "quote the password: %40 for @, %2F for /"
    )
    if is_torn(str(said["url"])):
        problems.append(_wrong(target, "url", "'url' has an @ too many", ESCAPES))
        return {}
    try:
        url = make_url(str(said["url"]))
    except (exc.ArgumentError, ValueError):
        problems.append(_wrong(target, "url", "'url' is no URL of a database", hint))
        return {}
    if url.drivername not in DRIVERS:
        message = f"'url' is of '{url.drivername}', and this is Postgres through psycopg"
        problems.append(_wrong(target, "url", message, hint))
        return {}
    parts = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    found: dict[str, str | int] = {key: part for key, part in parts.items() if part}
    if url.password is not None:
        found["password"] = str(url.password)
    query = {key: value for key, value in url.query.items() if isinstance(value, str)}
    return found | query


def _search_path(schema: str, said: str) -> tuple[str, ...]:
    """Unqualified names are the target's own first; of others, those that the profile lists."""
    listed = [part.strip().strip('"') for part in said.split(",")]
    return tuple(dict.fromkeys([schema, *(part for part in listed if part)]))


def _text(value: Plain) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _wrong(target: Target, key: str, message: str, hint: str | None = None) -> Problem:
    return Problem("PRF003", message, target.places.get(key), hint)
