"""Columns of rows -> as a file of some format carries them without loss, and back again.

A file has not every type: Parquet makes a HUGEINT a DOUBLE, and JSON's numbers are read as such. What
would come back as something else is written in another type, and cast by whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sqlpipes.core.sql import identifier

Columns = Iterable[tuple[str, str]]

QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*\""""  # values of an ENUM, names of a STRUCT
WORD = re.compile(rf"{QUOTED}|\b[A-Z_]+(?:\([\d,]+\)| WITH TIME ZONE)?(?=[\[\]),]|$)")
DECIMAL = re.compile(r"DECIMAL\((\d+),\d+\)")
EXACT = 15  # digits that every reader of JSON keeps
TEXT = "VARCHAR"
CARRIES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "parquet": {
            "HUGEINT": "DECIMAL(38,0)",
            "UHUGEINT": "DECIMAL(38,0)",
            "INTERVAL": TEXT,  # Parquet's own has milliseconds
            "TIME WITH TIME ZONE": TEXT,  # Parquet's own has no zone
        },
        "json": {"BLOB": TEXT, "BIT": TEXT, "BIGNUM": TEXT},
        "csv": {},
    }
)
CAST_BACK = re.compile(
    r"\b(?:U?HUGEINT|BIGNUM|BIT|ENUM|TIMESTAMP_S)\b"
)  # Parquet has others for them
FLOATING = ("DOUBLE", "FLOAT")


def carried(kind: str, form: str) -> str:
    """The type in the file.

    >>> carried("STRUCT(a HUGEINT, b VARCHAR[])", "parquet")
    'STRUCT(a DECIMAL(38,0), b VARCHAR[])'
    >>> carried("DECIMAL(38,4)[]", "json"), carried("DECIMAL(9,2)", "json"), carried("ENUM('BLOB')", "json")
    ('VARCHAR[]', 'DECIMAL(9,2)', "ENUM('BLOB')")
    """
    return WORD.sub(lambda found: _instead(found[0], form), kind)


def _instead(word: str, form: str) -> str:
    found = DECIMAL.fullmatch(word) if form == "json" else None
    if found and int(found[1]) > EXACT:
        return TEXT
    return CARRIES[form].get(word, word)


def to_file(select: str, columns: Columns, form: str) -> str:
    """A SELECT over the rows, as the file carries them."""
    found = [(identifier(name), _written(identifier(name), kind, form)) for name, kind in columns]
    return _replaced(select, [(name, said) for name, said in found if said != name])


def _written(name: str, kind: str, form: str) -> str:
    other = carried(kind, form)
    said = name if other == kind else f"cast({name} as {other})"
    texts = WORD.sub(lambda found: TEXT if found[0] in FLOATING else found[0], other)
    if form != "json" or texts == other:
        return said
    # JSON has no word for what is no number: it is written as a text
    odd = f"regexp_matches(cast({name} as varchar), 'nan|inf')"
    return f"case when {odd} then to_json(cast({name} as {texts})) else to_json({said}) end"


def from_file(select: str, columns: Columns, form: str) -> str:
    """A SELECT over what a file carries, in the types of the rows that were written."""
    return _replaced(
        select,
        [
            (identifier(name), f"cast({identifier(name)} as {kind})")
            for name, kind in columns
            if carried(kind, form) != kind or (form == "parquet" and CAST_BACK.search(kind))
        ],
    )


def in_file(columns: Columns, form: str) -> dict[str, str]:
    """The types by which a reader that is told them reads the file."""
    return {name: carried(kind, form) for name, kind in columns}


def _replaced(select: str, said: list[tuple[str, str]]) -> str:
    if not said:
        return select
    listed = ", ".join(f"{value} as {name}" for name, value in said)
    return f"select * replace ({listed}) from (\n{select}\n)"
