"""What every engine must hold to, for authors of engines: small projects that are built on theirs.

    import pytest
    from sqlpipes.testing.engine_kit import CASES, run_case

    @pytest.mark.parametrize("case", CASES)
    def test_it_is_an_engine(case, tmp_path):
        run_case(case, {"type": "acme", "url": "acme://..."}, tmp_path)

The schema of the output must be empty, and is written to. AssertionError says what does not hold.
Its models are standard SQL (literals, AS, UNION ALL, NULLIF); what differs is said in the words of the
engine's `can`: dates and times, names, an UPDATE from another table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation
from sqlpipes.engines import open_engine

__all__ = ["CASES", "Bench", "run_case"]

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bench:
    """A project in a folder, built on the engine that is tried."""

    root: Path
    output: Mapping[str, Any]

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def model(self, name: str, sql: str, **metadata: Any) -> None:
        """A SQL model; `metadata` stands in its leading comment."""
        said = "".join(f"{key}: {json.dumps(value)}\n" for key, value in metadata.items())
        self.write(f"models/{name}.sql", f"/*\n---\n{said}---\n*/\n{sql}\n" if said else f"{sql}\n")

    def build(self, *, ok: bool = True, **ask: Any) -> sqlpipes.Report:
        """Build all; `ok`: whether it must end well."""
        report = sqlpipes.build(self.load(), Ask(**ask), clock=lambda: NOW)
        told = [str(problem) for event in report.failed for problem in event.problems]
        assert report.ok is ok, f"the build {'failed' if ok else 'did not fail'}: {told}"
        return report

    def load(self) -> sqlpipes.Project:
        return sqlpipes.load(str(self.root), environ={})

    def opened(self) -> Engine:
        return open_engine(self.load().target, str(self.root))

    def rows(self, name: str, columns: str = "*", order: str = "1") -> list[tuple[Any, ...]]:
        """The rows of a relation in the target's schema."""
        with closing(self.opened()) as engine, closing(engine.connect()) as connection:
            table = engine.quote(Relation(name, self.load().target.schema))
            return list(connection.fetch(f"select {columns} from {table} order by {order}").rows)

    def day(self, text: str) -> str:
        """A date as the engine's SQL says it."""
        with closing(self.opened()) as engine:
            return engine.can.date.format(text)

    def demand_times(self) -> None:
        """AssertionError where the database does not read a date or a time as its engine says it."""
        with closing(self.opened()) as engine, closing(engine.connect()) as connection:
            for word, text in (("date", "2024-01-01"), ("timestamp", "2024-01-01 00:00:00")):
                said = getattr(engine.can, word).format(text)
                try:
                    connection.fetch(f"select {said} as x")
                except EngineError as error:
                    told = error.problems[0].message
                    hint = f"""give its Speech Capabilities({word}="'{{}}'") or what it reads"""
                    raise AssertionError(f"it does not read {said}: {told}; {hint}") from error


def run_case(case: str, output: Mapping[str, Any], root: Path) -> None:
    """`case` is one of CASES, `output` what a profile says of the target, `root` an empty folder."""
    bench = Bench(root, output)
    bench.write("profiles.yml", json.dumps({"kit": {"outputs": {"dev": dict(output)}}}))
    bench.write("sqlpipes.yml", "name: kit\n")
    BY_NAME[case](bench)


def _views_and_tables(bench: Bench) -> None:
    bench.model("first_view", "select 1 as x, 'it''s' as y")
    bench.model("second", "select x + 1 as x, y from first_view", materialized="table")
    bench.build()
    assert bench.rows("second", "x, y") == [(2, "it's")]
    bench.model("second", "select x + 2 as x from first_view", materialized="table")
    bench.build()
    assert bench.rows("second") == [(3,)], "a table is replaced, also with other columns"
    assert not bench.build().finished, "a second build finds nothing to do"


def _kinds_change(bench: Bench) -> None:
    for kind, value in (("view", 1), ("table", 2), ("view", 3)):
        bench.model("a", f"select {value} as x", materialized=kind)
        bench.build()
        assert bench.rows("a") == [(value,)], f"it becomes a {kind}"


def _checks_block(bench: Bench) -> None:
    bench.model("a", "select 1 as x", materialized="table", checks=[{"not_null": "x"}])
    bench.build()
    sql = "select nullif(2, 2) as x"
    bench.model("a", sql, materialized="table", checks=[{"not_null": "x"}])
    bench.build(ok=False)
    assert bench.rows("a") == [(1,)], "a check that fails leaves the rows that were there"


def _slices(bench: Bench) -> None:
    bench.demand_times()
    days = [bench.day(f"2024-01-0{n}") for n in (1, 2, 3)]
    source = " union all ".join(f"select {day} as d, {i} as n" for i, day in enumerate(days))
    bench.model("raw_days", source)
    cut = {"by": "day", "column": "d", "start": "2024-01-01", "end": "2024-01-04"}
    bench.model("daily", "select d, n from raw_days", partition=cut, materialized="table")
    bench.build()
    assert bench.rows("daily", "n") == [(0,), (1,), (2,)]
    bench.build(partitions="2024-01-02", force=True, select=("daily",))
    assert bench.rows("daily", "n") == [(0,), (1,), (2,)], "a slice is replaced, never doubled"


def _merges(bench: Bench) -> None:
    bench.model("src", "select 1 as id, 'a' as s")
    more = {"materialized": "incremental", "unique_key": ["id"]}
    bench.model("kept", "select id, s from src", **more)
    bench.build()
    bench.model("src", "select 1 as id, 'b' as s union all select 2, 'c'")
    bench.build()
    assert bench.rows("kept", "id, s") == [(1, "b"), (2, "c")]


def _python(bench: Bench) -> None:
    bench.model("numbers", "select 1 as n union all select 2")
    text = (
        "from sqlpipes import asset\n\n@asset\ndef doubled(numbers: list):\n"
        "    return [{'n': row['n'] * 2, 'said': 'x;y'} for row in numbers]\n"
    )
    bench.write("models/doubled.py", text)
    bench.build()
    assert bench.rows("doubled", "n, said") == [(2, "x;y"), (4, "x;y")]


def _seeds(bench: Bench) -> None:
    bench.write("seeds/codes.csv", "code,name\n7,north\n8,\n")
    bench.build()
    assert bench.rows("codes", "code, name") == [(7, "north"), (8, None)]


def _snapshots(bench: Bench) -> None:
    bench.demand_times()
    bench.model("src", "select 1 as id, 'a' as s")
    how = {"materialized": "snapshot", "unique_key": ["id"], "strategy": "check"}
    bench.model("past", "select id, s from src", **how)
    bench.build()
    bench.model("src", "select 1 as id, 'b' as s")
    bench.build()
    assert [row[0] for row in bench.rows("past", "s")] == ["a", "b"]


def _faults(bench: Bench) -> None:
    bench.model("a", "select\n  no_such_column\nfrom b", materialized="table")
    bench.model("b", "select 1 as x")
    report = bench.build(ok=False)
    (problem,) = [problem for event in report.failed for problem in event.problems]
    assert problem.code in ("ENG004", "ENG005"), f"it is told as {problem.code}"
    assert problem.at is not None, "a fault has a place"
    assert problem.at.file == "models/a.sql", "a fault stands in the user's file"


BY_NAME: Mapping[str, Callable[[Bench], None]] = MappingProxyType(
    {
        "views and tables": _views_and_tables,
        "a view becomes a table": _kinds_change,
        "checks block": _checks_block,
        "slices": _slices,
        "merges": _merges,
        "python": _python,
        "seeds": _seeds,
        "snapshots": _snapshots,
        "faults": _faults,
    }
)
CASES = tuple(BY_NAME)
