"""The steps of a translation: parse, rewrite, check, write, and read again what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError, UnsupportedError

from sqlpipes.core.sql.porting.checking import UNCHECKED, check
from sqlpipes.core.sql.porting.names import fold_names
from sqlpipes.core.sql.porting.ported import ColumnsOf, Ported, Refusal, Typed
from sqlpipes.core.sql.porting.porting import Porting
from sqlpipes.core.sql.porting.queries import port_query
from sqlpipes.core.sql.porting.rules import apply_rules
from sqlpipes.core.sql.porting.shapes import lost
from sqlpipes.core.sql.porting.shortfalls import refuse_shortfalls
from sqlpipes.core.sql.tokens import dialect_of, tokens_of

ROW = "sqlpipes_row"
REWRITE = (
    "say it in other words; `transpile: unchecked` does not help here, as it must be read, too"
)


def translate(
    text: str, read: str, write: str, columns_of: ColumnsOf, *, named: bool, unchecked: bool
) -> Ported:
    try:
        with _silence():
            tokens = tokens_of(text, read)
            trees = dialect_of(read).parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)
    except (ParseError, TokenError, RecursionError) as error:
        return _unread(text, error)
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query):
        return _unread(text, None)
    porting = Porting(text, tokens, read, write, columns_of)
    if unchecked:
        refuse_shortfalls(porting, tree)
        return _refused(porting) or _written(porting, tree, checked=False)
    root = exp.Subquery(this=tree)  # holds what stands in place of the query itself
    try:
        port_query(porting, root.this, {}, None, table=named)
        apply_rules(porting, root)
        check(porting, root.this)
        fold_names(root, write)
    except RecursionError:
        porting.refuse(root, "TRN007", "this query is nested too deeply", UNCHECKED)
    except Exception as error:  # one query's fault must not end the run: it is refused
        message = f"this query could not be translated ({type(error).__name__})"
        porting.refuse(root, "TRN007", message, UNCHECKED)
    return _refused(porting) or _written(porting, root.this, checked=True)


def _refused(porting: Porting) -> Ported | None:
    if not porting.refusals:
        return None
    return Ported("", tuple(sorted(porting.refusals, key=lambda r: (r.start, r.end))))


def _unread(text: str, error: Exception | None) -> Ported:
    place = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    lines = text.split("\n")
    line, end = int(place.get("line") or 1), int(place.get("col") or 1)
    start = sum(len(each) + 1 for each in lines[: line - 1]) + max(
        end - len(str(place.get("highlight") or "")), 0
    )
    message = "the parser cannot read this, so it cannot be said in another dialect"
    return Ported("", (Refusal("TRN006", message, start, start + 1, REWRITE),))


def _written(porting: Porting, tree: Any, *, checked: bool) -> Ported:
    try:
        with _silence():
            written = tree.sql(
                dialect=dialect_of(porting.write),
                pretty=True,
                comments=False,
                unsupported_level=ErrorLevel.RAISE if checked else ErrorLevel.IGNORE,
            )
            again = tokens_of(written, porting.write)
            parser = dialect_of(porting.write).parser(error_level=ErrorLevel.IMMEDIATE)
            found = parser.parse(again, written)[0] if checked else None
    except UnsupportedError as error:
        said = str(error).strip().splitlines()[0]
        return _failed(porting, tree, f"the target has no such thing: {said}")
    except (SqlglotError, RecursionError):
        return _failed(porting, tree, "what it becomes cannot be read there")
    if checked and (missing := lost(tree, found)):
        return _failed(porting, tree, f"{missing} would be lost on the way")
    return Ported(written)


def _failed(porting: Porting, tree: Any, message: str) -> Ported:
    porting.refuse(tree, "TRN007", message, UNCHECKED)
    return Ported("", tuple(porting.refusals))


def translate_condition(
    text: str, read: str, write: str, columns_of: ColumnsOf, *, unchecked: bool
) -> Ported:
    """As the WHERE of a query that reads one table; offsets are those of `text`."""
    head = f"select 1 as one from {ROW} where "
    found = translate(f"{head}{text}\n", read, write, columns_of, named=False, unchecked=unchecked)
    if found.refusals:
        return Ported("", tuple(_moved(found.refusals, len(head))))
    return Ported(found.text.partition("\nWHERE")[2].strip())


def translate_expression(
    text: str, read: str, write: str, columns: Typed | None, *, unchecked: bool
) -> Ported:
    """As the only column of a query that reads one table: also an aggregate. Offsets are those of `text`."""
    head, tail = "select ", f" as one\nfrom {ROW}\n"
    found = translate(
        f"{head}{text}\n{tail}", read, write, lambda _: columns, named=True, unchecked=unchecked
    )
    if found.refusals:
        return Ported("", tuple(_moved(found.refusals, len(head))))
    said = found.text.partition("SELECT\n")[2].rpartition(" AS one\nFROM ")[0]
    return Ported(said.strip())


def _moved(refusals: Iterable[Refusal], by: int) -> Iterator[Refusal]:
    for each in refusals:
        yield replace(each, start=max(each.start - by, 0), end=max(each.end - by, 1))


@contextmanager
def _silence() -> Iterator[None]:
    """What sqlglot would log is a refusal here."""
    before = sqlglot.logger.disabled
    sqlglot.logger.disabled = True
    try:
        yield
    finally:
        sqlglot.logger.disabled = before
