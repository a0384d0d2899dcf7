"""What pyspark raises -> EngineError: code by SQLSTATE, place in the statement, hint."""

from __future__ import annotations

import re
from typing import Any

from sqlpipes.core.errors import EngineError, Location, Problem
from sqlpipes.core.faults import LOST, NO_ANSWER, NO_NAME, NO_TLS, NOBODY, NOT_LET_IN
from sqlpipes.engines.spark.place import Place

WAYS_IN = (
    (("UNAUTHENTICATED", "PERMISSION_DENIED"), NOT_LET_IN, "see `token` and `user` of the target"),
    (("SSL", "handshake", "Handshake"), NO_TLS, "see `use_ssl` of the target"),
    (
        ("[Errno -2]", "[Errno -3]", "[Errno -5]", "getaddrinfo"),
        NO_NAME,
        "see `host` of the target",
    ),
    (("refused",), NOBODY, "is the Connect server up, and is `port` of the target right?"),
    (("timed out",), NO_ANSWER, "is a firewall between? `connect_timeout` is how long is waited"),
)
POSITION = re.compile(r"== SQL(?: of [^(]*)? \(line (\d+), position (\d+)\) ==")
PLACED = re.compile(r"\bline (\d+),? pos (\d+)")
STATE = re.compile(r"SQLSTATE: (\w{5})")
CONDITION = re.compile(r"\[([A-Z][A-Z0-9_.]+)\]\s*")
TAIL = re.compile(r"\n+(JVM stacktrace:|== SQL|'\w+ |\+- |Search path:|If you did not|Caused by:)")
SUGGESTED = re.compile(r" ?Did you mean one of the following\? \[(.*?)\]\.?")
GONE = (
    "UNAVAILABLE",
    "INVALID_HANDLE.SESSION",
    "SESSION_CLOSED",
    "SESSION_NOT_FOUND",
    "NO_ACTIVE_SESSION",  # the client has learned it from another thread's answer
    "closed channel",
)
DETAILS = re.compile(r'details = "([^"]+)"')
CONFLICTS = ("40000", "2D521", "40001")
CANCELLED = ("OPERATION_CANCELED", "OPERATION_CANCELLED", "cancelled", "CANCELLED")
ADVICE = (" Verify the spelling and correctness of the schema and catalog.",)


def statement_error(error: BaseException, statement: str, *, stopped: bool = False) -> EngineError:
    """What Spark said about a statement, as ours. The problem's place is in the statement.

    `stopped`: it was told to stop, by us.
    """
    text = str(error)
    condition = str(_asked(error, "getCondition") or _found(CONDITION, text))
    if is_lost(error):
        return session_error(statement, _lost_words(text))
    if stopped and any(word in text for word in CANCELLED):
        return EngineError(Problem("ENG007", "the statement was stopped"), statement=statement)
    state = str(_asked(error, "getSqlState") or _found(STATE, text))
    message, hint = _words(text, condition)
    problem = Problem(_code(state, condition), message, _place(error, text, statement), hint)
    return EngineError(problem, statement=statement)


def session_error(statement: str, said: str = "the server is gone") -> EngineError:
    told = f"the connection to the warehouse was lost: {said}"
    way = "what was begun to be published is finished by the next build"
    return EngineError(Problem(LOST, told, hint=way), statement=statement)


def _lost_words(text: str) -> str:
    """gRPC's details, without the names of its classes."""
    if "SESSION" in text or "closed channel" in text:
        return "the server knows this session no more; was it started again?"
    found = DETAILS.search(text)
    return _first_line(found[1] if found else text)


def opening_error(message: str, place: Place) -> EngineError:
    """Why there is no session, without the token that it was tried with."""
    said = _first_line(message)
    if place.secret:
        said = said.replace(place.secret, "...")
    code, hint = next(
        ((code, hint) for words, code, hint in WAYS_IN if any(word in message for word in words)),
        ("ENG002", "is the Connect server up, and are `host` and `port` of the target right?"),
    )
    return EngineError(Problem(code, f"cannot connect to {place.name}: {said}", hint=hint))


def mute_error(place: Place) -> EngineError:
    """Somebody listens, and says nothing that can be understood."""
    if place.is_encrypted:
        said, code = f"no TLS within {place.timeout_s} s", NO_TLS
        hint = "is the Connect server behind TLS? without `use_ssl` and `token` it is not asked for"
    else:
        said, code = f"nobody there speaks Spark Connect, within {place.timeout_s} s", NO_ANSWER
        hint = "is `port` the Connect server's, and does it want `use_ssl: true`?"
    return EngineError(Problem(code, f"cannot connect to {place.name}: {said}", hint=hint))


def version_error(version: str, place: Place) -> EngineError:
    message = f"{place.name} is Spark {version}, and Spark 4 is needed"
    hint = "its SQL and its answers are others; use a Connect server of Spark 4"
    return EngineError(Problem("SPK002", message, hint=hint))


def setting_error(error: BaseException, name: str, value: str) -> EngineError:
    """A setting of the target that the server refuses, without its value, which may be a secret."""
    said = _words(str(error), "")[0]
    said = said.replace(value, "...") if len(value) > 3 else said
    return EngineError(Problem("ENG009", f"the target's setting '{name}' is refused: {said}"))


def is_lost(error: BaseException) -> bool:
    """Whether the server, or our session on it, is gone."""
    text = str(error)
    return type(error).__name__ == "_InactiveRpcError" or any(word in text for word in GONE)


def condition_of(error: BaseException) -> str:
    """Spark's own name for what went wrong: TABLE_OR_VIEW_NOT_FOUND ..."""
    return str(_asked(error, "getCondition") or _found(CONDITION, str(error)))


def _asked(error: BaseException, question: str) -> Any:
    ask = getattr(error, question, None)
    return ask() if callable(ask) else None


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _words(text: str, condition: str) -> tuple[str, str | None]:
    """Message and hint, in one line each, without Spark's plans and traces."""
    head = TAIL.split(text.strip(), maxsplit=1)[0]
    head = CONDITION.sub("", head, count=1) if condition else head
    head = re.split(r" ?SQLSTATE: \w{5}", head)[0]
    for advice in ADVICE:
        head = head.replace(advice, "")
    hint = None
    if found := SUGGESTED.search(head):
        near = [name.strip("`") for name in found[1].split(", ")]
        hint = f"did you mean '{near[0]}'?" if near[0] else None
        head = SUGGESTED.sub("", head)
    return _first_line(head), hint


def _code(state: str, condition: str) -> str:
    if state in CONFLICTS or "CONCURRENT" in condition:
        return "ENG006"
    not_understood = state.startswith(("42", "0A", "56", "07")) and state != "42501"
    return "ENG004" if not_understood else "ENG005"


def _place(error: BaseException, text: str, statement: str) -> Location | None:
    """Columns are told from 1 in a summary, and from 0 after `pos`."""
    contexts = _asked(error, "getQueryContext") or []
    said = "\n".join(str(context.summary()) for context in contexts[:1])
    for pattern, first, where in ((POSITION, 1, said or text), (PLACED, 0, text)):
        if found := pattern.search(where):
            return _location(statement, int(found[1]), int(found[2]) - first)
    return None


def _location(statement: str, line: int, skipped: int) -> Location | None:
    lines = statement.split("\n")
    if line > len(lines):
        return None
    word = re.match(r"`[^`]*`|\w+|.", lines[line - 1][skipped:])
    return Location("", line, skipped + 1, len(word[0]) if word else 1)


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "it said nothing"
