"""A database beside the target's own -> the ATTACH that opens it, and what must be loaded for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.sql import identifier, literal
from sqlpipes.engines.duckdb.names import value_sql

MEMORY = ":memory:"
FILES = (None, "duckdb", "sqlite", "ducklake")  # kinds whose path may be a file of this machine
EXTENSIONS = MappingProxyType(
    {
        "sqlite": "sqlite_scanner",
        "postgres": "postgres_scanner",
        "mysql": "mysql_scanner",
        "ducklake": "ducklake",
        "iceberg": "iceberg",
        "delta": "delta",
        "quack": "quack",
        "motherduck": "motherduck",
        "md": "motherduck",
    }
)
KINDS = ("duckdb", *EXTENSIONS)
OF_MAIN = frozenset({"duckdb", "sqlite", "ducklake", "motherduck", "md", "quack"})
MYSQL_DATABASE = re.compile(r"\b(?:database|db)\s*=\s*([^\s&]+)")
PREFIXES = re.compile(r"([a-z_]+):")
PASSWORD = re.compile(r"(?i)\bpass(?:word|wd)?\s*=\s*('[^']*'|[^\s&]+)|://[^/@\s]*?:([^@/\s]+)@")


@dataclass(frozen=True, slots=True)
class Attached:
    """`where` is a path or an address, which may hold a password; `options` are those of ATTACH."""

    where: str
    alias: str | None
    kind: str | None
    read_only: bool
    is_file: bool  # on this machine
    options: Mapping[str, Plain] = field(default_factory=dict)
    at: Location | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """What a message may call it."""
        if self.is_file:
            return self.where
        return f"the attached database '{self.alias or self.kind or ''}'"

    @property
    def catalog(self) -> str | None:
        """What queries call it, as far as the path tells.

        >>> Attached("/data/lake.v2.duckdb", None, None, False, True).catalog
        'lake'
        """
        if self.alias or not self.is_file or self.where == MEMORY:
            return self.alias
        return os.path.basename(self.where).lstrip(".").partition(".")[0] or None

    @property
    def default_schema(self) -> str | None:
        """Where `catalog.table` is looked up, as far as the profile tells.

        >>> Attached("host=db", "crm", "postgres", False, False).default_schema
        'public'
        >>> Attached("ducklake:postgres:dbname=lake", "lake", None, False, False).default_schema
        'main'
        """
        prefix = None if self.is_file else PREFIXES.match(self.where)
        kind = self.kind or (prefix[1] if prefix else "duckdb")
        if kind in ("postgres", "postgresql"):
            said = self.options.get("schema")
            return said if isinstance(said, str) and said else "public"
        if kind == "mysql":
            named = MYSQL_DATABASE.search(self.where)
            return named[1] if named else None
        return "main" if kind in OF_MAIN else None

    @property
    def extensions(self) -> tuple[str, ...]:
        """Those without which it does not open: of its type, and of the prefixes of its path.

        >>> Attached("ducklake:postgres:dbname=lake", "lake", None, False, False).extensions
        ('ducklake', 'postgres_scanner')
        """
        rest, kinds = self.where, [self.kind or ""]
        while found := PREFIXES.match(rest):
            kinds.append(found[1])
            rest = rest[found.end() :]
        return tuple(dict.fromkeys(EXTENSIONS[kind] for kind in kinds if kind in EXTENSIONS))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The passwords in its address.

        >>> Attached("host=db password='a b'", None, "postgres", False, False).secrets
        ('a b',)
        """
        found = PASSWORD.findall(self.where)
        return tuple((said or other).strip("'") for said, other in found)

    def sql(self, *, read_only: bool) -> str:
        """Who only looks writes to none of them, and makes no file for one that is not there yet."""
        where, kind, alias = self.where, self.kind, self.alias
        options = [f"type {identifier(kind)}"] if kind else []
        options += [f"{identifier(key)} {value_sql(said)}" for key, said in self.options.items()]
        if read_only and self.is_file and not os.path.exists(where):
            alias = alias or self.catalog
            where, options = MEMORY, ["read_write"]  # there is no other in memory
        elif self.read_only or read_only:
            options.append("read_only")
        named = f" as {identifier(alias)}" if alias else ""
        return f"attach {literal(where)}{named}" + (f" ({', '.join(options)})" if options else "")
