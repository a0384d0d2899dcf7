"""What a driver raises -> EngineError, without anything secret of the address."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

from sqlalchemy import exc

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, Location, Problem, did_you_mean
from sqlpipes.core.faults import LOST, NOBODY, NOT_LET_IN
from sqlpipes.engines.generic.codes import HINTS, statement_code, way_code
from sqlpipes.engines.generic.dialects import KNOWN, dialect_of
from sqlpipes.engines.generic.place import EXAMPLE, Place
from sqlpipes.engines.generic.ways import BUSY, HOST, WHERE, Way, way_of

CONFLICT = re.compile(
    r"(?i)database is locked|database table is locked|deadlock|lock wait timeout|serializ"
    r"|could not obtain lock|concurrent (update|append|delete)|write conflict"
)
STATES = re.compile(r"^(40001|40P01|55P03)$")
NOT_UNDERSTOOD = re.compile(
    r"(?i)syntax error|no such (table|column|function)|does not exist|doesn't exist|unknown column"
    r"|not recognized|ambiguous|parse|compilation error|misuse of aggregate|unresolved"
    r"|duplicate column|has no column"
)
BESIDE = re.compile(r"cannot reference objects in database")
ONE_FILE = "in SQLite a view reads relations of its own schema only: make it a table"
KEYS = MappingProxyType({NOT_LET_IN: ("user", "url"), NOBODY: WHERE})  # where it is told
STOPPED = re.compile(r"(?i)interrupt|cancel|was killed")
NEAR = re.compile(r"""near ['"](?P<word>[^'"\n]+)""")
LINE = re.compile(
    r"(?i)\bat line (?P<line>\d+)|\bline (?P<other>\d+)[:,] ?(column |position )?(?P<column>\d+)"
)
AT_LINE = re.compile(r" at line \d+$")
NAMED = re.compile(
    r"""(?i)(?:no such \w+: |(?:column|relation|table|function|object|field) ['"`]?)(?P<word>[\w.]+)['"`]?"""
)


def statement_error(
    error: exc.SQLAlchemyError,
    statement: str,
    place: Place,
    reworded: Callable[[str], str] = str,
    *,
    stopped: bool = False,
) -> EngineError:
    """The problem's place is in the statement, where the driver's words tell it."""
    said = reworded(place.masked(_said(error)))
    told_by = statement_code(error, place.scheme)
    if getattr(error, "connection_invalidated", False) or told_by == LOST:
        told = f"the connection to the warehouse was lost: {said}"
        way = "what was not committed is not there; building again does it again"
        return EngineError(Problem(LOST, told, hint=way), statement=statement)
    code = "ENG007" if stopped and STOPPED.search(said) else told_by or _code(error, said)
    hint = ONE_FILE if BESIDE.search(said) else None
    at = _place(said, statement)
    told = AT_LINE.sub("", said) if at else said  # the line of the user's file is told instead
    return EngineError(Problem(code, told, at, hint), statement=statement)


def opening_error(error: BaseException, place: Place, target: Target) -> EngineError:
    """Why there is no connection, and where the address of it is written."""
    said = place.masked(_said(error))
    way = way_of(error, said)
    if code := way_code(error, said, place.scheme):
        way = Way(code, KEYS.get(code, HOST), HINTS.get(code, way.hint))
    told = f"cannot connect to {place.name}: {said}"
    return EngineError(Problem(way.code, told, target.at(*way.keys), way.hint))


def driver_error(error: BaseException, place: Place, target: Target) -> EngineError:
    """SQLAlchemy does not know the dialect, or its driver cannot be imported."""
    known, at = dialect_of(place.scheme), target.at("url")
    if isinstance(error, exc.NoSuchModuleError):
        message = f"SQLAlchemy has no dialect '{place.url.drivername}' (target '{target.name}')"
        near = did_you_mean(place.scheme, KNOWN)
        hint = f"pip install {known.pip}" if known else near or f"install its package; {EXAMPLE}"
        return EngineError(Problem("ENG001", message, at, hint))
    missing = getattr(error, "name", None) or str(error)
    message = f"the target '{target.name}' needs {missing}, not installed here"
    own = known and known.url == place.url.drivername
    hint = f"pip install {known.pip}" if known and own else f"pip install {missing}"
    return EngineError(Problem("ENG001", message, at, hint))


def setting_error(error: BaseException, place: Place, target: Target) -> EngineError:
    """The statement is not shown: a setting may be a secret."""
    if way_of(error, _said(error)).code == BUSY:
        return opening_error(error, place, target)
    told = f"a statement of the target's settings failed: {place.masked(_said(error))}"
    return EngineError(Problem("ENG009", told, target.at("settings")))


def _said(error: BaseException) -> str:
    """The driver's own words in one line. Some hand over (number, text)."""
    origin = getattr(error, "orig", None) or error
    arguments = [each for each in origin.args if isinstance(each, (str, bytes))]
    text = arguments[-1] if arguments else str(origin)
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return " ".join(text.split())[:1000] or type(origin).__name__


def _code(error: BaseException, said: str) -> str:
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    if CONFLICT.search(said) or STATES.match(state):
        return "ENG006"
    if BESIDE.search(said):
        return "ENG004"
    return "ENG004" if NOT_UNDERSTOOD.search(said) else "ENG005"


def _place(said: str, statement: str) -> Location | None:
    """The word that the database stumbled over, where it stands once in the statement."""
    found = NEAR.search(said) or NAMED.search(said)
    said_word = found["word"] if found else ""
    for word in (said_word, said_word.rpartition(".")[2]):
        spots = _spots(word, statement)
        if len(spots) == 1:
            break
    if len(spots) == 1:
        line = statement.count("\n", 0, spots[0]) + 1
        column = spots[0] - statement.rfind("\n", 0, spots[0])
        return Location("", line, column, len(word))
    told = LINE.search(said)
    if told is None:
        return None
    line = int(told["line"] or told["other"])
    column = int(told["column"] or 0) or _column(said_word, statement, line)
    return Location("", line, column)


def _column(near: str, statement: str, line: int) -> int:
    """Where what the database stumbled over begins in its line; 1 where it stands there twice."""
    lines, first = statement.split("\n"), near.split(" ")[0]
    text = lines[line - 1] if line <= len(lines) else ""
    return text.index(first) + 1 if first and text.count(first) == 1 else 1


def _spots(word: str, statement: str) -> list[int]:
    if not word:
        return []
    plain = word.replace(".", "").replace("_", "a").isalnum()
    pattern = rf"(?<![\w.]){re.escape(word)}(?!\w)" if plain else re.escape(word)
    return [each.start() for each in re.finditer(pattern, statement)]
