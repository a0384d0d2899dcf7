"""What is logged of a build beside its rows: plain values, each with what it is meant as.

    context.log_metadata(score=0.9, notes=Markdown("..."))  --recorded-->  JSON in the state
    JSON in the state  --shown-->  (kind, value): number, text, markdown, url, table, path ...

Most kinds are told by the value itself. What is not is kept as {"type": kind, "value": value}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from json import dumps
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.events import plain_value

URL = re.compile(r"(https?|s3|gs|ftp|file)://\S+")
MOST_ROWS = 100  # of a table that is kept with a step
MOST_COUNTED = 100_000  # of those that are left out: an iterator may have no end
MOST_SIGNS = 16_000  # of a text
MOST_JSON = 64_000  # of anything else, as JSON
MORE_ROWS = "... rows left out"  # the only column of the row that says how many


class MetadataKind(StrEnum):
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    MARKDOWN = "markdown"
    URL = "url"
    PATH = "path"
    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Markdown:
    """Text to be shown as Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Url:
    """A link. A text that begins with https:// is one by itself."""

    url: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as dicts, of which the first hundred are kept. A list of dicts is one by itself."""

    rows: Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as it is to be shown."""

    kind: MetadataKind
    value: Any


def recorded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON has them.

    >>> recorded({"score": Decimal("0.5"), "notes": Markdown("**good**")})
    {'score': 0.5, 'notes': {'type': 'markdown', 'value': '**good**'}}
    """
    return {str(name): _bounded(_recorded(value)) for name, value in values.items()}


def _bounded(value: Any) -> Any:
    """A value of any size as one that a state can keep and a screen can show."""
    if isinstance(value, str):
        return _cut(value, MOST_SIGNS)
    if isinstance(value, dict) and value.keys() == {"type", "value"}:
        return {**value, "value": _bounded(value["value"])}
    if isinstance(value, (list, dict)):
        if _are_rows(value):
            value = [{name: _bounded(cell) for name, cell in row.items()} for row in value]
        text = dumps(value)
        return value if len(text) <= MOST_JSON else _cut(text, MOST_SIGNS)
    return value


def _cut(text: str, most: int) -> str:
    """Its beginning and its end, as of a log.

    >>> _cut("abcdefgh", 4)
    'ab\\n... 4 characters are left out ...\\ngh'
    """
    if len(text) <= most:
        return text
    half = most // 2
    return (
        f"{text[:half]}\n... {len(text) - 2 * half:,} characters are left out ...\n{text[-half:]}"
    )


def _recorded(value: Any) -> Any:
    if isinstance(value, Markdown):
        return _said(MetadataKind.MARKDOWN, str(value.text))
    if isinstance(value, Url):
        return _said(MetadataKind.URL, str(value.url))
    if isinstance(value, Table):
        return _said(MetadataKind.TABLE, _rows(value.rows))
    path = getattr(value, "__fspath__", None)
    if callable(path):
        return _said(MetadataKind.PATH, str(path()))
    if isinstance(value, Decimal):
        return plain_value(float(value))
    if isinstance(value, (list, tuple)) and _are_rows(value):
        return _rows(value)
    item = getattr(value, "item", None)  # a number of numpy, which is none of Python
    if callable(item) and getattr(value, "shape", None) == ():
        return plain_value(item())
    return plain_value(value)


def _rows(rows: Iterable[Any]) -> list[Any]:
    """The first of them, and how many more there were."""
    found: list[Any] = []
    count = 0
    for count, row in enumerate(islice(rows, MOST_COUNTED), 1):
        if count <= MOST_ROWS:
            found.append(plain_value(dict(row)))
    return found if count <= MOST_ROWS else [*found, {MORE_ROWS: count - MOST_ROWS}]


def _said(kind: MetadataKind, value: Any) -> dict[str, Any]:
    return {"type": str(kind), "value": value}


def shown(value: Any) -> Shown:
    """
    >>> shown({"type": "markdown", "value": "# Hi"})
    Shown(kind=<MetadataKind.MARKDOWN: 'markdown'>, value='# Hi')
    >>> [str(shown(each).kind) for each in (1, True, "a", "https://a.b", [{"x": 1}], [1], None)]
    ['number', 'boolean', 'text', 'url', 'table', 'json', 'json']
    """
    tagged = isinstance(value, dict) and value.keys() == {"type", "value"}
    if tagged and value["type"] in tuple(MetadataKind):
        return Shown(MetadataKind(value["type"]), value["value"])
    return Shown(_kind(value), value)


def _kind(value: Any) -> MetadataKind:
    if isinstance(value, bool):
        return MetadataKind.BOOLEAN
    if isinstance(value, (int, float)):
        return MetadataKind.NUMBER
    if isinstance(value, str):
        return MetadataKind.URL if URL.fullmatch(value) else MetadataKind.TEXT
    return MetadataKind.TABLE if _are_rows(value) else MetadataKind.JSON


def _are_rows(value: Any) -> bool:
    rows = isinstance(value, (list, tuple)) and bool(value)
    return rows and all(isinstance(row, dict) for row in value)


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those that can be followed over time."""
    found = {name: shown(value) for name, value in values.items()}
    return {name: each.value for name, each in found.items() if each.kind is MetadataKind.NUMBER}
