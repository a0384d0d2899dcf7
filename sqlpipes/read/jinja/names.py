"""What a template may name: a Scope and the project's values -> the functions and values of its text.

A call that cannot be answered raises Fault, which has no place; `rendering` knows the place.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, NoReturn

from sqlpipes.core.asset import Scope
from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import did_you_mean

SIMPLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
BACKTICKS = frozenset({"bigquery", "databricks", "hive", "mysql", "spark", "clickhouse"})
RESERVED = (
    "config",
    "env_var",
    "exceptions",
    "is_incremental",
    "partition",
    "ref",
    "source",
    "target",
    "this",
    "var",
)
FIRST_START = "0001-01-01"  # the window when a template is read without one: all there can be
LAST_END = "9999-12-31"

# What people bring from dbt and what to write instead; without these the hint would be a wrong near name.
INSTEAD = {
    "adapter": "a template asks the warehouse nothing",
    "database": "write {{ target.name }} or the name itself",
    "dbt_utils": "packages are not loaded: put the macro you need under macros/",
    "execute": "a template is always rendered in full: drop the condition",
    "graph": "a template cannot look at the graph",
    "invocation_id": "it would change the SQL at every run",
    "log": "templates print nothing: drop the call",
    "model": "write {{ this }} for the asset's own relation",
    "modules": "Python modules are not at hand in templates: use a Python asset",
    "print": "templates print nothing: drop the call",
    "run_query": "a template asks the warehouse nothing: use a subquery",
    "run_started_at": "it would change the SQL at every run: use current_timestamp or partition.start",
    "schema": "write {{ target.schema }}",
    "statement": "a template asks the warehouse nothing: use a subquery",
}

INSTEAD_OF_TAG = {
    "docs": "descriptions stand in the YAML beside the models, or in the front matter",
    "materialization": "assets are a view, table, incremental, snapshot or ephemeral; else write a "
    "Python asset",
    "snapshot": "write the SELECT alone, and `materialized: snapshot`, `unique_key` and `updated_at` "
    "(or `check_columns`) in the front matter: /* --- ... --- */",
    "test": "a check is a .sql file under tests/ whose query returns the bad rows",
}


class Fault(Exception):
    """A call in a template that has no answer. `asked` is the name it was called with, if any."""

    def __init__(
        self, code: str, message: str, hint: str | None, function: str, asked: str | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint
        self.function, self.asked = function, asked


@dataclass(frozen=True, slots=True)
class Values:
    """What a project gives to all of its templates. `seen_environ` collects what was asked for."""

    dialect: str
    target: Target
    vars: Mapping[str, Plain]
    environ: Mapping[str, str]
    own: Mapping[str, Plain] = field(default_factory=dict)  # of one text alone
    seen_environ: set[str] = field(default_factory=set, compare=False)


@dataclass(frozen=True, slots=True)
class TargetNames:
    """`target` in a template."""

    name: str
    schema: str
    type: str
    threads: int


class PartitionNames:
    """`partition` in a template: the window as bare ISO text."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def start(self) -> str:
        return FIRST_START if self._scope.start is None else self._scope.start

    @property
    def end(self) -> str:
        return LAST_END if self._scope.end is None else self._scope.end

    @property
    def key(self) -> str:
        if self._scope.key is None and self._scope.start is not None:
            message = "partition.key: several slices are built here in one statement"
            hint = "use partition.start and partition.end, or set batch: 1 under partition"
            raise Fault("JIN008", message, hint, "partition")
        return self._scope.key or ""

    def __getattr__(self, column: str) -> str:
        """The key in one column of the partition; "" where no slice is being built."""
        if column.startswith("_") or (self._scope.keys and column not in self._scope.keys):
            raise AttributeError(column)
        key = self._scope.keys.get(column, "")
        if key is None:
            message = f"partition.{column}: several slices are built here in one statement"
            hint = "use partition.start and partition.end, or set batch: 1 under partition"
            raise Fault("JIN008", message, hint, "partition")
        return key


class Exceptions:
    """`exceptions` in a template."""

    def raise_compiler_error(self, message: object) -> NoReturn:
        raise Fault("JIN009", str(message), None, "exceptions")


def namespace(scope: Scope, values: Values) -> dict[str, Any]:
    """Every name of a template but the macros, for one rendering."""
    target = values.target
    return {
        **copy.deepcopy(dict(values.own)),  # a template may append to a list it was given
        "config": _config,
        "env_var": _env_var(values),
        "exceptions": Exceptions(),
        "is_incremental": lambda: scope.incremental and not scope.full_refresh,
        "partition": PartitionNames(scope),
        "ref": _ref(values.dialect),
        "source": _source(values.dialect),
        "target": TargetNames(target.name, target.schema, target.engine, target.threads),
        "this": scope.this,
        "var": _var(values),
    }


_REQUIRED = object()


def _var(values: Values) -> Any:
    def var(name: str, default: Any = _REQUIRED) -> Any:
        if name in values.vars:
            return copy.deepcopy(values.vars[name])  # a template may append to a list it was given
        if default is not _REQUIRED:
            return default
        hint = did_you_mean(str(name), values.vars) or (
            f"set it under vars:, by --vars, or give a default: var('{name}', 'default')"
        )
        raise Fault("JIN003", f"var '{name}' is not set", hint, "var", str(name))

    return var


def _env_var(values: Values) -> Any:
    def env_var(name: str, default: Any = _REQUIRED) -> Any:
        values.seen_environ.add(str(name))
        if name in values.environ:
            return values.environ[name]
        if default is not _REQUIRED:
            return default
        hint = did_you_mean(str(name), values.environ) or (
            f"export it, or give a default: env_var('{name}', 'default')"
        )
        message = f"environment variable '{name}' is not set"
        raise Fault("JIN004", message, hint, "env_var", str(name))

    return env_var


def _ref(dialect: str) -> Any:
    def ref(*names: str, **version: Any) -> str:
        if len(names) not in (1, 2) or version:
            hint = "write the table's name in the FROM clause"
            raise Fault("JIN007", "ref() takes the name of one asset", hint, "ref")
        return _identifier(names[-1], dialect)  # of two, the first is dbt's package

    return ref


def _source(dialect: str) -> Any:
    def source(*names: str) -> str:
        if len(names) != 2:
            hint = "or write schema.table in the FROM clause"
            raise Fault("JIN007", "source() takes a source and a table", hint, "source")
        return ".".join(_identifier(name, dialect) for name in names)

    return source


def _config(*_: Any, **__: Any) -> NoReturn:
    message = "config() is not read inside the SQL"
    raise Fault("JIN007", message, "put it in the front matter: /* --- ... --- */", "config")


def _identifier(name: object, dialect: str) -> str:
    text = str(name)
    if SIMPLE_NAME.fullmatch(text):
        return text
    quote = "`" if dialect in BACKTICKS else '"'
    return quote + text.replace(quote, quote * 2) + quote
