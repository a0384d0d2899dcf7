"""psycopg's exceptions -> EngineError: code by SQLSTATE, place in the statement, hint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import psycopg

from sqlpipes.core.errors import EngineError, Location, Problem
from sqlpipes.core.faults import LOST
from sqlpipes.engines.postgres.names import LONGEST
from sqlpipes.engines.signing import too_long

SHORTEN = "ENG012"  # a name of more than 63 bytes
CUT = "42622"  # SQLSTATE of the notice about one
CONFLICT = "ENG006"  # the same statements may succeed now
CONFLICTS = ("40001", "40P01", "55P03")  # serialization, deadlock, a lock that was not to be had
CANCELLED = "57014"
READ_ONLY = "25006"
UNTYPED = "42883"  # no function or operator takes these types
ENDED = ("57P01", "57P02", "57P03", "57P05")
SHOW_ROWS = ("23502", "23514")  # NOT NULL, CHECK: the detail is the whole row that fails
COPIED = re.compile(
    r"^COPY .*, line \d+, column ([^\n]*?)(?:: |$)", re.M
)  # what stood there is not told
QUOTED = re.compile(r'"([^"]+)"')


def statement_error(
    error: BaseException,
    statement: str,
    *,
    lost: bool = False,
    stopped: bool = False,
    late_s: float | None = None,
) -> EngineError:
    """What Postgres said about a statement, as ours. The problem's place is in the statement.

    `lost`: the connection is gone; `stopped`: it was told to stop, by us; `late_s`: it had so long.
    """
    diag = getattr(error, "diag", None)
    state = getattr(error, "sqlstate", None) or ""
    message = str((diag.message_primary if diag else None) or first_line(error))
    if lost or state in ENDED or state.startswith("08"):
        told = f"the connection to the warehouse was lost: {message}"
        way = "what was not committed is not there; building again does it again"
        return EngineError(Problem(LOST, told, hint=way), statement=statement)
    if state == CANCELLED and late_s is not None and not stopped:
        return too_long(late_s, statement)
    code = _code(state, stopped)
    hint = diag.message_hint if diag and state != UNTYPED else None  # it says nothing of the text
    detail = diag.message_detail if diag else None
    if detail and state[:2] in ("22", "23", "2B", "40") and state not in SHOW_ROWS:
        message = f"{message}: {' '.join(detail.split())}"
    column = COPIED.search((diag.context if diag else None) or "")
    if column is not None:
        message = f"column '{column[1]}': {message}"
    return EngineError(
        Problem(code, message, _place(diag, statement), hint or _own_hint(state)),
        statement=statement,
    )


def is_cut(error: psycopg.Error) -> bool:
    """Whether a name that was cut may be why: it became another one, or is not found under its own."""
    return (getattr(error, "sqlstate", None) or "").startswith(("427", "42P01"))


def cut_error(notes: list[str], statement: str) -> EngineError:
    """The server cut a name off, and would take two that begin alike for one."""
    names = dict.fromkeys(found[1] for note in notes if (found := QUOTED.search(note)))
    name = next(iter(names), "")
    for other in names:
        if twin := twin_of(other, names):
            return EngineError(_same(other, twin, _place_of(other, statement)), statement=statement)
    return EngineError(_too_long(name, _place_of(name, statement)), statement=statement)


def demand_short(
    names: Sequence[str], statement: str, at: Callable[[str], Location | None]
) -> None:
    """EngineError ENG012 for columns that land under names of their own, before the server is asked."""
    long = [name for name in names if len(name.encode()) > LONGEST]
    if long:
        twins = [(name, twin_of(name, names)) for name in long]
        said = [_same(n, t, at(n)) if t else _too_long(n, at(n)) for n, t in twins]
        raise EngineError(*said, statement=statement)


def twin_of(name: str, names: Iterable[str]) -> str | None:
    """One that stands before it and is cut to the same.

    >>> twin_of("b" * 64, ["b" * 63, "b" * 64]) == "b" * 63
    True
    """
    cut = name.encode()[:LONGEST]
    for other in names:
        if other == name:
            return None
        if other.encode()[:LONGEST] == cut:
            return other
    return None


def _too_long(name: str, at: Location | None) -> Problem:
    message = f"the name '{name}' is {len(name.encode())} bytes long, and Postgres keeps {LONGEST}"
    return Problem(SHORTEN, message, at, "give it a shorter one")


def _same(name: str, twin: str, at: Location | None) -> Problem:
    message = f"Postgres keeps {LONGEST} bytes of a name, and takes '{name}' and '{twin}' for one"
    return Problem(SHORTEN, message, at, "give them shorter ones")


def _code(state: str, stopped: bool) -> str:
    if state in CONFLICTS:
        return CONFLICT
    if state == CANCELLED and stopped:
        return "ENG007"
    not_understood = state.startswith(("42", "0A", "3F")) and state != "42501"
    return "ENG004" if not_understood else "ENG005"


def _own_hint(state: str) -> str | None:
    if state == "42501":
        return "the role of the target needs that right: grant it, or set `role:`"
    if state == READ_ONLY:
        return "this server takes no writes: is it a standby? `host` must name the primary"
    if state == CANCELLED:
        return "the server's statement_timeout, or somebody who ended it"
    return None


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _place(diag: psycopg.errors.Diagnostic | None, statement: str) -> Location | None:
    position = diag.statement_position if diag else None
    if not position or not str(position).isdigit():
        return None
    return _location(statement, int(position) - 1)


def _location(statement: str, offset: int) -> Location:
    line = statement.count("\n", 0, offset) + 1
    column = offset - statement.rfind("\n", 0, offset)
    word = re.match(r'"[^"]*"|\w+|.', statement[offset:], re.S)
    return Location("", line, column, len(word[0]) if word else 1)


def _place_of(name: str, statement: str) -> Location | None:
    offset = statement.find(name) if name else -1
    return _location(statement, offset) if offset >= 0 else None
