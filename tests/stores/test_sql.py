"""The store in a file: several processes, old and damaged files, dead builds."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from stores.events import built, run_finished, run_started, span, started

from sqlpipes.core.errors import StoreError
from sqlpipes.core.partitions import WHOLE, Grain
from sqlpipes.core.status import Status
from sqlpipes.stores import Store, open_store
from sqlpipes.stores.schema import MIGRATIONS, SCHEMA_VERSION
from sqlpipes.stores.sql import open_sql_store

HERE = Path(__file__).parent


def state_file(root: Path) -> Path:
    return root / ".sqlpipes" / "state.db"


def code_of(caught: pytest.ExceptionInfo[StoreError]) -> str:
    return caught.value.problems[0].code


def build_something(store: Store) -> None:
    store.append(run_started())
    for event in built("orders", definition="select 1"):
        store.append(event)
    store.append(run_finished())


def test_the_state_lives_in_the_project_and_out_of_git(tmp_path: Path) -> None:
    open_store(None, str(tmp_path)).close()
    assert state_file(tmp_path).exists()
    assert (tmp_path / ".sqlpipes" / ".gitignore").read_text() == "*\n"
    with closing(sqlite3.connect(state_file(tmp_path))) as db, db:
        assert db.execute("pragma journal_mode").fetchone() == ("wal",)


def test_what_was_told_is_there_after_opening_again(tmp_path: Path) -> None:
    first = open_store(None, str(tmp_path), target="dev")
    build_something(first)
    told = first.history(), first.run()
    first.close()
    again = open_store(None, str(tmp_path), target="dev")
    assert (again.history(), again.run()) == told


def test_targets_have_different_pasts(tmp_path: Path) -> None:
    dev, prod = (open_store(None, str(tmp_path), target=name) for name in ("dev", "prod"))
    build_something(dev)
    dev.set_stamp("warehouse", "1")
    assert prod.history().assets == {}
    assert prod.history().tick == 0
    assert (prod.stamp("warehouse"), prod.runs(), prod.last_result()) == (None, (), {})
    prod.append(run_started("p1"))
    for event in built("orders", version="v9", run_id="p1"):
        prod.append(event)
    assert dev.history().of("orders").version == "v1"
    assert prod.history().of("orders").version == "v9"
    assert dev.run().run_id == "r1"
    prod.forget(["orders"])
    prod.prune(0)
    assert dev.history().of("orders").version == "v1"
    assert len(dev.run().steps) == 1


def test_a_relative_path_is_taken_from_the_project(tmp_path: Path) -> None:
    open_store("sqlite:///deep/er/state.db", str(tmp_path)).close()
    assert (tmp_path / "deep" / "er" / "state.db").exists()
    absolute = tmp_path / "absolute.db"
    open_store(f"sqlite:///{absolute}", "/nowhere").close()
    assert absolute.exists()


def test_a_sqlite_url_without_a_file_lives_as_long_as_the_store(tmp_path: Path) -> None:
    store = open_store("sqlite://", str(tmp_path))
    build_something(store)
    assert store.history().of("orders").version == "v1"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "code"),
    [("no url", "STO007"), ("mysql://x/y", "STO007"), ("postgresql+nosuch://x/y", "STO006")],
)
def test_a_url_that_leads_nowhere(tmp_path: Path, url: str, code: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url, str(tmp_path))
    assert code_of(caught) == code
    assert caught.value.problems[0].hint


def test_a_password_is_not_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_store("postgresql+nosuch://me:s3cret@host/db", str(tmp_path))
    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    state_file(tmp_path).parent.mkdir()
    state_file(tmp_path).write_bytes(b"this was a database once" * 500)
    with pytest.raises(StoreError) as caught:
        open_store(None, str(tmp_path))
    problem = caught.value.problems[0]
    assert problem.code == "STO002"
    assert str(state_file(tmp_path)) in problem.message
    assert "move" in (problem.hint or "")


def test_a_file_damaged_in_the_middle(tmp_path: Path) -> None:
    store = open_store(None, str(tmp_path))
    build_something(store)
    for number in range(300):
        for event in built(f"m{number}", definition="select 1 " * 50):
            store.append(event)
    store.close()
    size = state_file(tmp_path).stat().st_size
    with open(state_file(tmp_path), "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(StoreError) as caught:
        open_store(None, str(tmp_path)).history()
    assert code_of(caught) == "STO002"


def test_an_empty_file_is_a_new_state(tmp_path: Path) -> None:
    state_file(tmp_path).parent.mkdir()
    state_file(tmp_path).touch()
    build_something(open_store(None, str(tmp_path)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError) as caught:
        open_store(None, str(tmp_path))
    assert code_of(caught) == "STO004"


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    state_file(tmp_path).mkdir(parents=True)
    with pytest.raises(StoreError) as caught:
        open_store(None, str(tmp_path))
    assert code_of(caught) == "STO004"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / ".sqlpipes").touch()
    with pytest.raises(StoreError) as caught:
        open_store(None, str(tmp_path))
    assert code_of(caught) == "STO004"


def test_a_newer_state_is_left_alone(tmp_path: Path) -> None:
    open_store(None, str(tmp_path)).close()
    with closing(sqlite3.connect(state_file(tmp_path))) as db, db:
        db.execute("insert into sqlpipes_schema (version) values (999)")
    with pytest.raises(StoreError) as caught:
        open_store(None, str(tmp_path))
    assert code_of(caught) == "STO005"
    assert "999" in str(caught.value)


def old_state(root: Path) -> None:
    """The first released state, as that version left it."""
    state_file(root).parent.mkdir()
    with closing(sqlite3.connect(state_file(root))) as db, db:
        db.executescript((HERE / "state_v1.sql").read_text())


def test_the_first_released_state_can_be_read(tmp_path: Path) -> None:
    old_state(tmp_path)
    store = open_store(None, str(tmp_path), target="dev")
    past = store.history().of("facts")
    assert past.slices(Grain.DAY) == span(0, 8)
    assert past.suspect == span(8, 10)
    assert store.definitions(["orders"]) == {"orders": "select 1"}
    assert store.run().counts == {Status.SUCCESS: 2, Status.INTERRUPTED: 1}
    assert store.check_results()[0].failures == 2
    for event in built("facts", span(8, 10)):
        store.append(event)
    assert store.history().of("facts").suspect is None


def test_an_old_state_is_brought_up_step_by_step(tmp_path: Path) -> None:
    old_state(tmp_path)
    after = SCHEMA_VERSION + 1
    added = ("ALTER TABLE sqlpipes_runs ADD COLUMN host TEXT", "CREATE TABLE extra (a INTEGER)")
    steps = {**MIGRATIONS, after: added, after + 1: ("INSERT INTO extra VALUES (1)",)}
    open_sql_store(None, str(tmp_path), target="dev", migrations=steps).close()
    store = open_sql_store(None, str(tmp_path), target="dev", migrations=steps)
    assert store.history().of("facts").slices(Grain.DAY) == span(0, 8)
    with closing(sqlite3.connect(state_file(tmp_path))) as db, db:
        versions = db.execute("select version from sqlpipes_schema order by 1").fetchall()
        assert versions == [(n,) for n in range(1, after + 2)]
        assert db.execute("select * from extra").fetchall() == [(1,)]


def test_a_migration_that_fails_leaves_its_step_undone(tmp_path: Path) -> None:
    old_state(tmp_path)
    steps = {2: ("CREATE TABLE extra (a INTEGER)",), 3: ("CREATE TABLE more (a)", "no sql")}
    with pytest.raises(StoreError):
        open_sql_store(None, str(tmp_path), target="dev", migrations=steps)
    with closing(sqlite3.connect(state_file(tmp_path))) as db, db:
        assert db.execute("select max(version) from sqlpipes_schema").fetchone() == (2,)
        tables = {name for (name,) in db.execute("select name from sqlite_master")}
    assert "extra" in tables
    assert "more" not in tables


def test_an_event_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    store = open_store(None, str(tmp_path), target="dev")
    build_something(store)
    before = store.history()
    with pytest.raises(StoreError):
        store.append(run_started("r1"))  # there is one already
    with closing(sqlite3.connect(state_file(tmp_path))) as db, db:
        db.execute("alter table sqlpipes_marks rename to away")
    with pytest.raises(StoreError):
        store.append(started("orders", version="v2"))
    with closing(sqlite3.connect(state_file(tmp_path))) as db, db:
        db.execute("alter table away rename to sqlpipes_marks")
    assert store.history() == before
    assert len(store.run().steps) == 1
    for event in built("orders", version="v2"):
        store.append(event)
    assert store.history().of("orders").version == "v2"


def test_a_store_sees_what_another_wrote_meanwhile(tmp_path: Path) -> None:
    one, two = (open_store(None, str(tmp_path), target="dev") for _ in range(2))
    one.append(run_started())
    for store, slices, version in (
        (one, span(0, 5), "v1"),
        (two, span(2, 8), "v2"),
        (one, span(3, 4), "v3"),
    ):
        for event in built("facts", slices, version):
            store.append(event)
    assert {b.version: str(b.slices) for b in one.history().of("facts").built} == {
        "v1": "1970-01-01..1970-01-03",
        "v2": "1970-01-03, 1970-01-05..1970-01-09",
        "v3": "1970-01-04",
    }


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from stores.events import built, run_started
from sqlpipes.stores import open_store

store = open_store(None, sys.argv[2], target="dev")
run = sys.argv[3]
store.append(run_started(run))
for number in range(40):
    for event in built(f"{run}_{number}", run_id=run):
        store.append(event)
"""


def test_processes_that_write_at_once_never_share_a_tick(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", WRITER, str(HERE.parent), str(tmp_path)]
    writers = [subprocess.Popen([*arguments, f"p{number}"]) for number in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    store = open_store(None, str(tmp_path), target="dev")
    history = store.history()
    ticks = [
        t for p in history.assets.values() for t in (p.built[0].read_at, p.built[0].written_at)
    ]
    assert len(history.assets) == 120
    assert sorted(ticks) == list(range(1, 241))
    assert history.tick == 240


def test_readers_in_other_threads_see_whole_events(tmp_path: Path) -> None:
    store = open_store(None, str(tmp_path), target="dev")
    store.append(run_started())
    torn: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            past = store.history().of("facts")
            if past.built and (past.version != past.built[-1].version or past.slices(Grain.WHOLE)):
                torn.append(past)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(60):
        for event in built("facts", span(number, number + 3), f"v{number}"):
            store.append(event)
    done.set()
    reader.join()
    assert torn == []


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from stores.events import run_started, started
from sqlpipes.stores import build_lock, open_store

with build_lock(sys.argv[2], command="sqlpipes build"):
    store = open_store(None, sys.argv[2], target="dev")
    store.append(run_started("dead"))
    store.append(started("orders", run_id="dead", version="v2"))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_build_is_found_and_mended_by_the_next(tmp_path: Path) -> None:
    from sqlpipes.stores import build_lock

    store = open_store(None, str(tmp_path), target="dev")
    build_something(store)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(HERE.parent), str(tmp_path)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert store.run().status is Status.RUNNING
    with build_lock(str(tmp_path)):
        assert store.close_stale_runs() == ("dead",)
        assert store.run("dead").status is Status.INTERRUPTED
        past = store.history().of("orders")
        assert (past.suspect, past.version) == (WHOLE, "v1")
        assert not past.slices(Grain.WHOLE)
        store.append(run_started("r3"))
        for event in built("orders", version="v2", run_id="r3"):
            store.append(event)
    past = store.history().of("orders")
    assert (past.suspect, past.version, past.slices(Grain.WHOLE)) == (None, "v2", WHOLE)


def test_a_run_of_another_place_is_not_said_to_be_dead(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (open_store(url, str(tmp_path / name), target="dev") for name in ("one", "two"))
    one.append(run_started("r1"))
    assert two.close_stale_runs() == ()
    assert one.close_stale_runs() == ("r1",)


def test_the_page_about_state_names_every_table_and_column() -> None:
    from sqlpipes.stores.tables import metadata

    page = (HERE.parents[1] / "docs" / "state.md").read_text()
    for table in metadata.sorted_tables:
        assert table.name in page
        for column in table.columns:
            assert re.search(rf"\b{column.name}\b", page), f"{table.name}.{column.name}"


def test_the_questions_on_that_page_can_be_asked(tmp_path: Path) -> None:
    page = (HERE.parents[1] / "docs" / "state.md").read_text()
    store = open_store(None, str(tmp_path), target="dev")
    store.append(run_started())
    for event in built("orders", span(0, 3)):
        store.append(event)
    block = re.search(r"```sql\n(.*?)```", page, re.DOTALL)
    assert block is not None
    with closing(sqlite3.connect(state_file(tmp_path))) as db, db:
        slowest, built_days = (
            db.execute(question).fetchall() for question in block[1].split(";") if question.strip()
        )
    assert slowest == [("orders", "create table", 0.25, None)]
    assert built_days == [("1970-01-01", "1970-01-03", "v1")]


def test_many_may_make_the_state_at_once(tmp_path: Path) -> None:
    """SQLite lets nobody wait who turns a new database to write-ahead."""
    for attempt in range(5):
        root = tmp_path / str(attempt)
        root.mkdir()
        barrier = threading.Barrier(6)

        def opened(root: Path = root, barrier: threading.Barrier = barrier) -> int:
            barrier.wait()
            with closing(open_store(None, str(root), target="dev")) as store:
                return store.history().tick

        with ThreadPoolExecutor(6) as pool:
            assert [each.result() for each in [pool.submit(opened) for _ in range(6)]] == [0] * 6
