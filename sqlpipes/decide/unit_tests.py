"""Unit tests + a graph -> what is wrong with their names, and what each of them hangs on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, Check, Kind, Materialized, SqlBody
from sqlpipes.core.errors import Problem, Severity, did_you_mean
from sqlpipes.core.graph import Graph
from sqlpipes.core.unit_test import CLOCKS, THIS, Given, UnitTest

DUCKDB = "duckdb"  # the dialect that unit tests run in
SHOWN = 3
UNIT = "unit"  # the type of the check that stands for a unit test in a selection


def unit_test_problems(tests: Iterable[UnitTest], graph: Graph) -> tuple[Problem, ...]:
    """UTS001, UTS002, UTS008, UTS010: models and inputs that are none, or not what they must be."""
    return tuple(problem for test in tests for problem in _problems(test, graph))


def other_dialects(tests: Iterable[UnitTest], graph: Graph) -> Iterator[Problem]:
    """UTS012, once: models whose SQL is written for another engine than the DuckDB of unit tests."""
    found: dict[str, list[UnitTest]] = {}
    for test in tests:
        model = graph.assets.get(test.model)
        if model is not None and isinstance(model.body, SqlBody):
            found.setdefault(model.body.dialect or graph.dialect, []).append(test)
    found.pop(DUCKDB, None)
    for dialect, those in found.items():
        names = sorted({f"'{test.model}'" for test in those})
        shown = ", ".join(names[:SHOWN]) + (
            f" and {len(names) - SHOWN} more" if names[SHOWN:] else ""
        )
        are = "is" if len(names) == 1 else "are"
        message = (
            f"unit tests run on DuckDB, and {shown} {are} written for {dialect}: "
            "what the two read differently (7 / 2) is not found by them"
        )
        hint = "a check, or a build of a small target of that kind, finds it"
        yield Problem("UTS012", message, those[0].at, hint, Severity.WARNING)


def _problems(test: UnitTest, graph: Graph) -> Iterator[Problem]:
    model = graph.assets.get(test.model)
    if model is None:
        hint = did_you_mean(test.model, graph.assets)
        message = f"the unit test '{test.name}' is about '{test.model}', which does not exist"
        yield Problem("UTS001", message, test.model_at, hint)
        return
    tested = (Materialized.FILE, Materialized.NONE)
    written = model.materialized in tested and model.export is None
    if model.kind not in (Kind.SQL, Kind.PYTHON) or written:
        message = f"'{test.model}' is no model that yields rows, so it has no unit tests"
        is_python = model.kind is Kind.PYTHON
        hint = "call it as a function in a test of yours" if is_python else "add checks to it"
        yield Problem("UTS008", message, test.model_at, hint)
        return
    above = graph.ancestors([test.model])
    for given in test.given:
        yield from _input_problems(given, test, above, graph)


def _input_problems(
    given: Given, test: UnitTest, above: frozenset[str], graph: Graph
) -> Iterator[Problem]:
    name = _input(given, test, graph)
    if name is None:
        hint = did_you_mean(given.input, (*above, *graph.assets, THIS))
        message = f"the input '{given.input}' does not exist"
        yield Problem("UTS002", message, given.at, hint)
    elif name == test.model:
        if not test.incremental and name not in graph.reads_self:
            message = f"'{name}' does not read its own table here, so these rows are ignored"
            hint = "add `overrides: {macros: {is_incremental: true}}`"
            yield Problem("UTS010", message, given.at, hint, Severity.WARNING)
    elif name not in above:
        message = f"'{test.model}' does not read '{name}', so these rows are ignored"
        hint = did_you_mean(name, above) or f"it reads {', '.join(sorted(above)) or 'nothing'}"
        yield Problem("UTS010", message, given.at, hint, Severity.WARNING)


def _input(given: Given, test: UnitTest, graph: Graph) -> str | None:
    if given.input.casefold() == THIS and THIS not in graph.assets:
        return test.model
    if given.input in graph.assets:
        return given.input
    return graph.index.get(tuple(part.casefold() for part in given.input.split(".")))


def with_unit_tests(graph: Graph, tests: Iterable[UnitTest]) -> Graph:
    """The graph as a selection sees it: a unit test is named like a check of its model."""
    checks: dict[str, Check] = {
        test.name: Check(test.name, test.model, UNIT, tags=test.tags, at=test.at)
        for test in tests
        if test.model in graph.assets
    }
    return replace(graph, checks={**graph.checks, **checks}) if checks else graph


def digest(test: UnitTest, graph: Graph, extra: Mapping[str, str]) -> str | None:
    """Moves with anything that can change how the test ends; None when that cannot be told.

    `extra`: other things that it hangs on, such as the version of the engine.
    """
    above = graph.ancestors([test.model])
    said = [repr(sorted(extra.items())), repr(test)]
    for name in sorted({*above, test.model}):
        asset = graph.assets[name]
        if _changing(asset, test) and _takes_part(name, test, graph):
            return None
        columns = [(column.name, column.type) for column in asset.columns]
        said.append(repr((name, asset.version, asset.materialized, columns)))
        if isinstance(asset.body, SqlBody):
            said.append(asset.body.text)
    return hashlib.blake2b("\n".join(said).encode(), digest_size=16).hexdigest()


def _changing(asset: Asset, test: UnitTest) -> bool:
    """Whether its query yields other rows each time, also with the test's clock."""
    stopped = {name for names in CLOCKS.values() for name in names} if test.overrides.now else set()
    return bool(set(asset.volatile) - stopped)


def _takes_part(name: str, test: UnitTest, graph: Graph) -> bool:
    """Whether the asset's own query may run in the test: it is the model, or nobody gives its rows."""
    return name == test.model or name not in {_input(given, test, graph) for given in test.given}
