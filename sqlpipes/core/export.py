"""A file that the rows of a query are written to, or a folder with one for each slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.sql import identifier, literal

ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "parquet": (".parquet", ".pq"),
        "csv": (".csv", ".tsv"),
        "json": (".json", ".jsonl", ".ndjson"),
    }
)
PACKED = MappingProxyType({".gz": "gzip", ".zst": "zstd"})


@dataclass(frozen=True, slots=True)
class Export:
    """`path` as the user wrote it, without a / at its end; `options` are those of COPY."""

    path: str
    format: str  # parquet | csv | json
    options: Mapping[str, Plain] = field(default_factory=dict)
    folder: bool = False
    at: Location | None = field(default=None, compare=False)  # of its path
    kind_at: Location | None = field(default=None, compare=False)  # of `materialized: file`

    @property
    def ending(self) -> str:
        """Of the files in its folder.

        >>> Export("out", "csv", {"compression": "gzip"}, folder=True).ending
        '.csv.gz'
        """
        packed = {how: ending for ending, how in PACKED.items()}
        how = str(self.options.get("compression", "")).lower()
        return f".{self.format}{packed.get(how, '') if self.format != 'parquet' else ''}"

    @property
    def writes(self) -> str:
        """Its path; a folder's ends with /."""
        return f"{self.path}/" if self.folder else self.path

    def plain(self) -> list[Plain]:
        return [self.writes, self.format, dict(self.options)]


def format_of(path: str) -> str | None:
    """The format that the end of a path stands for.

    >>> format_of("out/orders.csv.gz"), format_of("out/orders")
    ('csv', None)
    """
    name = path.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return next((kind for kind, known in ENDINGS.items() if name.endswith(known)), None)


def packed_as(path: str) -> str | None:
    """How a file is compressed, as its name tells.

    >>> packed_as("out/orders.csv.gz")
    'gzip'
    """
    return next((how for ending, how in PACKED.items() if path.lower().endswith(ending)), None)


def copy_sql(select: str, path: str, form: str, options: Mapping[str, Plain]) -> str:
    """DuckDB's COPY of a SELECT to a file.

    >>> print(copy_sql("select 1 as a", "a.csv", "csv", {"header": False, "force_quote": ["a"]}))
    copy (
    select 1 as a
    ) to 'a.csv' (format csv, header false, force_quote ("a"))
    """
    said = [f"format {form}", *(f"{key} {_option(value)}" for key, value in options.items())]
    return f"copy (\n{select}\n) to {literal(path)} ({', '.join(said)})"


def _option(value: Plain) -> str:
    """Lists are of columns; mappings are structs."""
    if isinstance(value, list):
        return "(" + ", ".join(identifier(str(item)) for item in value) + ")"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{literal(key)}: {_option(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else literal(str(value))
