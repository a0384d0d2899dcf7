"""A DuckDB relation -> the form in which a Python function wants its rows."""

from __future__ import annotations

from typing import Any

from sqlpipes.core.engine import Form
from sqlpipes.engines.duckdb.landing import BATCH_ROWS


def as_form(relation: Any, form: Form, *, at_once: bool = False) -> Any:
    """`at_once`: read to the end, also what is a stream, so that the cursor is free again."""
    if form is Form.ARROW:
        return relation.to_arrow_table()
    if form is Form.POLARS:
        return relation.pl()
    if form is Form.LAZY:
        return relation.pl().lazy() if at_once else relation.pl(lazy=True)
    if form is Form.READER:
        if at_once:
            return relation.to_arrow_table().to_reader()
        return relation.to_arrow_reader(BATCH_ROWS)
    if form is Form.PANDAS:
        return relation.df()
    if form is Form.ROWS:
        names = relation.columns
        return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
    return relation
