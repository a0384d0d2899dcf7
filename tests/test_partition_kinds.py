"""Projects cut along every kind of axis, built on a real DuckDB and compared with the truth."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sqlpipes
from sqlpipes.api import Ask

NOW = datetime(2024, 11, 15, 12, tzinfo=UTC)
SALES = [
    (1, "2024-01-01", "eu", 10),
    (2, "2024-01-01", "us", 20),
    (3, "2024-01-02", "eu", 30),
    (4, "2024-01-02", "it's", 40),
]
STG = "/*\n---\nmaterialized: table\n---\n*/\nselect * from raw"
BY_REGION = "select region, sum(amount) as total, count(*) as n from stg group by all"
BY_BOTH = "select day::date as day, region, sum(amount) as total from stg group by all"


def model(partition: str, query: str) -> str:
    return f"/*\n---\npartition: {partition}\n---\n*/\n{query}\n"


def project(
    root: Path, models: Mapping[str, str], rows: list[tuple[Any, ...]] | None = None
) -> Path:
    (root / "models").mkdir(parents=True, exist_ok=True)
    (root / "seeds").mkdir(exist_ok=True)
    (root / "sqlpipes.yml").write_text("name: shop\n")
    for name, text in models.items():
        (root / "models" / f"{name}.sql").write_text(text)
    seed(root, SALES if rows is None else rows)
    return root


def seed(root: Path, rows: list[tuple[Any, ...]]) -> None:
    lines = ["id,day,region,amount", *(",".join(map(str, row)) for row in rows)]
    (root / "seeds" / "raw.csv").write_text("\n".join(lines) + "\n")


def build(root: Path, **ask: Any) -> sqlpipes.Report:
    report = sqlpipes.build(sqlpipes.load(str(root), environ={}), Ask(**ask), clock=lambda: NOW)
    assert report.ok, [problem for event in report.failed for problem in event.problems]
    return report


def plan(root: Path, **ask: Any) -> dict[str, str]:
    """asset -> the slices of its step."""
    found = sqlpipes.plan(sqlpipes.load(str(root), environ={}), Ask(**ask), now=NOW)
    return {step.asset: str(step.slices) for step in found.steps}


def rows(root: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(root / "shop.duckdb")) as connection:
        return sorted(connection.execute(query).fetchall())


STATIC = model('{by: values, column: region, values: [eu, us, "it\'s"]}', BY_REGION)
FOUND = model(
    "{by: values, column: region, values_from: select distinct region from stg}", BY_REGION
)


def test_static_values_and_a_list_that_changes(tmp_path: Path) -> None:
    root = project(tmp_path, {"stg": STG, "regions": STATIC})
    build(root)
    assert rows(root, "select region, total from regions") == [("eu", 40), ("it's", 40), ("us", 20)]
    assert plan(root) == {}

    wider = STATIC.replace("[eu, us", "[eu, asia, us")
    project(root, {"regions": wider}, [*SALES, (5, "2024-01-03", "asia", 7)])
    build(root, select=("stg", "raw"))
    assert plan(root)["regions"] == "asia, eu, it's, us"  # stg changed, and it may be read by any
    build(root)
    assert len(rows(root, "from regions")) == 4

    project(root, {"regions": wider.replace("us, ", "")})
    build(root)
    assert [row[0] for row in rows(root, "from regions")] == ["eu", "it's"]
    assert plan(root) == {}


def test_a_longer_list_builds_the_new_values_only(tmp_path: Path) -> None:
    short = model("{by: values, column: region, values: [eu]}", BY_REGION)
    root = project(tmp_path, {"stg": STG, "regions": short})
    build(root)
    project(root, {"regions": short.replace("[eu]", "[eu, us]")})
    assert plan(root) == {"regions": "us"}
    build(root)
    assert [row[0] for row in rows(root, "from regions")] == ["eu", "us"]


def test_a_shorter_list_takes_its_rows_out(tmp_path: Path) -> None:
    wide = model("{by: values, column: region, values: [eu, us]}", BY_REGION)
    root = project(tmp_path, {"stg": STG, "regions": wide})
    build(root)
    project(root, {"regions": wide.replace("[eu, us]", "[us]")})
    found = sqlpipes.plan(sqlpipes.load(str(root), environ={}), now=NOW)
    assert [str(reason) for step in found.steps for reason in step.reasons] == ["values gone: eu"]
    build(root)
    assert [row[0] for row in rows(root, "from regions")] == ["us"]
    assert plan(root) == {}


def test_values_that_a_query_finds_are_built_in_one_go(tmp_path: Path) -> None:
    below = "select count(*) as n from regions"
    root = project(tmp_path, {"stg": STG, "regions": FOUND, "below": below})
    assert set(plan(root)) == {"raw", "stg"}
    report = build(root)
    assert [event.asset for event in report.finished] == ["raw", "stg", "regions", "below"]
    assert plan(root) == {}

    seed(root, [*SALES, (5, "2024-01-03", "asia", 7)])
    build(root)
    assert rows(root, "select region from regions") == [("asia",), ("eu",), ("it's",), ("us",)]
    assert rows(root, "from below") == [(4,)]
    assert plan(root) == {}

    with pytest.raises(sqlpipes.ProjectError, match=r"no value 'its': did you mean 'it's'"):
        plan(root, select=("regions",), partitions="its")

    seed(root, SALES[:2])
    build(root)
    assert rows(root, "select region, total from regions") == [("eu", 10), ("us", 20)]
    assert plan(root) == {}
    assert plan(root, select=("regions",), force=True, partitions="us") == {"regions": "us"}


def test_a_query_for_values_that_finds_none_is_told_and_waits(tmp_path: Path) -> None:
    root = project(tmp_path, {"stg": STG, "regions": FOUND}, [])
    none = "select * from (select 1 as id, 'eu' as region, 2 as amount) where id > 1"
    (root / "models" / "stg.sql").write_text(STG.replace("select * from raw", none))
    build(root)
    found = sqlpipes.plan(sqlpipes.load(str(root), environ={}), now=NOW)
    assert [(note.code, note.is_error) for note in found.notes] == [("PAR006", False)]
    assert "regions" not in found.current


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select distinct region, id from stg", "2 columns instead of one"),
        ("select regio from stg", "regio"),
        ("select repeat('x', 501) from stg", "at most 500 characters"),
    ],
)
def test_a_query_for_values_that_is_wrong(tmp_path: Path, query: str, said: str) -> None:
    root = project(tmp_path, {"stg": STG})
    build(root)
    text = model(f'{{by: values, column: region, values_from: "{query}"}}', BY_REGION)
    project(root, {"regions": text})
    with pytest.raises(sqlpipes.ProjectError, match=said) as caught:
        plan(root)
    assert [problem.code for problem in caught.value.problems] == ["PAR005"]
    assert caught.value.problems[0].at.file == "models/regions.sql"


def test_what_the_query_for_values_reads_is_an_input(tmp_path: Path) -> None:
    cut = "{by: values, column: region, values_from: select region from names}"
    names = "/*\n---\nmaterialized: table\n---\n*/\nselect distinct region from raw"
    root = project(tmp_path, {"stg": STG, "names": names, "regions": model(cut, BY_REGION)})
    loaded = sqlpipes.load(str(root), environ={})
    assert loaded.graph.parents("regions") == ("stg", "names")
    assert sqlpipes.load(str(root), environ={}).parsed == 0
    build(root)
    assert len(rows(root, "from regions")) == 3


def test_integers(tmp_path: Path) -> None:
    cut = model(
        "{by: integer, column: id, width: 2, start: 0, end: 4}", "select id, amount from stg"
    )
    root = project(tmp_path, {"stg": STG, "ids": cut})
    build(root)
    assert [row[0] for row in rows(root, "from ids")] == [1, 2, 3]
    project(root, {"ids": cut.replace("end: 4", "end: 8")})
    assert plan(root) == {"ids": "4..8"}
    build(root)
    assert [row[0] for row in rows(root, "from ids")] == [1, 2, 3, 4]
    assert plan(root, select=("ids",), force=True, partitions="2..4") == {"ids": "2..4"}


PRODUCT = """{by: [{by: day, column: day, start: 2024-01-01, end: 2024-01-03},
    {by: values, column: region, values_from: select distinct region from stg}]}"""


def test_a_product_of_days_and_values(tmp_path: Path) -> None:
    daily = model(
        "{by: day, column: day, start: 2024-01-01, end: 2024-01-03}\ninputs: {both: same}",
        "select day, sum(total) as total from both group by all",
    ).replace("both", "cube")
    root = project(tmp_path, {"stg": STG, "cube": model(PRODUCT, BY_BOTH), "daily": daily})
    build(root)
    assert sorted(row[2] for row in rows(root, "from cube")) == [10, 20, 30, 40]
    assert plan(root) == {}
    assert plan(root, select=("cube",), force=True, partitions="2024-01-02|eu") == {
        "cube": "2024-01-02|eu"
    }
    build(root, select=("cube",), force=True, partitions="2024-01-02|eu")
    assert plan(root) == {"daily": "2024-01-02"}
    build(root)
    seed(root, [*SALES, (6, "2024-01-02", "asia", 5)])
    build(root)
    assert rows(root, "select total from daily") == [(30,), (75,)]
    assert plan(root) == {}


def test_a_product_keeps_its_history_when_its_days_become_months(tmp_path: Path) -> None:
    days = (
        "{by: [{by: day, column: day, start: 2024-01-01, end: 2024-02-01}, "
        "{by: values, column: region, values: [eu, us]}]}"
    )
    root = project(tmp_path, {"stg": STG, "cube": model(days, BY_BOTH)})
    build(root)
    loaded = sqlpipes.load(str(root), environ={})
    before = sqlpipes.api.status(loaded)
    assert [str(item.built) for item in before if item.asset == "cube"] == [
        "2024-01-01..2024-02-01|eu,us"
    ]
    project(root, {"cube": model(days.replace("by: day,", "by: month,"), BY_BOTH)})
    after = sqlpipes.api.status(sqlpipes.load(str(root), environ={}))
    assert [str(item.built) for item in after if item.asset == "cube"] == ["2024-01|eu,us"]


CLOCK = (
    "select i as id, timestamptz '{start}' + interval (i * 11) minute as seen from range(700) r(i)"
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        ("Australia/Lord_Howe", "2024-10-06", 24),
    ],
)
@pytest.mark.parametrize("type", ["timestamptz", "timestamp"])
def test_a_day_of_another_length_built_hour_by_hour_is_the_whole_day(
    tmp_path: Path, zone: str, day: str, hours: int, type: str
) -> None:
    start = datetime.fromisoformat(day).replace(day=int(day[-2:]) - 2)
    column = "seen" if type == "timestamptz" else f"timezone('{zone}', seen) as seen"
    before, after = f"{day[:8]}{int(day[-2:]) - 1:02}", f"{day[:8]}{int(day[-2:]) + 1:02}"
    if after.endswith("32"):
        after = "2024-04-01"
    clock = CLOCK.format(start=f"{start}+00")
    full = STG.replace("select * from raw", f"select id, {column} from ({clock})")
    cut = f"column: seen, end: '{after}', timezone: {zone}"
    quarter = f"{{by: 30 minutes, start: '{before}', batch: 1, {cut}}}"
    daily = f"{{by: day, start: '{day}', {cut}}}"
    query = "select * from everything"
    root = project(
        tmp_path,
        {"everything": full, "pieces": model(quarter, query), "one": model(daily, query)},
    )
    build(root)
    wall = "seen" if type == "timestamp" else f"timezone('{zone}', seen)"
    shown = f"{wall} >= timestamp '{day}' and {wall} < timestamp '{after}'"
    truth = rows(root, f"select id from everything where {shown}")
    assert len(truth) in range(int(hours * 60 / 11) - 6, int(hours * 60 / 11) + 8)
    assert rows(root, "select id from one") == truth
    assert rows(root, f"select id from pieces where {shown}") == truth
    assert rows(root, "select count(*) - count(distinct id) from pieces") == [(0,)]
    assert plan(root) == {}


def test_python_assets_are_cut_in_the_same_ways(tmp_path: Path) -> None:
    root = project(tmp_path, {"stg": STG})
    (root / "models" / "ml.py").write_text(
        "from sqlpipes import Daily, Every, Integers, Values, asset\n\n"
        "days = Daily('day', start='2024-01-01', end='2024-01-03')\n\n"
        "@asset(partition=days * Values('region', ['eu', 'us']))\n"
        "def cube(stg: list, context):\n"
        "    keys = context.partition.keys\n"
        "    return [{'day': r['day'], 'region': r['region'], 'key': str(keys['region'])}\n"
        "            for r in stg if r['region'] == keys['region']\n"
        "            and context.partition.start <= str(r['day'])[:10] < context.partition.end]\n\n"
        "@asset(partition=Integers('id', width=2, start=0, end=6, batch=1))\n"
        "def ids(stg: list, context):\n"
        "    low, high = int(context.partition.start), int(context.partition.end)\n"
        "    return [{'id': r['id'], 'key': context.partition.key} for r in stg if low <= r['id'] < high]\n"
    )
    build(root)
    assert rows(root, "select region, key from cube") == [("eu", "eu"), ("eu", "eu"), ("us", "us")]
    assert rows(root, "select id, key from ids") == [
        (1, "0..2"),
        (2, "2..4"),
        (3, "2..4"),
        (4, "4..6"),
    ]
    assert plan(root) == {}


def test_a_template_is_told_the_value_of_its_slice(tmp_path: Path) -> None:
    text = model(
        "{by: values, column: region, values: [eu, us]}",
        "select '{{ partition.region }}' as region, count(*) as n from stg\n"
        "where region = '{{ partition.region }}'",
    )
    root = project(tmp_path, {"stg": STG, "regions": text})
    build(root)
    assert rows(root, "from regions") == [("eu", 2), ("us", 1)]


def test_a_row_without_a_value_belongs_to_no_slice(tmp_path: Path) -> None:
    text = model(
        "{by: values, column: region, values: [eu]}", "select null::varchar as region from stg"
    )
    root = project(tmp_path, {"stg": STG, "regions": text})
    report = sqlpipes.build(sqlpipes.load(str(root), environ={}), clock=lambda: NOW)
    assert [p.code for event in report.failed for p in event.problems] == ["BLD001"]


def test_the_state_keeps_ranges(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    minutes = "{by: minute, column: seen, start: 2004, end: 2024, timezone: Europe/Berlin}"
    hours = "{by: hour, column: seen, start: 2012-01-01, end: 2024-01-01}"
    query = "select timestamp '2020-01-01' as seen"
    root = project(tmp_path, {"minutes": model(minutes, query), "hours": model(hours, query)})
    build(root)
    assert plan(root) == {}
    with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as state, state:
        found = state.execute("select asset, count(*) from sqlpipes_slices group by 1").fetchall()
    assert dict(found)["minutes"] == dict(found)["hours"] == 1


regions = st.sampled_from(["eu", "us", "asia", "it's"])
operations = st.one_of(
    st.tuples(
        st.just("add"), st.sampled_from(["2024-01-01", "2024-01-02"]), regions, st.integers(0, 9)
    ),
    st.tuples(st.just("drop"), regions),
    st.tuples(st.just("list"), st.lists(regions, min_size=1, max_size=4, unique=True)),
    st.tuples(st.just("build"), st.sampled_from(["", "cube", "found", "listed", "stg"])),
    st.tuples(st.just("part"), st.sampled_from(["2024-01-01", "2024-01-02|eu", "*|us"])),
)


def listed(values: list[str]) -> str:
    said = ", ".join('"' + value + '"' for value in values)
    return model(f"{{by: values, column: region, values: [{said}]}}", BY_REGION)


@pytest.mark.long
@given(st.lists(operations, min_size=1, max_size=5))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_after_any_history_one_build_equals_the_truth(history: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        values, sales = ["eu", "us"], list(SALES)
        models = {"stg": STG, "cube": model(PRODUCT, BY_BOTH), "found": FOUND}
        root = project(Path(folder), {**models, "listed": listed(values)})
        build(root)
        for verb, *said in history:
            if verb == "add":
                sales.append((len(sales) + 1, *said))
            elif verb == "drop":
                sales = [row for row in sales if row[2] != said[0]] or sales
            elif verb == "list":
                values = said[0]
            project(root, {"listed": listed(values)}, sales)
            if verb in ("build", "part"):
                narrowed = {"select": ("cube",), "partitions": said[0]} if verb == "part" else {}
                names = {"select": (said[0],)} if verb == "build" and said[0] else {}
                with contextlib.suppress(sqlpipes.ProjectError):  # an input that was never built
                    build(root, **narrowed, **names)
        build(root)
        truth = rows(root, "select region, sum(amount), count(*) from raw group by all")
        assert rows(root, "from found") == truth
        assert rows(root, "from listed") == [row for row in truth if row[0] in values]
        cube = rows(root, "select day::date, region, sum(amount) from raw group by all")
        assert rows(root, "from cube") == cube
        assert plan(root) == {}, history


BEFORE = """{% if is_incremental() %}(
  select max(total) from running where day < '{{ partition.start }}'
){% else %}0{% endif %}"""
RUNNING = model(
    "{by: day, column: day, start: 2024-01-01, end: 2024-01-05}\ninputs: {raw: as_of_build}",
    f"select day::date as day, sum(amount) + coalesce({BEFORE}, 0) as total from raw "
    "where day::date >= '{{ partition.start }}' and day::date < '{{ partition.end }}' group by all",
)


def test_what_comes_after_a_slice_that_reads_itself_is_built_after_it(tmp_path: Path) -> None:
    """A running total over what was built before: a late row moves all days from its own on."""
    days = [(n, f"2024-01-0{n}", "eu", 10 * n) for n in range(1, 5)]
    root = project(tmp_path, {"running": RUNNING}, days)
    build(root)
    assert rows(root, "select total from running") == [(10,), (30,), (60,), (100,)]
    build(root, partitions="2024-01-02", force=True, select=("running",))
    assert plan(root) == {"running": "2024-01-03..2024-01-05"}
    seed(root, [*days, (9, "2024-01-02", "us", 1000)])
    build(root, partitions="2024-01-02", force=True)
    assert plan(root) == {"running": "2024-01-03..2024-01-05"}
    build(root)
    assert rows(root, "select total from running") == [(10,), (1030,), (1060,), (1100,)]
    assert plan(root) == {}


def test_values_that_all_disappear_leave_an_empty_table(tmp_path: Path) -> None:
    found = model(
        "{by: values, column: region, values_from: select distinct region from stg where amount > 0}",
        BY_REGION + " having sum(amount) > 0",
    )
    root = project(tmp_path, {"stg": STG, "regions": found})
    build(root)
    assert len(rows(root, "select * from regions")) == 3
    seed(root, [(1, "2024-01-01", "eu", 0)])
    build(root)
    assert rows(root, "select * from regions") == []
    assert plan(root) == {}
    seed(root, SALES)
    build(root)
    assert len(rows(root, "select * from regions")) == 3


def test_bounds_that_move_add_slices_or_take_them_away(tmp_path: Path) -> None:
    def cut(start: str, end: str) -> str:
        return model(f"{{by: day, column: day, start: {start}, end: {end}}}", BY_DAY)

    days = [(n, f"2024-01-0{n}", "eu", n) for n in range(1, 8)]
    root = project(tmp_path, {"stg": STG, "daily": cut("2024-01-03", "2024-01-05")}, days)
    build(root)
    project(root, {"daily": cut("2024-01-02", "2024-01-06")}, days)
    assert plan(root) == {"daily": "2024-01-02, 2024-01-05"}
    build(root)
    project(root, {"daily": cut("2024-01-03", "2024-01-05")}, days)
    build(root)
    assert rows(root, "select day::varchar from daily") == [("2024-01-03",), ("2024-01-04",)]
    assert plan(root) == {}


BY_DAY = "select day::date as day, sum(amount) as total from stg group by all"
