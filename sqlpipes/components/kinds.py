"""A type of another database, or of its driver's values -> a DuckDB type, an Arrow one, a conversion."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import FieldError
from sqlpipes.core.errors import did_you_mean

DECIMAL = re.compile(r"(?:decimal|numeric)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
WIDEST = 38
UNSAID = (38, 10)  # a number without a declared width


@dataclass(frozen=True, slots=True)
class Kind:
    """`sql` is DuckDB's name; `convert` makes a value of the driver's one of it."""

    sql: str
    convert: Callable[[Any], Any]

    def arrow(self) -> Any:
        """The type in Arrow."""
        import pyarrow as pa

        found = DECIMAL.fullmatch(self.sql)
        if found:
            return pa.decimal128(int(found[1]), int(found[2] or 0))
        plain = {
            "bigint": pa.int64(),
            "double": pa.float64(),
            "boolean": pa.bool_(),
            "date": pa.date32(),
            "time": pa.time64("us"),
            "timestamp": pa.timestamp("us"),
            "timestamptz": pa.timestamp("us", tz="UTC"),
            "blob": pa.binary(),
            "interval": pa.duration("us"),
        }
        return plain.get(self.sql, pa.string())


def text(value: Any) -> str:
    """
    >>> text({"a": 1}), text(b"x"), text(5)
    ('{"a": 1}', 'x', '5')
    """
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=str)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _whole(value: Any) -> int:
    if isinstance(value, str) or int(value) == value:
        return int(value)
    raise ValueError(f"{value!r} is no whole number")


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


def _time_of(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    return dt.datetime.fromisoformat(str(value))


def _without_zone(value: Any) -> dt.datetime:
    found = _time_of(value)
    return found.astimezone(dt.UTC).replace(tzinfo=None) if found.tzinfo else found


def _with_zone(value: Any) -> dt.datetime:
    found = _time_of(value)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _flag(value: Any) -> bool:
    if isinstance(value, str):
        return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}[
            value.casefold()
        ]
    return bool(value)


def _same(value: Any) -> Any:
    return value


KINDS = {
    "varchar": Kind("varchar", text),
    "bigint": Kind("bigint", _whole),
    "double": Kind("double", float),
    "boolean": Kind("boolean", _flag),
    "date": Kind("date", _date),
    "time": Kind("time", _same),
    "timestamp": Kind("timestamp", _without_zone),
    "timestamptz": Kind("timestamptz", _with_zone),
    "blob": Kind("blob", _same),
    "interval": Kind("interval", _same),
}
OTHER_NAMES = {
    "text": "varchar",
    "string": "varchar",
    "json": "varchar",
    "uuid": "varchar",
    "int": "bigint",
    "integer": "bigint",
    "smallint": "bigint",
    "float": "double",
    "real": "double",
    "bool": "boolean",
    "datetime": "timestamp",
    "timestamp with time zone": "timestamptz",
    "bytea": "blob",
}


def kind_named(name: str) -> Kind:
    """The kind of a DuckDB type's name. FieldError for one that is not known here.

    >>> kind_named("INT").sql, kind_named("decimal(10,2)").sql
    ('bigint', 'decimal(10,2)')
    """
    said = name.strip().casefold()
    if DECIMAL.fullmatch(said):
        return Kind(said, lambda value: Decimal(str(value)))
    found = KINDS.get(OTHER_NAMES.get(said, said))
    if found is None:
        known = [*KINDS, *OTHER_NAMES]
        hint = did_you_mean(said, known) or f"known: {', '.join(KINDS)}, decimal(18,2)"
        raise FieldError("types", f"'{name}' is no type that is known here", hint)
    return found


def kind_of_column(type: Any) -> Kind:
    """The kind of a SQLAlchemy type."""
    from sqlalchemy import types as sa

    if isinstance(type, sa.Numeric) and not isinstance(type, sa.Float):
        width, scale = (type.precision, type.scale) if type.precision else UNSAID
        return kind_named(f"decimal({min(width or WIDEST, WIDEST)},{scale or 0})")
    plain = (
        (sa.Boolean, "boolean"),
        (sa.Integer, "bigint"),
        (sa.Float, "double"),
        (sa.DateTime, "timestamptz" if getattr(type, "timezone", False) else "timestamp"),
        (sa.Date, "date"),
        (sa.Time, "time"),
        (sa.Interval, "interval"),
        (sa.LargeBinary, "blob"),
    )
    return KINDS[next((name for kind, name in plain if isinstance(type, kind)), "varchar")]


def kind_of_values(values: Iterable[Any]) -> Kind:
    """The kind that holds all of some values, of which None says nothing.

    >>> kind_of_values([1, 2.5]).sql, kind_of_values([None]).sql, kind_of_values([1, "a"]).sql
    ('double', 'varchar', 'varchar')
    """
    found = {type(value) for value in values if value is not None}
    if found and found <= {int, float} and float in found:
        return KINDS["double"]
    if found == {dt.datetime}:
        zoned = any(value.tzinfo for value in values if value is not None)
        return KINDS["timestamptz" if zoned else "timestamp"]
    if found == {Decimal}:
        return kind_named(f"decimal({UNSAID[0]},{UNSAID[1]})")
    names: dict[Any, str] = {
        bool: "boolean",
        int: "bigint",
        float: "double",
        dt.date: "date",
        dt.time: "time",
        dt.timedelta: "interval",  # noqa: TID251  (a driver's value, no arithmetic)
        bytes: "blob",
    }
    return KINDS[names.get(next(iter(found)), "varchar") if len(found) == 1 else "varchar"]
