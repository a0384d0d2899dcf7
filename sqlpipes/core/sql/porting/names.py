"""Identifiers of one dialect -> as another one finds the same columns by them."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
RESERVED = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "authorization",
        "binary",
        "both",
        "case",
        "cast",
        "check",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "default",
        "deferrable",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "false",
        "fetch",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "grant",
        "group",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "intersect",
        "into",
        "is",
        "isnull",
        "join",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "natural",
        "not",
        "notnull",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "overlaps",
        "placing",
        "primary",
        "references",
        "returning",
        "right",
        "select",
        "session_user",
        "similar",
        "some",
        "symmetric",
        "system_user",
        "table",
        "tablesample",
        "then",
        "to",
        "trailing",
        "true",
        "union",
        "unique",
        "user",
        "using",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
    ]
)  # of Postgres: words that are no column's name, or another thing's, unless they are quoted


RESERVED_BY_SPARK = RESERVED | frozenset(
    [
        "anti",
        "by",
        "cluster",
        "date",
        "day",
        "day_time",
        "distribute",
        "escape",
        "except",
        "exists",
        "filter",
        "having",
        "hour",
        "interval",
        "join",
        "lateral",
        "minus",
        "minute",
        "month",
        "natural",
        "outer",
        "overlaps",
        "position",
        "reduce",
        "second",
        "semi",
        "session_user",
        "set",
        "setminus",
        "sort",
        "struct",
        "substring",
        "table",
        "time",
        "timestamp",
        "transform",
        "trim",
        "unknown",
        "using",
        "values",
        "view",
        "within",
        "year",
    ]
)  # more than is needed: a quoted name is found by letters of any case there


def _quote_reserved(tree: Any) -> None:
    for node in tree.find_all(exp.Identifier):
        name = str(node.this)
        plain = PLAIN.fullmatch(name) and "$" not in name
        node.set("quoted", not plain or name.lower() in RESERVED_BY_SPARK)


def fold_names(tree: Any, write: str) -> None:
    """The source compares names without case, Postgres those that are quoted with it.

    A plain name is written small and unquoted, so that it is found as the name of a table's column
    is kept there; a name that must be quoted keeps its spelling.
    """
    if write == "spark":
        _quote_reserved(tree)
    if write != "postgres":
        return
    for node in tree.find_all(exp.Identifier):
        name = str(node.this)
        if PLAIN.fullmatch(name):
            node.set("this", name.lower())
            node.set("quoted", name.lower() in RESERVED)
        else:
            node.set("quoted", True)
