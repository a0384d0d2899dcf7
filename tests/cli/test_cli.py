"""Every command on a small project: what it prints where, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import signal
import sys
from pathlib import Path

import duckdb
import pytest
from cli.projects import ok, run, write
from click.testing import CliRunner
from notyet import OLD

from sqlpipes.cli import COMMANDS, main, sqlpipes


@pytest.fixture
def shop(tmp_path):
    return write(tmp_path / "shop")


@pytest.fixture
def built(shop):
    ok(shop, "build")
    return shop


def edit(root, name, old, new):
    path = root / "models" / f"{name}.sql"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# ---------------------------------------------------------------------------------------- plan, build


def test_build_tells_each_step_and_the_totals(shop):
    said = ok(shop, "build")
    assert said.count("ok ") == 4
    assert "4 done, 2 checks passed" in said
    assert ok(shop, "build") == "nothing to do: 4 assets current\n"


def test_plan_prints_what_build_runs(shop):
    planned = json.loads(ok(shop, "plan", "--json"))
    first, *events = map(json.loads, ok(shop, "build", "--json").splitlines())
    assert first.pop("event") == "plan"
    assert first == planned
    started = [event["asset"] for event in events if event["event"] == "step_started"]
    assert sorted(started) == sorted(step["asset"] for step in planned["steps"])
    assert events[0]["event"] == "run_started"
    assert events[-1]["event"] == "run_finished"


def test_plan_with_sql_shows_the_statements_and_the_checks(shop):
    said = ok(shop, "plan", "--sql", "-s", "+total")
    assert 'create or replace table "main"."total" as' in said
    assert "-- check total.expression" in said
    steps = json.loads(ok(shop, "plan", "--sql", "--json"))["steps"]
    assert all(step["statements"] for step in steps)


@pytest.mark.parametrize(
    ("old", "new"),
    [("select", "SELECT"), (" from", "\n  from -- where it is from\n"), ("sum(", "sum( ")],
)
def test_layout_comments_and_the_case_of_keywords_are_no_change(built, old, new):
    edit(built, "total", old, new)
    assert "nothing to do" in ok(built, "plan")


def test_plan_shows_the_lines_that_changed(built):
    edit(built, "total", "sum(revenue)", "sum(revenue) + 1")
    assert ok(built, "plan").splitlines()[1:4] == [
        "  create table  total  SQL changed",
        "                         - sum(revenue) as revenue",
        "                         + sum(revenue) + 1 as revenue",
    ]


def test_plan_shows_which_setting_changed(built):
    edit(built, "total", "materialized: table", "materialized: view")
    assert "create view  total  config changed: materialized: table -> view" in ok(built, "plan")


def test_a_changed_seed_reaches_what_reads_it(built):
    path = built / "seeds" / "raw_orders.csv"
    path.write_text(path.read_text() + "3,2024-01-03,5\n")
    said = ok(built, "plan")
    for line in ("raw_orders  seed changed", "input newer: raw_orders", "input newer: daily"):
        assert line in said


def test_a_dropped_table_is_built_again(built):
    with duckdb.connect(str(built / "shop.duckdb")) as db:
        db.execute("drop table total")
    assert "total  gone, though it was built: main.total" in ok(built, "plan")


def test_built_empty_is_built_again(shop):
    ok(shop, "build", "--empty")
    assert ok(shop, "show", "daily", "-o", "csv").splitlines() == ["day,revenue"]
    assert ok(shop, "plan").count("was built empty") == 4
    ok(shop, "build")
    assert len(ok(shop, "show", "daily", "-o", "csv").splitlines()) == 3


def test_force_full_refresh_and_partition(built):
    assert ok(built, "plan", "--force", "-s", "total").count("forced") == 1
    assert ok(built, "plan", "-f").count("full refresh") == 4
    said = ok(built, "plan", "-s", "daily", "--partition", "2024-01-02", "--force")
    assert "2024-01-02 (1 slice)  forced" in said


def test_commands_narrow_to_a_kind(shop):
    assert "load seed" in ok(shop, "seed")
    said = ok(shop, "run")
    assert "load seed" not in said
    assert "create view" in said
    assert "run checks" in ok(shop, "test")
    assert ok(shop, "test", "-s", "raw_orders") == "no checks to run\n"


def test_a_failing_check_keeps_what_readers_see(built):
    edit(built, "total", "sum(revenue)", "-sum(revenue)")
    write(built, {"models/after.sql": "select * from total\n"})
    result = run(built, "build")
    assert result.exit_code == 1
    assert "CHK010 check 'total.expression" in result.stdout
    assert "revenue=-30" in result.stdout
    assert "skip  create view   after" in result.stdout
    assert "1 failed, 1 skipped" in result.stdout
    assert ok(built, "show", "total", "-o", "csv").splitlines() == ["revenue", "30"]
    assert "check failed last time" in ok(built, "plan")
    edit(built, "total", "-sum(revenue)", "sum(revenue) * 2")
    assert "2 done" in ok(built, "retry")
    assert ok(built, "retry") == "the newest run left nothing to retry\n"


def test_a_warning_check_is_told_and_publishes(built):
    edit(built, "total", "revenue > 0", "{expression: revenue > 1000, severity: warn}")
    said = ok(built, "build")
    assert "1 warned" in said
    assert "warning total.expression" in said


def test_a_broken_step_is_shown_in_the_file_and_others_go_on(built):
    edit(built, "total", "sum(revenue)", "cast('x' as integer)")
    write(built, {"models/other.sql": "select 1 as x\n"})
    result = run(built, "build")
    assert result.exit_code == 1
    assert "models/total.sql:8:8: ENG005" in result.stdout
    assert ("        ^" if OLD else "        ^^^^") in result.stdout
    assert "1 done, 1 failed" in result.stdout


def test_fail_fast_stops_what_has_not_begun(shop):
    (shop / "seeds" / "raw_orders.csv").write_text("id,day,amount\n1,nonsense,10\n")
    edit(shop, "stg_orders", "select id", "select id / nothing_of_that_name as id")
    result = run(shop, "build", "-x", "--threads", "1")
    assert result.exit_code == 1
    assert "1 failed" in result.stdout


# ----------------------------------------------------------------------------------------- looking


def test_ls_in_every_form(shop):
    assert ok(shop, "ls").split() == ["raw_orders", "stg_orders", "daily", "total"]
    assert ok(shop, "ls", "-s", "+stg_orders", "-o", "path").split() == [
        "seeds/raw_orders.csv",
        "models/stg_orders.sql",
    ]
    tree = ok(shop, "ls", "-o", "tree").splitlines()
    assert tree[0] == "models/"
    assert "  daily       sql table by day        Per day." in tree
    assert all(line == line.rstrip() for line in tree)
    listed = json.loads(ok(shop, "ls", "--json"))
    assert next(item["name"] for item in listed) == "raw_orders"
    assert ok(shop, "ls", "--resource-type", "seed").split() == ["raw_orders"]


def test_ls_still_lists_when_files_need_mending_and_says_so(shop):
    write(shop, {"models/bad.sql": "select (1 from x\n"})
    result = run(shop, "ls")
    assert result.exit_code == 2
    assert "daily" in result.stdout
    assert "models/bad.sql:1:8: SQL001" in result.stderr


def test_show_in_every_form(built):
    assert ok(built, "show", "total").splitlines() == ["revenue", "-------", "     30"]
    assert json.loads(ok(built, "show", "daily", "--json"))[0] == {
        "day": "2024-01-01",
        "revenue": 10,
    }
    rows = list(csv.reader(io.StringIO(ok(built, "show", "daily", "-o", "csv", "--limit", "1"))))
    assert rows == [["day", "revenue"], ["2024-01-01", "10"]]
    assert "\n" + "30" in ok(
        built, "show", "--inline", "select sum(revenue) s from daily", "-o", "csv"
    )
    assert "NULL" in ok(built, "show", "--inline", "select null as nothing")


def test_show_says_what_is_not_built(shop):
    result = run(shop, "show", "total")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'total' is not built yet" in result.stderr
    assert "hint: sqlpipes build -s +total" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("select 1\nfrom orderz", "--inline:2:6: ENG004"),
        ("selct 1", "--inline:1:1: "),
        ("select (1", "--inline:1:8: "),
    ],
)
def test_a_fault_in_an_inline_query_is_shown_in_it(built, text, said):
    result = run(built, "show", "--inline", text)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "^" in result.stderr


def test_compile_gives_the_text_that_runs(shop):
    assert ok(shop, "compile", "total").strip() == "select sum(revenue) as revenue from daily"
    assert "-- stg_orders" in ok(shop, "compile", "-s", "stg_orders daily")


def test_lint_and_debug(shop):
    assert ok(shop, "lint") == "4 assets: 0 errors, 0 warnings\n"
    edit(shop, "total", "sum(revenue)", "sum(revnue)")
    result = run(shop, "lint")
    assert result.exit_code == 2
    assert "did you mean 'revenue'" in result.stdout
    said = ok(shop, "debug")
    assert "not there yet: the first build makes it" in said


def test_status_and_runs(built):
    said = ok(built, "status")
    assert said.count("current ") == 4
    assert "■■■  3 built" in said
    edit(built, "total", "sum(revenue)", "sum(revenue) + 1")
    assert "stale    total" in ok(built, "status")
    states = {item["asset"]: item["state"] for item in json.loads(ok(built, "status", "--json"))}
    assert states == {"raw_orders": "current", "stg_orders": "current", "daily": "current"} | {
        "total": "stale"
    }
    ok(built, "build", "-s", "total")
    newest, oldest = ok(built, "runs").splitlines()
    assert "build -s total" in newest
    assert "4 success" in oldest
    shown = ok(built, "runs", "show")
    assert "SQL changed" in shown
    assert "total.expression" in shown
    run_id = oldest.split()[0]
    assert json.loads(ok(built, "runs", "show", run_id, "--json"))["run_id"] == run_id
    assert run(built, "runs", "show", "zzz").exit_code == 2
    before = CliRunner().invoke(sqlpipes, ["runs", "--project-dir", str(built), "show", run_id])
    assert run_id in before.output


def test_lineage_reaches_the_seed(shop):
    said = ok(shop, "lineage", "total.revenue")
    assert "raw_orders.amount" in said


def test_clean_removes_caches_and_state(built):
    assert ok(built, "clean") == "removed .sqlpipes/cache\n"
    assert "state.db" in ok(built, "clean", "--state")
    assert ok(built, "clean", "--state").strip() in ("nothing to remove", "removed .sqlpipes/cache")
    assert "no record of it, though main.total exists" in ok(built, "plan")


def test_init_writes_a_project_that_builds(tmp_path):
    folder = tmp_path / "new"
    said = CliRunner().invoke(sqlpipes, ["init", str(folder)])
    assert said.exit_code == 0, said.output
    assert "sqlpipes build" in said.output
    assert "failed" not in ok(folder, "build")
    again = CliRunner().invoke(sqlpipes, ["init", str(folder)])
    assert again.exit_code == 2
    assert "INI001" in again.stderr


# -------------------------------------------------------------------------------------- doing it wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bild"], "did you mean 'build'?"),
        (["build", "--selct", "x"], "--select"),
        (["build", "-s", "dayly"], "did you mean 'daily'?"),
        (["show", "dayly"], "did you mean 'daily'?"),
        (["build", "-t", "prod"], "PRF002"),
        (["build", "--partition", "x", "-s", "+daily"], "--partition:1:1: PLN002"),
        (["build", "-s", "total"], "PLN001 'total' reads 'daily'"),
        (["build", "--vars", "{a"], "--vars is no YAML"),
        (["build", "--threads", "0"], "--threads"),
        (["show"], "name one asset"),
        (["test"], "PLN003"),
    ],
)
def test_a_mistake_ends_with_2_and_a_hint(shop, arguments, said):
    result = run(shop, *arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stdout == ""


def test_all_faults_are_told_at_once_with_the_line_from_any_folder(shop):
    write(
        shop,
        {
            "models/a.sql": "select * from b\n",
            "models/b.sql": "select * from a\n",
            "models/c.sql": "select (1\n",
            "models/sub/daily.sql": "select 1 as x\n",
        },
    )
    result = run(shop, "build")
    assert result.exit_code == 2
    for code in ("CYC001", "SQL001", "DUP001"):
        assert code in result.stderr
    assert "   1 | select * from b\n     |               ^\n" in result.stderr
    assert "models/b.sql:1:15: b reads a" in result.stderr


@pytest.mark.parametrize("command", ["plan", "build", "status", "show", "lineage"])
def test_a_damaged_warehouse_is_no_traceback(built, command):
    (built / "shop.duckdb").write_bytes(b"nothing of the kind" * 1000)
    arguments = {"show": ["total"], "lineage": ["total"]}.get(command, [])
    result = run(built, command, *arguments)
    assert result.exit_code == (0 if command == "lineage" else 1)
    assert command == "lineage" or "ENG002" in result.stderr


@pytest.mark.parametrize("command", ["plan", "build", "status", "runs", "retry"])
def test_a_damaged_or_newer_state_is_no_traceback(built, command):
    import sqlite3
    from contextlib import closing

    state = built / ".sqlpipes" / "state.db"
    with closing(sqlite3.connect(state)) as db, db:
        db.execute("insert into sqlpipes_schema (version) values (9999)")
    result = run(built, command)
    assert (result.exit_code, "STO005" in result.stderr) == (2, True)
    for left in built.glob(".sqlpipes/state.db*"):
        left.unlink()
    state.write_bytes(b"nothing of the kind" * 1000)
    result = run(built, command)
    assert (result.exit_code, "STO002" in result.stderr) == (2, True)


def test_every_command_is_there_and_has_a_short_help():
    said = CliRunner().invoke(sqlpipes, ["--help"], terminal_width=80).output
    for name in COMMANDS:
        assert f"\n  {name} " in said
    assert said.count("...") == 1  # that of the usage line


def test_the_bad_rows_that_are_shown_are_those_of_the_slice_that_is_told(tmp_path: Path) -> None:
    model = (
        "/*\n---\npartition: {by: day, column: d, start: 2024-01-01, end: 2024-01-07}\n"
        "checks:\n  - expression: x > 0\n---\n*/\n"
        "select d, case when d = '2024-01-05' then -5 when d = '2024-01-02' then -2 else 1 end as x\n"
        "from src\n"
    )
    seed = "d\n" + "".join(f"2024-01-0{day}\n" for day in range(1, 7))
    files = {"sqlpipes.yml": "name: shop\n", "models/daily.sql": model, "seeds/src.csv": seed}
    failed = run(write(tmp_path, files), "build")
    assert failed.exit_code == 1
    told = failed.output.partition("CHK010")[2]
    assert "(slice 2024-01-02)" in told
    assert "d=2024-01-02, x=-2" in told
    assert "d=2024-01-05, x=-5" not in told
    assert "the same in 2024-01-05" in told


def test_a_command_gives_ctrl_c_back_to_who_called_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sqlpipes", "--version"])
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit):
        main()
    assert signal.getsignal(signal.SIGINT) is before
