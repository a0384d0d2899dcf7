"""Marks for tests that run on every engine: where one falls short, and where a test is about one of them.

`@notyet("postgres", reason)`: it should hold there and does not; the test must fail there, so that the mark
goes when it is mended. The table in docs/engines.md is made from these marks. `@only("duckdb", reason)`:
the test is about something that only this engine has, such as its SQL.
"""

from __future__ import annotations

import duckdb
import pytest

OLD = duckdb.__version__.startswith("1.")


def notyet(engine: str, reason: str, *, run: bool = True, **when: object) -> pytest.MarkDecorator:
    """`run=False`: it would wait for ever there. `when`: for these parameters of the test alone."""
    return pytest.mark.notyet(engine, reason, run=run, when=when)


def only(engine: str, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.only(engine, reason)


def unlike(engine: str, reason: str) -> pytest.MarkDecorator:
    """What the test itself says is none of this engine's: a text of a statement, or SQL of a dialect."""
    return pytest.mark.unlike(engine, reason)


def since_duckdb_2(reason: str) -> pytest.MarkDecorator:
    """What the oldest DuckDB that is supported has not, or has otherwise."""
    return pytest.mark.skipif(OLD, reason=f"DuckDB {duckdb.__version__}: {reason}")


def skip_on_duckdb_1(reason: str) -> None:
    """The same for one case of several."""
    if OLD:
        pytest.skip(f"DuckDB {duckdb.__version__}: {reason}")


def apply_marks(request: pytest.FixtureRequest, engine: str) -> None:
    """What the marks of a test mean on this engine; called by the fixture that opens it."""
    for mark in request.node.iter_markers("only"):
        if mark.args[0] != engine:
            pytest.skip(f"only {mark.args[0]}: {mark.args[1]}")
    for mark in request.node.iter_markers("unlike"):
        if mark.args[0] == engine:
            pytest.skip(f"not {engine}: {mark.args[1]}")
    for mark in request.node.iter_markers("notyet"):
        if mark.args[0] == engine and _is_meant(request, mark.kwargs.get("when") or {}):
            how = {"reason": mark.args[1], "run": mark.kwargs.get("run", True)}
            request.applymarker(pytest.mark.xfail(strict=True, **how))


def _is_meant(request: pytest.FixtureRequest, when: dict[str, object]) -> bool:
    given = getattr(request.node, "callspec", None)
    params = given.params if given else {}
    return all(
        params.get(name) in (wanted if isinstance(wanted, tuple | list) else [wanted])
        for name, wanted in when.items()
    )
