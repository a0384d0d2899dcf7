"""Columns of Python values, and names of columns -> what DuckDB takes, or ENG008 for what it cannot.

Numbers of numpy become numbers, members of an enum their values. Types are looked at, not values, so
that a column of plain ones costs one pass. No frame library is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from math import isnan
from typing import Any

from sqlpipes.core.errors import EngineError, Problem

PLAIN = frozenset({type(None), bool, int, float, str, bytes, bytearray})
NESTED = (dict, list, tuple)
KNOWN = frozenset({"datetime", "decimal", "uuid", "pandas"})  # NaT and NA of pandas are taken too
NO_COLUMNS = "declare its columns and types, or return a frame, which has columns without rows"


def no_columns() -> EngineError:
    return EngineError(
        Problem("ENG010", "no rows, so no columns to make a table of", hint=NO_COLUMNS)
    )


def named(names: Iterable[Any]) -> list[str]:
    """Names of columns as texts, each of its own. Raises EngineError ENG008.

    >>> named(["a", 1])
    ['a', '1']
    """
    found = [_name(name) for name in names]
    seen: dict[str, str] = {}
    for name in found:
        other = seen.get(name.lower())
        if other is not None:
            message = f"the columns '{other}' and '{name}' are one and the same to the warehouse"
            raise _refused(message, "rename one of them")
        seen[name.lower()] = name
    return found


def _name(name: Any) -> str:
    if isinstance(name, str) and name:
        return str(name)
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    if name in ("", None):
        raise _refused("a column has no name", "give each column a name")
    raise _refused(f"a column is called {name!r}, which is no text", "name columns by texts")


def plain(name: str, values: Any) -> Sequence[Any]:
    """A column's values as DuckDB takes them. Raises EngineError ENG008 for a type that it has not."""
    listed = _listed(values)
    kinds = set(map(type, listed))
    strange = {kind for kind in kinds if kind not in PLAIN}
    if any(map(_is_converted, strange)):
        return plain(name, [_converted(value) for value in listed])
    for kind in strange:
        known = any(_home(parent) in KNOWN for parent in kind.__mro__)
        if not known and not issubclass(kind, (*PLAIN, *NESTED)):
            raise refused_kind(name, kind)
    if len(kinds) > 1 and any(issubclass(kind, str) for kind in kinds):
        _demand_texts(name, listed)
    return listed


def _demand_texts(name: str, values: list[Any]) -> None:
    """ENG008 for a text beside what is none. A missing value is of any type, also that of pandas."""
    known = (v for v in values if v is not None and not (isinstance(v, float) and isnan(v)))
    kinds = dict.fromkeys(map(type, known))
    other = next((k for k in kinds if not issubclass(k, str) and _home(k) != "pandas"), None)
    if other is not None:
        raise mixed(name, other.__name__, "str")


def mixed(name: str, one: str, other: str) -> EngineError:
    message = f"the column '{name}' has values of type {one} and of type {other}"
    return _refused(message, "give all of them one type: str(...), int(...)")


def _listed(values: Any) -> list[Any]:
    """An array's values as Python's own."""
    if _home(type(values)) == "numpy":
        values = _in_microseconds(values)
    listed = getattr(values, "to_pylist", None) or getattr(values, "tolist", None)
    return list(listed()) if callable(listed) else list(values)


def _home(kind: type) -> str:
    return kind.__module__.split(".")[0]


def _is_converted(kind: type) -> bool:
    return _home(kind) == "numpy" or issubclass(kind, Enum)


def _converted(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if _home(type(value)) != "numpy":
        return value
    found = _in_microseconds(value).tolist()
    return found if _home(type(found)) != "numpy" else str(found)


def _in_microseconds(value: Any) -> Any:
    """Times of numpy in nanoseconds would come as numbers."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return value.astype(f"{kind}8[us]") if kind and kind in "mM" else value


def refused_kind(name: str, kind: type) -> EngineError:
    message = f"the column '{name}' has a value of type {kind.__name__}, which no table can hold"
    hint = "give a text, a number, a date, a list or a dict in its place"
    if issubclass(kind, (set, frozenset)):
        hint = "give a list in its place: sorted(...)"
    return _refused(message, hint)


def _refused(message: str, hint: str) -> EngineError:
    return EngineError(Problem("ENG008", message, hint=hint))
