"""The state asked without SQLAlchemy: the same answers, and the full store for everything else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stores.events import built, run_finished, run_started, span, started

from sqlpipes.core.errors import StoreError
from sqlpipes.core.status import Status
from sqlpipes.stores import Store, journal, open_store
from sqlpipes.stores.local import LocalStore, local_file
from sqlpipes.stores.sql import open_sql_store

ASKING = """
import sys
from sqlpipes.stores import open_store
store = open_store(None, sys.argv[1], target="dev")
store.close_stale_runs()
from stores.events import built, run_finished, run_started
store.append(run_started("r2"))
for event in built("orders", run_id="r2", definition="select 1"):
    store.append(event)
store.append(run_finished("r2"))
store.set_stamp("warehouse", "again")
store.forget(["daily"])
print(len(store.history().assets), store.stamp("warehouse"), store.definitions(["orders"]))
store.close()
print("sqlalchemy" in sys.modules)
"""


def remember(root: Path, *, ended: bool = True) -> None:
    """A run of two assets; without an end it leaves a mark behind."""
    with closing(open_store(None, str(root), target="dev")) as store:
        store.append(run_started())
        for name in ("orders", "daily"):
            for event in built(name, slices=span(0, 9), definition=f"select '{name}'"):
                store.append(event)
        store.append(started("daily", slices=span(4, 6)))
        if ended:
            store.append(run_finished())
        store.set_stamp("warehouse", "seen")


def both(root: Path) -> tuple[Store, Store]:
    local = open_store(None, str(root), target="dev")
    assert isinstance(local, LocalStore)
    return local, open_sql_store(None, str(root), target="dev")


@pytest.mark.parametrize("ended", [True, False])
def test_both_ways_of_asking_answer_alike(tmp_path: Path, ended: bool) -> None:
    remember(tmp_path, ended=ended)
    local, full = both(tmp_path)
    assert local.history() == full.history()
    assert local.history().of("daily").suspect == span(4, 6)
    assert local.history(["orders", "?"]) == full.history(["orders", "?"])
    many = ["daily", *(f"asset {i}" for i in range(300))]
    assert local.history(many) == full.history(many)
    assert local.definitions(["daily"]) == full.definitions(["daily"]) != {}
    assert local.stamp("warehouse") == full.stamp("warehouse") == "seen"
    assert local.stamp("other") is None


def test_what_a_build_asks_and_notes_does_not_import_sqlalchemy(tmp_path: Path) -> None:
    remember(tmp_path)
    command = [sys.executable, "-c", ASKING, str(tmp_path)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=here)
    definitions = {"orders": "select 1"}
    assert said.stdout.splitlines() == [f"1 again {definitions}", "False"]
    local, full = both(tmp_path)
    assert local.history() == full.history()
    assert local.run("r2").status is Status.SUCCESS


def test_two_ways_of_writing_take_turns(tmp_path: Path) -> None:
    """What each remembers of its last write is not taken for what stands there now."""
    open_store(None, str(tmp_path), target="dev").close()
    local, full = both(tmp_path)
    alone = open_store("memory://", str(tmp_path))
    for i, store in enumerate((local, full, local, full, full, local)):
        for event in built("orders", version=f"v{i}", slices=span(i, i + 2)):
            store.append(event)
            alone.append(event)
        if i % 2:
            store.append(started("daily", slices=span(i, i + 1)))
            alone.append(started("daily", slices=span(i, i + 1)))
    assert local.history() == full.history() == alone.history()


def test_every_column_of_a_step_is_known_at_its_begin_or_at_its_end() -> None:
    from sqlpipes.stores.journal import BEGUN, ENDED
    from sqlpipes.stores.tables import steps

    assert sorted((*BEGUN, *ENDED, "id")) == sorted(steps.columns.keys())


def begin_and_fall(store: LocalStore) -> None:
    with store._write() as to:
        journal.record(to, started("orders", slices=span(0, 1)))
        raise ZeroDivisionError


def test_a_transaction_that_raises_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    remember(tmp_path)
    local, _ = both(tmp_path)
    assert isinstance(local, LocalStore)
    before = local.history()
    with pytest.raises(ZeroDivisionError):
        begin_and_fall(local)
    assert local.history() == before
    for event in built("orders", version="v2"):
        local.append(event)
    assert local.history().of("orders").version == "v2"


def test_a_run_whose_process_died_is_closed(tmp_path: Path) -> None:
    remember(tmp_path, ended=False)
    with closing(open_store(None, str(tmp_path), target="dev")) as store:
        assert store.close_stale_runs() == ("r1",)
        assert store.run().status is Status.INTERRUPTED
        assert store.close_stale_runs() == ()


def test_after_a_write_the_answers_are_new(tmp_path: Path) -> None:
    remember(tmp_path)
    with closing(open_store(None, str(tmp_path), target="dev")) as store:
        before = store.history()
        store.forget(["orders"])
        assert "orders" in before.assets
        assert "orders" not in store.history().assets
        assert store.definitions(["orders"]) == {}


def test_a_state_that_is_damaged_later_is_an_error(tmp_path: Path) -> None:
    remember(tmp_path)
    with closing(open_store(None, str(tmp_path), target="dev")) as store:
        path = tmp_path / ".sqlpipes" / "state.db"
        path.write_bytes(b"no database at all" * 500)
        with pytest.raises(StoreError) as caught:
            store.history()
    assert caught.value.problems[0].code == "STO002"


def test_another_schema_is_the_full_stores_business(tmp_path: Path) -> None:
    remember(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".sqlpipes" / "state.db")) as db, db:
        db.execute("insert into sqlpipes_schema values (99)")
    with pytest.raises(StoreError) as caught:
        open_store(None, str(tmp_path), target="dev")
    assert caught.value.problems[0].code == "STO005"


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    root = tmp_path / "50% #1 ?"
    root.mkdir()
    remember(root)
    local, full = both(root)
    assert local.history() == full.history() != open_store("memory://", str(root)).history()


@pytest.mark.parametrize(
    "url", ["memory://", "sqlite://", "sqlite:///x.db?mode=ro", "postgresql://me@host/state"]
)
def test_other_databases_are_not_asked_this_way(url: str) -> None:
    assert local_file(url, "/shop") is None


def schema_of(path: Path) -> dict[str, Any]:
    """Tables and indexes as SQLite itself tells them."""
    with closing(sqlite3.connect(path)) as db:
        found: dict[str, Any] = {}
        for name, sql in db.execute("select name, sql from sqlite_master where type = 'table'"):
            columns = db.execute(f"pragma table_info({name})").fetchall()
            indexes = db.execute(f"pragma index_list({name})").fetchall()
            words = " ".join(str(sql).upper().split())
            found[name] = (
                [
                    (c[1], c[2].upper(), c[3], (c[4] or "").strip("'").lower(), c[5])
                    for c in columns
                ],
                sorted(
                    (i[2], i[3], tuple(c[2] for c in db.execute(f"pragma index_info({i[1]})")))
                    for i in indexes
                ),
                "WITHOUT ROWID" in words,
                "AUTOINCREMENT" in words,
            )
        return found


def test_both_ways_make_the_same_tables(tmp_path: Path) -> None:
    open_store("sqlite:///a.db", str(tmp_path)).close()
    open_sql_store("sqlite:///b.db", str(tmp_path), target="default").close()
    ours, theirs = schema_of(tmp_path / "a.db"), schema_of(tmp_path / "b.db")
    assert ours.keys() == theirs.keys()
    for name, table in ours.items():
        assert table == theirs[name], name


def test_a_first_build_does_not_import_sqlalchemy(tmp_path: Path) -> None:
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", ASKING, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=here)
    assert said.stdout.splitlines() == ["1 again {'orders': 'select 1'}", "False"]
    assert (tmp_path / ".sqlpipes" / ".gitignore").read_text() == "*\n"


OPENING = """
import sys
from sqlpipes.stores import open_store
store = open_store(None, sys.argv[1], target="dev")
store.set_stamp(sys.argv[2], "here")
store.close()
"""


def test_many_that_make_it_at_once_find_one(tmp_path: Path) -> None:
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, str(tmp_path), str(i)], stderr=subprocess.PIPE
        )
        for i in range(6)
    ]
    assert [process.communicate(timeout=60)[1] for process in begun] == [b""] * 6
    with closing(open_store(None, str(tmp_path), target="dev")) as store:
        assert [store.stamp(str(i)) for i in range(6)] == ["here"] * 6
        assert store.tick() == 6
