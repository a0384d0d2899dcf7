"""Ctrl-C, SIGTERM and a terminal that is closed, at any moment: one line, an exit code, nothing half done."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli.projects import SLOW, ok, spawn, wait_until_running, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")

FILES = {
    "sqlpipes.yml": "name: slow\n",
    "models/first.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x\n",
    "models/slow.sql": f"/*\n---\nmaterialized: table\ndepends_on: [first]\n---\n*/\n{SLOW}\n",
}


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(60)
        yield server


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", ["plan", "debug", "build", "show a"])
def test_a_stop_while_a_server_does_not_answer(
    tmp_path: Path, silent: socket.socket, command: str, number: int, code: int
) -> None:
    at = f"host: 127.0.0.1, port: {silent.getsockname()[1]}, user: me, dbname: x"
    profile = f"shop: {{outputs: {{dev: {{type: postgres, {at}, connect_timeout: 60}}}}}}\n"
    files = {"sqlpipes.yml": "name: shop\n", "models/a.sql": "select 1 as x\n"}
    child = spawn(write(tmp_path, {**files, "profiles.yml": profile}), *command.split())
    connection, _ = silent.accept()
    with connection:
        child.send_signal(number)
        out, err = child.communicate(timeout=30)
    assert child.returncode == code, out + err
    assert err.split() == ["stopped"]
    assert "ENG" not in out


@pytest.mark.long
@pytest.mark.parametrize("pause_s", [0, 0.3])
def test_many_ctrl_c_leave_one_word_and_nothing_half_done(tmp_path: Path, pause_s: float) -> None:
    root = write(tmp_path, FILES)
    child = spawn(root, "build")
    wait_until_running(root, "slow", child)
    for _ in range(4):
        child.send_signal(signal.SIGINT)
        time.sleep(pause_s)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, out + err
    assert "Traceback" not in out + err
    assert "Exception ignored" not in out + err
    assert "slow  " in ok(root, "plan")
    assert "current: first" in ok(root, "plan")


def test_a_second_sigterm_keeps_its_code(tmp_path: Path) -> None:
    sleeper = (
        "import time\nfrom sqlpipes import asset\n\n@asset\ndef naps():\n    time.sleep(300)\n"
    )
    root = write(tmp_path, {"sqlpipes.yml": "name: naps\n", "models/naps.py": sleeper})
    child = spawn(root, "build")
    wait_until_running(root, "naps", child)
    child.send_signal(signal.SIGTERM)
    assert child.stderr is not None
    while "stopping" not in child.stderr.readline():
        pass
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 143, out + err
    assert "Traceback" not in err


@pytest.mark.parametrize("times", [2])
def test_a_hang_up_stops_in_good_order_however_often_it_comes(tmp_path: Path, times: int) -> None:
    root = write(tmp_path, FILES)
    child = spawn(root, "build")
    wait_until_running(root, "slow", child)
    for _ in range(times):
        child.send_signal(signal.SIGHUP)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 129, out + err
    assert "1 done, 1 stopped" in out
    assert "Traceback" not in err
    assert "cancelled" in ok(root, "runs")


def test_nohup_goes_on(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what a child begins with
    try:
        root = write(tmp_path, FILES)
        child = spawn(root, "build")
        wait_until_running(root, "slow", child)
        child.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert child.poll() is None
    finally:
        signal.signal(signal.SIGHUP, before)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)
    assert child.returncode == 130


def test_a_terminal_that_is_closed(tmp_path: Path) -> None:
    """What is left to do says some lines, and nobody is there to take them."""
    import pty

    root = write(tmp_path, FILES)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(root)
        os.execv(sys.executable, [sys.executable, "-m", "sqlpipes", "build"])
    ends, said = time.monotonic() + 60, ""
    while "slow" not in said and time.monotonic() < ends:
        said += os.read(terminal, 4096).decode()
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert "cancelled" in ok(root, "runs")
    with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as db, db:
        assert db.execute("select * from sqlpipes_marks").fetchall() == []
