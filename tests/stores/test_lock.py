"""One build at a time, and a name for whoever holds the lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sqlpipes.core.errors import LockedError
from sqlpipes.stores import build_lock, lock_holder

HOLD = """
import sys, time
from sqlpipes.stores import build_lock

with build_lock(sys.argv[1], command="sqlpipes build --select orders"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold(root: Path) -> subprocess.Popen[str]:
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "held\n"
    return held


def test_who_holds_the_lock_is_named(tmp_path: Path) -> None:
    held = hold(tmp_path)
    try:
        with pytest.raises(LockedError) as caught, build_lock(str(tmp_path)):
            pass
        problem = caught.value.problems[0]
        assert problem.code == "LCK001"
        assert f"'sqlpipes build --select orders' (process {held.pid})" in problem.message
        assert problem.hint
        holder = lock_holder(str(tmp_path))
        assert holder is not None
        assert (holder.pid, holder.command) == (held.pid, "sqlpipes build --select orders")
    finally:
        held.communicate("done\n")


def test_the_lock_is_free_after_its_holder_ends(tmp_path: Path) -> None:
    hold(tmp_path).communicate("done\n")
    assert lock_holder(str(tmp_path)) is None
    with build_lock(str(tmp_path)):
        holder = lock_holder(str(tmp_path))
        assert holder is not None
        assert holder.pid == os.getpid()
    assert lock_holder(str(tmp_path)) is None


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    held = hold(tmp_path)
    held.send_signal(signal.SIGKILL)
    held.communicate()
    with build_lock(str(tmp_path)):
        pass


def test_waiting_gets_the_lock_when_it_comes_free(tmp_path: Path) -> None:
    held = hold(tmp_path)
    threading.Timer(0.2, lambda: held.communicate("done\n")).start()
    with build_lock(str(tmp_path), wait_s=30):
        holder = lock_holder(str(tmp_path))
    assert holder is not None
    assert holder.pid == os.getpid()


def test_the_lock_is_let_go_when_the_build_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), build_lock(str(tmp_path)):
        raise ZeroDivisionError
    assert lock_holder(str(tmp_path)) is None


def test_two_builds_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    second = build_lock(str(tmp_path))
    with build_lock(str(tmp_path), command="first"), pytest.raises(LockedError, match="'first'"):
        second.__enter__()
    with build_lock(str(tmp_path)):
        pass


def test_other_folders_are_free(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with build_lock(str(tmp_path / "one")), build_lock(str(tmp_path / "two")):
        assert lock_holder(str(tmp_path / "one")) is not None


def test_nobody_holds_a_lock_that_was_never_made(tmp_path: Path) -> None:
    assert lock_holder(str(tmp_path)) is None
    assert not (tmp_path / ".sqlpipes").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / ".sqlpipes").touch()
    with pytest.raises(LockedError) as caught, build_lock(str(tmp_path)):
        pass
    assert caught.value.problems[0].code == "LCK002"


def test_a_look_at_the_lock_keeps_nobody_from_building(tmp_path: Path) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            lock_holder(str(tmp_path))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            with build_lock(str(tmp_path)):
                pass
    finally:
        done.set()
        for looker in lookers:
            looker.join()


def test_a_folder_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / ".sqlpipes").mkdir()
    (tmp_path / ".sqlpipes" / "build.lock").mkdir()
    with pytest.raises(LockedError, match="LCK002 cannot write in"), build_lock(str(tmp_path)):
        pass
