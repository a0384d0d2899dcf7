"""DuckDB's exceptions -> EngineError: code, first meaningful line, place in the statement, hint."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import duckdb

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, Location, LockedError, Problem
from sqlpipes.engines.duckdb.place import holder
from sqlpipes.engines.duckdb.profile import DuckSecret

MEANT = re.compile(r"^(Did you mean|Candidate bindings|HINT|Candidate functions)\b.*", re.S | re.M)
PREFIX = re.compile(r"^[A-Za-z ]{3,40} Error: ")
PICTURE = re.compile(
    r"\n+LINE (?P<line>\d+): (?P<shown>[^\n]*)\n(?P<carets> *(?P<caret>\^)\^*)\s*$"
)
CSV = re.compile(
    r"CSV Error on Line: (?P<line>\d+)\nOriginal Line: ?(?P<text>[^\n]*)\n(?P<why>[^\n]+)"
)
CSV_FILE = re.compile(r"^ *file = (.+)$", re.M)
CSV_VALUE = re.compile(r'[Cc]ould not convert string "(.*?)" to')
CUT = re.compile(
    "server closed the connection unexpectedly|terminating connection|no connection to the server|"
    "connection has been closed|connection not open|could not receive data from server|"
    'execute query "ROLLBACK":\\s*$'
)
RACE = re.compile(
    "conflict|retry count|duplicate key|could not serialize|deadlock detected|database is locked",
    re.I,
)
LAKE_CONFLICT = re.compile("Transaction conflict - ([^\n]+)")
QUOTED = re.compile(r'"[^"]*"')
HINTS = (
    (
        "a single transaction can only write to a single attached database",
        "a step is one transaction: what goes to another database must be an asset of its own",
    ),
    (
        "attached in read-only mode",
        "take `read_only` off its entry under `attach:` in profiles.yml",
    ),
)
CODES: tuple[tuple[type[BaseException], str], ...] = (
    (duckdb.InterruptException, "ENG007"),
    (duckdb.ParserException, "ENG004"),
    (duckdb.BinderException, "ENG004"),
    (duckdb.CatalogException, "ENG004"),
    (duckdb.SyntaxException, "ENG004"),
)


def statement_error(error: BaseException, statement: str) -> EngineError:
    """What DuckDB said about a statement, as ours. The problem's place is in the statement."""
    if in_file := _csv_problem(str(error)):
        return EngineError(in_file, statement=statement)
    if of_lake := lake_problem(error):
        return EngineError(of_lake, statement=statement)
    first, hint = _split_hint(plain_message(error))
    code = next((code for kind, code in CODES if isinstance(error, kind)), "ENG005")
    if isinstance(error, duckdb.TransactionException) and "conflict" in first.lower():
        code = "ENG006"
    hint = hint or next((said for words, said in HINTS if words in first), None)
    return EngineError(Problem(code, first, _place(error, statement), hint), statement=statement)


def lake_problem(error: BaseException) -> Problem | None:
    """What went wrong at the commit to a lake, or on the way to its catalog; None for anything else."""
    said = str(error)
    if CUT.search(said):
        message = "the connection to the lake's catalog was lost"
        return Problem("ENG011", f"{message}: {_split_hint(plain_message(error))[0]}")
    if "DuckLake transaction" not in said:
        return None
    if not RACE.search(said):
        first = _split_hint(plain_message(error).partition("DuckLake transaction.")[2] or said)[0]
        return Problem("ENG005", f"the commit to the lake failed: {first}")
    conflict = LAKE_CONFLICT.search(said)
    message = conflict[1] if conflict else "others committed to the lake again and again"
    return Problem("ENG006", f"another build wrote to the lake: {message}")


def _csv_problem(said: str) -> Problem | None:
    """A fault in a CSV file, at its line there, and at the field where that can be told."""
    found, path = CSV.search(said), CSV_FILE.search(said)
    if found is None or path is None:
        return None
    value = CSV_VALUE.search(found["why"])
    column = found["text"].find(value[1]) if value else -1
    at = Location(path[1], int(found["line"]), max(column, 0) + 1, len(value[1]) if value else 1)
    hint = "mend the line, or declare another type for the column" if value else None
    return Problem("ENG005", found["why"].strip(), at, hint)


def is_held(error: BaseException) -> bool:
    """Whether another process holds the database file."""
    return "Could not set lock" in str(error)


def opening_error(error: BaseException, path: str, where: str = "") -> EngineError:
    """Why a database does not open; LockedError when another process holds it.

    `where` is the address that `path` is only a name for: DuckDB's message repeats it, with its password.
    """
    text = str(error)
    if is_held(error):
        message = f"{path} is in use by {holder(text)}"
        hint = "wait for it, close it, or let both only read"
        return LockedError(Problem("ENG003", message, hint=hint))
    said = plain_message(error)
    if where and where != path:
        said = QUOTED.sub('"..."', said.replace(where, path))
    first, hint_text = _split_hint(said)
    return EngineError(Problem("ENG002", f"{path} does not open: {first}", hint=hint_text))


def setting_problem(error: BaseException, name: str, value: str) -> Problem:
    """Why a setting of the target is refused, without its value, which may be a secret."""
    first, hint = _split_hint(plain_message(error))
    said = first.replace(value, "...") if value else first
    return Problem("ENG009", f"the target's setting '{name}' is refused: {said}", hint=hint)


def secret_problem(error: BaseException, secret: DuckSecret) -> Problem:
    """Why CREATE SECRET is refused, without any of its values."""
    first, hint = _split_hint(plain_message(error))
    said = without(Problem("ENG022", first, secret.at, hint), secret.values)
    message = f"the secret '{secret.name}' of type {secret.type} is refused: {said.message}"
    return replace(said, message=message)


def storage_problem(target: Target, found: str, wanted: str) -> Problem:
    """A file of a newer version than the one asked for."""
    message = f"the database of target '{target.name}' has storage version {found}, not {wanted}"
    hint = "a file keeps its version: name another path, or remove the file and build it again"
    return Problem("ENG023", message, target.places.get("storage_version"), hint)


def without(problem: Problem, hidden: Iterable[str], at: Location | None = None) -> Problem:
    """The same without these texts in its message and hint."""
    message, hint = problem.message, problem.hint
    for text in sorted((text for text in hidden if text), key=len, reverse=True):
        message, hint = message.replace(text, "***"), hint and hint.replace(text, "***")
    return replace(problem, message=message, hint=hint, at=problem.at or at)


def plain_message(error: BaseException) -> str:
    """What DuckDB said, without its picture of the statement and the name of its error class."""
    return PREFIX.sub("", PICTURE.sub("", str(error))).strip()


def _split_hint(message: str) -> tuple[str, str | None]:
    """The first line that says something, and what DuckDB proposes."""
    found = MEANT.search(message)
    hint = " ".join(found[0].split()) if found else None
    head = message[: found.start()] if found else message
    lines = [line.strip() for line in head.splitlines() if line.strip()]
    return (lines[0] if lines else message.strip() or "no message"), hint


def _place(error: BaseException, statement: str) -> Location | None:
    """Line and column of `statement`, from the picture under which DuckDB puts its carets.

    Long lines are cut at both ends there, so what is shown is looked up in the whole line.
    """
    found = PICTURE.search(str(error))
    lines = statement.split("\n")
    if found is None or not found["caret"] or int(found["line"]) > len(lines):
        return None
    shown, line = found["shown"], int(found["line"])
    column = found["carets"].index("^") - len(f"LINE {line}: ")
    if shown.startswith("..."):
        shown, column = shown[3:], column - 3
    start = lines[line - 1].find(shown.removesuffix("..."))
    length = len(found["carets"].strip())
    return Location("", line, max(start, 0) + column + 1, max(length, 1))
