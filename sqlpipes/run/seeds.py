"""A data file -> the SELECT that reads it, every declared column with its type."""

from __future__ import annotations

from sqlpipes.core.asset import SeedBody
from sqlpipes.core.sql import identifier, literal


def seed_query(body: SeedBody) -> str:
    """The SELECT over the file. Types are inferred from all rows, not from the first thousands."""
    path = literal(_exactly(body.path))
    if body.format == "csv":
        return f"select * from read_csv({path}, {_csv_options(body)})"
    reader = "read_parquet" if body.format == "parquet" else "read_json_auto"
    return f"select *{_casts(body)} from {reader}({path})"


def _exactly(path: str) -> str:
    """A path as a pattern that matches nothing else.

    >>> _exactly("seeds/st*ar[1].csv")
    'seeds/st[*]ar[[]1].csv'
    """
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


def _csv_options(body: SeedBody) -> str:
    """Said and not left to DuckDB's guess, which drops lines: without `skip` those before the first
    that fits, the header among them; without `comment` those that begin with #."""
    options = {"header": "true", "sample_size": "-1", "skip": "0", "comment": "''"}
    if body.delimiter:
        options["delim"] = literal(body.delimiter)
    if body.nulls:
        options["nullstr"] = _list(("", *body.nulls))
    if body.types:
        types = [f"{literal(name)}: {literal(kind)}" for name, kind in body.types.items()]
        options["types"] = "{" + ", ".join(types) + "}"
    return ", ".join(f"{name}={value}" for name, value in options.items())


def _list(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(literal(value) for value in dict.fromkeys(values)) + "]"


def _casts(body: SeedBody) -> str:
    if not body.types:
        return ""
    casts = (
        f"cast({identifier(name)} as {kind}) as {identifier(name)}"
        for name, kind in body.types.items()
    )
    return f" replace ({', '.join(casts)})"
