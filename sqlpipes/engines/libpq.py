"""What libpq says of a connection that does not open -> the stage at which it failed, with a way out."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlpipes.core import faults


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
OTHER = Way("ENG002", ("host", "url"), "see the target's output in profiles.yml")


def way_of(said: str) -> Way:
    """
    >>> way_of("connection to server at 127.0.0.1 failed: Connection refused").code
    'ENG061'
    """
    if 'role "' in said and "does not exist" in said:
        return ROLES
    return next((way for words, way in WAYS if re.search(words, said)), OTHER)
