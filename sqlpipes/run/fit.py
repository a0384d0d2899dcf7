"""An INSERT BY NAME + the table it goes into -> a fault when the two do not fit.

The engine fills a column that the rows lack with NULL, and rounds 1.5 into an INTEGER, without a
word. So names must be the same, and types must lose nothing on their way into the table's.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.run.statement import Statement

WHOLE_NUMBERS = frozenset(
    f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")
) | {"INTEGER", "UINTEGER"}  # one that is too large for the table's is refused when it is written

TEXTS = (
    "TEXT",
    "CHARACTER VARYING",
    "VARCHAR",
)  # they take any value; a text that is too long is refused

Shape = dict[str, str]  # column, in lower case -> type


def demand_fit(statement: Statement, asset: Asset, connection: Connection) -> None:
    """Raises EngineError BLD010 with all that does not fit; nothing is run, only bound."""
    assert statement.into is not None
    there = _shape(connection, f"select * from {statement.into}")
    here = _shape(connection, statement.rows.sql)
    if here == there:
        return
    faults = [*_other_names(there, here)]
    if not faults:
        both = _meeting(connection, f"select * from {statement.into}", statement.rows.sql)
        faults = [*_other_types(there, here, both)]
    if faults:
        message = f"these rows do not fit the table of '{asset.name}': {'; '.join(faults)}"
        hint = "--full-refresh writes the table anew; a cast in the query keeps its types"
        raise EngineError(Problem("BLD010", message, asset.at, hint), statement=statement.sql)


def columns_for(connection: Connection, sql: str, table: str | None) -> tuple[tuple[str, str], ...]:
    """The columns of a query; a type that loses nothing in that of `table` is told as the table's."""
    found = connection.describe(sql)
    if table is None:
        return found
    there = _shape(connection, f"select * from {table}")
    here = {name.lower(): kind for name, kind in found}
    if all(there.get(name, kind) == kind for name, kind in here.items()):
        return found
    both = _meeting(connection, f"select * from {table}", sql)
    return tuple(
        (name, there[key] if _holds(there.get(key), kind, both.get(key, kind)) else kind)
        for name, kind in found
        for key in (name.lower(),)
    )


def _meeting(connection: Connection, there: str, here: str) -> Shape:
    return {name.lower(): kind for name, kind in connection.meeting(there, here)}


def _shape(connection: Connection, sql: str) -> Shape:
    return {name.lower(): kind for name, kind in connection.describe(sql)}


def _other_names(there: Shape, here: Shape) -> Iterator[str]:
    yield from (f"they lack the column '{name}'" for name in there if name not in here)
    yield from (f"the table has no column '{name}'" for name in here if name not in there)


def _other_types(there: Shape, here: Shape, both: Shape) -> Iterator[str]:
    """Both types meet in the table's own unless something would be lost in it."""
    for name, kind in there.items():
        if not _holds(kind, here[name], both.get(name, here[name])):
            yield f"column '{name}' is {kind} in the table and {here[name]} here"


def _holds(there: str | None, here: str, both: str) -> bool:
    """Whether the table's type loses nothing of `here`; `both` is the type in which the two meet."""
    if there is None:
        return False
    kinds = {kind.upper() for kind in (there, here)}
    return both == there or kinds <= WHOLE_NUMBERS or there.upper().startswith(TEXTS)
