"""A unit test as it was written: rows in, the model, rows out; and what came of running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.row_diff import RowDiff
from sqlpipes.core.status import Status

THIS = "this"  # the input that is the model's own table, as it was before

CLOCKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "timestamptz": (
            "now",
            "current_timestamp",
            "get_current_timestamp",
            "transaction_timestamp",
        ),
        "date": ("current_date", "today"),
        "timestamp": ("localtimestamp", "current_localtimestamp"),
        "timetz": ("current_time", "get_current_time"),
        "time": ("localtime", "current_localtime"),
    }
)
"""Functions that read the clock, by the type that they give: those that `now` answers for."""

Place = tuple[int, int, int]  # line, column and length


class Form(StrEnum):
    """How rows are written."""

    DICT = "dict"
    CSV = "csv"
    SQL = "sql"
    FRAME = "frame"  # any value that the engine can load
    PROJECT = "project"  # not written: as the project has it, a seed's file or a model's query


@dataclass(frozen=True, slots=True)
class Row:
    """One row, and where it, its cells and their column names stand in the file of its sample."""

    values: Mapping[str, Any]
    place: Place = (1, 1, 1)
    cells: Mapping[str, Place] = field(default_factory=dict)
    keys: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows as somebody wrote them. `rows` of DICT, `text` of CSV and SQL, `data` of FRAME.

    `line`: where the text's first line stands in the file of `at`. `guessed`: texts that look like
    dates are dates where nothing else tells, as YAML and CSV have no types.
    """

    form: Form
    at: Location | None = None
    rows: tuple[Row, ...] = ()
    text: str = ""
    data: Any = None
    line: int = 1
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """Rows for one input. `input` is its name, or `this`."""

    input: str
    sample: Sample
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is otherwise in a test than in the project. `now` is ISO text."""

    vars: Mapping[str, Plain] = field(default_factory=dict)
    macros: Mapping[str, Plain] = field(default_factory=dict)
    env_vars: Mapping[str, Plain] = field(default_factory=dict)
    now: str | None = None

    @property
    def of_template(self) -> bool:
        return bool(self.vars or self.macros or self.env_vars)


@dataclass(frozen=True, slots=True)
class UnitTest:
    """`name` is unique in a project. `expect` None: only the rows are wanted.

    `partition` is text as in `--partition`. `empty_missing`: an input that is not given has no rows.
    """

    name: str
    model: str
    given: tuple[Given, ...] = ()
    expect: Sample | None = None
    at: Location | None = None
    model_at: Location | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    overrides: Overrides = field(default_factory=Overrides)
    partition: str | None = None
    partition_at: Location | None = None
    empty_missing: bool = False

    @property
    def incremental(self) -> bool:
        """Whether the model is asked as if its table stood there: dbt's way to say it."""
        return self.overrides.macros.get("is_incremental") is True


@dataclass(frozen=True, slots=True)
class UnitResult:
    """How a unit test ended. FAIL has a `difference`, ERROR does not; both have problems."""

    test: UnitTest
    status: Status
    seconds: float
    problems: tuple[Problem, ...] = ()
    difference: RowDiff | None = None

    @property
    def ok(self) -> bool:
        return self.status is Status.SUCCESS
