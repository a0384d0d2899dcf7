"""What a driver raised when it was to connect -> the code of it, and what to look at."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator

from sqlpipes.core import faults
from sqlpipes.core.dataclass import dataclass

BUSY = "ENG006"


@dataclass(frozen=True, slots=True)
class Way:
    """`keys`: of the output, the first that it has is where the problem is."""

    code: str
    keys: tuple[str, ...]
    hint: str


HOST = ("host", "url")
WHERE = ("port", "host", "url")
HELD = Way(
    BUSY,
    ("path", "url"),
    "another program writes to it: close it there, or try again when it is done",
)
NO_NAME = Way(faults.NO_NAME, HOST, "is the host spelt right, and can this machine look it up?")
NOBODY = Way(faults.NOBODY, WHERE, "is the server up, and are host and port right?")
NO_ANSWER = Way(faults.NO_ANSWER, HOST, "a firewall, or another host?")
OTHER = Way("ENG002", ("url", "path", "host"), "see the target's output in profiles.yml")
TOLD = (
    (r"database is locked|database table is locked|database is busy", HELD),
    (
        r"name or service not known|nodename nor servname|getaddrinfo|name resolution|failed to resolve"
        r"|could not translate host name|unknown (mysql )?(server )?host",
        NO_NAME,
    ),
    (r"connection refused|actively refused|no route to host|network is unreachable", NOBODY),
    (r"connection timed out|timeout expired|timed out", NO_ANSWER),
)
REFUSED = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)


def way_of(error: BaseException, said: str) -> Way:
    """By what lies below the driver's exception, else by its words."""
    for cause in _below(error):
        if isinstance(cause, socket.gaierror):
            return NO_NAME
        if isinstance(cause, TimeoutError):
            return NO_ANSWER
        if isinstance(cause, OSError) and cause.errno in REFUSED:
            return NOBODY
    return next((way for words, way in TOLD if re.search(words, said, re.IGNORECASE)), OTHER)


def _below(error: BaseException) -> Iterator[BaseException]:
    """An exception, and what it came from."""
    seen: list[BaseException | None] = [None]
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if any(each is known for known in seen) or each is None:
            continue
        seen.append(each)
        yield each
        todo += [getattr(each, "orig", None), each.__cause__, each.__context__]
