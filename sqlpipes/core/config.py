"""What the project file and the profile say, as typed values. `read` reads and validates them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What YAML and JSON can say: the only form in which config travels before it is typed."""

OWN_ENGINE = "default"  # what files and commands call the target's own engine

NOTHING: Mapping[str, Plain] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Target:
    """One output of a profile: where a build writes. `options` is what the engine alone understands.

    `schema` is where assets without a schema of their own live; `schema_prefix` stands before every
    schema that an asset names, so that two targets can share one database without meeting. `catalog`
    is the database's own name as far as the profile tells it: `shop.main.orders` is `orders`.
    `places`: where each key of the output is written. `statement_timeout_s`: how long one statement of an
    asset may take. `query_comment`: whether statements are signed with their run, or how.
    `retries`: how often a lost connection is asked for again; `connect_retries`: one that does not open.
    None: only when the server is starting or full. `engines`: further warehouses that assets may live in,
    by the name that assets call them. `problems`: what a further one lacks, such as a variable that is not
    set, which is of matter to who uses it.
    """

    name: str
    engine: str  # the entry point's name: duckdb, postgres, spark ...
    schema: str = "main"
    schema_prefix: str = ""
    threads: int = 4
    options: Mapping[str, Plain] = field(default_factory=dict, repr=False)  # may hold a password
    catalog: str | None = None
    places: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)
    project: str = field(default="", compare=False)  # whose target it is: servers are told
    statement_timeout_s: float | None = None
    query_comment: bool | str = True
    retries: int = 5
    connect_retries: int | None = None
    engines: Mapping[str, Target | None] = field(
        default_factory=dict
    )  # None: another name of the target's own
    problems: tuple[Problem, ...] = field(default=(), compare=False, repr=False)

    def on(self, engine: str) -> Target:
        """The warehouse of that name; its own is called ""."""
        return self.engines.get(engine) or self

    def at(self, *keys: str) -> Location | None:
        """Where the first of these keys is written that the output has; else where its type is."""
        places = self.places
        return next((places[key] for key in (*keys, "type") if key in places), None)


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """`[tool.sqlpipes]` in pyproject.toml, or sqlpipes.yml; every key has a default, so neither is needed."""

    name: str
    dialect: str = "duckdb"
    profile: str | None = None
    model_paths: tuple[str, ...] = ("models",)
    seed_paths: tuple[str, ...] = ("seeds",)
    check_paths: tuple[str, ...] = ("tests",)
    macro_paths: tuple[str, ...] = ("macros",)
    vars: Mapping[str, Plain] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Plain]] = field(
        default_factory=dict
    )  # folder -> asset keys
    strict: bool = False  # an unknown table is an error instead of an implicit source
    column_aware: bool = True  # a change of columns that are not read rebuilds nothing
    transpile: str = "checked"  # unchecked: queries are said in a target's dialect without proof
    secrets: tuple[str, ...] = ()  # further names of what is secret; * stands for any characters
    artifacts: bool = False  # each build writes dbt's artifacts when it has ended
    state: str | None = field(default=None, repr=False)  # SQLAlchemy URL; None: .sqlpipes/state.db
    state_at: Location | None = field(default=None, compare=False, repr=False)
