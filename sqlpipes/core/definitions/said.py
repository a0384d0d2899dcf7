"""What a decorator is given -> the values that it means. TypeError or ValueError for what means nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Severity, did_you_mean
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.reads import Reads, declared_reads

HowRead = str | Mapping[str, int]  # a word, or {"back": 6, "ahead": 0}
Links = Mapping[str, str] | Iterable[str]  # by name, or a list of URLs that are their own names
PYTHON_MATERIALIZED = (
    Materialized.TABLE,
    Materialized.INCREMENTAL,
    Materialized.SNAPSHOT,
    Materialized.FILE,
    Materialized.NONE,
)


def plain_function(function: Any, what: str) -> Any:
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"@{what} stands above a function, not above {function!r}")
    return function


def name_of(function: Any, what: str) -> str:
    found = getattr(function, "__name__", "")
    if not isinstance(found, str) or not found.isidentifier():
        raise TypeError(f"this {what} needs name=...: {function!r} has no name of its own")
    return found


def listed(given: Any, what: str) -> list[Any]:
    """One text, or several things, as a list."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"{what} must be a list, not {given!r}")
    return list(given)


def texts(given: Iterable[Any], what: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(given))
    if wrong := [item for item in found if not isinstance(item, str)]:
        raise TypeError(f"{what} must be texts, not {wrong[0]!r}")
    return found


def text_or_none(given: Any, what: str) -> str | None:
    if given is None or (isinstance(given, str) and given):
        return given
    raise TypeError(f"{what} must be a text, not {given!r}")


def materialized(given: str | None) -> Materialized | None:
    if given is None:
        return None
    known = [str(kind) for kind in PYTHON_MATERIALIZED]
    if given not in known:
        near = did_you_mean(str(given), known) or f"one of {', '.join(known)}"
        raise ValueError(f"materialized {given!r} is nothing that Python can make: {near}")
    return Materialized(given)


def kept(**given: Any) -> dict[str, Plain]:
    """What is said of how rows are kept, as YAML would say it; what it means is read there as well.

    >>> kept(unique_key=("a", "b"), updated_at="at", strategy=None, check_columns=())
    {'unique_key': ['a', 'b'], 'updated_at': 'at'}
    """
    said = {key: value for key, value in given.items() if value is not None and value != ()}
    return {key: _plain(value, key) for key, value in said.items()}


def _plain(given: Any, what: str) -> Plain:
    if isinstance(given, (str, bool)):
        return given
    if isinstance(given, Mapping):
        texts([*given, *given.values()], what)
        return dict(given)
    return list(texts(listed(given, what), what))


def cut(given: Any) -> Partitioning | None:
    if given is None or isinstance(given, Partitioning):
        return given
    raise TypeError(f"partition must be Daily(...), Monthly(...) or the like, not {given!r}")


def links(given: Any) -> dict[str, str]:
    """
    >>> links("https://a.b"), links({"wiki": "https://a.b"})
    ({'https://a.b': 'https://a.b'}, {'wiki': 'https://a.b'})
    """
    named = given if isinstance(given, Mapping) else {url: url for url in listed(given, "links")}
    if wrong := [each for pair in named.items() for each in pair if not isinstance(each, str)]:
        raise TypeError(f"links are URLs by name, or a list of URLs, not {wrong[0]!r}")
    return dict(named)


def mappings(given: Mapping[str, HowRead]) -> dict[str, Reads]:
    found = {}
    for name, how in given.items():
        try:
            found[name] = declared_reads(how)
        except ValueError as error:
            raise ValueError(f"inputs: how {name!r} is read: {error}") from error
    return found


def automation(given: Any) -> Plain:
    """What YAML would say under `auto:`; what it means is read there as well.

    >>> automation({"when": "eager", "ignore": ("rates",)})
    {'when': 'eager', 'ignore': ['rates']}
    """
    if given is None or isinstance(given, str):
        return given
    if not isinstance(given, Mapping):
        raise TypeError(f'auto is "eager", or {{"cron": "0 6 * * *"}} and the like, not {given!r}')
    several = (tuple, set, frozenset)
    return {str(k): sorted(v) if isinstance(v, several) else v for k, v in given.items()}


def severity(given: str) -> Severity:
    known = {"error": Severity.ERROR, "warn": Severity.WARNING, "warning": Severity.WARNING}
    if given not in known:
        raise ValueError(
            f"severity {given!r} is unknown: {did_you_mean(str(given), known) or 'error or warn'}"
        )
    return known[given]


def scope(given: str) -> bool:
    """Whether the whole table is meant."""
    if given not in ("slices", "table"):
        raise ValueError(f"scope is 'slices' or 'table', not {given!r}")
    return given == "table"


def seconds(given: Any, what: str) -> float | None:
    """A number of seconds above 0, or None for no end.

    >>> seconds(5, "timeout_s")
    5.0
    """
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not given > 0:
        raise ValueError(f"{what} is a number of seconds above 0, not {given!r}")
    return float(given)
