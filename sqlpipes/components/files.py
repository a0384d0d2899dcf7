"""Data files by path, pattern or URL -> tables: SQL assets that read them, or downloads."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from sqlpipes.components.downloads import download, shown
from sqlpipes.components.secrets import refuse_literals
from sqlpipes.core.definitions import (
    Building,
    Definitions,
    Entry,
    Execution,
    FieldError,
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

    # of files, from the project's folder: a/b.csv, patterns such as raw/*.csv, or http(s) URLs
    path: str | list[str]
    # one table of all files; without it, a table for each file, by its name
    table: str | None = None
    prefix: str = ""  # before the names of tables that are named after their files
    # when the ending does not say it
    format: Literal["csv", "parquet", "json"] | None = None
    # of DuckDB's read_csv, read_parquet or read_json, such as delim. Files that do not have all
    # columns are no fault: `union_by_name: false` makes the first one decide
    options: dict[str, Any] = {}
    # column -> type, where what is found is not what it should be
    types: dict[str, str] = {}
    # add a column with the file's path or URL: its name, or true for `filename`
    filename: bool | str = False
    materialized: Literal["table", "view"] = "table"  # a view reads the files each time
    headers: dict[str, str] = {}  # of a request for a URL, such as Authorization
    asset: dict[str, Any] = {}  # keys of a model's front matter, for every table

    def build(self, context: Building) -> Definitions:
        refuse_literals("headers", context)
        found = Definitions(assets=[])
        for table, paths in self.tables(context).items():
            if any("://" in path for path in paths):
                more = self.downloaded(table, paths, context)
            else:
                keys = {"materialized": self.materialized, **self.asset}
                more = Definitions(
                    assets=[sql_asset(table, self.select(paths, context.root), **keys)]
                )
            found = Definitions(
                assets=(*found.assets, *more.assets), sources=(*found.sources, *more.sources)
            )
        return found

    def tables(self, context: Building) -> dict[str, list[str]]:
        """Table -> the paths or patterns of its files; what matches nothing is only warned of."""
        given = [self.path] if isinstance(self.path, str) else self.path
        said = [path.removeprefix("./") for path in given]
        matched = {path: [path] if "://" in path else list(context.glob(path)) for path in said}
        for index, (path, files) in enumerate(matched.items()):
            if not files:
                field = f"path/{index}" if isinstance(self.path, list) else "path"
                hint = "a path counts from the project's folder"
                context.warn(field, f"no file matches {path}", hint)
        if self.table is not None:
            return {self.table: said}
        named: dict[str, list[str]] = {}
        for file in dict.fromkeys(file for files in matched.values() for file in files):
            name = table_name(file, self.prefix)
            if name in named:
                both = f"{named[name][0]} and {file}"
                message = f"{both} would both be the table '{name}'"
                raise FieldError("path", message, "say `table:`, for one table of them all")
            named[name] = [file]
        return named

    def select(self, paths: Sequence[str], root: str, urls: Sequence[str] = ()) -> str:
        """The SELECT that reads these files; `urls` are what was fetched into them."""
        kind = self.format or format_of((urls or paths)[0])
        options = dict(self.options)
        if len(paths) > 1 or MAGIC.search(paths[0]):
            options.setdefault("union_by_name", True)
        if self.filename:
            options["filename"] = self.filename
        if self.types and kind == "csv":
            options["types"] = self.types
        said = "".join(f", {key} = {literal(value)}" for key, value in options.items())
        where = literal(paths[0] if len(paths) == 1 else list(paths))
        others = {
            column: f"cast({quoted(column)} as {type})"
            for column, type in (self.types.items() if kind != "csv" else ())
        }
        if self.filename:
            column = self.filename if isinstance(self.filename, str) else "filename"
            told = told_urls(column, paths, urls) if urls else told_paths(column, paths, root)
            others |= {column: told} if told else {}
        replaced = ", ".join(f"{said} as {quoted(column)}" for column, said in others.items())
        star = f"* replace ({replaced})" if replaced else "*"
        return f"select {star}\nfrom read_{kind}({where}{said})"

    def downloaded(self, table: str, urls: Sequence[str], context: Building) -> Definitions:
        """A table of files that are fetched first; the URLs are a source, looked at before each build."""
        source, root, place = f"{table}_files", context.root, context.place("path")
        if wrong := [url for url in urls if not url.startswith(("http://", "https://"))]:
            message = f"{wrong[0]} is no http(s) URL"
            hint = "all paths of one table are of files, or all are http(s) URLs"
            raise FieldError("path", message, hint)
        _ = self.format or format_of(urls[0])  # said before anything is fetched

        @asset(name=table, deps=[source], kind="files", version=self.version())
        def rows(context: Execution) -> Iterator[Any]:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    paths = [download(url, self.headers, folder) for url in urls]
                except ConnectionError as fault:
                    raise FieldError("path", str(fault), at=place) from None
                yield context.sql(self.select(paths, root, urls))

        keys = {key: value for key, value in self.asset.items() if key != "materialized"}
        described = [Entry("models", table, keys)] if keys else []
        return Definitions(
            assets=[rows], sources=[Entry("sources", source, {"files": list(urls)}), *described]
        )

    def version(self) -> str:
        """What its rows hang on beside the files; headers say who asks, and not for what."""
        said = [self.path, self.format, self.options, self.types, self.filename]
        return repr(said)


def told_urls(column: str, paths: Sequence[str], urls: Sequence[str]) -> str:
    """SQL for the URL that each file was fetched from, less what may be secret in it."""
    pairs = zip(paths, urls, strict=True)
    whens = (f"when {literal(path)} then {literal(shown(url))}" for path, url in pairs)
    return f"case {quoted(column)} {' '.join(whens)} end"


def told_paths(column: str, paths: Sequence[str], root: str) -> str | None:
    """SQL for the path as the project knows it; None when all are absolute anyway.

    The text names the project's folder only where it must: moved, a project would be built anew.

    >>> print(told_paths("file", ["raw/*/x.csv"], "/project"))
    array_to_string(string_split("file", '/')[-3:], '/')
    """
    if all(path.startswith("/") for path in paths):
        return None
    depths = {path.count("/") + 1 for path in paths}
    if len(depths) == 1 and not any("**" in path or path.startswith("/") for path in paths):
        return f"array_to_string(string_split({quoted(column)}, '/')[-{depths.pop()}:], '/')"
    home = literal(f"{root.rstrip('/')}/")
    short = f"substr({quoted(column)}, length({home}) + 1)"
    return f"case when starts_with({quoted(column)}, {home}) then {short} else {quoted(column)} end"


def table_name(path: str, prefix: str = "") -> str:
    """
    >>> table_name("raw/Order Lines.2024.csv.gz"), table_name("https://x.org/a/b.parquet?v=1")
    ('order_lines_2024', 'b')
    >>> table_name("raw/1.csv"), table_name("raw/1.csv", "raw_")
    ('_1', 'raw_1')
    """
    name = path.partition("?")[0].rstrip("/").rpartition("/")[2]
    stem, ending = _split(name)
    if ending in PACKED:
        stem, _ = _split(stem)
    found = re.sub(r"\W+", "_", stem).strip("_").lower()
    if not found:
        raise FieldError("path", f"{path} gives no name for a table", "say `table:`")
    found = prefix + found
    return found if not found[0].isdigit() else f"_{found}"


def format_of(path: str) -> str:
    """By its ending. FieldError when that says nothing."""
    stem, ending = _split(path.partition("?")[0])
    if ending in PACKED:
        _, ending = _split(stem)
    if ending not in FORMATS:
        message = f"the ending of {path} does not tell its format"
        raise FieldError("path", message, "say `format:`, which is csv, parquet or json")
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
