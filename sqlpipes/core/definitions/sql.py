"""sql_asset: a SELECT that is said in Python, with the keys that a .sql file has in its front matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions.entries import Span, entry
from sqlpipes.core.partitions import Partitioning


@dataclass(frozen=True, slots=True)
class SqlAsset:
    """A SELECT under a name: its text, or the path of a file that holds it.

    `names`: what `{{ }}` in this one text may name beside what every template may. `file` and `span`
    are those of the call that made it.
    """

    name: str
    sql: str | None = None
    path: str | None = None
    keys: Mapping[str, Plain] = field(default_factory=dict)
    names: Mapping[str, Plain] = field(default_factory=dict)
    partition: Partitioning | None = None  # as a value; as a mapping it is one of the keys
    file: str = ""
    span: Span | None = None

    def __repr__(self) -> str:
        return f"<sql asset {self.name}>"


def sql_asset(
    name: str,
    sql: str | None = None,
    /,
    *,
    path: str | None = None,
    names: Mapping[str, Plain] | None = None,
    **keys: Any,
) -> SqlAsset:
    """Declare a SELECT as an asset. It is read as a .sql file is, so its tables give the graph.

    `keys` are those of a model's front matter: description, owner, tags, materialized, partition,
    checks ... `path` names a file below the project that holds the text. Raises TypeError for
    what is no text.

    >>> sql_asset("paid", "select * from orders where paid", owner="a@b.c").keys
    {'owner': 'a@b.c'}
    """
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"an asset is named by a text, not by {name!r}")
    if (sql is None) == (path is None):
        raise TypeError(f"sql_asset({name!r}) wants a SELECT, or path= of a file that holds one")
    if not isinstance(sql if path is None else path, str):
        raise TypeError(f"the SELECT of sql_asset({name!r}) must be a text, not {sql or path!r}")
    cut = keys.get("partition")
    own = cut if isinstance(cut, Partitioning) else None
    if own is not None:
        del keys["partition"]
    said = entry("models", name, {key: _plain(value, key) for key, value in keys.items()})
    given = dict(names or {})
    return SqlAsset(name, sql, path, said.keys, given, own, said.file, said.span)


def _plain(value: Any, key: str) -> Plain:
    """What YAML could have said: tuples and sets as lists, dates as their text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item, key) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [_plain(item, key) for item in items]
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"'{key}' of a SQL asset must be plain, as in YAML, not {value!r}")
