"""Words for what is refused, and how it is said so that every engine understands it."""

from __future__ import annotations

from types import MappingProxyType

LISTS = "keep lists in rows of their own, and join them"
STRUCTS = "keep the fields in columns of their own"
PIVOTS = "spell it out: sum(amount) filter (where kind = 'a') as a, ..."
FILES = "declare a source with `files:`, and read that by its name"
JSON = "take it apart where the data is loaded, into columns of their own"

WORDS = MappingProxyType(
    {
        "Array": "a list",
        "Bracket": "access by [...]",
        "Columns": "COLUMNS(...)",
        "Comprehension": "a list comprehension",
        "Dot": "access to a field",
        "Explode": "unnest()",
        "Unnest": "unnest()",
        "Glob": "GLOB",
        "IgnoreNulls": "IGNORE NULLS",
        "RespectNulls": "RESPECT NULLS",
        "JSONExtract": "access to JSON",
        "JSONExtractScalar": "access to JSON",
        "Lambda": "a lambda",
        "Map": "a map",
        "ToMap": "a map",
        "Pivot": "PIVOT and UNPIVOT",
        "ReadCSV": "read_csv()",
        "ReadParquet": "read_parquet()",
        "SimilarTo": "SIMILAR TO",
        "Slice": "a slice",
        "Struct": "a struct",
        "TableSample": "a sample",
        "Table.sample": "a sample",
        "Select.sample": "a sample",
        "Table.pivots": "PIVOT and UNPIVOT",
        "Join.pivots": "PIVOT and UNPIVOT",
        "TryCast": "TRY_CAST",
        "LimitOptions": "LIMIT in percent",
        "Limit.limit_options": "LIMIT in percent",
        "RegexpExtract": "regexp_extract()",
        "ApproxDistinct": "approx_count_distinct()",
        "Placeholder": "a parameter",
    }
)
HINTS = MappingProxyType(
    {
        "Array": LISTS,
        "Bracket": LISTS,
        "Slice": "use substring(text, start, length)",
        "Comprehension": LISTS,
        "Lambda": LISTS,
        "Explode": LISTS,
        "Unnest": LISTS,
        "Struct": STRUCTS,
        "Dot": STRUCTS,
        "Map": STRUCTS,
        "ToMap": STRUCTS,
        "Columns": "write the columns",
        "Pivot": PIVOTS,
        "Table.pivots": PIVOTS,
        "Join.pivots": PIVOTS,
        "JSONExtract": JSON,
        "JSONExtractScalar": JSON,
        "SimilarTo": "use regexp_full_match(text, pattern), or LIKE",
        "Glob": "use LIKE",
        "IgnoreNulls": "filter the nulls in a query of their own first",
        "First": "say which one: arg_min(value, time)",
        "Last": "say which one: arg_max(value, time)",
        "CountIf": "count(*) filter (where ...)",
        "Mode": "count, and take the first with row_number()",
        "ApproxDistinct": "count(distinct ...)",
        "RegexpExtract": "use split_part() or substring()",
        "SHA2": "md5() is the same everywhere",
        "Limit.limit_options": "say a number of rows",
        "ReadParquet": FILES,
        "ReadCSV": FILES,
        "suffix": "ends_with()",
        "prefix": "starts_with()",
        "hash": "md5() is the same everywhere",
        "ifnull": "coalesce()",
        "strlen": "length()",
        "list_aggregate": LISTS,
        "last_day": "date_trunc('month', d) + interval 1 month - interval 1 day",
    }
)
