"""A graph whose assets live on engines at random has the rows that it has on one engine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from crossing.worlds import World
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.postgres import empty_postgres

CUT = "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-05}\n"
SHAPES = {
    "copy": (CUT, "select day, n from {a}"),
    "filtered": (CUT, "select day, n + 1 as n from {a} where n > 1"),
    "summed": (CUT, "select day, cast(sum(n) as integer) as n from {a} group by day"),
    "joined": (CUT, "select x.day, x.n + y.n as n from {a} as x join {b} as y on x.day = y.day"),
    "back": (
        CUT,
        "select x.day, cast(sum(y.n) as integer) as n from {a} as x join {b} as y "
        "on y.day between x.day - interval '1 day' and x.day group by x.day",
    ),
    "whole": ("", "select day, cast(max(n) as integer) as n from {a} group by day"),
    "late": (
        CUT,
        "select x.day, cast(count(*) as integer) as n from {a} as x, {b} as y group by x.day",
    ),
}
BASE = "\nunion all ".join(
    f"select date '2024-01-0{day}' as day, {day * k} as n" for day in range(1, 5) for k in (1, 2)
)


@st.composite
def graphs(draw):
    found = []
    for i in range(draw(st.integers(2, 4))):
        above = ["base", *(f"m{j}" for j in range(i))]
        shape = draw(st.sampled_from(sorted(SHAPES)))
        pair = draw(st.sampled_from(above)), draw(st.sampled_from(above))
        found.append((shape, pair, draw(st.booleans()), draw(st.booleans())))
    return found


def written(world: World, graph, more: int, *, spread: bool) -> World:
    world.write(models__base=BASE + f"\nunion all select date '2024-01-03', {more}")
    for i, (shape, (a, b), far, whole) in enumerate(graph):
        keys, sql = SHAPES[shape]
        front = ("" if whole else keys) + ("engine: dw\n" if far and spread else "")
        world.write(**{f"models__m{i}": f"/*\n---\n{front}\n---\n*/\n" + sql.format(a=a, b=b)})
    return world


def rows_of(world: World, graph, *, spread: bool):
    return {
        i: sorted(
            (str(day)[:10], int(n))
            for day, n in world.ask("dw" if far and spread else "own", f"select day, n from m{i}")
        )
        for i, (_, _, far, _) in enumerate(graph)
    }


def compared(graph, own: str, dw: str, url: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="sqlpipes-random-"))
    try:
        (folder / "one").mkdir()
        (folder / "two").mkdir()
        one = World(folder / "one", "duckdb", "duckdb").prepare()
        two = World(folder / "two", own, dw, url).prepare()
        for more in (5, 7):  # the second time only what changed is built
            report = written(one, graph, more, spread=False).build()
            assert report.ok, report.problems
            report = written(two, graph, more, spread=True).build()
            assert report.ok, report.problems
            assert rows_of(two, graph, spread=True) == rows_of(one, graph, spread=False)
            assert two.plan().steps == ()
    finally:
        shutil.rmtree(folder)


@given(graphs())
@settings(max_examples=2, deadline=None)
def test_engines_at_random_give_the_rows_of_one(graph):
    compared(graph, "duckdb", "duckdb", "")


@pytest.mark.nightly
@pytest.mark.parametrize("far", ["own", "dw"])
def test_so_do_duckdb_and_postgres(far, postgres_database):
    @given(graphs())
    @settings(max_examples=25, deadline=None)
    def tried(graph):
        empty_postgres(postgres_database)
        kinds = ("postgres", "duckdb") if far == "own" else ("duckdb", "postgres")
        compared(graph, *kinds, postgres_database)

    tried()


@pytest.mark.nightly
def test_so_do_two_files_many_times():
    @given(graphs())
    @settings(max_examples=60, deadline=None)
    def tried(graph):
        compared(graph, "duckdb", "duckdb", "")

    tried()
