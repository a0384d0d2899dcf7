"""The component `script`: a Python script, or a command, is an asset."""

from __future__ import annotations

import signal
import time

import pytest
from cli.projects import ok, run, spawn, write

ROWS = """
import os
print("asked for", os.environ.get("SQLPIPES_KEY"), os.environ["MORE"])
with open(os.environ["SQLPIPES_OUTPUT"], "w") as file:
    file.write(f"day,n\\n{os.environ.get('SQLPIPES_KEY', '2024-01-01')},1\\n")
"""


def project(root, attributes, script=ROWS, **files):
    yaml = f"type: script\nattributes: {attributes}\n"
    return write(root, {"models/s.yml": yaml, "scripts/s.py": script, **files})


def test_rows_of_a_script_become_the_table_slice_by_slice(tmp_path):
    cut = "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-03, batch: 1}"
    project(tmp_path, f"{{name: s, run: scripts/s.py, table: csv, env: {{MORE: more}}, {cut}}}")
    ok(tmp_path, "build")
    shown = ok(tmp_path, "show", "s").split()
    assert shown[-4:] == ["2024-01-01", "1", "2024-01-02", "1"]
    log = ok(tmp_path, "runs", "show")
    assert "asked for 2024-01-01 more" in log
    assert "asked for 2024-01-02 more" in log


def test_it_is_stale_when_its_text_or_what_it_watches_changes(tmp_path):
    project(
        tmp_path,
        "{name: s, run: scripts/s.py, table: csv, env: {MORE: x}, watch: ['conf/*']}",
        **{"conf/a.txt": "1"},
    )
    ok(tmp_path, "build")
    assert "nothing to do" in ok(tmp_path, "build")
    write(tmp_path, {"conf/a.txt": "22"})
    assert "code changed" in ok(tmp_path, "plan")
    write(tmp_path, {"conf/a.txt": "1", "scripts/s.py": ROWS + "# more\n"})
    assert "code changed" in ok(tmp_path, "plan")


def test_a_literal_variable_makes_it_stale_and_one_from_outside_does_not(tmp_path, monkeypatch):
    said = "{name: s, run: scripts/s.py, env: {A: one, B: \"{{ env_var('OUTSIDE', 'x') }}\"}}"
    project(tmp_path, said, "pass\n")
    monkeypatch.setenv("OUTSIDE", "secret-1")
    ok(tmp_path, "build")
    assert "nothing to do" in ok(tmp_path, "build")
    monkeypatch.setenv("OUTSIDE", "secret-2")
    assert "nothing to do" in ok(tmp_path, "build")
    project(tmp_path, said.replace("one", "two"), "pass\n")
    assert "nothing to do" not in ok(tmp_path, "build")


def test_a_file_takes_its_place_when_the_command_went_well(tmp_path):
    command = "[sh, -c, 'echo \"$1\" > $SQLPIPES_FILE; exit $2', name]"
    project(tmp_path, f"{{name: s, run: {command}, args: [a b, '0'], file: out/x.txt}}")
    ok(tmp_path, "build")
    assert (tmp_path / "out/x.txt").read_text() == "a b\n"
    project(tmp_path, f"{{name: s, run: {command}, args: [other, '3'], file: out/x.txt}}")
    result = run(tmp_path, "build")
    assert (result.exit_code, "ended with exit code 3" in result.stderr + result.stdout) == (
        1,
        True,
    )
    assert (tmp_path / "out/x.txt").read_text() == "a b\n"


def test_a_failure_shows_what_it_said_last(tmp_path):
    script = (
        "import sys\nprint('beginning')\nsys.stdout.flush()\nraise ValueError('no rates today')\n"
    )
    project(tmp_path, "{name: s, run: scripts/s.py, table: csv}", script)
    result = run(tmp_path, "build")
    said = result.stdout + result.stderr
    assert result.exit_code == 1
    assert "scripts/s.py ended with exit code 1: ValueError: no rates today" in said
    assert "models/s.yml:2:28: BLD005 's': scripts/s.py ended" in said


@pytest.mark.parametrize(
    ("attributes", "script", "said"),
    [
        ("{name: s, run: scripts/s.py, table: csv}", "pass", "wrote no rows to $SQLPIPES_OUTPUT"),
        ("{name: s, run: scripts/s.py, file: x.txt}", "pass", "which does not exist"),
        ("{name: s, run: [no-such-command]}", "pass", "there is no command 'no-such-command'"),
        (
            "{name: s, run: scripts/s.py, timeout_s: 0.3}",
            "import time; time.sleep(60)",
            "within 0.3s",
        ),
    ],
)
def test_what_goes_wrong_is_told(tmp_path, attributes, script, said):
    project(tmp_path, attributes, script)
    result = run(tmp_path, "build")
    assert result.exit_code == 1
    assert said in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ("{name: s, run: scripts/no.py}", "there is no script scripts/no.py"),
        ("{name: s, run: scripts/s.py, table: csv, file: x}", "either a `file` or a `table`"),
        (
            "{name: s, run: scripts/s.py, partition: {by: day}}",
            "only a script that writes a `table`",
        ),
        (
            "{name: s, run: scripts/s.py, table: csv, partition: {by: dy, column: d}}",
            "models/s.yml:2:",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, attributes, said):
    project(tmp_path, attributes)
    result = run(tmp_path, "build")
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_a_stopped_build_ends_the_command_with_all_that_it_started(tmp_path):
    script = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        "open('pid.new', 'w').write(str(child.pid)); os.rename('pid.new', 'pid')\n"
        "child.wait()\n"
    )
    project(tmp_path, "{name: s, run: scripts/s.py}", script)
    process = spawn(tmp_path, "build")
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child = int((tmp_path / "pid").read_text())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not _is_alive(child)


def _is_alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_comes_from_outside_is_neither_shown_nor_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_CODE", "hush-1234")
    script = "import os\nprint('asking as', os.environ['CODE'])\n"
    project(
        tmp_path,
        "{name: s, run: scripts/s.py, env: {CODE: \"{{ env_var('SHOP_CODE') }}\"}}",
        script,
    )
    write(
        tmp_path,
        {
            "models/t.yml": "type: template\nattributes: {name: t, for_each: [{}], sql: "
            "\"select '{{ env_var('SHOP_TOKEN') }}' as x\", asset: {materialized: table}}\n",
            "models/f.py": (
                "from sqlpipes import asset, component\n@component\nclass Feed:\n"
                "    token: str\n"
                "    def build(self, context):\n"
                "        @asset(name='f', description=f'with {self.token}')\n"
                "        def rows():\n"
                "            print('as', self.token)\n"
                "            raise ValueError(f'{self.token} was refused')\n"
                "        return rows\n"
            ),
            "models/f.yml": "type: Feed\nattributes: {token: \"{{ env_var('SHOP_TOKEN') }}\"}\n",
        },
    )
    monkeypatch.setenv("SHOP_TOKEN", "shh-56789")
    for _ in range(2):
        result = run(tmp_path, "build", "--force")
        assert "*** was refused" in result.stdout
        said = [result.output, run(tmp_path, "runs", "show").output]
        said += [run(tmp_path, "plan", "--force", "--json").output]
        assert not [each for each in said if "hush-1234" in each or "shh-56789" in each]
    monkeypatch.setenv("SHOP_TOKEN", "shh-99999")
    said = run(tmp_path, "plan").output
    assert "shh-" not in said
    kept = [path for path in tmp_path.rglob(".sqlpipes/**/*") if path.is_file()]
    found = [path for path in kept if any(w in path.read_bytes() for w in (b"hush-1", b"shh-"))]
    assert not found


def test_a_value_that_is_a_name_here_is_not_hidden(tmp_path, monkeypatch):
    monkeypatch.setenv("PART", "rates")
    project(
        tmp_path,
        "{name: rates, run: scripts/s.py, env: {PART: \"{{ env_var('PART') }}\"}}",
        "print('did rates')\n",
    )
    assert "rates" in ok(tmp_path, "build")
    assert "nothing to do" in ok(tmp_path, "build")
