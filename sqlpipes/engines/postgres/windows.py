"""How windows of a relation are said in Postgres' SQL; see `sqlpipes.engines.windows`."""

from __future__ import annotations

from sqlpipes.core.sql import identifier
from sqlpipes.engines.windows import Words

ZONED = "timestamp with time zone"
SIZES = ("smallint", "integer", "bigint")
NUMBERS = (*SIZES, "numeric", "double precision", "real")
DAY = 86_400_000_000  # microseconds: more of them than a double counts must not be multiplied
AT_US = (
    f"(select timestamp '1970-01-01' + (us / {DAY}) * interval '1 day' "
    f"+ (us % {DAY}) * interval '1 microsecond' from (select {{}} as us) as one)"
)

WORDS = Words(
    zoned=ZONED,
    times=("date", "timestamp without time zone", ZONED),
    sizes=SIZES,
    numbers=NUMBERS,
    texts=("text", "character varying", "character", "boolean", "uuid", "date", *NUMBERS),
    wide="numeric",
    row_hash="hashtextextended(cast({} as text), 0)",
    epoch_us="cast(extract(epoch from {}) * 1000000 as bigint)",
    at_us=AT_US,
    year="cast(extract(year from {}) as bigint)",
    month="cast(extract(month from {}) as bigint)",
    divided="/",
    identifier=identifier,
)
