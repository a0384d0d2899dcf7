"""The asset: one thing that can be built or observed, as its reader found it. Nothing here is linked yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Severity
from sqlpipes.core.extras import Extras
from sqlpipes.core.retry import ONCE, Retry
from sqlpipes.core.strategy import Incremental, SchemaChange, Snapshot

if TYPE_CHECKING:  # what most assets have none of is loaded with the first that has it
    from sqlpipes.core.automation import Automation
    from sqlpipes.core.export import Export
    from sqlpipes.core.freshness import Freshness
    from sqlpipes.core.partitions import Partitioning
    from sqlpipes.core.reads import Reads
    from sqlpipes.core.sql import FileReference, Reference, Relation, Spot


class Kind(StrEnum):
    """What the asset is written as."""

    SQL = "sql"
    PYTHON = "python"
    SEED = "seed"
    SOURCE = "source"


class Materialized(StrEnum):
    """What the asset is in the warehouse."""

    VIEW = "view"
    TABLE = "table"
    INCREMENTAL = "incremental"  # rows merged by unique_key, or appended
    SNAPSHOT = "snapshot"  # every state that a key was seen in, with its time
    EPHEMERAL = "ephemeral"  # inlined into its readers
    FILE = "file"  # written to disk: by a function, or the rows of a query
    NONE = "none"  # a Python asset that returns nothing
    EXTERNAL = "external"  # a source: somebody else writes it


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template may ask for when it is rendered for one statement."""

    this: str = ""  # the asset's own relation, quoted
    incremental: bool = False  # the relation exists and only new rows are wanted
    full_refresh: bool = False
    start: str | None = None  # window of the slices, half-open, ISO text
    end: str | None = None
    key: str | None = None  # the slice's key when it is exactly one slice
    keys: Mapping[str, str | None] = field(default_factory=dict)  # per column; None: several


@dataclass(frozen=True, slots=True)
class Rendered:
    """SQL ready to run, with the tables and files found in exactly this text."""

    text: str
    references: tuple[Reference, ...]
    files: tuple[FileReference, ...] = ()
    written: Written | None = field(default=None, compare=False, repr=False)


class Written(Protocol):
    """Where the characters of a template's output were written."""

    def span(self, start: int, end: int) -> Location:
        """The smallest place in the user's file that certainly made this part; offsets from 0."""


class Template(Protocol):
    """SQL with Jinja. `render` raises ProjectError with the line of the user's file."""

    def render(self, scope: Scope) -> Rendered: ...

    def overridden(
        self,
        vars: Mapping[str, Plain],
        macros: Mapping[str, Plain],
        environ: Mapping[str, Plain],
    ) -> Template:
        """With other values for some names, for a unit test. ProjectError for one that is none."""


@dataclass(frozen=True, slots=True)
class SqlBody:
    """The user's SELECT. `text` is the file after its front matter; it begins at `line` of the file."""

    text: str
    references: tuple[Reference, ...] = ()
    line: int = 1
    template: Template | None = field(default=None, compare=False)
    files: tuple[FileReference, ...] = ()
    opaque: bool = False  # the parser cannot read it: references come from a token scan
    spot: Spot | None = None  # of a text that is no file of its own
    local: bool = False  # it reads files only, which a DuckDB beside the engine does
    file_assets: Mapping[str, str] = field(
        default_factory=dict
    )  # a file as it is written -> its asset
    dialect: str = ""  # that it is written in, where it is not the project's

    def render(self, scope: Scope) -> Rendered:
        if self.template is not None:
            return self.template.render(scope)
        return Rendered(self.text, self.references, self.files)


@dataclass(frozen=True, slots=True)
class Dependency:
    """An input declared outside the SQL: a function's parameter, or `depends_on` in the front matter.

    Not `declared`: a function's own SQL names it, so when it is unknown it is an external table.
    `for_rows` False: it decides which slices there are, and not what is in them.
    """

    name: str
    at: Location | None = None
    declared: bool = True
    for_rows: bool = True


@dataclass(frozen=True, slots=True)
class Option:
    """A parameter that has a default. `type` is as it is written; `default` is JSON where it is plain."""

    name: str
    type: str
    at: Location
    default: str | None = None


@dataclass(frozen=True, slots=True)
class PythonBody:
    """A Python function. `load` imports the user's module and returns the function."""

    function: str
    parameters: tuple[str, ...]  # names of the assets that are passed in, in order
    takes_context: bool
    load: Callable[[], Callable[..., Any]] = field(compare=False)
    retry: Retry = ONCE
    timeout_s: float | None = None  # for one call and the landing of its rows; None: no end
    family: str = ""  # of a function that makes several assets: what these have in common
    written: tuple[str, ...] = ()  # of a file: its paths as far as the text says; * is computed
    path: str = ""  # of a file: what its decorator says
    files: tuple[Dependency, ...] = ()  # paths and patterns that its SQL reads
    paths: tuple[Dependency, ...] = ()  # that it asks the context for
    resources: Mapping[str, str] = field(default_factory=dict)  # parameter -> resource
    options: tuple[Option, ...] = ()  # parameters with a default, which run-time config may set
    config: Mapping[str, Plain] = field(default_factory=dict)  # what it sets, as it is written
    arguments: Callable[[], Mapping[str, Any]] = field(
        default=dict, compare=False
    )  # the same, typed
    unconfigured: str = ""  # the asset's version without it


@dataclass(frozen=True, slots=True)
class SeedBody:
    """A data file. `path` is absolute; `types` are the declared ones, by column."""

    path: str
    format: str  # csv | parquet | json
    types: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    nulls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceBody:
    """Data that somebody else writes: a relation, or files that match `files` (absolute glob patterns)."""

    files: tuple[str, ...] = ()
    changes: str | None = (
        None  # count | hash | always | never | a SQL aggregate such as max(updated_at)
    )
    implicit: bool = False  # nobody declared it: a query reads it
    besides: tuple[str, ...] = ()  # of these files, those that assets write
    made_by: tuple[str, ...] = ()  # these assets: who reads the source reads them
    path: str | None = None  # where the key of the window stands in a file's path: raw/%Y-%m-%d.csv
    freshness: Freshness | None = None
    observer: PythonBody | None = None  # a function that says which version of it there is


Body = SqlBody | PythonBody | SeedBody | SourceBody


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str | None = None  # as the engine or the user wrote it
    description: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A question whose answer must be "no rows". `inputs` are the assets it reads beside its own.

    type: not_null, unique, accepted_values, relationships, row_count, expression, ... (run/checks.py),
    `sql` for a file under tests/, whose query is `body`, or `python`, whose function is `function`.
    """

    name: str  # unique in the project, e.g. orders.not_null.order_id
    asset: str
    type: str
    arguments: Mapping[str, Plain] = field(default_factory=dict)
    severity: Severity = Severity.ERROR
    where: str | None = None
    whole_table: bool = (
        False  # of a partitioned asset: look at all slices, not only those just written
    )
    error_if: str = "> 0"  # condition on the number of bad rows
    warn_if: str = "> 0"
    tags: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    tables: tuple[Dependency, ...] = ()  # named by the SQL of its function
    body: SqlBody | None = None
    conditions: Mapping[str, SqlBody] = field(
        default_factory=dict
    )  # `where` and `expression`, where they have queries of their own
    columns: tuple[str, ...] = ()  # the columns of `asset` that it names
    at: Location | None = None
    description: str = ""
    function: PythonBody | None = None  # of type python


@dataclass(frozen=True, slots=True)
class Limit:
    """How long one statement may take, and where that is said."""

    seconds: float
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """One node before linking.

    `version` is "<body hash>.<settings hash>": the first part moves when the query, function or data
    file does, the second when a setting does that changes what is written (materialized, partition, ...).
    """

    name: str
    kind: Kind
    materialized: Materialized
    relation: Relation | None  # None: ephemeral, file, none
    body: Body
    version: str
    at: Location
    path: str  # of the file, relative to the project
    fqn: tuple[str, ...] = ()  # project, folders, name: what a selector may name
    depends_on: tuple[Dependency, ...] = ()
    mappings: Mapping[str, Reads] = field(default_factory=dict)  # declared under `inputs:`
    partition: Partitioning | None = None
    values_from: Mapping[str, SqlBody] = field(default_factory=dict)  # column -> its values' query
    unique_key: tuple[str, ...] = ()
    incremental: Incremental = field(default_factory=Incremental)  # of materialized: incremental
    snapshot: Snapshot | None = None  # of materialized: snapshot
    on_schema_change: SchemaChange = SchemaChange.FAIL  # of what is kept from build to build
    skip_unchanged: bool = False  # what is written again and holds what it held moves no reader
    checks: tuple[Check, ...] = ()
    columns: tuple[Column, ...] = ()  # documented or declared ones, not what the query yields
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()  # free words for what it is made with or for: ml, report ...
    group: str | None = None
    meta: Mapping[str, Plain] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)  # name -> URL
    settings: Mapping[str, Plain] = field(default_factory=dict)  # the merged config as written
    before: tuple[str, ...] = ()  # statements to run first (pre_hook)
    volatile: tuple[
        str, ...
    ] = ()  # what makes the query give other rows each time: now, random ...
    after: tuple[str, ...] = ()  # and last, in the same transaction (post_hook)
    hooks_at: Mapping[str, Location] = field(
        default_factory=dict, compare=False
    )  # statement -> where
    database_at: Location | None = field(
        default=None, compare=False
    )  # where its relation's database is named
    placed_at: Location | None = field(
        default=None, compare=False
    )  # where its schema is named, or else its alias or its database
    native_partitions: bool = False  # the server cuts the table as the slices are
    extras: Extras = field(default_factory=Extras)  # comments, rights and indexes
    auto: Automation | None = None  # when it is built by itself; None: nobody said
    limit: Limit | None = None  # of each of its statements; None: the target's
    export: Export | None = None  # of a query that is a file
    engine: str = ""  # the further engine of the target that it lives on; empty: the target's own

    @property
    def writes(self) -> tuple[str, ...]:
        """Paths of its files as far as the text says: * is computed, a folder may end with /."""
        if self.export is not None:
            return (self.export.writes,)
        return self.body.written if isinstance(self.body, PythonBody) else ()

    @property
    def place(self) -> str | None:
        """The relation as it is recorded: a further engine stands before it, as in `dw:mart.orders`."""
        if self.relation is None:
            return None
        return f"{self.engine}:{self.relation}" if self.engine else str(self.relation)

    @property
    def is_stored(self) -> bool:
        """Whether building it leaves rows in the warehouse that can grow old."""
        return self.materialized not in (Materialized.VIEW, Materialized.EPHEMERAL)
