"""Python assets in whole projects: bounded memory, dead processes, and what a user is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

RUN = "from sqlpipes.cli import main; main()"


def project(root: Path, **files: str) -> Path:
    (root / "models").mkdir()
    (root / "sqlpipes.yml").write_text("name: shop\n")
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        (root / "models" / f"{stem}.{ending}").write_text(textwrap.dedent(text))
    return root


def sqlpipes(root: Path, *arguments: str, code: str = RUN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)


def value(root: Path, sql: str) -> object:
    import duckdb

    (path,) = [*root.glob("**/*.duckdb")]
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchone()


@pytest.mark.long
def test_a_table_larger_than_memory_goes_through_batch_by_batch(tmp_path: Path) -> None:
    """200 MB of rows in, most of them out, where the warehouse may use 100 MB."""
    root = project(
        tmp_path,
        big_sql="""
            /*
            ---
            materialized: table
            ---
            */
            select range as n, range * 7 as m, hash(range) as a, hash(range + 1) as b,
                   hash(range + 2) as c
            from range(5000000)
        """,
        copies_py="""
            import pyarrow as pa
            from sqlpipes import asset

            @asset
            def frames(big: pa.RecordBatchReader):
                for batch in big:
                    yield batch.select(["n", "m", "a", "b"])

            @asset
            def few(big: pa.RecordBatchReader):
                for batch in big:
                    yield {"n": batch.num_rows}
        """,
    )
    (root / "profiles.yml").write_text(
        "shop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: w.duckdb\n"
        "      threads: 1\n      settings: {memory_limit: 100MB, threads: 1}\n"
    )
    code = f"""
import sys
try:
    {RUN}
finally:
    # getrusage would tell the peak of the process that this one was forked from as well
    (found,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print("peak", int(found.split()[1]) // 1024, file=sys.stderr)
"""
    done = sqlpipes(root, "build", "--profiles-dir", str(root), code=code)
    assert done.returncode == 0, done.stdout + done.stderr
    peak = next(line for line in done.stderr.splitlines() if line.startswith("peak"))
    assert int(peak.split()[1]) < 400, peak
    assert value(root, "select count(*), sum(n) from frames") == (5_000_000, 12499997500000)
    assert value(root, "select sum(n) from few") == (5_000_000,)


@pytest.mark.long
def test_a_process_that_is_killed_inside_an_op_leaves_the_old_table_and_file(
    tmp_path: Path,
) -> None:
    text = """
        import os, signal
        from pathlib import Path
        from sqlpipes import File, asset, op

        DEATH = {death!r}

        @op
        def die():
            if DEATH:
                Path("ready").write_text("x")
                os.kill(os.getpid(), signal.SIGKILL)

        @asset
        def numbers():
            yield {{"n": 1}}
            die()

        @asset(deps=["numbers"])
        def report(context) -> File:
            file = context.file("report.txt")
            Path(file).write_text("half" if DEATH else "whole")
            die()
            return file
    """
    root = project(tmp_path, a_py=text.format(death=False))
    assert sqlpipes(root, "build").returncode == 0
    (root / "models" / "a.py").write_text(textwrap.dedent(text.format(death=True)))
    for asset in ("numbers", "report"):
        assert sqlpipes(root, "build", "-s", asset).returncode == -signal.SIGKILL
    assert (root / "report.txt").read_text() == "whole"
    assert value(root, "select count(*) from numbers") == (1,)
    assert "interrupted last time" in sqlpipes(root, "plan").stdout
    (root / "models" / "a.py").write_text(textwrap.dedent(text.format(death=False)))
    assert sqlpipes(root, "build").returncode == 0
    assert sorted(p.name for p in root.iterdir() if p.name.startswith((".report", "report"))) == [
        "report.txt"
    ]


@pytest.mark.long
def test_what_is_said_is_shown_when_it_fails_and_afterwards(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        a_py="""
            import logging
            from sqlpipes import asset, op

            @op
            def fetch(day):
                logging.getLogger("shop").info("fetching %s", day)
                raise ConnectionError("no route")

            @asset
            def rates():
                print("begin")
                return fetch("2024-01-01")
        """,
    )
    done = sqlpipes(root, "build")
    assert done.returncode == 1
    assert "models/a.py:8:5: BLD005 rates() raised ConnectionError: no route" in done.stdout
    assert "also: models/a.py:13:12" in done.stdout
    assert "       | begin\n       | INFO shop: fetching 2024-01-01" in done.stdout
    shown = sqlpipes(root, "runs", "show").stdout
    assert "op error fetch" in shown
    assert "| INFO shop: fetching 2024-01-01" in shown
    assert '"log": "begin' in sqlpipes(root, "runs", "show", "--json").stdout


@pytest.mark.long
def test_a_file_of_the_same_content_leaves_its_readers_current(tmp_path: Path) -> None:
    text = """
        from pathlib import Path
        from sqlpipes import File, asset

        @asset
        def model(context) -> File:
            file = context.file("model.txt")
            Path(file).write_text("{text}")
            return file

        @asset(deps=["model"])
        def scores(context):
            return [{{"text": Path(context.path("model.txt")).read_text()}}]
    """
    root = project(tmp_path, a_py=text.format(text="one"))
    assert sqlpipes(root, "build").returncode == 0
    sqlpipes(root, "build", "-s", "model", "--force")
    assert "nothing to do" in sqlpipes(root, "plan").stdout
    (root / "models" / "a.py").write_text(textwrap.dedent(text.format(text="two")))
    sqlpipes(root, "build", "-s", "model")
    assert "scores  input newer: model" in sqlpipes(root, "plan").stdout


@pytest.mark.long
def test_ctrl_c_while_a_function_sleeps(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        a_py="""
            import time
            from pathlib import Path
            from sqlpipes import asset

            @asset
            def slow():
                Path("ready").write_text("x")
                time.sleep(60)
                return [{"n": 1}]
        """,
    )
    command = [sys.executable, "-c", RUN, "build"]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (root / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert "cancelled" in sqlpipes(root, "runs", "show").stdout


def test_without_rows_files_are_not_written_and_declared_columns_are_enough(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        a_py="""
            from pathlib import Path
            from sqlpipes import File, asset

            @asset
            def model(context) -> File:
                raise ValueError("must not be called")

            @asset
            def scores(context):
                raise ValueError("must not be called either")
        """,
        s_yml="models:\n  - name: scores\n    columns: [{name: n, type: int}]\n",
        below_sql="select n from scores",
    )
    done = sqlpipes(root, "build", "--empty")
    assert done.returncode == 0, done.stdout
    assert value(root, "select count(*) from below") == (0,)
    assert "was built empty" in sqlpipes(root, "plan").stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("decorator", "said"),
    [
        ("@asset(retires=3)", "did you mean 'retries'?"),
        ("@asset(retries=-1)", "retries are a number from 0 on, not -1"),
        ("@asset(timeout_s=0)", "timeout_s is a number of seconds above 0, not 0"),
        ('@asset(partition="day")', "partition must be Daily(...)"),
        ("@assets(outs={})", "outs are names, or Out(...) by name, and at least one"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, decorator: str, said: str) -> None:
    text = f"from sqlpipes import asset, assets\n\n{decorator}\ndef a():\n    return []\n"
    done = sqlpipes(project(tmp_path, a_py=text), "ls")
    assert done.returncode == 2
    assert "models/a.py:3:" in done.stdout + done.stderr
    assert said in done.stdout + done.stderr
