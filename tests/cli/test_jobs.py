"""`jobs`, `tick` and `serve` as they are typed, in processes of their own where that is the point."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cli.projects import ok, run, spawn, write

from sqlpipes.cli.jobs import complete_job

TABLE = "/*\n---\nmaterialized: table\n---\n*/\n"
GATED = """
import os, pathlib, time
from sqlpipes import asset, op

ROOT = pathlib.Path(__file__).parents[1]


@asset
def gated():
    (ROOT / f"begun-{os.getpid()}").touch()
    while not (ROOT / "gate").exists():
        time.sleep(0.02)
    return [{"x": 1}]


@op
def stamp(name, content="x"):
    print("stamping", name)
    with open(ROOT / name, "a") as stream:
        stream.write(content)
    return len(content)
"""
FILES = {
    "sqlpipes.yml": "name: shop\n",
    "models/orders.sql": TABLE + "select 1 as x\n",
    "models/bad.sql": TABLE + "select error('boom') as x\n",
    "models/gated.py": GATED,
    "jobs.yml": (
        "jobs:\n"
        "  - {name: nightly, select: orders, cron: '0 6 * * *', timezone: Europe/Berlin}\n"
        "  - {name: bad, select: bad}\n"
        "  - {name: stamp, op: 'models/gated.py:stamp', args: {name: stamped}}\n"
    ),
}
FIRST, DUE, LATER = "2024-01-04T12:00", "2024-01-05T06:00", "2024-01-06T06:00"
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def shop(tmp_path):
    return write(tmp_path / "shop", FILES)


def declare(root: Path, text: str) -> None:
    (root / "jobs.yml").write_text(f"jobs:\n{text}")


def wait_for(root: Path, pattern: str, count: int = 1) -> list[Path]:
    for _ in range(1000):
        if len(found := sorted(root.glob(pattern))) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"no {pattern} in {sorted(root.iterdir())}")


def log(root: Path) -> list[dict]:
    return json.loads(ok(root, "jobs", "log", "--json"))


def test_jobs_are_listed_with_their_next_time_and_what_came_of_them(shop):
    listed = ok(shop, "jobs")
    assert "nightly  at 06:00 every day (Europe/Berlin)  next 20" in listed
    assert "bad      when asked" in listed
    assert listed.count("never run") == 3
    assert "1 step done" in ok(shop, "jobs", "run", "nightly")
    assert run(shop, "jobs", "run", "bad").exit_code == 1
    listed = ok(shop, "jobs")
    assert "success 20" in listed
    assert "error 20" in listed
    said = {item["name"]: item for item in json.loads(ok(shop, "jobs", "--json"))}
    assert said["nightly"]["last"]["status"] == "success"
    assert said["bad"]["next"] is None
    assert ok(write(shop / "empty", {"models/a.sql": "select 1 as a\n"}), "jobs").startswith(
        "no jobs"
    )


def test_a_run_bears_the_name_of_its_job(shop):
    ok(shop, "jobs", "run", "nightly")
    assert "[nightly] jobs run nightly" in ok(shop, "runs")
    assert json.loads(ok(shop, "runs", "--json"))[0]["job"] == "nightly"


def test_a_failing_job_shows_the_users_line_and_exits_with_1(shop):
    result = run(shop, "jobs", "run", "bad")
    assert result.exit_code == 1
    assert "models/bad.sql:6:1: ENG005 boom" in result.stdout
    assert "bad: error, 1 problem" in result.stdout


def test_a_name_that_is_none_exits_with_2(shop):
    result = run(shop, "jobs", "run", "nightyl")
    assert result.exit_code == 2
    assert "JOB006 there is no job 'nightyl'\n  hint: did you mean 'nightly'?" in result.stderr
    assert run(shop, "jobs", "log", "nightyl").exit_code == 2
    assert run(shop, "jobs", "run", "nightly", "--partition", "lst 3").exit_code == 2


def test_an_op_is_a_run_with_a_log(shop):
    said = ok(shop, "jobs", "run", "stamp")
    assert "stamp: success, op stamp returned" in said
    shown = ok(shop, "runs", "show")
    assert "op:stamp  call op" in shown
    assert "| stamping" in shown
    assert ok(shop, "retry") == "the newest run left nothing to retry\n"


def test_a_tick_says_what_it_does_and_what_is_next(shop):
    assert ok(shop, "tick", "--at", FIRST) == (
        "nothing is due; next: nightly, 2024-01-05 06:00 Europe/Berlin\n"
    )
    due = "due 2024-01-05 06:00 Europe/Berlin"
    assert ok(shop, "tick", "--at", DUE, "--dry-run") == f"nightly: would run, {due}\n"
    said = ok(shop, "tick", "--at", DUE).splitlines()
    assert said[0] == f"nightly: begun, {due}"
    assert said[1].startswith("nightly: success, 1 step done in")
    assert ok(shop, "tick", "--at", DUE, "--dry-run") == "nothing is due\n"
    assert json.loads(ok(shop, "tick", "--at", DUE, "--json"))["done"] == []
    assert run(shop, "tick", "--at", "tomorrow").exit_code == 2


def test_a_sensor_that_fails_again_is_told_in_one_line(shop):
    python = "from sqlpipes import sensor\n\n\n@sensor(select='orders')\ndef odd():\n    1 / 0\n"
    (shop / "models/watching.py").write_text(python)
    first = run(shop, "tick", "--at", FIRST)
    assert first.exit_code == 1
    assert first.output.startswith("odd: sensor failed\nmodels/watching.py:6")
    again = run(shop, "tick", "--at", DUE, "--no-cache")
    assert again.exit_code == 1
    assert "odd: sensor failed as before: models/watching.py:6" in again.output.splitlines()[0]


def test_a_rule_that_cannot_be_followed_is_told_at_the_jobs_line(shop):
    declare(shop, "  - {name: odd, select: orders, partition: last 3}\n")
    refused = run(shop, "jobs", "run", "odd")
    assert refused.exit_code == 1
    assert "jobs.yml:2:44: " in refused.output
    assert "--last" not in refused.output


def test_names_of_jobs_are_completed(shop):
    import click

    context = click.Context(click.Command("run"))
    context.params["project_dir"] = str(shop)
    assert complete_job(context, click.Argument(["name"]), "n") == ["nightly"]


# --------------------------------------------------------------------------------------- processes


@posix
def test_two_ticks_at_once_do_a_thing_once(shop):
    op = "op: 'models/gated.py:stamp', args: {name: stamped}"
    declare(
        shop,
        "  - {name: a, select: gated, cron: '0 6 * * *'}\n"
        f"  - {{name: b, {op}, cron: '0 6 * * *'}}\n",
    )
    ok(shop, "tick", "--at", FIRST)
    first = spawn(shop, "tick", "--at", DUE)
    wait_for(shop, "begun-*")
    second = spawn(shop, "tick", "--at", DUE)
    wait_for(shop, "stamped")  # the second goes on with what the first is not at
    out, err = second.communicate(timeout=30)
    assert second.returncode == 0, out + err
    assert "b: success" in out
    (shop / "gate").touch()
    out, err = first.communicate(timeout=30)
    assert first.returncode == 0, out + err
    assert "a: success" in out
    assert (shop / "stamped").read_text() == "x"
    assert len([*shop.glob("begun-*")]) == 1
    assert [(each["status"], each["attempts"]) for each in log(shop)] == [("success", 1)] * 2


@posix
def test_many_ticks_at_once_do_each_time_once(shop):
    declare(
        shop,
        "".join(
            f"  - {{name: j{n}, op: 'models/gated.py:stamp', args: {{name: s{n}}}, "
            "cron: '0 6 * * *', catch_up: all}\n"
            for n in range(4)
        ),
    )
    ok(shop, "tick", "--at", FIRST)
    ticks = [spawn(shop, "tick", "--at", LATER) for _ in range(4)]
    for each in ticks:
        out, err = each.communicate(timeout=60)
        assert each.returncode == 0, out + err
    ok(shop, "tick", "--at", LATER)
    assert [(shop / f"s{n}").read_text() for n in range(4)] == ["xx"] * 4  # two days of each
    assert {(each["status"], each["attempts"]) for each in log(shop)} == {("success", 1)}


@posix
def test_a_killed_tick_is_seen_at_once_and_its_job_is_done_again(shop):
    declare(shop, "  - {name: a, select: gated, cron: '0 6 * * *'}\n")
    ok(shop, "tick", "--at", FIRST)
    first = spawn(shop, "tick", "--at", DUE)
    wait_for(shop, "begun-*")
    assert log(shop)[0]["status"] == "running"
    refused = run(shop, "jobs", "run", "a")
    assert refused.exit_code == 1
    assert "JOB007 the job 'a' is running already (run" in refused.stderr
    first.kill()
    first.communicate()
    (shop / "gate").touch()
    dry = run(shop, "tick", "--at", DUE, "--dry-run").output
    assert "a: interrupted, its process died (run" in dry
    assert "a: would run, due" in dry
    said = ok(shop, "tick", "--at", DUE)
    assert "a: interrupted, its process died (run" in said
    assert "it is queued again" in said
    assert "a: success" in said
    (done, by_hand) = sorted(log(shop), key=lambda each: each["status"] == "skipped")
    assert (done["status"], done["attempts"]) == ("success", 2)
    assert by_hand["message"] == "another run was under way"
    assert [*(shop / ".sqlpipes").glob("job-*.lock")] == []
    assert ok(shop, "tick", "--at", DUE).startswith("nothing is due")


@posix
def test_a_killed_op_does_not_count_as_running_any_more(shop):
    (shop / "models" / "slow.py").write_text(
        "import time\nfrom sqlpipes import op\n\n\n@op\ndef slow():\n"
        "    open('begun-op', 'w').close()\n    time.sleep(60)\n"
    )
    declare(shop, "  - {name: a, op: 'models/slow.py:slow'}\n")
    process = spawn(shop, "jobs", "run", "a")
    wait_for(shop, "begun-op")
    assert "running" in ok(shop, "runs")  # although no build holds the lock
    process.kill()
    process.communicate()
    told = run(shop, "tick")
    assert told.exit_code == 1
    assert "it is given up" in told.stdout
    assert "interrupted" in ok(shop, "runs")
    (noted,) = log(shop)
    assert (noted["status"], noted["message"]) == ("interrupted", "its process died")


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_tick_and_its_job_waits_for_the_next(shop, number, code):
    declare(shop, "  - {name: a, select: gated, cron: '0 6 * * *'}\n")
    ok(shop, "tick", "--at", FIRST)
    process = spawn(shop, "tick", "--at", DUE)
    wait_for(shop, "begun-*")
    process.send_signal(number)
    time.sleep(0.3)
    (shop / "gate").touch()
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, out + err
    assert "Traceback" not in out + err
    assert "a: cancelled" in out
    assert "a: was stopped; queued again (due" in out
    assert log(shop)[0]["status"] == "queued"
    assert "a: success" in ok(shop, "tick", "--at", DUE)


def read_until(process, words: str) -> list[str]:
    """Lines of its output up to one with these words. The test's own limit ends it otherwise."""
    lines = []
    while line := process.stdout.readline():
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError("".join(lines) + process.stderr.read())


@posix
def test_serve_does_what_is_due_reads_again_what_changed_and_survives_what_is_broken(shop):
    declare(shop, "  - {name: a, select: orders, cron: '0 6 * * *'}\n")
    ok(shop, "tick", "--at", FIRST)
    process = spawn(shop, "serve", "--every", "0.1s")
    try:
        said = read_until(process, "a: success")
        assert "1 job, 3 assets" in said[0]
        assert said[0][:4].isdecimal()
        declare(shop, "  - {name: a, select: ordes, cron: '0 25 * * *'}\n")
        read_until(process, "JOB001 '25' is no hour")
        declare(
            shop,
            "  - {name: a, select: orders, cron: '0 6 * * *'}\n"
            "  - {name: b, op: 'models/gated.py:stamp', args: {name: stamped}, cron: '* * * * *'}\n",
        )
        later = read_until(process, "read again, 2 jobs")
        assert not any("JOB001" in line for line in later)  # it was told once
        second = run(shop, "serve")
        assert second.exit_code == 1
        assert "LCK004 'serve --every 0.1s'" in second.stderr or str(process.pid) in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 143, out + err
    assert "Traceback" not in out + err
    assert "stopping" in err


@posix
def test_a_killed_serve_leaves_no_lock(shop):
    process = spawn(shop, "serve", "--every", "0.1s")
    read_until(process, "3 jobs")
    process.kill()
    process.communicate()
    again = spawn(shop, "serve", "--every", "0.1s", "--json")
    try:
        (line,) = read_until(again, "loaded")
        assert json.loads(line)["jobs"] == ["nightly", "bad", "stamp"]
    finally:
        with suppress(ProcessLookupError):
            again.send_signal(signal.SIGINT)
        again.communicate(timeout=30)
    assert again.returncode == 130


def test_serve_refuses_a_project_that_is_broken_from_the_start(shop):
    declare(shop, "  - {name: a, cron: nope}\n")
    result = run(shop, "serve")
    assert result.exit_code == 2
    assert "JOB001" in result.stderr
    assert run(shop, "serve", "--every", "soon").exit_code == 2
