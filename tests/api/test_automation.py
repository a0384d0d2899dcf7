"""Automation per asset: what is built by itself, what waits for what, and what is not tried again."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from api.automated import NOW, Shop, at, daily, table

from sqlpipes.api.project import open_store_of
from sqlpipes.api.queue import How
from sqlpipes.api.ticking import tick
from sqlpipes.core.verdict import Decision

DAYS_CLOSED = (
    "/*\n---\npartition: {by: day, column: d, start: 2024-01-01, end: 2024-01-04}\n---\n*/\n"
    "select d, n from {source}\n"
)
RAW = {
    "models/raw.sql": (
        "/*\n---\npartition: {by: day, column: d, start: 2024-01-01}\n---\n*/\n"
        "select d, n from seeded\n"
    ),
    "seeds/seeded.csv": "d,n\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n",
}


def test_eager_slices_wait_for_those_that_they_read(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("eager", "raw")})
    assert shop.tick() == []
    assert shop.said("eager") == ["2024-01-01..2024-01-04 waits for raw: never built"]
    shop.build("seeded", "raw", partitions="2024-01-01..2024-01-03")
    assert shop.tick() == ["eager 2024-01-01..2024-01-03"]
    assert shop.said("eager") == ["2024-01-03 waits for raw 2024-01-03: never built"]
    shop.build("raw")
    assert shop.tick() == ["eager 2024-01-03"]
    assert shop.tick() == []
    assert shop.decisions("eager") == {Decision.NOTHING}


def test_a_chain_goes_in_one_build_and_then_rests(tmp_path: Path) -> None:
    files = {
        **RAW,
        **daily("one", "raw"),
        **daily("two", "one"),
        **table("sum", "select sum(n) as n from two", "auto: eager"),
    }
    shop = Shop(tmp_path, files)
    shop.build("seeded", "raw")
    request = shop.look().request
    assert request is not None
    assert request.only == ("one", "two", "sum")
    assert shop.tick() == [
        "one 2024-01-01..2024-01-04",
        "two 2024-01-01..2024-01-04",
        "sum",
    ]
    assert shop.tick() == []


def test_late_data_moves_only_its_slices(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw"), **daily("two", "one")})
    shop.build("seeded", "raw")
    shop.tick()
    shop.build("raw", partitions="2024-01-02", force=True)
    assert shop.tick() == ["one 2024-01-02", "two 2024-01-02"]


def test_a_new_day_waits_for_its_input(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw")})
    shop.build("seeded", "raw")
    shop.tick()
    shop.now = at("2024-01-05 00:10")
    assert shop.tick() == []
    assert shop.said("one") == ["2024-01-04 waits for raw 2024-01-04: never built"]
    shop.build("raw")
    assert shop.tick() == ["one 2024-01-04"]


def test_an_own_change_is_built_by_itself(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw")})
    shop.build("seeded", "raw")
    shop.tick()
    changed = daily("one", "raw")["models/one.sql"].replace("d, n", "d, n + 1 as n")
    shop.write({"models/one.sql": changed})
    assert shop.tick() == ["one 2024-01-01..2024-01-04"]


def test_missing_fills_and_does_not_follow(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw", auto="missing")})
    shop.build("seeded", "raw")
    assert shop.tick() == ["one 2024-01-01..2024-01-04"]
    shop.build("raw", partitions="2024-01-02", force=True)
    assert shop.tick() == []


def test_last_bounds_what_is_built(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw", auto="{when: eager, last: 2}")})
    shop.build("seeded", "raw")
    assert shop.tick() == ["one 2024-01-02..2024-01-04"]
    assert shop.tick() == []


def test_last_of_a_table_without_slices_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **table("sum", "select 1 as n", "auto: {when: eager, last: 3}")})
    (problem,) = shop.project().warnings
    assert (problem.code, "no slices" in problem.message) == ("AUT004", True)


def test_ignored_inputs_move_nothing_and_are_not_waited_for(tmp_path: Path) -> None:
    auto = "auto: {when: eager, ignore: [rates]}"
    files = {
        **RAW,
        **table("rates", "select 2 as r"),
        **table("sum", "select sum(n * r) as n from raw, rates", auto),
    }
    shop = Shop(tmp_path, files)
    shop.build("seeded", "raw")
    assert shop.tick() == []
    assert shop.said("sum") == ["waits for rates: never built"]  # there is nothing to read at all
    shop.build("rates")
    assert shop.tick() == ["sum"]
    shop.build("rates", force=True)
    assert shop.tick() == []
    shop.build("raw", force=True)
    assert shop.tick() == ["sum"]


def test_what_failed_is_not_tried_again_until_something_changes(tmp_path: Path) -> None:
    bad = table(
        "bad", "select 1 // (n - 2) as n, cast(n || 'x' as integer) as m from raw", "auto: eager"
    )
    shop = Shop(tmp_path, {**RAW, **bad, **table("below", "select * from bad", "auto: eager")})
    shop.build("seeded", "raw")
    assert shop.tick() == []
    assert shop.look().request is None
    assert shop.said("bad") == [
        "held: failed last time; not tried again until an input, the query or a check changes"
    ]
    assert shop.said("below") == ["waits for bad: never built"] or shop.said("below")[0].startswith(
        "waits"
    )
    shop.build("raw", partitions="2024-01-02", force=True)
    assert shop.look().request is not None
    shop.write(table("bad", "select n from raw", "auto: eager"))
    assert shop.tick() == ["bad", "below"]
    assert shop.tick() == []


def test_a_failed_slice_holds_itself_and_what_reads_it(tmp_path: Path) -> None:
    keys = "auto: eager\npartition: {by: day, column: d, start: 2024-01-01, batch: 1}"
    one = f"/*\n---\n{keys}\n---\n*/\nselect d, cast(t as integer) as n from raw\n"
    raw = RAW["models/raw.sql"].replace("d, n", "d, t")
    seed = "d,t\n2024-01-01,1\n2024-01-02,x\n2024-01-03,3\n"
    files = {"models/raw.sql": raw, "seeds/seeded.csv": seed, "models/one.sql": one}
    shop = Shop(tmp_path, {**files, **daily("two", "one")})
    shop.build("seeded", "raw")
    first = shop.tick()
    assert set(first) == {"one 2024-01-01", "one 2024-01-03", "two 2024-01-01, 2024-01-03"}
    assert shop.tick() == []
    assert [v.split(":")[0] for v in shop.said("one")] == ["2024-01-02 held"]
    shop.build("raw", partitions="2024-01-03", force=True)  # another slice: the failed one stays
    assert shop.tick() == ["one 2024-01-03", "two 2024-01-03"]
    assert [v.split(":")[0] for v in shop.said("one")] == ["2024-01-02 held"]
    shop.write({"seeds/seeded.csv": seed.replace("x", "2")})
    shop.build("seeded", "raw")
    assert shop.tick() == ["one 2024-01-01..2024-01-04", "two 2024-01-01..2024-01-04"]
    assert shop.sql("select sum(n) from two") == [(6,)]


def test_a_build_that_was_killed_is_asked_for_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw")})
    shop.build("seeded", "raw")
    for _ in range(5):  # asked for, and the process died before it built
        assert shop.look().request is not None
    assert shop.tick() == ["one 2024-01-01..2024-01-04"]


def test_cron_runs_at_its_time_once(tmp_path: Path) -> None:
    auto = 'auto: {cron: "0 6 * * *", timezone: Europe/Berlin}'
    shop = Shop(tmp_path, {**RAW, **table("sum", "select sum(n) as n from raw", auto)})
    shop.build("seeded", "raw")
    assert shop.tick() == []  # the first look starts its clock
    assert shop.said("sum") == ["not due until 2024-01-05 06:00 Europe/Berlin"]
    shop.now = at("2024-01-05 04:59")
    assert shop.tick() == []
    shop.now = at("2024-01-05 05:00")
    assert shop.tick() == []
    assert shop.said("sum") == ["waits for raw 2024-01-04: never built"]
    shop.build("raw")
    assert shop.tick() == ["sum"]
    assert shop.tick() == []
    shop.build("raw", force=True)
    assert shop.tick() == []  # not due again today
    shop.now = at("2024-01-06 05:00")
    shop.build("raw")
    assert shop.tick() == ["sum"]


def test_cron_waits_for_a_function_that_reads_nothing(tmp_path: Path) -> None:
    python = (
        "from sqlpipes import asset\n\n\n@asset\ndef fetched():\n    return [{'n': 1}]\n\n\n"
        "@asset(auto={'cron': '0 5 * * *'})\ndef own():\n    return [{'n': 2}]\n"
    )
    auto = 'auto: {cron: "0 6 * * *"}'
    query = "select sum(n) as n from (select n from fetched union all select n from own)"
    shop = Shop(tmp_path, {"models/ingest.py": python, **table("sum", query, auto)})
    shop.build("fetched", "own")
    shop.tick()
    shop.now = at("2024-01-05 06:00")
    assert shop.tick() == ["own"]  # its time came at five: it has nothing else to go by
    assert shop.said("sum") == ["waits for fetched: not done since the time came"]
    shop.now = at("2024-01-05 06:10")
    shop.build("fetched", force=True)
    assert shop.tick() == ["sum"]
    assert shop.tick() == []


def test_cron_does_not_wait_for_a_function_that_nothing_asks_for_again(tmp_path: Path) -> None:
    python = (
        "from sqlpipes import asset\n\n\n"
        "@asset(auto='eager')\ndef fetched():\n    return [{'n': 1}]\n"
    )
    timed = table("sum", "select sum(n) as n from fetched", 'auto: {cron: "0 6 * * *"}')
    shop = Shop(tmp_path, {"models/ingest.py": python, **timed})
    assert shop.tick() == ["fetched"]
    shop.now = at("2024-01-05 06:00")
    assert shop.tick() == ["sum"]
    assert shop.tick() == []
    assert shop.said("sum") == ["not due until 2024-01-06 06:00 UTC"]


def test_what_is_really_waited_for_is_named(tmp_path: Path) -> None:
    python = "from sqlpipes import asset\n\n\n@asset\ndef fetched():\n    return [{'n': 1}]\n"
    mid = table("mid", "select n from fetched")
    timed = table("sum", "select sum(n) as n from mid", 'auto: {cron: "0 6 * * *"}')
    shop = Shop(tmp_path, {"models/ingest.py": python, **mid, **timed})
    shop.build("fetched", "mid")
    shop.tick()
    shop.now = at("2024-01-05 06:00")
    assert shop.tick() == []
    said = "waits for mid: fetched is not done since the time came"
    assert shop.said("sum") == [said]


def test_a_clock_in_a_query_is_no_news(tmp_path: Path) -> None:
    eager = table("stamped", "select now() as at, sum(n) as n from seeded", "auto: eager")
    timed = table("timed", "select now() as at", 'auto: {cron: "0 6 * * *"}')
    shop = Shop(tmp_path, {"seeds/seeded.csv": RAW["seeds/seeded.csv"], **eager, **timed})
    shop.build("seeded")
    assert shop.tick() == ["stamped"]
    assert shop.tick() == []
    shop.now = at("2024-01-05 06:00")
    assert shop.tick() == ["timed"]
    assert shop.tick() == []


def test_a_source_that_moves_moves_what_reads_it(tmp_path: Path) -> None:
    files = {"models/s.yml": "sources:\n  - name: raw\n    tables:\n      - name: t\n"}
    shop = Shop(tmp_path, {**files, **table("sum", "select sum(n) as n from raw.t", "auto: eager")})
    assert shop.tick() == []
    shop.sql("create schema raw")
    assert shop.tick() == []
    assert "cannot be read" in shop.said("sum")[0]
    shop.sql("create table raw.t as select 1 as n")
    assert shop.tick() == ["sum"]
    assert shop.tick() == []
    shop.sql("insert into raw.t values (2)")
    assert shop.tick() == ["sum"]
    assert shop.sql("select n from sum") == [(3,)]


def test_views_pass_on_what_they_read(tmp_path: Path) -> None:
    files = {**RAW, "models/v.sql": "select d, n from raw\n", **daily("one", "v")}
    shop = Shop(tmp_path, files)
    shop.build("seeded", "raw", "v")
    assert shop.tick() == ["one 2024-01-01..2024-01-04"]
    shop.now = at("2024-01-05 12:00")
    assert shop.tick() == []
    assert shop.said("one") == ["2024-01-04 waits for raw 2024-01-04: never built"]


def test_an_asset_that_reads_itself_goes_in_order(tmp_path: Path) -> None:
    query = (
        "select r.d, r.n + coalesce((select max(t) from running as p where p.d < r.d), 0) as t "
        "from raw as r"
    )
    keys = (
        "auto: eager\ninputs: {raw: same}\n"
        "partition: {by: day, column: d, start: 2024-01-01, batch: 1}"
    )
    shop = Shop(tmp_path, {**RAW, "models/running.sql": f"/*\n---\n{keys}\n---\n*/\n{query}\n"})
    shop.build("seeded", "raw", partitions="2024-01-01")
    shop.build("raw", partitions="2024-01-03")
    shop.sql("create table running (d date, t bigint)")
    assert shop.tick() == ["running 2024-01-01"]
    assert any("its own slices before them" in each for each in shop.said("running"))
    shop.build("raw")
    shop.tick()
    assert shop.sql("select t from running order by d") == [(1,), (3,), (6,)]
    assert shop.tick() == []


def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw")})
    shop.look()
    first = shop.seen("one")
    shop.now = at("2024-01-04 13:00")
    shop.look()
    assert shop.seen("one") == first
    assert first.at == NOW


def test_lookback_goes_with_a_new_slice(tmp_path: Path) -> None:
    more = "partition: {by: day, column: d, start: 2024-01-01, lookback: 2}"
    text = f"/*\n---\nauto: eager\n{more}\n---\n*/\nselect d, n from raw\n"
    shop = Shop(tmp_path, {**RAW, "models/one.sql": text})
    shop.build("seeded", "raw")
    shop.tick()
    shop.now = at("2024-01-05 12:00")
    assert shop.tick() == []
    assert shop.tick() == []
    shop.build("raw")
    assert shop.tick() == ["one 2024-01-02..2024-01-05"]
    assert shop.tick() == []


def test_while_somebody_builds_nobody_looks(tmp_path: Path) -> None:
    import duckdb

    shop = Shop(tmp_path, {**RAW, **table("sum", "select sum(n) as n from raw", "auto: eager")})
    shop.build("seeded", "raw")
    code = (
        f"import duckdb, sys; db = duckdb.connect({str(tmp_path / 'shop.duckdb')!r}); "
        "db.execute('create table x as select 1'); print('there', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "there\n"
        with pytest.raises(duckdb.IOException):
            duckdb.connect(str(tmp_path / "shop.duckdb"))
        found = tick(How(str(tmp_path)), shop.project(), clock=lambda: shop.now)
        assert (found.outcomes, found.ok) == ((), True)
        assert found.busy
        other.communicate("")
    assert shop.tick() == ["sum"]


@pytest.mark.long
def test_many_ticks_at_once_build_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {**RAW, **daily("one", "raw"), **daily("two", "one")}, datetime.now(UTC))
    text = DAYS_CLOSED.replace("{source}", "raw")
    shop.write({"models/raw.sql": DAYS_CLOSED.replace("{source}", "seeded")})
    shop.write({"models/one.sql": text.replace("---\n", "---\nauto: eager\n", 1)})
    shop.write(
        {"models/two.sql": text.replace("raw", "one").replace("---\n", "---\nauto: eager\n", 1)}
    )
    shop.build("seeded", "raw")
    command = [sys.executable, "-m", "sqlpipes", "tick", "--project-dir", str(tmp_path)]
    every = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(3)
    ]
    said = [each.communicate()[0] for each in every]
    assert [each.returncode for each in every] == [0, 0, 0], said
    with closing(open_store_of(shop.project())) as store:
        runs = store.jobs().runs("automation")
        assert [str(run.status) for run in runs] == ["success"], said
        assert len(store.runs()) == 2
    assert shop.tick() == []


def test_a_view_that_somebody_dropped_comes_back_or_is_waited_for(tmp_path: Path) -> None:
    view = "/*\n---\nauto: missing\n---\n*/\nselect d, n from raw\n"
    files = {**RAW, "models/v.sql": view, **daily("one", "v")}
    shop = Shop(tmp_path, files)
    shop.build("seeded", "raw")
    assert shop.tick() == ["v", "one 2024-01-01..2024-01-04"]
    shop.sql("drop view v")
    shop.build("raw", force=True)
    assert shop.tick() == ["v", "one 2024-01-01..2024-01-04"]
    shop.write({"models/v.sql": "select d, n from raw\n"})
    shop.build("raw", force=True)
    shop.sql("drop view v")
    assert shop.tick() == []
    assert shop.said("one") == ["2024-01-01..2024-01-04 waits for v: gone, though it was built"]


def test_what_came_well_and_is_gone_since_is_built_again(tmp_path: Path) -> None:
    keys = "auto: eager\npartition: {by: day, column: d, start: 2024-01-01, batch: 1}"
    one = f"/*\n---\n{keys}\n---\n*/\nselect d, cast(t as integer) as n from raw\n"
    raw = RAW["models/raw.sql"].replace("d, n", "d, t")
    seed = "d,t\n2024-01-01,1\n2024-01-02,x\n2024-01-03,3\n"
    files = {"models/raw.sql": raw, "seeds/seeded.csv": seed, "models/one.sql": one}
    shop = Shop(tmp_path, files)
    shop.build("seeded", "raw")
    assert shop.tick() == ["one 2024-01-01", "one 2024-01-03"]
    shop.sql("drop table one")
    assert shop.tick() == ["one 2024-01-01", "one 2024-01-03"]
    assert shop.tick() == []
