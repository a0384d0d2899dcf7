"""What standard SQL does not settle, said per dialect: data, for engines that are opened by SQLAlchemy.

Whether a statement exists at all is asked of the database (`probes`); this is how it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlpipes.core.engine import Capabilities
from sqlpipes.core.sql import identifier
from sqlpipes.engines.windows import Words

SIZES = ("tinyint", "smallint", "integer", "int", "bigint")
NUMBERS = (*SIZES, "numeric", "decimal", "number", "real", "float", "double", "double precision")
TEXTS = ("text", "varchar", "char", "character varying", "string", "boolean", "date", *NUMBERS)
ZONED = "timestamp with time zone"
PLAINLY = Capabilities(replaces_views=False)
STANDARD = Words(
    zoned=ZONED,
    times=("date", "timestamp", "datetime", "timestamp_ntz", "timestamp without time zone", ZONED),
    sizes=SIZES,
    numbers=NUMBERS,
    texts=TEXTS,
    wide="decimal(38, 0)",
    row_hash="",
    epoch_us="",
    at_us="",
    year="cast(extract(year from {}) as bigint)",
    month="cast(extract(month from {}) as bigint)",
    divided="/",
    identifier=identifier,
)


@dataclass(frozen=True, slots=True)
class Speech:
    """How a dialect says it. `can` has the words; its flags are those of an engine that was not asked.

    `hashed`: of a text, a whole number that differs when it does; "" where nobody knows one.
    """

    can: Capabilities = PLAINLY
    words: Words = STANDARD
    hashed: str = ""
    cell: str = "coalesce(cast({} as varchar), 'null')"  # a column's value as text
    glue: str = " || ',' || "
    begin: str = ""  # said where a transaction begins; "": the driver begins it
    session: tuple[str, ...] = ()  # said first by each connection: days begin in UTC
    upper: bool = False  # a plain name without quotes is in upper case
    use: str = ""  # makes a schema the one of unqualified names; "": only the address can say it


POSTGRES = Speech(
    Capabilities(
        replaces_views=False,
        is_instant="pg_typeof({}) = 'timestamp with time zone'::regtype",
        matches="({} ~ {})",
    ),
    session=("set time zone 'UTC'",),
    use="set search_path to {}",
)
SPEECHES: Mapping[str, Speech] = MappingProxyType(
    {
        "postgresql": POSTGRES,
        "cockroachdb": POSTGRES,
        "redshift": Speech(session=("set timezone to 'UTC'",), use="set search_path to {}"),
        "snowflake": Speech(
            session=("alter session set timezone = 'UTC'",), use="use schema {}", upper=True
        ),
        "databricks": Speech(session=("set time zone 'UTC'",), use="use schema {}"),
        "mysql": Speech(session=("set time_zone = '+00:00'",), use="use {}"),
        "mariadb": Speech(session=("set time_zone = '+00:00'",), use="use {}"),
        "oracle": Speech(
            session=("alter session set time_zone = 'UTC'",),
            use="alter session set current_schema = {}",
            upper=True,
        ),
    }
)


def speech_of(scheme: str) -> Speech:
    """How the dialect of a URL says it; standard SQL for one that is not known.

    >>> speech_of("dbase").can.transactional_ddl
    False
    """
    return SPEECHES.get(scheme, Speech())
