"""The benchmark's pasts are such as real commands would have left: nothing to do, or what is late."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sqlpipes.api import build, load, plan

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import histories


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    histories.write_chain(tmp_path, "hour", 2_000, 3)
    assert build(load(str(tmp_path))).ok
    return tmp_path


def to_do(folder: Path) -> dict[str, str]:
    project = load(str(folder))
    assert project.problems == ()
    return {step.asset: str(step.slices) for step in plan(project).steps}


def test_after_many_single_rebuilds_nothing_is_to_do(chain: Path):
    histories.fragment(chain, 300)
    assert to_do(chain) == {"link_2": to_do(chain)["link_2"]}
    project = load(str(chain))
    (step,) = plan(project).steps
    assert len(step.slices) == 300
    assert build(project).ok
    assert to_do(chain) == {}


def test_a_late_slice_is_all_that_its_readers_build(chain: Path):
    histories.fragment(chain, 300)
    assert build(load(str(chain))).ok
    histories.be_late(chain)
    late = "2004-02-11T16"
    assert to_do(chain) == {"link_1": late, "link_2": late}


def test_values_are_found_and_built(tmp_path: Path):
    histories.write_values(tmp_path, 30)
    project = load(str(tmp_path))
    report = build(project)
    assert report.ok
    assert [len(step.slices) for step in report.plan.steps] == [1, 30, 30]
    assert to_do(tmp_path) == {}


@pytest.mark.parametrize("changes", ["count", "hash"])
def test_the_fact_is_one_statement(tmp_path: Path, changes: str):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / f"{tmp_path.name}.duckdb")) as db:
        db.execute(histories.raw_sql(5_000))
    histories.write_fact(tmp_path, changes)
    report = build(load(str(tmp_path)))
    assert report.ok
    (step,) = [step for step in report.finished if step.asset == "orders"]
    assert (step.rows, len(step.slices)) == (5_000, histories.DAYS)


def test_the_small_table_has_six_months(tmp_path: Path):
    histories.write_months(tmp_path)
    (step,) = build(load(str(tmp_path))).finished
    assert (step.rows, len(step.slices)) == (6, 6)
