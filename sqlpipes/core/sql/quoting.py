"""Names and values as they stand in a statement, whatever they contain."""

from __future__ import annotations


def identifier(name: str, mark: str = '"') -> str:
    """A column, alias or relation; `mark` is what the engine puts around a name.

    >>> identifier('we"ird; drop table x')
    '"we""ird; drop table x"'
    """
    return mark + name.replace(mark, mark * 2) + mark


def header_name(name: str, dialect: str) -> str:
    """A column of a file as a table of it calls it: in Postgres as if it stood in a query without quotes,
    where it could.

    >>> [header_name(name, "postgres") for name in ("OrderId", "Order Id")], header_name("Id", "duckdb")
    (['orderid', 'Order Id'], 'Id')
    """
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[:1].isdigit()
    return name.lower() if plain and dialect == "postgres" else name


def literal(value: object, *, escapes: bool = False) -> str:
    """A value. Numbers stay numbers, the rest is text that the engine casts; backslashes mean themselves,
    also where the engine takes them for `escapes`.

    >>> literal("it's"), literal(3), literal(None), literal(True)
    ("'it''s'", '3', 'null', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value).replace("\\", "\\\\") if escapes else str(value)
    return "'" + text.replace("'", "''") + "'"
