"""Rows -> a table for people, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from click import style

from sqlpipes.core.engine import Rows
from sqlpipes.show.letters import cut, padded, plain_cell, width_of

WIDEST = 40


def rows_text(found: Rows, form: str) -> str:
    """`form`: table, csv or json. Dates and decimals become text in JSON."""
    if form == "csv":
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(found.columns)
        writer.writerows(found.rows)
        return buffer.getvalue().rstrip("\n")
    if form == "json":
        records = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        return json.dumps(records, default=str, indent=2)
    return _table(found)


def _table(found: Rows) -> str:
    cells = [[_cell(value) for value in row] for row in found.rows]
    numeric = [all(_is_number(row[i]) for row in found.rows) for i in range(len(found.columns))]
    names = [plain_cell(name) for name in found.columns]
    widths = [
        min(WIDEST, max([width_of(name), *(width_of(row[i]) for row in cells)]))
        for i, name in enumerate(names)
    ]
    head = "  ".join(
        _fit(name, width, right) for name, width, right in zip(names, widths, numeric, strict=True)
    )
    rule = "  ".join("-" * width for width in widths)
    body = [
        "  ".join(
            _fit(cell, width, right)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([style(head.rstrip(), bold=True), style(rule, dim=True), *body])


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.2f}"
    return plain_cell(str(value))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _fit(text: str, width: int, right: bool) -> str:
    """
    >>> _fit("abcdef", 4, False), _fit("7", 3, True)
    ('abc~', '  7')
    """
    return padded(cut(text, width, "~"), width, right)
