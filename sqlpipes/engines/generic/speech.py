"""What standard SQL does not settle, said per dialect: data, for engines that are opened by SQLAlchemy.

Whether a statement exists at all is asked of the database (`probes`); this is how it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Capabilities
from sqlpipes.core.sql import identifier
from sqlpipes.engines.windows import Words

SIZES = ("tinyint", "smallint", "integer", "int", "bigint")
NUMBERS = (*SIZES, "numeric", "decimal", "number", "real", "float", "double", "double precision")
TEXTS = ("text", "varchar", "char", "character varying", "string", "boolean", "date", *NUMBERS)
ZONED = "timestamp with time zone"
PLAINLY = Capabilities(replaces_views=False)
MARKED = Capabilities(replaces_views=False, mark="`", escapes=True)
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
    schema: str = "create schema if not exists {}"
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


def mysql(collation: str) -> Speech:
    """`collation` tells texts apart that the server's own may take for the same: eu, EU and 'eu '."""
    exact = f"convert({{}} using utf8mb4) collate {collation}"
    sizes = ("tinyint", "smallint", "mediumint", "int", "bigint")
    numbers = (*sizes, "decimal", "double", "float")
    can = Capabilities(
        transactional_rows=True,
        finds_by_index=True,
        mark="`",
        escapes=True,
        exact=exact,
        is_instant="false",
        matches=f"({exact} regexp {{}})",
        new_table="create table {} engine=InnoDB as\n",
        temporary="temporary",
        text="char",
        instant="timestamp '{:.19}'",  # a server keeps no zone of a time
        times=("DATE", "TIMESTAMP"),
        earlier="{} - interval {} second",
        casts=False,
        full_join=False,
        converted="{}",
        retyped="modify column {name} {type}",
        differs="not ({} <=> {})",
        sets="old.",
        update="update {table} as old join {rows} as new on {where}\nset {values}",
    )
    words = Words(
        zoned="timestamp with time zone",
        times=("date", "datetime", "timestamp"),
        sizes=sizes,
        numbers=numbers,
        texts=("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "date", *numbers),
        wide="decimal(38, 0)",
        row_hash="",
        epoch_us="timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', {})",
        at_us="timestampadd(microsecond, {}, timestamp '1970-01-01 00:00:00')",
        year="year({})",
        month="month({})",
        divided="div",
        identifier=identifier,
        shown="cast({} as datetime(6))",
        whole="cast({} as signed)",
        text=exact,
    )
    return Speech(
        can,
        words,
        hashed="cast(conv(left(md5(concat_ws(',', {})), 16), 16, 10) as decimal(38, 0))",
        cell="quote({})",
        glue=", ",
        session=MYSQL_SESSION,
        schema="create schema if not exists {} character set utf8mb4",
        use="use {}",
    )


MYSQL_SESSION = (
    "set time_zone = '+00:00'",
    # What does not fit is a fault, whatever the server is set to; a backslash is one in all texts.
    "set session sql_mode = concat_ws(',', 'STRICT_ALL_TABLES', nullif("
    "replace(@@session.sql_mode, 'NO_BACKSLASH_ESCAPES', ''), ''))",
    # INSERT ... SELECT would lock all that it reads.
    "set session transaction isolation level read committed",
)
SPEECHES: Mapping[str, Speech] = MappingProxyType(
    {
        "postgresql": POSTGRES,
        "cockroachdb": POSTGRES,
        "redshift": Speech(session=("set timezone to 'UTC'",), use="set search_path to {}"),
        "snowflake": Speech(
            session=("alter session set timezone = 'UTC'",), use="use schema {}", upper=True
        ),
        "bigquery": Speech(MARKED),
        "databricks": Speech(MARKED, session=("set time zone 'UTC'",), use="use schema {}"),
        "mysql": mysql("utf8mb4_0900_bin"),
        "mariadb": mysql("utf8mb4_nopad_bin"),
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
