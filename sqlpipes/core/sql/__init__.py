"""SQL text -> what it says: table references, files, a hash that ignores layout. sqlglot's first door.

Importing this room, or a function from it, does not import sqlglot; the first call that reads SQL
does, for a warm command reads none.
"""

from __future__ import annotations

from sqlpipes.core.errors import Location
from sqlpipes.core.sql.facts import FACTS_VERSION, Cte, SqlFacts
from sqlpipes.core.sql.quoting import header_name, identifier, literal
from sqlpipes.core.sql.relation import FileReference, Reference, Relation, fold
from sqlpipes.core.sql.spot import Spot, spotted
from sqlpipes.core.sql.text import bare, rewrite

__all__ = [
    "FACTS_VERSION",
    "Cte",
    "FileReference",
    "Reference",
    "Relation",
    "Spot",
    "SqlFacts",
    "analyse",
    "bare",
    "diff",
    "digest",
    "fold",
    "header_name",
    "identifier",
    "literal",
    "rewrite",
    "split_statements",
    "spotted",
    "token_scan",
    "why_no_expression",
]


def analyse(text: str, dialect: str, *, at: Location) -> SqlFacts:
    """Everything that the text alone says; `at` is where it begins in the user's file. Never raises."""
    from sqlpipes.core.sql import analysis

    return analysis.analyse(text, dialect, at=at)


def digest(text: str, dialect: str) -> str:
    """32 hex digits, equal for texts that differ in layout, comments, keyword case and final `;`."""
    from sqlpipes.core.sql import canonical

    return canonical.digest(text, dialect)


def diff(old: str, new: str, dialect: str, context: int = 0) -> tuple[str, ...]:
    """At most eight `- `, `+ ` lines that say what changed, layout aside; () if the digests agree."""
    from sqlpipes.core.sql import changes

    return changes.diff(old, new, dialect, context)


def split_statements(text: str, dialect: str = "duckdb") -> tuple[str, ...]:
    """The statements of a script without their semicolons. Raises ValueError on an open quote."""
    from sqlpipes.core.sql import tokens

    return tokens.split_statements(text, dialect)


def why_no_expression(text: str, dialect: str) -> str | None:
    """What keeps a text from being one expression that can stand in brackets; None: nothing does.

    >>> why_no_expression("x > 0", "postgres"), why_no_expression("x > 0; drop table t", "postgres")
    (None, 'there is a second statement behind a semicolon')
    """
    from sqlpipes.core.sql import analysis

    return analysis.why_no_expression(text, dialect)


def token_scan(text: str, dialect: str, *, at: Location | None = None) -> tuple[Reference, ...]:
    """The table names of a query by their position alone: what is left when it cannot be parsed."""
    from sqlpipes.core.sql import scanner

    return scanner.token_scan(text, dialect, at=at)
