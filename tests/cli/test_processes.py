"""What needs a process of its own: signals, locks between processes, terminals, the shell."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time

import duckdb
import pytest
from cli.projects import SLOW, ok, run, spawn, wait_until_running, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")

FILES = {
    "sqlpipes.yml": "name: slow\n",
    "models/first.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x\n",
    "models/slow.sql": f"/*\n---\nmaterialized: table\ndepends_on: [first]\n---\n*/\n{SLOW}\n",
    "models/last.sql": "select * from slow\n",
}

GATED = """
import os, time
from sqlpipes import asset

@asset
def last(slow):
    while not os.path.exists("gate"):
        time.sleep(0.02)
    return [{"x": 1}]
"""


@pytest.fixture
def slow(tmp_path):
    return write(tmp_path / "slow", FILES)


def quicken(root):
    (root / "models" / "slow.sql").write_text("select 2 as s, count(*) as n from first\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_rolls_back_what_runs_and_says_so(slow, number, code):
    process = spawn(slow, "build")
    wait_until_running(slow, "slow", process)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, out + err
    assert "stopping: what runs is rolled back" in err
    assert "stop  create table  slow" in out
    assert "the run was stopped" in out
    assert "1 done, 1 stopped, 1 skipped" in out
    assert "Traceback" not in out + err
    assert "cancelled" in ok(slow, "runs")
    planned = ok(slow, "plan")
    assert "slow  never built" in planned
    assert "current: first" in planned
    quicken(slow)
    assert "2 done" in ok(slow, "retry")


@pytest.mark.parametrize("flag", ["--force", "--full-refresh"])
def test_what_a_forced_build_left_is_forced_again(slow, flag):
    edit = (slow / "models/slow.sql").read_text()
    quicken(slow)
    ok(slow, "build")
    quick = (slow / "models/slow.sql").read_text()
    (slow / "models/slow.sql").write_text(edit)
    process = spawn(slow, "build", flag)
    wait_until_running(slow, "slow", process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    (slow / "models/slow.sql").write_text(quick)  # as it was built: nothing is due
    again = run(slow, "retry")
    assert again.exit_code == 0
    assert f"with {flag}, as the newest run" in again.stderr
    assert "2 done" in again.stdout
    assert ok(slow, "retry") == "the newest run left nothing to retry\n"


def test_a_killed_build_is_seen_and_finished_by_the_next(slow):
    process = spawn(slow, "build")
    wait_until_running(slow, "slow", process)
    process.kill()
    process.communicate()
    assert "interrupted" in ok(slow, "runs")
    assert "in doubt slow" in ok(slow, "status")
    assert "slow  interrupted last time" in ok(slow, "plan")
    quicken(slow)
    assert "2 done" in ok(slow, "build")
    assert ok(slow, "show", "last", "-o", "csv").splitlines() == ["s,n", "2,1"]


def test_a_second_build_names_the_first_and_what_can_work_works(slow):
    process = spawn(slow, "build", "--threads", "2")
    try:
        wait_until_running(slow, "slow", process)
        refused = run(slow, "build", "--no-wait")
        assert refused.exit_code == 1
        assert f"'build --threads 2' (process {process.pid}) is building in" in refused.stderr
        for command in ("plan", "show"):
            result = run(slow, command, *(["first"] if command == "show" else []))
            assert result.exit_code == 1
            assert str(process.pid) in result.stderr
        assert run(slow, "clean", "--state").exit_code == 1
        states = ok(slow, "status")
        assert "running  slow" in states
        assert "current  first" in states
        assert "running" in ok(slow, "runs")
        assert "select * from slow" in ok(slow, "compile", "last")
        assert ok(slow, "lint").startswith("3 assets")
        waited = run(slow, "build", "--wait", "0.3")
        assert waited.exit_code == 1
        assert "LCK001" in waited.stderr
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def wait_for_line(stream, word):
    """The next line, which must say that."""
    line = stream.readline()
    assert word in line, line + stream.read()
    return line


def test_a_second_build_waits_and_takes_over_when_the_first_one_fails(slow):
    first = spawn(slow, "build")
    wait_until_running(slow, "slow", first)
    quicken(slow)
    second = spawn(slow, "build")
    line = wait_for_line(second.stderr, "waiting")
    assert (
        line == f"waiting: 'build' (process {first.pid}) is building here (Ctrl-C ends the wait)\n"
    )
    assert second.poll() is None
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, out + err
    assert "2 done" in out


def test_a_second_build_waits_and_finds_the_work_done(slow):
    quicken(slow)
    (slow / "models" / "last.sql").unlink()
    (slow / "models" / "last.py").write_text(GATED)
    first = spawn(slow, "build")
    wait_until_running(slow, "last", first)
    others = [spawn(slow, "build"), spawn(slow, "test", "--wait", "60")]
    for other in others:
        wait_for_line(other.stderr, f"waiting: 'build' (process {first.pid})")
    (slow / "gate").touch()
    assert "3 done" in first.communicate(timeout=60)[0]
    told, more = zip(*(other.communicate(timeout=60) for other in others), strict=True)
    assert [other.returncode for other in others] == [0, 0]
    assert told == ("nothing to do: 3 assets current\n", "no checks to run\n")
    assert not [err for err in more if str(first.pid) in err]  # it is told once


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_and_nothing_else(slow, number, code):
    first = spawn(slow, "build")
    try:
        wait_until_running(slow, "slow", first)
        second = spawn(slow, "build")
        wait_for_line(second.stderr, "waiting")
        second.send_signal(number)
        out, err = second.communicate(timeout=30)
        assert second.returncode == code
        assert "Traceback" not in out + err
        assert err.endswith("\nstopped\n")
        assert first.poll() is None
        assert str(first.pid) in run(slow, "build", "--no-wait").stderr
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)
    assert ok(slow, "runs").count("\n") == 1  # who waited in vain left no run


def test_a_database_that_somebody_else_holds_is_named(slow):
    quicken(slow)
    ok(slow, "build")
    hold = f"db = duckdb.connect({str(slow / 'slow.duckdb')!r})"
    code = f"import duckdb, time; {hold}; print(1, flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        result = run(slow, "build", "--force")
        assert result.exit_code == 1
        assert f"pid {holder.pid}" in result.stderr
    finally:
        holder.kill()
        holder.communicate()
    assert "3 done" in ok(slow, "build", "--force")


def in_terminal(root, *arguments, keys: tuple[bytes, bytes] | None = None, **environment):
    """(exit code, what the terminal got); `keys` are pressed once the first of them is shown."""
    process, terminal = pty.fork()
    if process == 0:  # pragma: no cover
        os.chdir(root)
        os.environ.update({"TERM": "xterm", "COLUMNS": "70", "LINES": "30", **environment})
        os.execv(sys.executable, [sys.executable, "-m", "sqlpipes", *arguments])
    shown, began = b"", time.monotonic()
    while time.monotonic() - began < 60:
        if keys and keys[0] in shown:
            time.sleep(0.5)  # what comes after it has begun
            os.write(terminal, keys[1])
            keys = None
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()


def test_the_live_view_shows_what_runs_and_leaves_only_lines(slow):
    quicken(slow)
    code, shown = in_terminal(slow, "build")
    assert code == 0
    assert "\x1b[32m" in shown
    assert "3/3" in shown
    assert "\x1b[?25h" in shown  # the cursor is back
    code, plain = in_terminal(slow, "build", "--force", NO_COLOR="1")
    assert code == 0
    assert "\x1b[32m" not in plain


def test_ctrl_c_in_a_terminal(slow):
    code, shown = in_terminal(slow, "build", keys=(b"1/3", b"\x03"))
    assert code == 130
    assert "stopping" in shown
    assert "Traceback" not in shown


def test_the_second_ctrl_c_waits_for_no_function(slow):
    sleeper = "from sqlpipes import asset\nimport time\n\n\n@asset\ndef slow_one():\n    time.sleep(300)\n"
    (slow / "models" / "slow_one.py").write_text(sleeper)
    process = spawn(slow, "build", "-s", "slow_one")
    wait_until_running(slow, "slow_one", process)
    process.send_signal(signal.SIGINT)
    while "stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "left alone" not in err
    assert "Traceback" not in err


def test_a_closed_pipe_is_no_fault(slow):
    command = f"{sys.executable} -m sqlpipes ls | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=slow, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("first\n", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_no_traceback(slow):
    slow.chmod(0o555)
    try:
        result = run(slow, "build")
        assert result.exit_code in (1, 2)
        assert "Traceback" not in result.output
    finally:
        slow.chmod(0o755)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_an_asset_name_after_operators(slow):
    script = f"""
    PATH={os.path.dirname(sys.executable)}:$PATH
    eval "$(sqlpipes completion bash)"
    COMP_WORDS=(sqlpipes build -s SOUGHT); COMP_CWORD=3
    _sqlpipes_completion sqlpipes
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    for word, found in (("fi", "first"), ("+sl", "+slow"), ("nope", "")):
        done = subprocess.run(
            ["bash", "-c", script.replace("SOUGHT", word)], cwd=slow, capture_output=True, text=True
        )
        assert done.stdout.strip() == found, done.stderr
    for shell in ("zsh", "fish"):
        assert "_SQLPIPES_COMPLETE" in ok_completion(shell)


def ok_completion(shell: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sqlpipes", "completion", shell],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_relation_stays_what_it_was_when_its_new_kind_is_never_reached(slow):
    quicken(slow)
    ok(slow, "build")
    (slow / "models" / "slow.sql").write_text("select error('no') as s, 1 as n\n")
    (slow / "models" / "last.sql").write_text(
        "/*\n---\nmaterialized: table\n---\n*/\nselect * from slow\n"
    )
    assert run(slow, "build").exit_code == 1
    with duckdb.connect(str(slow / "slow.duckdb")) as db:
        kinds = dict(db.execute("select view_name, 'view' from duckdb_views()").fetchall())
    assert kinds.get("last") == "view"


def test_a_killed_build_after_one_that_failed_was_interrupted(slow):
    """The newest attempt counts: `plan`, `status` and `runs` say the same."""
    text = (slow / "models" / "slow.sql").read_text()
    (slow / "models" / "slow.sql").write_text(text.replace(SLOW, "select error('no') as s"))
    assert run(slow, "build").exit_code == 1
    assert "slow  " in ok(slow, "plan")
    (slow / "models" / "slow.sql").write_text(text)
    process = spawn(slow, "build")
    wait_until_running(slow, "slow", process)
    process.kill()
    process.communicate()
    assert "interrupted" in ok(slow, "runs")
    assert "slow  interrupted last time" in ok(slow, "plan")
    said = ok(slow, "status")
    assert "in doubt slow" in said
    assert "failed last time" not in said


def test_no_text_of_the_project_colours_a_terminal_and_a_pipe_gets_it_to_the_letter(tmp_path):
    table = "/*\n---\nmaterialized: table\n---\n*/\n"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.sql").write_text(f"{table}select 1 as x, -- \x1b[31mred\n2 as y\n")
    code, shown = in_terminal(tmp_path, "compile", "a")
    assert code == 0, shown
    assert r"-- \x1b[31mred" in shown
    assert "\x1b" not in shown
    assert "-- \x1b[31mred" in spawn(tmp_path, "compile", "a").communicate(timeout=60)[0]
