"""`rename`: nothing is built again, nothing is lost, and whatever stands in the way is said."""

from __future__ import annotations

import contextlib
import json
import subprocess
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from cli.projects import ok, run, spawn, write
from click.shell_completion import ShellComplete

from sqlpipes.cli import sqlpipes
from sqlpipes.core.partitions import Grain, Partitions
from sqlpipes.stores import build_lock, open_store

DAILY = (
    "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-06}\n"
    "checks:\n  - not_null: [n]\n---\n*/\n"
    "select date '2024-01-01' + i::int as day, count(*) as n from range(5) t(i) group by all\n"
)
SNAPSHOT = (
    "/*\n---\nmaterialized: snapshot\nunique_key: x\nstrategy: check\ncheck_columns: all\n---\n*/\n"
)
FILES = {"sqlpipes.yml": "name: shop\n", "models/orders.sql": DAILY}


def ask(root: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(next(root.glob("**/*.duckdb")))) as db:
        return db.execute(sql).fetchall()


def project(root: Path, text: str = DAILY, **files: str) -> Path:
    return write(root / "shop", {**FILES, "models/orders.sql": text, **files})


def move(root: Path, old: str = "models/orders.sql", new: str = "models/sales.sql") -> None:
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / old).rename(root / new)


def refused(root: Path, *arguments: str) -> str:
    result = run(root, *arguments)
    assert result.exit_code == 2, result.output
    return result.stderr


# ------------------------------------------------------------------------------------- what is kept


def test_slices_and_checks_are_kept_and_the_next_build_has_nothing_to_do(tmp_path):
    root = project(tmp_path)
    ok(root, "build", "--partition", "2024-01-01..2024-01-04")
    move(root)
    said = ok(root, "rename", "orders", "sales")
    assert said.startswith("renamed orders to sales: 2024-01-01..2024-01-04 (3 slices)\n")
    assert 'alter table "main"."orders" rename to "sales"' in said
    (step,) = json.loads(ok(root, "plan", "--json"))["steps"]
    assert step["slices"] == "2024-01-04..2024-01-06"
    ok(root, "build")
    assert ask(root, "select count(*) from sales") == [(5,)]
    assert "nothing to do" in ok(root, "build")


@pytest.mark.parametrize(
    "text",
    [
        "select 1 as x",
        "/*\n---\nmaterialized: table\nafter: \"comment on table {{ this }} is 'x'\"\n---\n*/\nselect 1 as x",
        "/*\n---\nmaterialized: table\nalias: kept\n---\n*/\nselect 1 as x",
        "/*\n---\nmaterialized: incremental\nunique_key: x\n---\n*/\nselect 1 as x"
        "{% if is_incremental() %} where 1 > (select max(x) from {{ this }}){% endif %}",
        SNAPSHOT + "select 1 as x, 2 as y",
    ],
    ids=["view", "table with a hook", "alias", "incremental", "snapshot"],
)
def test_every_kind_of_model_stays_current(tmp_path, text):
    root = project(tmp_path, text)
    ok(root, "build")
    move(root)
    ok(root, "rename", "orders", "sales")
    assert "nothing to do" in ok(root, "build")


def test_a_seed_and_a_function_stay_current(tmp_path):
    root = project(
        tmp_path,
        **{
            "seeds/raw.csv": "a\n1\n",
            "models/made.py": "from sqlpipes import asset\n\n\n@asset\ndef made():\n    return [{'a': 1}]\n",
        },
    )
    ok(root, "build")
    move(root, "seeds/raw.csv", "seeds/untouched.csv")
    path = root / "models" / "made.py"
    path.write_text(path.read_text().replace("def made", "def crafted"))
    ok(root, "rename", "raw", "untouched")
    assert "more than its name" not in ok(root, "rename", "made", "crafted")
    assert "nothing to do" in ok(root, "build")
    assert ask(root, "select * from untouched union all select * from crafted") == [(1,), (1,)]


def test_the_history_of_a_snapshot_goes_on(tmp_path):
    text = SNAPSHOT + "select * from raw"
    root = project(tmp_path, text, **{"seeds/raw.csv": "x,y\n1,old\n"})
    ok(root, "build")
    move(root)
    ok(root, "rename", "orders", "sales")
    (root / "seeds" / "raw.csv").write_text("x,y\n1,new\n")
    ok(root, "build")
    assert ask(root, "select y, is_current from sales order by y") == [
        ("new", True),
        ("old", False),
    ]


def test_another_schema_takes_the_rows_along(tmp_path):
    root = project(tmp_path, DAILY.replace("checks:", "schema: first\nchecks:"))
    ok(root, "build")
    path = root / "models" / "orders.sql"
    path.write_text(path.read_text().replace("schema: first", "schema: second"))
    move(root)
    said = ok(root, "rename", "orders", "sales")
    assert 'create table "second"."sales" as select * from "first"."orders"' in said
    assert "nothing to do" in ok(root, "build")
    assert ask(root, "select count(*) from second.sales") == [(5,)]
    assert ask(root, "select count(*) from duckdb_tables() where table_name = 'orders'") == [(0,)]


def test_what_was_edited_beside_the_name_is_still_seen(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    path = root / "models" / "orders.sql"
    path.write_text(path.read_text().replace("count(*) as n", "count(*) + 1 as n"))
    move(root)
    assert "more than its name has changed" in ok(root, "rename", "orders", "sales")
    (step,) = json.loads(ok(root, "plan", "--json"))["steps"]
    assert [reason["why"] for reason in step["reasons"]] == ["SQL changed"]


def test_readers_that_still_have_the_old_name_are_told(tmp_path):
    root = project(tmp_path, **{"models/top.sql": "select * from orders"})
    ok(root, "build")
    move(root)
    assert "these still read 'orders': top" in ok(root, "rename", "orders", "sales")
    (root / "models" / "top.sql").write_text("select * from sales")
    ok(root, "build")
    assert ask(root, "select count(*) from top") == [(5,)]


def test_runs_and_slices_are_found_under_the_new_name(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    ok(root, "rename", "orders", "sales")
    with closing(open_store(None, str(root), target="dev")) as store:
        (slices,) = store.slices("sales")
        assert slices.run_id is not None
        assert [step.asset for step in store.run().steps] == ["sales"]
        assert [check.check for check in store.check_results()] == ["sales.not_null.n"]
        assert store.slices("orders") == ()


def test_a_name_that_differs_in_its_case_only_keeps_its_relation(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    move(root, new="models/Orders.sql")
    assert ok(root, "rename", "orders", "Orders").splitlines() == [
        "renamed orders to Orders: 2024-01-01..2024-01-06 (5 slices)"
    ]
    assert "nothing to do" in ok(root, "build")


def test_the_shell_completes_what_was_left_behind(tmp_path, monkeypatch):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    shell = ShellComplete(sqlpipes, {"obj": None}, "sqlpipes", "_X")
    monkeypatch.chdir(root)
    assert [found.value for found in shell.get_completions(["rename"], "o")] == ["orders"]
    assert [found.value for found in shell.get_completions(["rename", "orders"], "")] == ["sales"]


def test_a_dry_run_changes_nothing(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    said = json.loads(ok(root, "rename", "orders", "sales", "--dry-run", "--json"))
    assert said["done"] is False
    assert said["statements"] == ['alter table "main"."orders" rename to "sales"']
    assert ask(root, "select count(*) from orders") == [(5,)]
    assert json.loads(ok(root, "rename", "orders", "sales", "--json"))["done"] is True


# ---------------------------------------------------------------------------------- what stands in the way


def test_what_cannot_be_renamed_is_said_with_a_way_out(tmp_path):
    root = project(tmp_path, **{"models/other.sql": "select 1 as x"})
    ok(root, "build")
    said = refused(root, "rename", "orders", "sales")
    assert "models/orders.sql:8:1: REN002 'orders' is still in the project" in said
    assert "rename it in the project to 'sales' first" in said
    move(root)
    assert "REN001 nothing is known to be built of 'ordesr'" in refused(
        root, "rename", "ordesr", "sales"
    )
    assert "did you mean 'orders'?" in refused(root, "rename", "ordesr", "sales")
    assert "REF003 there is no asset 'sale'" in refused(root, "rename", "orders", "sale")
    assert "REN003 'other' was built already" in refused(root, "rename", "orders", "other")
    assert "REN002" in refused(root, "rename", "sales", "sales")
    ok(root, "rename", "orders", "sales")
    again = refused(root, "rename", "orders", "sales")
    assert "it may have been renamed already" in again


def test_a_relation_that_is_in_the_way_is_left_alone(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    ask(root, "create table sales as select 42 as mine")
    move(root)
    assert "REN004 there is a table main.sales already" in refused(
        root, "rename", "orders", "sales"
    )
    assert ask(root, "select * from sales") == [(42,)]
    assert "nothing to do" not in ok(root, "plan")


def test_a_table_does_not_become_a_view_by_its_name(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    (root / "models" / "orders.sql").unlink()
    (root / "models" / "sales.sql").write_text("select 1 as x")
    assert "REN005 main.orders is a table, and 'sales' is to be a view" in refused(
        root, "rename", "orders", "sales"
    )


def test_a_source_is_nobodys_to_rename(tmp_path):
    root = project(
        tmp_path, **{"models/s.yml": "sources:\n  - name: raw\n    tables: [{name: t}]\n"}
    )
    ok(root, "build", "-s", "orders")
    (root / "models" / "orders.sql").unlink()
    assert "REF003 'raw.t' is a table of others" in refused(root, "rename", "orders", "raw.t")


def test_a_running_build_is_waited_for(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    with build_lock(str(root), command="build"):
        result = run(root, "rename", "orders", "sales")
    assert result.exit_code == 1
    assert "LCK001" in result.stderr
    ok(root, "rename", "orders", "sales")


def test_a_refusal_of_the_warehouse_leaves_everything_as_it_was(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    ask(root, "create index by_day on orders(day)")
    move(root)
    result = run(root, "rename", "orders", "sales")
    assert result.exit_code == 1
    assert "depend" in result.stderr
    ask(root, "drop index by_day")
    ok(root, "rename", "orders", "sales")
    assert "nothing to do" in ok(root, "build")


# ----------------------------------------------------------------------------------------------- crashes


def cut_off(root: Path) -> None:
    """What a process leaves that dies after the warehouse's half and before the state's."""
    note = {"old": "orders", "new": "sales", "from": "main.orders", "to": "main.sales"}
    with closing(open_store(None, str(root), target="dev")) as store:
        store.set_stamp("renaming", json.dumps(note))
    ask(root, "alter table orders rename to sales")


def test_a_rename_that_was_cut_off_is_finished_by_another_one_and_by_no_build_before(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    cut_off(root)
    said = refused(root, "build")
    assert "REN007 renaming 'orders' to 'sales' was cut off half-way" in said
    assert "sqlpipes rename orders sales finishes it" in said
    assert "finishing a rename that was cut off" in ok(root, "rename", "orders", "sales")
    assert "nothing to do" in ok(root, "build")
    assert ask(root, "select count(*) from sales") == [(5,)]


def test_a_rename_that_was_cut_off_before_anything_happened_begins_again(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    cut_off(root)
    ask(root, "alter table sales rename to orders")
    ok(root, "rename", "orders", "sales")
    assert "nothing to do" in ok(root, "build")


def test_whoever_thinks_better_of_it_is_not_held_up(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    cut_off(root)
    move(root, "models/sales.sql", "models/orders.sql")
    ok(root, "build")
    assert ask(root, "select count(*) from orders") == [(5,)]


def test_a_relation_that_is_gone_is_built_anew_under_the_new_name(tmp_path):
    root = project(tmp_path)
    ok(root, "build")
    ask(root, "drop table orders")
    move(root)
    assert "is not in the warehouse: the next build makes main.sales" in ok(
        root, "rename", "orders", "sales"
    )
    ok(root, "build")
    assert ask(root, "select count(*) from sales") == [(5,)]


def test_doubts_and_failures_move_too(tmp_path):
    """A mark that a dead process left must not be forgotten with the name."""
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    import sqlite3

    text = '{"grain":"day","ranges":[[19724,19725]]}'
    with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as db, db:
        db.execute(
            "insert into sqlpipes_marks values ('dev', 'orders', 99, ?, 'v', 1, 0, 0)", (text,)
        )
    ok(root, "rename", "orders", "sales")
    with closing(open_store(None, str(root), target="dev")) as store:
        assert store.history().of("sales").suspect == Partitions.of(Grain.DAY, [(19724, 19725)])
    assert "interrupted last time" in ok(root, "plan")


@pytest.mark.nightly
@pytest.mark.parametrize("turn", range(30))
def test_a_kill_at_any_moment_loses_nothing(tmp_path, turn):
    root = project(tmp_path)
    ok(root, "build")
    move(root)
    process = spawn(root, "rename", "orders", "sales")
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(turn / 15)
    process.kill()
    process.communicate()
    again = run(root, "rename", "orders", "sales")
    assert again.exit_code == 0 or "it may have been renamed already" in again.stderr
    assert "nothing to do" in ok(root, "build")
    assert ask(root, "select count(*) from sales") == [(5,)]
    assert ask(root, "select count(*) from duckdb_tables()") == [(1,)]


def test_an_asset_that_only_has_another_place_needs_no_rename(tmp_path):
    root = project(tmp_path, SNAPSHOT + "select 1 as x\n")
    ok(root, "build")
    (root / "sqlpipes.yml").write_text("name: shop\ndefaults: {models: {schema: two}}\n")
    assert "where its schema or alias changes, the next build moves" in refused(
        root, "rename", "orders", "orders"
    )
    assert "that is where 'orders' was built last: its next build moves what it keeps" in refused(
        root, "rename", "main.orders", "two.orders"
    )
    assert "moved from main.orders" in ok(root, "build")
