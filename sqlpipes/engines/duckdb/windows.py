"""How windows of a relation are said in DuckDB's SQL; see `sqlpipes.engines.windows`."""

from __future__ import annotations

from sqlpipes.core.sql import identifier
from sqlpipes.engines.windows import Words

ZONED = "TIMESTAMP WITH TIME ZONE"
SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
SIZES = (*SIGNED, *(f"U{size}" for size in SIGNED))
NUMBERS = (*SIZES, "DOUBLE", "FLOAT", "DECIMAL")

WORDS = Words(
    zoned=ZONED,
    times=("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", ZONED),
    sizes=SIZES,
    numbers=NUMBERS,
    texts=("VARCHAR", "ENUM", "BOOLEAN", "UUID", "DATE", *NUMBERS),
    wide="hugeint",
    row_hash="hash({})",
    epoch_us="epoch_us({})",
    at_us="make_timestamp({})",
    year="year({})",
    month="month({})",
    divided="//",
    identifier=identifier,
)
