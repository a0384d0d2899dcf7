"""Assets on two engines in one graph: what crosses, what is built anew, and what is refused."""

from __future__ import annotations

import pytest
from crossing.worlds import World

from sqlpipes.api import (
    Ask,
    build,
    compiled,
    lint,
    load,
    plan,
    plan_statements,
    rows,
    status,
)
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.events import StepFailed, StepFinished, StepStarted
from sqlpipes.core.plan import Crossing
from sqlpipes.core.status import Status

ORDERS = """
    select 1 as order_id, date '2024-01-01' as day, cast(10.50 as decimal(10, 2)) as amount
    union all select 2, date '2024-01-02', 1.25 union all select 3, date '2024-01-02', 2.25
"""
TOTALS = "select day, sum(amount) as total from orders group by day"


def crossings(world: World, **ask) -> dict[str, tuple[Crossing, ...]]:
    return {step.asset: step.crossings for step in world.plan(**ask).steps}


def test_rows_cross_to_the_engine_of_their_reader_and_leave_nothing_there(world):
    world.write(
        models__orders=ORDERS, models__dw__totals=TOTALS, models__back="select * from totals"
    )
    report = world.build()
    assert report.ok, report.problems
    expected = [("2024-01-01", 10.5), ("2024-01-02", 3.5)]
    for engine, table in (("dw", "totals"), ("own", "back")):
        found = world.ask(engine, f"select cast(day as varchar), total from {table} order by 1")
        assert [(day, float(total)) for day, total in found] == expected
    left = "select table_name from information_schema.tables where table_name like 'sqlpipes%'"
    assert [n for e in ("own", "dw") for (n,) in world.ask(e, left) if "fences" not in n] == []
    again = world.plan()
    assert again.steps == ()
    assert [step.engine for step in world.plan(force=True).steps] == ["", "dw", ""]


def test_the_plan_says_what_crosses_and_the_next_one_how_much_that_is(world):
    world.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    first = crossings(world)
    assert first == {"orders": (), "totals": (Crossing("orders", "dw", "", ("amount", "day")),)}
    report = world.build()
    (said,) = [e for e in report.events if isinstance(e, StepFinished) and e.asset == "totals"]
    (came,) = said.metadata["crossed"]
    assert (came["asset"], came["from"], came["rows"]) == ("orders", "default", 3)
    (later,) = crossings(world, full_refresh=True)["totals"]
    assert later.rows == 3
    assert later.bytes == came["bytes"] > 0


def test_only_the_slices_that_are_read_cross(world):
    cut = "/*\n---\npartition: {{by: day, column: day, start: 2024-01-01, end: {}}}\n---\n*/\n"
    orders = cut.format("2024-01-11") + "select cast(day as date) as day, 1 as n from days"
    world.write(
        models__days="\nunion all ".join(
            f"select date '2024-01-{day:02}' as day" for day in range(1, 11)
        ),
        models__orders=orders,
        models__dw__daily=cut.format("2024-01-11")
        + "select day, sum(n) as n from orders group by day",
        models__dw__week=cut.format("2024-01-11")
        + "select a.day, count(*) as n from orders as a join orders as b "
        "on b.day between a.day - interval '2 days' and a.day group by a.day",
    )
    assert world.build().ok
    picked = {"partitions": "2024-01-05", "force": True}
    planned = crossings(world, select=("daily", "week"), **picked)
    assert str(planned["daily"][0].window) == "2024-01-05"
    report = world.build("daily", "week", **picked)
    came = {
        event.asset: event.metadata["crossed"][0]["rows"]
        for event in report.events
        if isinstance(event, StepFinished)
    }
    assert came["daily"] == 1
    assert came["week"] in (3, 10)  # the reach where it is proven
    assert [n for (n,) in world.ask("dw", "select n from week order by day")] == [1, 2] + [3] * 8


def test_late_rows_build_only_their_own_slice_on_the_other_engine(ducks):
    ducks.ask("own", "create schema raw; create table raw.events (day date, n int)")
    ducks.ask("own", "insert into raw.events values ('2024-01-01', 1), ('2024-01-02', 2)")
    (ducks.root / "models").mkdir()
    (ducks.root / "models" / "sources.yml").write_text(
        "sources: [{name: raw, tables: [{name: events, partition: {by: day, column: day}}]}]\n"
    )
    cut = (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04}\n---\n*/\n"
    )
    ducks.write(models__dw__daily=cut + "select day, sum(n) as n from raw.events group by day")
    assert ducks.build().ok
    ducks.ask("own", "insert into raw.events values ('2024-01-02', 40)")
    (step,) = [each for each in ducks.plan().steps if each.asset == "daily"]
    assert str(step.slices) == "2024-01-02"
    assert ducks.build().ok
    assert ducks.ask("dw", "select n from daily order by day") == [(1,), (42,)]


def test_checks_see_the_tables_of_both_engines(world):
    front = """\
    /*
    ---
    checks:
      - relationships: {column: order_id, to: orders, field: order_id}
    ---
    */
    """
    world.write(models__orders=ORDERS, models__dw__lines=front + "select order_id from orders")
    assert world.build().ok
    world.write(models__dw__lines=front + "select order_id + 1 as order_id from orders")
    report = world.build()
    assert report.status is Status.FAIL
    assert world.ask("dw", "select max(order_id) from lines") == [(3,)]


def test_a_function_gets_its_inputs_from_wherever_they_live(world):
    world.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    (world.root / "models" / "made.py").write_text(
        "import pyarrow\nfrom sqlpipes import asset\n\n"
        "@asset(engine='dw')\n"
        "def counted(orders: pyarrow.Table, totals: pyarrow.Table, context):\n"
        "    asked = context.sql('select max(order_id) as n from orders').fetchall()[0][0]\n"
        "    return [{'orders': orders.num_rows, 'days': totals.num_rows, 'most': int(asked)}]\n"
    )
    report = world.build()
    assert report.ok, report.problems
    assert world.ask("dw", "select orders, days, most from counted") == [(3, 2, 3)]


def test_a_snapshot_a_merge_and_a_seed_live_on_another_engine(world):
    (world.root / "seeds").mkdir()
    (world.root / "seeds" / "prices.csv").write_text("id,price\n1,10\n2,20\n")
    merge = "/*\n---\nmaterialized: incremental\nunique_key: id\n---\n*/\n"
    snap = "/*\n---\nmaterialized: snapshot\nunique_key: id\nstrategy: check\ncheck_columns: all\n---\n*/\n"
    world.write(
        models__dw__kept=merge + "select id, price from prices",
        models__dw__past=snap + "select id, price from prices",
    )
    assert world.build().ok
    (world.root / "seeds" / "prices.csv").write_text("id,price\n1,11\n")
    assert world.build().ok
    assert world.ask("dw", "select id, price from kept order by 1") == [(1, 11), (2, 20)]
    assert sorted(world.ask("dw", "select id, price from past")) == [(1, 10), (1, 11), (2, 20)]


def test_an_ephemeral_asset_reads_from_where_its_reader_is(ducks):
    ducks.write(
        models__orders=ORDERS,
        models__big="/*\n---\nmaterialized: ephemeral\n---\n*/\nselect * from orders where amount > 2",
        models__dw__totals="select count(*) as n from big",
    )
    assert ducks.build().ok
    assert ducks.ask("dw", "select n from totals") == [(2,)]


def test_a_view_over_another_engine_is_refused_with_a_way_out(ducks):
    view = "/*\n---\nmaterialized: view\n---\n*/\n"
    ducks.write(models__orders=ORDERS, models__dw__totals=view + TOTALS)
    (problem,) = ducks.load().errors
    assert problem.code == "XNG003"
    assert "materialized: table" in (problem.hint or "")
    ducks.write(
        models__dw__orders_dw="select * from orders",
        models__dw__totals=view + TOTALS.replace("orders", "orders_dw"),
    )
    assert ducks.build().ok
    assert ducks.ask("dw", "select count(*) from totals") == [(2,)]


def test_an_engine_that_is_not_there_is_named_with_the_nearest(ducks):
    ducks.write(models__one="/*\n---\nengine: dww\n---\n*/\nselect 1 as x")
    (problem,) = ducks.load().errors
    assert (problem.code, problem.hint) == ("XNG001", "did you mean 'dw'?")
    assert (problem.at.file, problem.at.line) == ("models/one.sql", 3)


def test_in_development_both_names_may_be_one_engine(ducks):
    (ducks.root / "profiles.yml").write_text(
        "shop: {outputs: {default: {type: duckdb, path: own.duckdb, engines: {dw: default}}}}\n"
    )
    ducks.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    report = ducks.build()
    assert report.ok
    assert not any(step.crossings for step in report.plan.steps)
    assert ducks.ask("own", "select count(*) from totals") == [(2,)]


def test_an_asset_that_moves_is_built_anew_and_its_old_table_is_told(ducks):
    ducks.write(models__orders=ORDERS, models__totals=TOTALS)
    assert ducks.build().ok
    (ducks.root / "models" / "totals.sql").unlink()
    ducks.write(models__dw__totals=TOTALS)
    planned = ducks.plan()
    (note,) = planned.notes
    assert note.code == "XNG008"
    assert "main.totals stays where it is" in note.message
    assert "engine" in str(planned.steps[0].reasons[0])
    assert ducks.build().ok
    assert ducks.ask("dw", "select count(*) from totals") == [(2,)]
    assert ducks.ask("own", "select count(*) from totals") == [(2,)]
    assert ducks.plan().notes == ()


def test_a_snapshot_does_not_begin_anew_on_another_engine_unless_it_is_told_to(ducks):
    taken = (
        "/*\n---\nmaterialized: snapshot\nunique_key: x\nstrategy: check\n---\n*/\nselect 1 as x\n"
    )
    ducks.write(models__taken=taken)
    assert ducks.build().ok
    (ducks.root / "models" / "taken.sql").unlink()
    ducks.write(models__dw__taken=taken)
    for ask in (ducks.plan, ducks.build):
        with pytest.raises(
            ProjectError, match=r"built as main\.taken, and would begin anew as dw:"
        ):
            ask()
    report = ducks.build("taken", full_refresh=True)
    assert report.ok
    assert "XNG008" in [note.code for note in report.plan.notes]
    assert ducks.ask("own", "select count(*) from taken") == [(1,)]


def test_an_output_may_be_named_and_one_database_has_one_name(ducks):
    ducks.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    profile = (
        "shop:\n  target: dev\n  outputs:\n"
        "    dev: {type: duckdb, path: own.duckdb, engines: {dw: mart}}\n"
        "    mart: {type: duckdb, path: %s}\n"
    )
    (ducks.root / "profiles.yml").write_text(profile % "dw.duckdb")
    assert ducks.build().ok
    assert ducks.ask("dw", "select count(*) from totals") == [(2,)]
    (ducks.root / "profiles.yml").write_text(profile % "own.duckdb")
    with pytest.raises(ProjectError, match="one database"):
        ducks.load()


def test_one_undeclared_name_on_two_engines_is_refused(ducks):
    ducks.write(models__one="select * from users", models__dw__two="select * from users")
    codes = {problem.code for problem in ducks.load().errors}
    assert codes == {"XNG005"}


def test_show_asks_the_engine_of_the_asset_and_says_when_there_are_two(ducks):
    ducks.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    assert ducks.build().ok
    project = ducks.load()
    assert len(rows(project, "totals")) == 2
    assert len(rows(project, inline="select * from totals")) == 2
    with pytest.raises(ProjectError) as refused:
        rows(project, inline="select * from totals, orders")
    assert refused.value.problems[0].code == "XNG007"


def test_engines_are_selected_by_name(ducks):
    ducks.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    assert ducks.build().ok
    for engine, name in (("dw", "totals"), ("default", "orders")):
        planned = ducks.plan(select=(f"engine:{engine}",), force=True)
        assert [step.asset for step in planned.steps] == [name]


def test_a_relation_that_is_gone_from_one_engine_is_seen(ducks):
    ducks.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    assert ducks.build().ok
    ducks.ask("dw", "drop table totals")
    assert [step.asset for step in ducks.plan().steps] == ["totals"]
    assert all(item.built for item in status(load(str(ducks.root), environ={})))


def test_what_fails_on_the_way_is_told_with_the_name_of_what_crosses(ducks):
    ducks.ask(
        "own", "create schema raw; create table raw.t as select '0101'::bit as b, [true::bit] as l"
    )
    ducks.write(models__dw__copy="select b, l from raw.t")
    report = ducks.build()
    (failed,) = [event for event in report.events if isinstance(event, StepFailed)]
    assert failed.problems[0].code in ("XNG010", "ENG004", "ENG005")


def test_a_slice_that_is_written_again_counts_once(ducks):
    cut = (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04}\n---\n*/\n"
    )
    one_a_day = (
        "select cast(d as date) as day, 1.5 as amount "
        "from range(date '2024-01-01', date '2024-01-04', interval 1 day) as t(d)"
    )
    ducks.write(models__orders=cut + one_a_day, models__dw__totals=TOTALS)
    assert ducks.build().ok
    for _ in range(2):
        assert ducks.build("orders", partitions="2024-01-02", force=True).ok
    (crossing,) = crossings(ducks)["totals"]
    assert crossing.rows == 3


def test_what_was_cut_off_while_it_crossed_crosses_again(world):
    if "postgres" not in (world.own, world.dw):
        pytest.skip("no server that cuts connections")
    world.write(
        models__orders=ORDERS,
        models__dw__first="select 1 as x",
        models__dw__totals=TOTALS + " having (select count(*) from first) = 1",
    )
    ends = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )

    def on_event(event):
        if isinstance(event, StepStarted) and event.asset == "totals":
            world.ask("own" if world.own == "postgres" else "dw", ends)

    report = build(world.load(), Ask(), on_event=on_event, threads=1)
    assert report.ok, report.problems
    assert len(world.ask("dw", "select * from totals")) == 2


def test_plan_and_compile_show_the_select_that_is_run_and_what_its_tables_are(world):
    world.write(
        models__orders=ORDERS,
        models__dw__totals='select "day", sum(amount) as total from orders group by 1',
        models__dw__counted="select count(*) as n from orders",
    )
    assert world.build("orders").ok
    project = world.load()
    planned = plan(project)
    shown = plan_statements(project, planned)
    read = compiled(project, Ask(select=("totals",)))["totals"].splitlines()
    report = build(project)
    for event in report.events:
        if isinstance(event, StepFinished) and event.asset in ("totals", "counted"):
            (select,) = [said.partition(" as\n")[2] for said in event.statements if " as\n" in said]
            assert any(said.endswith(f" as\n{select}") for said in shown[event.asset])
    first, select = shown["totals"][0].split("\n", 1)
    assert first.endswith(" is orders, whose rows cross from the target's own engine")
    assert read[0] == first
    assert first.removeprefix("-- ").split(" is ")[0] in read[1]
    assert "amount" in select
    assert "order_id" not in select
    assert "*" not in shown["counted"][0].split("\n")[1]  # one column, as it is asked for


def test_each_part_of_a_step_shows_what_crosses_for_it(ducks):
    said = "{by: day, column: day, start: 2024-01-01, end: 2024-01-03, batch: 1}"
    cut = f"/*\n---\npartition: {said}\n---\n*/\n"
    ducks.write(
        models__orders=cut + ORDERS, models__dw__daily=cut + "select order_id, day from orders"
    )
    assert ducks.build("orders").ok
    project = ducks.load()
    shown = plan_statements(project, plan(project))["daily"]
    asked = [said for said in shown if "whose rows cross" in said]
    days = ("2024-01-01", "2024-01-02")
    assert all(day in said for said, day in zip(asked, days, strict=True)), asked
    assert days[0] not in asked[1]


def test_a_query_within_a_check_reads_the_tables_of_the_other_engine(world):
    front = """\
    /*
    ---
    checks:
      - expression: "total <= (select sum(amount) from orders)"
      - not_null: {column: total, where: "day in (select day from orders where amount > 2)"}
    ---
    */
    """
    world.write(models__orders=ORDERS, models__dw__totals=front + TOTALS)
    report = world.build()
    assert report.ok
    world.write(models__dw__totals=front + TOTALS.replace("sum(amount)", "sum(amount) * 100"))
    report = world.build()
    assert report.status is Status.FAIL
    found = {check.check: check.failures for check in report.checks}
    assert sorted(found.values()) == [0, 2], found


def test_what_such_a_query_reads_is_looked_up_like_any_table(ducks):
    front = "/*\n---\nchecks:\n  - expression: total > (select min(amount) from ordrs)\n---\n*/\n"
    ducks.write(models__orders=ORDERS, models__dw__totals=front + TOTALS)
    (problem,) = ducks.load().problems
    assert (problem.code, problem.hint) == ("REF001", "did you mean 'orders'?")
    assert (problem.at.file, problem.at.line) == ("models/dw/totals.sql", 4)
    late = (
        "/*\n---\nchecks:\n  - expression: order_id < (select count(*) * 9 from totals)\n---\n*/\n"
    )
    ducks.write(models__orders=late + ORDERS.replace("    ", ""), models__dw__totals=TOTALS)
    assert ducks.build().ok  # it is asked once both are there


@pytest.mark.parametrize("threads", [1, 3])
def test_what_all_parts_of_a_step_read_crosses_once(world, threads):
    said = "{by: day, column: day, start: 2024-01-01, end: 2024-01-07, batch: 1}"
    cut = f"/*\n---\npartition: {said}\n---\n*/\n"
    days = "\nunion all ".join(f"select date '2024-01-0{day}' as day" for day in range(1, 7))
    world.write(
        models__days=days,
        models__prices="select 1.5 as price, 'eur' as code union all select 2.5, 'usd'",
        models__dw__daily=cut + "select day, price from days cross join prices",
        models__dw__other="select count(*) as n, max(code) as code from prices",
    )
    report = build(world.load(), Ask(), threads=threads)
    assert report.ok
    finished = [e for e in report.events if isinstance(e, StepFinished) and e.asset == "daily"]
    assert len(finished) == 6
    came = [each["asset"] for e in finished for each in e.metadata.get("crossed", ())]
    assert came.count("prices") == 1
    assert world.ask("dw", "select count(*), count(distinct day) from daily") == [(12, 6)]
    assert world.ask("dw", "select n, code from other") == [(2, "usd")]
    project = world.load()
    shown = plan_statements(project, plan(project, Ask(force=True, select=("daily",))))["daily"]
    assert sum(" is prices, whose rows cross" in said for said in shown) == 1


def test_a_part_that_fails_and_is_tried_apart_still_has_what_crossed(ducks):
    said = "{by: day, column: day, start: 2024-01-01, end: 2024-01-05, batch: 2}"
    cut = f"/*\n---\npartition: {said}\n---\n*/\n"
    ducks.write(
        models__days="\nunion all ".join(
            f"select date '2024-01-0{day}' as day, {day} as n" for day in range(1, 5)
        ),
        models__dw__daily=cut + "select day, case when n = 2 then error('no')::int else n end as n "
        "from days",
    )
    report = ducks.build()
    assert report.status is Status.ERROR
    assert ducks.ask("dw", "select n from daily order by n") == [(1,), (3,), (4,)]


def test_a_hook_that_reads_another_engine_is_refused(ducks):
    hooks = """\
    /*
    ---
    before: create table if not exists seen (n int)
    after: insert into seen select count(*) from {}
    ---
    */
    """
    ducks.write(models__orders=ORDERS, models__dw__totals=hooks.format("orders") + TOTALS)
    (problem,) = ducks.load().errors
    assert (problem.code, problem.at.file) == ("XNG009", "models/dw/totals.sql")
    assert "'orders' on the target's own engine" in problem.message
    ducks.write(models__dw__totals=hooks.format("{{ this }}") + TOTALS)
    assert ducks.build().ok
    assert ducks.ask("dw", "select n from seen") == [(2,)]


def test_an_engine_that_gives_no_rows_is_refused_before_anything_runs(tmp_path, plain_engine):
    world = World(tmp_path, "duckdb", "duckdb").prepare()
    (tmp_path / "profiles.yml").write_text(
        "shop: {outputs: {default: {type: duckdb, path: own.duckdb, "
        "engines: {dw: {type: plain, path: dw.db}}}}}\n"
    )
    world.write(models__orders=ORDERS, models__dw__totals=TOTALS)
    for command in (plan, build):
        with pytest.raises(ProjectError) as error:
            command(world.load())
        (problem,) = error.value.problems
        assert (problem.code, str(problem.at)) == ("XNG006", "models/dw/totals.sql:1:39")
    assert [p.code for p in lint(world.load())] == ["XNG006"]
    world.write(models__dw__totals="select 1 as n")
    assert build(world.load()).ok
