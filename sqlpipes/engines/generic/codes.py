"""The numbers of errors that drivers hand over -> ours. Texts differ by language and version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlpipes.core.faults import (
    LOST,
    NO_ANSWER,
    NO_DATABASE,
    NO_NAME,
    NO_RIGHT,
    NO_TLS,
    NOBODY,
    NOT_LET_IN,
    NOT_NOW,
)

CONFLICT, NOT_UNDERSTOOD, FAILED = "ENG006", "ENG004", "ENG005"

MYSQL: Mapping[int, str] = MappingProxyType(
    {
        1205: CONFLICT,  # waited too long for a lock
        1213: CONFLICT,  # a deadlock
        1020: CONFLICT,  # the row has changed since it was read
        **dict.fromkeys((2006, 2013, 2055, 1927, 1053, 4031), LOST),
        **dict.fromkeys(
            (1046, 1049, 1051, 1052, 1054, 1055, 1056, 1060, 1064, 1066, 1109, 1111, 1136, 1140),
            NOT_UNDERSTOOD,
        ),
        **dict.fromkeys((1146, 1222, 1242, 1248, 1305, 1356, 1582, 1630, 4161), NOT_UNDERSTOOD),
    }
)
MYSQL_WAYS: Mapping[int, str] = MappingProxyType(
    {
        1040: NOT_NOW,  # too many connections
        1203: NOT_NOW,  # of this user
        1226: NOT_NOW,
        1053: NOT_NOW,  # it is shutting down
        1044: NO_RIGHT,
        1045: NOT_LET_IN,
        1698: NOT_LET_IN,
        1524: NOT_LET_IN,  # a way of telling who one is that the server lacks
        1049: NO_DATABASE,
        2026: NO_TLS,
        3159: NO_TLS,
        2005: NO_NAME,
    }
)
UNREACHED = (
    (re.compile(r"(?i)\[Errno -\d+\]|getaddrinfo|name or service|unknown .*host"), NO_NAME),
    (re.compile(r"(?i)timed out|timeout"), NO_ANSWER),
    (re.compile(r"(?i)refused|no such file"), NOBODY),
    (re.compile(r"(?i)\bssl\b|\btls\b|certificate"), NO_TLS),
)
HINTS: Mapping[str, str] = MappingProxyType(
    {
        NO_NAME: "see `host` of the target",
        NOBODY: "is the server up, and is `port` of the target right?",
        NO_ANSWER: "is a firewall between? connect_args: {connect_timeout: 30} waits longer",
        NO_TLS: "see `connect_args` of the target: ssl is said there",
        NOT_LET_IN: "see `user` and `password` of the target",
        NO_DATABASE: "leave `database` out, or name one that is there: `schema` is made by a build",
        NO_RIGHT: "the user needs a GRANT on the database",
        NOT_NOW: "it is tried again a few times; `connect_retries` says how often",
    }
)
TABLES: Mapping[str, tuple[Mapping[int, str], Mapping[int, str]]] = MappingProxyType(
    {"mysql": (MYSQL, MYSQL_WAYS), "mariadb": (MYSQL, MYSQL_WAYS)}
)


def number_of(error: BaseException) -> int | None:
    """What some drivers hand over before the text."""
    origin = getattr(error, "orig", None) or error
    first = origin.args[0] if origin.args else None
    return first if isinstance(first, int) else None


def statement_code(error: BaseException, scheme: str) -> str | None:
    """Our code of a statement's fault; None where the number tells nothing."""
    number = number_of(error)
    return TABLES[scheme][0].get(number) if number and scheme in TABLES else None


def way_code(error: BaseException, said: str, scheme: str) -> str | None:
    """Our code of why there is no way in; None where nothing tells it."""
    if scheme not in TABLES:
        return None
    if code := TABLES[scheme][1].get(number_of(error) or 0):
        return code
    return next((code for pattern, code in UNREACHED if pattern.search(said)), None)
