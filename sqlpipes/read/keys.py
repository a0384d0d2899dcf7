"""The keys that an asset may be given, by kind; data only."""

from __future__ import annotations

OTHER_NAMES = {
    "owners": "owner",
    "kinds": "kind",
    "tests": "checks",
    "data_tests": "checks",
    "database": "catalog",
    "location": "path",
    "pre_hook": "before",
    "pre-hook": "before",
    "post_hook": "after",
    "post-hook": "after",
    "column_types": "types",
    "incremental_strategy": "strategy",
    "check_cols": "check_columns",
    "snapshot_meta_column_names": "snapshot_columns",
}
ADDING = frozenset({"tags", "meta", "links", "checks", "columns", "grants"})
ANY = frozenset(
    {"description", "owner", "tags", "kind", "columns", "checks", "group", "meta", "links"}
    | {"enabled"}
)
PLACED = frozenset({"schema", "alias", "catalog", "engine"})
WRITTEN = frozenset({"before", "after", "statement_timeout_s"})
EXTRAS = frozenset({"persist_docs", "grants", "indexes"})  # what it has beside its rows
KEPT = frozenset(  # how rows are kept from build to build
    {
        "unique_key",
        "strategy",
        "updated_at",
        "merge_update_columns",
        "merge_exclude_columns",
        "on_schema_change",
        "check_columns",
        "hard_deletes",
        "snapshot_columns",
        "full_refresh",
    }
)
MODEL = KEPT | {
    "materialized",
    "partition",
    "native_partitions",
    "depends_on",
    "inputs",
    "strict",
    "deterministic",
    "skip_unchanged",
    "auto",
    "path",  # of what is a file
    "format",
    "options",
}
SEED = frozenset({"types", "delimiter", "nulls", "skip_unchanged", "auto"})
SOURCE = frozenset(
    {"identifier", "changes", "files", "freshness", "loaded_at_field", "loaded_at_query"}
    | {"partition", "observe", "engine"}
)
KNOWN = {
    "model": ANY | PLACED | WRITTEN | EXTRAS | MODEL,
    "seed": ANY | PLACED | WRITTEN | EXTRAS | SEED,
    "source": ANY | SOURCE,
    "folder": ANY | PLACED | WRITTEN | EXTRAS | MODEL | SEED,
}
BELOW = {  # key of a key's own mapping -> the key that it stands below
    **dict.fromkeys(("by", "column", "values", "values_from", "width", "batch"), "partition"),
    **dict.fromkeys(("start", "end", "timezone"), "partition"),
    **dict.fromkeys(("warn_after", "error_after", "max_age"), "freshness"),
}
IGNORED = frozenset(  # keys of dbt that say nothing here
    {
        "access",
        "batch_size",
        "begin",
        "bind",
        "concurrent_batches",
        "constraints",
        "contract",
        "deprecation_date",
        "docs",
        "event_time",
        "external",
        "incremental_predicates",
        "latest_version",
        "loader",
        "lookback",
        "on_configuration_change",
        "on_error",
        "overrides",
        "quote_columns",
        "quoting",
        "sql_header",
        "store_failures",
        "time_spine",
        "transient",
        "versions",
    }
)
