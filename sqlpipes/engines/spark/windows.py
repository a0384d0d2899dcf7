"""How windows of a relation are said in Spark's SQL; see `sqlpipes.engines.windows`."""

from __future__ import annotations

from sqlpipes.engines.spark.names import identifier
from sqlpipes.engines.windows import Words

ZONED = "timestamp"
SIZES = ("tinyint", "smallint", "int", "bigint")
NUMBERS = (*SIZES, "decimal", "double", "float")
HASH = identifier("sqlpipes hash")  # a star may not stand in a query that is grouped by place


def hashed(rows: str, where: str = "") -> str:
    """The same rows, each with a hash of all of it."""
    inner = f"select *, xxhash64(*) as {HASH} from {rows}{f' where {where}' if where else ''}"
    return f"({inner})"


WORDS = Words(
    zoned=ZONED,
    times=("date", "timestamp_ntz", ZONED),
    sizes=SIZES,
    numbers=NUMBERS,
    texts=("string", "varchar", "char", "boolean", "date", *NUMBERS),
    wide="decimal(38,0)",
    row_hash=f"cast({HASH} as decimal(38,0))",
    epoch_us="unix_micros(cast({} as timestamp))",
    at_us="cast(timestamp_micros({}) as timestamp)",
    year="cast(year({}) as bigint)",
    month="cast(month({}) as bigint)",
    divided="div",
    identifier=identifier,
    text="cast({} as string)",
)
