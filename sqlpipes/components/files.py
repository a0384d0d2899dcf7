"""Data files by path, pattern or URL -> tables: SQL assets that read them, or downloads."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from sqlpipes.components.downloads import download
from sqlpipes.core.definitions import (
    Building,
    Definitions,
    Entry,
    Execution,
    asset,
    component,
    sql_asset,
)

FORMATS = {
    "csv": "csv",
    "tsv": "csv",
    "txt": "csv",
    "parquet": "parquet",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
}
PACKED = ("gz", "zst", "bz2")
MAGIC = re.compile(r"[*?\[]")

EXAMPLE = """\
type: files
attributes:
  path: raw/orders/*.csv
  table: orders
  types: {ordered_on: date}
  filename: file
  asset:
    owner: shop@acme.com
    checks: [{unique: order_id}]
"""


@component(name="files", example=EXAMPLE)
class Files:
    """CSV, Parquet or JSON files as tables, read again when a file came, went or changed."""

    # of files below the project, patterns such as raw/*.csv, or http(s) URLs
    path: str | list[str]
    # one table of all files; without it, a table for each file, by its name
    table: str | None = None
    prefix: str = ""  # before the names of tables that are named after their files
    # when the ending does not say it
    format: Literal["csv", "parquet", "json"] | None = None
    # of DuckDB's read_csv, read_parquet or read_json, such as delim
    options: dict[str, Any] = {}
    # column -> type, where what is found is not what it should be
    types: dict[str, str] = {}
    # add a column with the file's path: its name, or true for `filename`
    filename: bool | str = False
    materialized: Literal["table", "view"] = "table"  # a view reads the files each time
    headers: dict[str, str] = {}  # of a request for a URL, such as Authorization
    asset: dict[str, Any] = {}  # keys of a model's front matter, for every table

    def build(self, context: Building) -> Definitions:
        found = Definitions(assets=[])
        for table, paths in self.tables(context).items():
            if any("://" in path for path in paths):
                more = self.downloaded(table, paths)
            else:
                keys = {"materialized": self.materialized, **self.asset}
                more = Definitions(assets=[sql_asset(table, self.select(paths), **keys)])
            found = Definitions(
                assets=(*found.assets, *more.assets), sources=(*found.sources, *more.sources)
            )
        return found

    def tables(self, context: Building) -> dict[str, list[str]]:
        """Table -> the paths or patterns of its files. ValueError when there are none."""
        said = [self.path] if isinstance(self.path, str) else list(self.path)
        matched = {path: [path] if "://" in path else list(context.glob(path)) for path in said}
        for path, files in matched.items():
            if not files:
                raise ValueError(f"no file matches {path}: a path counts from the project's folder")
        if self.table is not None:
            return {self.table: said}
        named: dict[str, list[str]] = {}
        for file in dict.fromkeys(file for files in matched.values() for file in files):
            name = self.prefix + table_name(file)
            if name in named:
                both = f"{named[name][0]} and {file}"
                raise ValueError(f"{both} would both be the table '{name}': say `table:`")
            named[name] = [file]
        return named

    def select(self, paths: Sequence[str]) -> str:
        """The SELECT that reads these files."""
        kind = self.format or format_of(paths[0])
        options = dict(self.options)
        if self.filename:
            options["filename"] = self.filename
        if self.types and kind == "csv":
            options["types"] = self.types
        said = "".join(f", {key} = {literal(value)}" for key, value in options.items())
        where = literal(paths[0] if len(paths) == 1 else list(paths))
        casts = [
            f"cast({quoted(column)} as {type}) as {quoted(column)}"
            for column, type in self.types.items()
        ]
        star = f"* replace ({', '.join(casts)})" if casts and kind != "csv" else "*"
        return f"select {star}\nfrom read_{kind}({where}{said})"

    def downloaded(self, table: str, urls: Sequence[str]) -> Definitions:
        """A table of files that are fetched first; the URLs are a source, looked at before each build."""
        source = f"{table}_files"
        if wrong := [url for url in urls if not url.startswith(("http://", "https://"))]:
            raise ValueError(f"{wrong[0]} is neither a path nor an http(s) URL")

        @asset(name=table, deps=[source], kind="files", version=self.version())
        def rows(context: Execution) -> Iterator[Any]:
            with tempfile.TemporaryDirectory() as folder:
                paths = [download(url, self.headers, folder) for url in urls]
                yield context.sql(self.select(paths))

        keys = {key: value for key, value in self.asset.items() if key != "materialized"}
        described = [Entry("models", table, keys)] if keys else []
        return Definitions(
            assets=[rows], sources=[Entry("sources", source, {"files": list(urls)}), *described]
        )

    def version(self) -> str:
        """What its rows hang on beside the files; headers say who asks, and not for what."""
        said = [self.path, self.format, self.options, self.types, self.filename]
        return repr(said)


def table_name(path: str) -> str:
    """
    >>> table_name("raw/Order Lines.2024.csv.gz"), table_name("https://x.org/a/b.parquet?v=1")
    ('order_lines_2024', 'b')
    """
    name = path.partition("?")[0].rstrip("/").rpartition("/")[2]
    stem, ending = _split(name)
    if ending in PACKED:
        stem, _ = _split(stem)
    found = re.sub(r"\W+", "_", stem).strip("_").lower()
    if not found:
        raise ValueError(f"{path} gives no name for a table: say `table:`")
    return found if not found[0].isdigit() else f"_{found}"


def format_of(path: str) -> str:
    """By its ending. ValueError when that says nothing."""
    stem, ending = _split(path.partition("?")[0])
    if ending in PACKED:
        _, ending = _split(stem)
    if ending not in FORMATS:
        raise ValueError(f"the ending of {path} does not tell its format: say `format:`")
    return FORMATS[ending]


def _split(name: str) -> tuple[str, str]:
    stem, _, ending = name.rpartition(".")
    return (stem, ending.lower()) if stem else (name, "")


def literal(value: Any) -> str:
    """A plain value in DuckDB's SQL.

    >>> literal("it's"), literal([1, True]), literal({"a": None})
    ("'it''s'", '[1, true]', "{'a': null}")
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = (f"{literal(str(key))}: {literal(below)}" for key, below in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
