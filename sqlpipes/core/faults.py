"""Codes of what keeps a connection from being opened or from living on, the same of all engines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlpipes.core.errors import Problem

LOST = "ENG011"  # the connection was cut: nothing of the open transaction is there
NO_NAME = "ENG060"  # the host's name does not resolve
NOBODY = "ENG061"  # nothing listens there
NO_ANSWER = "ENG062"  # in time
NO_TLS = "ENG063"
NOT_LET_IN = "ENG064"  # user or password
NO_DATABASE = "ENG065"
NO_RIGHT = "ENG066"
NOT_NOW = "ENG067"  # the server is starting, stopping or full
TOO_LONG = "ENG068"  # a statement, by statement_timeout_s
NOT_HELD = "ENG069"  # a name or text that the engine cannot hold

_WRAPPED = re.compile(
    r"^(connection failed: |connection is bad: )*(connection to server .*? failed: )?"
    r"((FATAL|ERROR): +)?",
    re.S,
)
UNREACHED = frozenset({NO_NAME, NOBODY, NO_ANSWER, NOT_NOW})


def only(codes: frozenset[str], problems: Iterable[Problem]) -> bool:
    """Whether there are problems, and all of them are of these."""
    found = {problem.code for problem in problems}
    return bool(found) and found <= codes


def unwrapped(said: str) -> str:
    """What a server of Postgres says, without libpq's words around it.

    >>> unwrapped("connection failed: connection to server at h failed: FATAL:  no such user")
    'no such user'
    """
    return _WRAPPED.sub("", said) or said
