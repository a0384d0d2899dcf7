"""The words of SQL that this room knows, as sets. Upper case for keywords, lower case for functions."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """
    >>> sorted(words("A B"))
    ['A', 'B']
    """
    return frozenset(text.split())


# No dialect lets these stand as a bare column name or an implicit alias.
RESERVED = words(
    """
    ALL AND ANY AS ASC CASE CAST COLLATE CROSS DESC DISTINCT ELSE END EXCEPT FALSE FOR FROM
    FULL GROUP HAVING IN INNER INTERSECT INTO IS JOIN LEFT LIKE LIMIT NATURAL NOT NULL ON OR
    ORDER OUTER RIGHT SELECT TABLE THEN TO TRUE UNION USING WHEN WHERE WITH
    """
)
# Keywords in one dialect, names in another: what follows decides.
SOMETIMES = words(
    """
    ANTI ASOF BETWEEN DESCRIBE EXISTS FETCH ILIKE LATERAL OFFSET ONLY PIVOT PIVOT_LONGER
    PIVOT_WIDER POSITIONAL QUALIFY RETURNING SEMI SIMILAR SOME SUMMARIZE TABLESAMPLE TRY_CAST
    UNPIVOT VALUES WINDOW
    """
)
BEFORE_PAREN = words(
    """
    EXCLUDE FILTER OVER REPLACE MATERIALIZED VALUES WITHIN INTERVAL
    """
)
BEFORE_STRING = words(
    """
    DATE TIME TIMESTAMP TIMESTAMPTZ INTERVAL
    """
)
READERS = words(
    """
    read_csv read_csv_auto read_parquet parquet_scan read_json read_json_auto read_ndjson
    read_ndjson_auto read_json_objects read_json_objects_auto read_ndjson_objects read_text
    read_blob read_xlsx read_avro st_read delta_scan iceberg_scan read_file sniff_csv glob
    parquet_metadata parquet_schema parquet_file_metadata
    """
)
QUERY_STARTS = words(
    """
    SELECT WITH FROM VALUES PIVOT UNPIVOT PIVOT_WIDER PIVOT_LONGER TABLE SUMMARIZE DESCRIBE
    SHOW
    """
)
ENDS_FROM = words(
    """
    SELECT WHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT OFFSET FETCH UNION INTERSECT EXCEPT
    SET VALUES RETURNING
    """
)
COMMANDS = words(
    """
    ALTER ANALYSE ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DEALLOCATE
    DECLARE DELETE DETACH DO DROP EXEC EXECUTE EXPLAIN EXPORT FORCE GRANT IMPORT INSERT
    INSTALL LOAD MERGE OPTIMIZE PRAGMA PREPARE REFRESH REPLACE RESET REVOKE ROLLBACK SET START
    TRUNCATE UPDATE UPSERT USE VACUUM
    """
)
CALLS = words(
    """
    now today random rand randn uuid uuidv4 uuidv7 gen_random_uuid newid generate_uuid nextval
    currval setseed get_current_timestamp get_current_time current_localtimestamp
    current_localtime clock_timestamp statement_timestamp
    transaction_timestamp timeofday getdate getutcdate sysdate sysdatetime sysutcdatetime
    unix_timestamp current_date current_time current_timestamp current_datetime localtime
    localtimestamp curdate curtime utc_timestamp utc_date txid_current
    txid_current_if_assigned gen_random_bytes monotonically_increasing_id uniform normal seq1
    seq2 seq4 seq8
    """
)
BARE_CALLS = words(
    """
    current_date current_time current_timestamp current_datetime localtime localtimestamp
    sysdate systimestamp
    """
)
CLAUSE_STARTS = words(
    """
    SELECT FROM WHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT OFFSET UNION INTERSECT WITH USING ON
    """
)
JOIN_WORDS = words(
    """
    JOIN LEFT RIGHT FULL INNER OUTER CROSS NATURAL ASOF SEMI ANTI POSITIONAL
    """
)
