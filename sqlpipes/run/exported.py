"""An asset that is a file -> where it is, and what reads its rows in SQL."""

from __future__ import annotations

import glob
import os

from sqlpipes.core.asset import Asset
from sqlpipes.core.carried import from_file, in_file
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.export import Export
from sqlpipes.core.graph.file_assets import no_reader
from sqlpipes.core.sql import literal
from sqlpipes.run.bounds import Note
from sqlpipes.run.warehouse import Warehouse

OF_CSV = ("delimiter", "delim", "sep", "quote", "escape", "nullstr", "null", "dateformat")
OTHER_NAMES = {"delimiter": "delim", "sep": "delim", "null": "nullstr"}


def export_path(export: Export, root: str) -> str:
    """Absolute, of the file or the folder."""
    return os.path.normpath(os.path.join(os.path.abspath(root), os.path.expanduser(export.path)))


def export_rows(asset: Asset, warehouse: Warehouse) -> str:
    """A SELECT in parentheses over what is published, or over the rows that are being checked.

    ProjectError ENG025 for an engine that reads no files.
    """
    assert asset.export is not None
    if asset.name in warehouse.staged:
        return warehouse.staged[asset.name]
    if not warehouse.can.reads_files:
        raise ProjectError(no_reader(asset, warehouse.dialect))
    return f"({_select(asset, asset.export, warehouse.root)})"


def is_there(asset: Asset, root: str) -> bool:
    return asset.export is not None and os.path.exists(export_path(asset.export, root))


def _select(asset: Asset, export: Export, root: str) -> str:
    """Columns are those of the file: the names of folders say nothing more."""
    path = export_path(export, root)
    written = Note.of(path, os.path.abspath(root)).columns
    columns = in_file(written, export.format)
    pattern = glob.escape(path)
    if asset.partition is not None:
        depth = len(asset.partition.cuts)
        pattern = os.path.join(pattern, *["*=*"] * depth, f"data{export.ending}")
    more = ["union_by_name = true", "hive_partitioning = false"] if export.folder else []
    how = {"parquet": _parquet, "csv": _csv, "json": _json}[export.format]
    scan = f"read_{export.format}({', '.join([literal(pattern), *how(export, columns), *more])})"
    return from_file(f"select * from {scan}", written, export.format)


def _parquet(export: Export, columns: dict[str, str]) -> list[str]:
    return [] if export.folder else ["hive_partitioning = false"]


def _csv(export: Export, columns: dict[str, str]) -> list[str]:
    """As it was written: types by name, and an empty text is no NULL."""
    said = export.options
    header = str(said.get("header", True)).lower() in ("true", "1")
    found = {"delim": ",", "quote": '"', "escape": '"'}
    found |= {OTHER_NAMES.get(k, k): str(said[k]) for k in OF_CSV if k in said}
    if "timestampformat" in said:
        found["timestampformat"] = str(said["timestampformat"])
    options = [f"{key} = {literal(value)}" for key, value in found.items()]
    options += [f"header = {str(header).lower()}", "allow_quoted_nulls = false"]
    if how := said.get("compression"):
        options.append(f"compression = {literal(str(how).lower())}")
    if columns:
        options.append(f"{'types' if header else 'columns'} = {_struct(columns)}")
    return options


def _json(export: Export, columns: dict[str, str]) -> list[str]:
    options = [f"columns = {_struct(columns)}"] if columns else []
    if export.options.get("array"):
        options.append("format = 'array'")
    if how := export.options.get("compression"):
        options.append(f"compression = {literal(str(how).lower())}")
    for key in ("dateformat", "timestampformat"):
        if key in export.options:
            options.append(f"{key} = {literal(str(export.options[key]))}")
    return options


def _struct(columns: dict[str, str]) -> str:
    return "{" + ", ".join(f"{literal(n)}: {literal(kind)}" for n, kind in columns.items()) + "}"
