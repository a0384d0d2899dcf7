"""SQL of one dialect -> the same rows said in another one, or what keeps it from being said there.

`port` translates a query, `port_condition` a condition, `port_expression` an aggregate;
`source_place` finds where a place of the
translation comes from. sqlglot is imported by the first call.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlpipes.core.sql.porting.ported import ColumnsOf, Ported, Refusal, Typed
from sqlpipes.core.sql.porting.porter import Porter

__all__ = [
    "PORTER",
    "ColumnsOf",
    "Ported",
    "Porter",
    "Refusal",
    "Typed",
    "is_proven",
    "port",
    "port_condition",
    "port_expression",
    "settings",
    "source_place",
]

SETTINGS = MappingProxyType(
    {("duckdb", "spark"): {"spark.sql.decimalOperations.allowPrecisionLoss": "false"}}
)
PORTER = 3  # part of every cache key: raise it whenever the same query may be translated otherwise


def port(
    text: str,
    read: str,
    write: str,
    columns_of: ColumnsOf,
    *,
    named: bool = True,
    unchecked: bool = False,
) -> Ported:
    """`named`: its columns are read by name, so each must have one. `unchecked`: as sqlglot has it."""
    from sqlpipes.core.sql.porting.translation import translate

    return translate(text, read, write, columns_of, named=named, unchecked=unchecked)


def port_condition(
    text: str, read: str, write: str, columns_of: ColumnsOf, *, unchecked: bool = False
) -> Ported:
    """An expression about one row of a table; all tables that queries in it name have other names."""
    from sqlpipes.core.sql.porting.translation import translate_condition

    return translate_condition(text, read, write, columns_of, unchecked=unchecked)


def port_expression(
    text: str, read: str, write: str, columns: Typed | None, *, unchecked: bool = False
) -> Ported:
    """An expression over the rows of a table of these columns, such as an aggregate of them."""
    from sqlpipes.core.sql.porting.translation import translate_expression

    return translate_expression(text, read, write, columns, unchecked=unchecked)


def settings(read: str, write: str) -> Mapping[str, str]:
    """What must be set on a session for translations to mean the same."""
    return SETTINGS.get((read, write), {})


def is_proven(read: str, write: str) -> bool:
    """Whether there is anything that is known to mean the same in both."""
    from sqlpipes.core.sql.porting.allowed import ALLOWED

    return (read, write) in ALLOWED


def source_place(text: str, read: str, ported: str, write: str, offset: int) -> int:
    """The offset of `text` that an offset of its translation comes from, or the nearest before it."""
    from sqlpipes.core.sql.porting.alignment import source_offset

    return source_offset(text, read, ported, write, offset)
