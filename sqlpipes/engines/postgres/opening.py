"""Why a server does not let us in -> EngineError: which part of the way, where the profile says it, a hint.

What is said before anybody is let in has no SQLSTATE, so it is known by its words, in English. No message
holds the password that was tried.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg

from sqlpipes.core import faults
from sqlpipes.core.errors import EngineError, Location, Problem, did_you_mean
from sqlpipes.engines.postgres.faults import first_line
from sqlpipes.engines.postgres.place import Place

PREFIX = re.compile(
    r"^(connection failed: |connection is bad: )*(connection to server .*? failed: )?"
    r"((FATAL|ERROR): +)?",
    re.S,
)
LOOK_S = 3  # for the list of databases
DATABASES = (
    "select datname from pg_database where datallowconn and not datistemplate "
    "and has_database_privilege(oid, 'connect') order by 1 limit 50"
)
SHOWN = 10


class Way(NamedTuple):
    """A stage of the way in: `keys` of the output say it."""

    code: str
    keys: tuple[str, ...]
    hint: str


HOST, PORT = ("host", "url"), ("port", "url", "host")
USER, PASSWORD = ("user", "username", "url"), ("password", "pass", "url", "user")
DATABASE, ROLE = ("dbname", "database", "url"), ("role",)
TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "url")
WAYS: tuple[tuple[str, Way], ...] = (
    (
        r"failed to resolve host|could not translate host name|could not look up",
        Way(faults.NO_NAME, HOST, "is `host` spelt right, and can this machine look it up?"),
    ),
    (
        r"is not known to this|No such file or directory|Connection refused|Network is unreachable"
        r"|No route to host|could not connect to server",
        Way(faults.NOBODY, PORT, "is the server up, and are `host` and `port` right?"),
    ),
    (
        r"timeout expired|Connection timed out|timed out",
        Way(
            faults.NO_ANSWER,
            HOST,
            "a firewall, or another host? `connect_timeout` says how many seconds are waited",
        ),
    ),
    (
        r"starting up|shutting down|recovery mode|not yet accepting",
        Way(
            faults.NOT_NOW,
            HOST,
            "wait a moment; `connect_retries` says how often it is asked again",
        ),
    ),
    (
        r"too many clients|remaining connection slots|too many connections",
        Way(
            faults.NOT_NOW,
            ("threads",),
            "all of its connections are taken: lower `threads`, or raise its max_connections",
        ),
    ),
    (
        r"no pg_hba\.conf entry",
        Way(
            faults.NOT_LET_IN,
            USER,
            "its pg_hba.conf lets no such user in from here (or not with this `sslmode`)",
        ),
    ),
    (
        r"SSL|certificate|TLS",
        Way(faults.NO_TLS, TLS, "see `sslmode`, and the certificates that it needs"),
    ),
    (
        r"no password supplied",
        Way(
            faults.NOT_LET_IN,
            PASSWORD,
            "add `password: \"{{ env_var('...') }}\"`, or set PGPASSWORD",
        ),
    ),
    (
        r"password authentication failed|authentication failed",
        Way(
            faults.NOT_LET_IN,
            PASSWORD,
            "the server does not say which of `user` and `password` is wrong",
        ),
    ),
    (
        r'database "[^"]*" does not exist|not currently accepting connections',
        Way(faults.NO_DATABASE, DATABASE, "make it (createdb), or see `dbname`"),
    ),
    (
        r'role "[^"]*" is not permitted to log in|not permitted to log in',
        Way(
            faults.NOT_LET_IN, USER, "it needs the right LOGIN; a role to become is said by `role`"
        ),
    ),
    (
        r"permission denied for database",
        Way(faults.NO_RIGHT, USER, "it needs: grant connect on database ... to ..."),
    ),
)
ROLES = Way(faults.NOT_LET_IN, USER, "there is no such role: see `user`")
BECOME = Way(faults.NO_RIGHT, ROLE, "see `role`: it must exist, and `user` must be a member of it")
OTHER = Way("ENG002", ("host", "url"), "see the target's output in profiles.yml")


def opening_error(error: BaseException, place: Place) -> EngineError:
    """Why there is no connection. ENG060 to ENG067 by the stage at which it failed, else ENG002."""
    said = " ".join(line.strip() for line in str(error).splitlines()[:2])
    way = _way(error, said)
    message = PREFIX.sub("", first_line(error)) or first_line(error)
    hint = way.hint
    if way.code == faults.NO_DATABASE:
        hint = _databases(place) or hint
    if place.secret:
        message = message.replace(place.secret, "...")
    told = f"cannot connect to {place.name}: {message}"
    return EngineError(Problem(way.code, told, place.target.at(*way.keys), hint))


def _way(error: BaseException, said: str) -> Way:
    state = getattr(error, "sqlstate", None)
    if state in ("22023", "42501", "0LP01") and "role" in said:
        return BECOME
    if 'role "' in said and "does not exist" in said:
        return BECOME if state else ROLES
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        said = f"timeout expired {said}"
    return next((way for words, way in WAYS if re.search(words, said)), OTHER)


def _databases(place: Place) -> str | None:
    """The nearest of those that the same user may see, asked of the one that is always there."""
    wanted = str(place.arguments.get("dbname", ""))
    arguments = {**place.arguments, "dbname": "postgres", "connect_timeout": LOOK_S}
    try:
        with psycopg.connect(autocommit=True, **arguments) as driver:  # type: ignore[arg-type]
            found = [str(name) for (name,) in driver.execute(DATABASES).fetchall()]
    except psycopg.Error:
        return None
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    listed = f"there are: {', '.join(found[:SHOWN])}{more}"
    return did_you_mean(wanted, found) or (listed if found else None)


def setting_error(
    error: BaseException, name: str, value: str, at: Location | None = None
) -> EngineError:
    """A setting of the target that the server refuses, without its value, which may be a secret."""
    said = first_line(error)
    said = said.replace(value, "...") if value else said
    return EngineError(Problem("ENG009", f"the target's setting '{name}' is refused: {said}", at))
