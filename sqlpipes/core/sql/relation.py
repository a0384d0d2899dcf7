"""Names of relations, and where a query mentions them."""

from __future__ import annotations

from sqlpipes.core.dataclass import dataclass

CASE_SENSITIVE_WHEN_QUOTED = frozenset({"oracle", "postgres", "redshift", "snowflake", "trino"})
FOLDS_TO_UPPER = frozenset({"snowflake", "oracle"})


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A table or view by name, as it is spelt. `catalog` is None for the target's own database.

    >>> str(Relation("orders", "shop"))
    'shop.orders'
    """

    name: str
    schema: str
    catalog: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.schema, self.name) if part)

    def folded(self, dialect: str) -> tuple[str | None, str, str]:
        """(catalog, schema, name) as the dialect compares them; the spelling counts as quoted.

        Where unquoted names are in upper case, plain small letters count as unquoted.

        >>> Relation("orders", "PUBLIC").folded("snowflake"), Relation("orders", "p").folded("postgres")
        ((None, 'PUBLIC', 'ORDERS'), (None, 'p', 'orders'))
        """
        catalog = _spelt(self.catalog, dialect) if self.catalog else None
        return catalog, _spelt(self.schema, dialect), _spelt(self.name, dialect)


@dataclass(frozen=True, slots=True)
class Reference:
    """A table name in a query. `start` and `end` are offsets of the whole name in that text, half-open.

    `parts` has one to three identifiers without their quotes, catalog first; line and column are
    those of the user's file, from 1.
    """

    parts: tuple[str, ...]
    quoted: tuple[bool, ...]
    start: int
    end: int
    line: int
    column: int
    alias: str | None = None

    def __str__(self) -> str:
        return ".".join(self.parts)

    def folded(self, dialect: str) -> tuple[str, ...]:
        """The parts as the dialect compares them."""
        if dialect not in CASE_SENSITIVE_WHEN_QUOTED:  # `fold`, for thousands of names
            return tuple([part.casefold() for part in self.parts])
        return tuple(fold(p, q, dialect) for p, q in zip(self.parts, self.quoted, strict=True))


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file or glob that a query reads: read_csv('raw/*.csv'), or from 'raw/x.parquet'.

    `start` and `end` span the pattern with its quotes; line and column are those of the user's file.
    `named`: it stands where a table's name does, and is that of a table if there is one.
    """

    pattern: str
    start: int
    end: int
    line: int
    column: int
    named: bool = False
    alias: str | None = None

    @property
    def table(self) -> Reference | None:
        """The name of a table that it may be."""
        if not self.named:
            return None
        place = (self.start, self.end, self.line, self.column)
        return Reference((self.pattern,), (True,), *place, self.alias)


def _spelt(name: str, dialect: str) -> str:
    plain = dialect in FOLDS_TO_UPPER and name.isidentifier() and name.islower()
    return fold(name, not plain, dialect)


def fold(name: str, quoted: bool, dialect: str) -> str:
    """A name as the dialect compares it.

    >>> fold("Orders", True, "duckdb"), fold("Orders", False, "postgres"), fold("Orders", True, "postgres")
    ('orders', 'orders', 'Orders')
    """
    if dialect not in CASE_SENSITIVE_WHEN_QUOTED:
        return name.casefold()
    if quoted:
        return name
    return name.upper() if dialect in FOLDS_TO_UPPER else name.lower()
