"""SQL text -> whether its words are those of DuckDB alone, for a hint. Nothing is decided by it."""

from __future__ import annotations

import re

DUCKDBS = re.compile(
    r"""
    \b(?:group|order)\s+by\s+all\b
  | \*\s*(?:exclude|replace|rename)\s*\(
  | \b(?:qualify|asof|semi\s+join|anti\s+join|positional\s+join|union\s+(?:all\s+)?by\s+name)\b
  | \btry_cast\b
  | \b(?:arg_max|arg_min|max_by|min_by|strftime|strptime|date_diff|datediff|list|list_\w+|struct_pack
      |regexp_matches|regexp_extract|read_csv|read_parquet|read_json|read_csv_auto|epoch_ms|quantile_cont
      |approx_count_distinct|try_cast|range|string_split|len|year|month|day|hour|monthname|dayname)\s*\(
  | ::\s*(?:hugeint|tinyint|utinyint|usmallint|uinteger|ubigint|double\b(?!\s+precision)|string|datetime)
  | \bas\s+(?:hugeint|tinyint|ubigint|double\b(?!\s+precision)|string|datetime)\s*\)
  | \s//\s | == | ^\s*from\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
APART = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)  # texts and comments


def looks_like_duckdb(text: str) -> bool:
    """
    >>> looks_like_duckdb("select a, sum(b) from t group by all"), looks_like_duckdb("from t")
    (True, True)
    >>> looks_like_duckdb("select a -- group by all\\nfrom t where b = 'x == y'")
    False
    """
    return DUCKDBS.search(APART.sub("''", text)) is not None
