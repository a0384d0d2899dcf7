"""`path`, `format` and `options` of a model that is a file -> an Export, every fault at its own key."""

from __future__ import annotations

import posixpath
import re

from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Problem, Severity, did_you_mean
from sqlpipes.core.export import ENDINGS, Export, format_of, packed_as
from sqlpipes.read import settings as s
from sqlpipes.read.marked import Node
from sqlpipes.read.project_file import YAML_NAMES
from sqlpipes.read.settings import Layered

KEYS = ("path", "format", "options")
OF_CSV = (
    *("header", "delimiter", "delim", "sep", "quote", "escape", "nullstr", "null"),
    *("force_quote", "dateformat", "timestampformat", "encoding"),
)
OF_PARQUET = (
    *("compression_level", "row_group_size", "row_group_size_bytes", "parquet_version"),
    *("dictionary_size_limit", "string_dictionary_page_size_limit", "kv_metadata", "field_ids"),
    *("bloom_filter_false_positive_ratio", "geoparquet_version"),
)
OPTIONS = {
    "parquet": ("compression", *OF_PARQUET),
    "csv": ("compression", *OF_CSV),
    "json": ("compression", "array", "dateformat", "timestampformat"),
}
COMPRESSIONS = {
    "parquet": ("snappy", "zstd", "gzip", "lz4", "lz4_raw", "brotli", "uncompressed"),
    "csv": ("none", "gzip", "zstd"),
    "json": ("none", "gzip", "zstd"),
}
TRUTHS = ("header", "array")
TOLD = ("true", "false", "yes", "no", "t", "f", "y", "n", "1", "0")  # as DuckDB reads them
NUMBERS = (
    *("row_group_size", "compression_level", "dictionary_size_limit"),
    "string_dictionary_page_size_limit",
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_export(
    name: str, merged: Layered, kind: Materialized, cut: bool, problems: list[Problem]
) -> Export | None:
    """None for what is no file, and for one whose path cannot be used. Faults are MAT002, MAT005, CFG00x."""
    if kind is not Materialized.FILE:
        said = merged.node("materialized")
        if said is None or str(said.value).casefold() in [
            each.value for each in Materialized
        ]:  # else it was told
            problems += _useless(merged, KEYS, kind)
        return None
    problems += _useless(merged, ("schema", "alias", "catalog"), kind)
    node = merged.node("path")
    path = s.text(node, problems).strip()
    if node is None or not path:
        at = (node or merged.node("materialized") or Node("", {}, "", None)).at
        ending = "" if cut else ".parquet"
        hint = f"for example `path: exports/{name}{ending}`"
        problems.append(Problem("MAT005", "a file needs a path", at, hint))
        return None
    if fault := _path_fault(path, node, cut, merged.node("format")):
        problems.append(fault)
        return None
    form = _format(merged.node("format"), path, problems)
    if form is None:
        return None
    options = _options(merged.node("options"), form, problems)
    if not cut and form != "parquet" and "compression" not in options and packed_as(path):
        options["compression"] = packed_as(path)
    told = {"delimiter", "delim", "sep"} & options.keys()
    if form == "csv" and ".tsv" in path.lower() and not told:
        options["delimiter"] = "\t"
    as_file = merged.node("materialized")
    kind_at = as_file.at if as_file else None
    return Export(posixpath.normpath(path), form, options, cut, node.at, kind_at)


def _path_fault(path: str, node: Node, cut: bool, form: Node | None) -> Problem | None:
    if "://" in path:
        hint = "write it beside the project, and let a hook COPY it there: nothing else is undone"
        return Problem("MAT005", "a file must be on this machine", node.at, hint)
    if any(mark in path for mark in "*?\0\n"):
        return Problem("MAT005", "a path has no wildcards", node.at, "name one file or folder")
    inside = posixpath.normpath(path.replace("\\", "/"))
    if inside == ".." or inside.startswith("../"):
        hint = "write it as an absolute path, if it is meant"
        return Problem("MAT005", f"{path} is outside of the project", node.at, hint)
    if inside in (".", "/"):
        return Problem("MAT005", f"{path} is no file of its own", node.at)
    if cut and format_of(path):
        bare = path.rpartition("/")[0] + "/" + path.rpartition("/")[2].partition(".")[0]
        hint = f"write `path: {bare.lstrip('/')}` and `format: {format_of(path)}`"
        message = "a partitioned file is a folder, with a file for each of its slices"
        return Problem("MAT005", message, node.at, hint)
    if not cut and path.endswith("/"):
        hint = "end it with .parquet, .csv or .json, or give the model a `partition:`"
        return Problem("MAT005", f"{path} is a folder", node.at, hint)
    if not cut and format_of(path) is None and form is None:
        hint = "end it with .parquet, .csv or .json, or say `format:`"
        return Problem("MAT005", f"the format of {path} is not told", node.at, hint)
    return None


def _format(node: Node | None, path: str, problems: list[Problem]) -> str | None:
    if node is None:
        return format_of(path) or "parquet"
    value = s.text(node, problems).casefold()
    if value in ENDINGS:
        return value
    hint = did_you_mean(value, ENDINGS) or f"known: {', '.join(ENDINGS)}"
    problems.append(Problem("CFG002", f"'{node.value}' is no format of files", node.at, hint))
    return None


def _options(node: Node | None, said: str, problems: list[Problem]) -> dict[str, Plain]:
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        problems.append(s.wrong(node, "a mapping such as {compression: zstd}"))
        return {}
    found: dict[str, Plain] = {}
    for written, below in node.entries():
        key, value = written.lower(), below.value
        if key not in OPTIONS[said] or not NAME.fullmatch(key):
            hint = did_you_mean(key, OPTIONS[said]) or f"known: {', '.join(OPTIONS[said])}"
            message = f"a file of {said} has no option '{written}'"
            problems.append(Problem("CFG001", message, below.key_at, hint))
        elif key == "compression" and str(value).lower() not in COMPRESSIONS[said]:
            known = COMPRESSIONS[said]
            hint = did_you_mean(str(value).lower(), known) or f"known: {', '.join(known)}"
            message = f"a file of {said} has no compression '{value}'"
            problems.append(Problem("CFG002", message, below.at, hint))
        elif key in TRUTHS and value is not None and str(value).lower() not in TOLD:
            problems.append(s.wrong(below, "true or false"))
        elif key in NUMBERS and value is not None and not str(value).lstrip("-").isdecimal():
            problems.append(s.wrong(below, "a whole number"))
        elif value is not None:
            found[key] = value
    return found


def _useless(merged: Layered, keys: tuple[str, ...], kind: Materialized) -> list[Problem]:
    """What a folder says is meant for others as well."""
    found = [node for key in keys if (node := merged.node(key)) is not None]
    return [
        Problem(
            "MAT002",
            f"{node.key} does nothing for materialized: {kind}",
            node.key_at,
            "it needs `materialized: file`" if kind is not Materialized.FILE else None,
            Severity.WARNING,
        )
        for node in found
        if node.file not in ("pyproject.toml", *YAML_NAMES)
    ]
