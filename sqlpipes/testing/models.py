"""A model's name + rows for its inputs -> the rows that it yields."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlpipes.core.config import Plain
from sqlpipes.core.errors import ProjectError, did_you_mean
from sqlpipes.core.unit_test import Form, Given, Overrides, Row, Sample, UnitTest

if TYPE_CHECKING:
    from sqlpipes.api import Project

QUERY = r"(?is)\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(?:select|with|from|values|table)\b\s*[^\s,]"
NOTHING_MISSING = ("error", "empty")

Inputs = Mapping[str, Any]


def run_model(
    name: str,
    inputs: Inputs | None = None,
    *,
    project: str | os.PathLike[str] | Project = ".",
    vars: Mapping[str, Plain] | None = None,
    macros: Mapping[str, Plain] | None = None,
    now: date | str | None = None,
    partition: str | None = None,
    incremental: bool = False,
    missing: str = "error",
    resources: Mapping[str, Any] | None = None,
    config: Mapping[str, Plain] | None = None,
) -> list[dict[str, Any]]:
    """The rows that a SQL or Python model yields from `inputs`, in a DuckDB in memory.

    `inputs`: asset or source -> rows as a list of dicts, CSV text, SQL text or any frame (a dict of
    columns, Arrow, polars, pandas, a DuckDB relation). A column that no row names is NULL. None: as the
    project has it, a seed's own file or a model over its own inputs. Views and ephemeral models that
    are not given are computed. `this` is the model's own table, for `incremental=True`.

    `resources`: name -> what a function is given for it. `config`: parameters of a Python model.

    `project` is a folder, or what `sqlpipes.load` gave. `now` is what the SQL's clock tells, UTC unless
    it has an offset. `partition` is text as in `--partition`. `missing="empty"`: inputs that are not given
    have no rows.

    Raises ProjectError for a name that is none (UTS001, UTS002), an input without rows (UTS005), a
    column that an input does not have (UTS006), a value that is not of its type (UTS007);
    EngineError with the place in the model when the query or function fails.
    """
    if missing not in NOTHING_MISSING:
        hint = did_you_mean(str(missing), NOTHING_MISSING) or "error or empty"
        raise ValueError(f"missing={missing!r} is unknown: {hint}")
    from sqlpipes.api.testing import model_rows
    from sqlpipes.decide.unit_tests import unit_test_problems

    read = _project(project, resources or {})
    test = UnitTest(
        name=f"run_model({name!r})",
        model=name,
        given=tuple(Given(key, _sample(key, rows)) for key, rows in (inputs or {}).items()),
        overrides=_overrides(vars, macros, now, incremental),
        partition=partition,
        empty_missing=missing == "empty",
    )
    if problems := unit_test_problems([test], read.graph):
        raise ProjectError(*problems)
    found = model_rows(read, test, config)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _project(given: str | os.PathLike[str] | Project, resources: Mapping[str, Any]) -> Project:
    """The project of a folder, or of a folder above it. ProjectError for files that need mending."""
    from sqlpipes.api import load, project_root, with_resources

    read = load(project_root(os.fspath(given))) if isinstance(given, (str, os.PathLike)) else given
    read = with_resources(read, resources)
    read.raise_errors()
    return read


def _overrides(
    vars: Mapping[str, Plain] | None,
    macros: Mapping[str, Plain] | None,
    now: date | str | None,
    incremental: bool,
) -> Overrides:
    from datetime import datetime

    at = now.isoformat() if isinstance(now, date) else now
    if at is not None:
        datetime.fromisoformat(at)  # ValueError for what is no time
    asked = {**(macros or {}), **({"is_incremental": True} if incremental else {})}
    return Overrides(vars or {}, asked, {}, at)


def _sample(name: str, given: Any) -> Sample:
    """Rows in any of the forms that are welcome. TypeError for a list that is not of dicts."""
    if given is None:
        return Sample(Form.PROJECT)
    if isinstance(given, str):
        return Sample(Form.SQL if re.match(QUERY, given) else Form.CSV, text=given, guessed=True)
    if isinstance(given, Sequence):
        for row in given:
            if not isinstance(row, Mapping):
                kind = type(row).__name__
                raise TypeError(f"the rows of {name!r} must be dicts, not {kind}: {row!r}")
        return Sample(Form.DICT, rows=tuple(Row(row) for row in given))
    return Sample(Form.FRAME, data=given)
